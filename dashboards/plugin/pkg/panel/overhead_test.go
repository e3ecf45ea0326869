package panel

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// BenchmarkSeries is what the plugin adds to ClickHouse's time for ninety days of fifty places: the
// frames, as they are sent to Grafana.
func BenchmarkSeries(b *testing.B) {
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := query.ResidencyAnswer{
		Question: query.Residency{By: []query.Dimension{query.ByPlace}, Bucket: query.BucketDay, Since: since, Until: since.AddDate(0, 0, 90)},
		Basis:    query.Basis{Rollup: "place_day"},
	}
	for day := range 90 {
		for place := range 50 {
			r := query.ResidencyRow{Bucket: since.AddDate(0, 0, day), Key: query.Key{Place: fmt.Sprint("P", place)}}
			r.BytesUp, r.ShareUp = uint64(1000*place+day), 0.02
			a.Rows = append(a.Rows, r)
		}
	}
	env := Env{Name: func(code string) string { return code }, SourceUID: "uid"}
	q, err := Decode(json.RawMessage(`{"by":["place"],"bucket":"day"}`), TypeResidency)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, m := about(a.Basis), q.figure()
		c.buckets(a.Buckets, env, true)
		l, err := lay(context.Background(), env, q, a, m)
		if err != nil {
			b.Fatal(err)
		}
		frames := c.attach(data.FrameTypeTimeSeriesMulti, l.frames(c, env, q, m)...)
		if len(frames) != 50 {
			b.Fatal(len(frames))
		}
		if _, err := frames.MarshalArrow(); err != nil {
			b.Fatal(err)
		}
	}
}
