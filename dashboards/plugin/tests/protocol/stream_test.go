package protocol_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

func testStream(t *testing.T, p *pluginhost.Plugin, _ clickhouse.Config) {
	db, c := flowstest.Start(t)
	flow := func(remote string) flowstest.Flow {
		return flowstest.Flow{
			Start: time.Now().Add(-time.Minute), Side: landfallv1.HandsetSide_HANDSET_SIDE_SOURCE, Exporter: "192.0.2.1", Subscriber: 1, Vendor: "Xiaomi",
			Country: "CN", Remote: remote, ASN: 64500, OctetsUp: 10, PacketsUp: 1, SamplingInterval: 1,
		}
	}
	flowstest.Insert(t, c, "a", flow("203.0.113.1"))
	s := connect(t, p, settings(c), password(c))
	ask := func() string {
		now := time.Now()
		r := s.askWith(nil, backend.DataQuery{
			RefID: "A", QueryType: "new_endpoints", JSON: json.RawMessage(`{"live":true}`), Interval: time.Minute,
			TimeRange: backend.TimeRange{From: now.Add(-2 * time.Hour), To: now},
		})
		if r.Error != nil || len(r.Frames) != 1 || r.Frames[0].Rows() != 1 {
			t.Fatalf("%v, %v", r.Error, r.Frames)
		}
		return r.Frames[0].Meta.Channel
	}
	channel := ask()
	path, ok := strings.CutPrefix(channel, "ds/"+s.from.DataSourceInstanceSettings.UID+"/")
	if !ok || !strings.HasPrefix(path, "new_endpoints/") || ask() != channel {
		t.Fatalf("the channel is %q", channel)
	}
	from := backend.ToProto().PluginContext(s.from)
	for path, want := range map[string]pluginv2.SubscribeStreamResponse_Status{
		path: pluginv2.SubscribeStreamResponse_OK, "new_endpoints/0123": pluginv2.SubscribeStreamResponse_NOT_FOUND, "": pluginv2.SubscribeStreamResponse_NOT_FOUND,
	} {
		for range 2 { // who subscribes is not counted
			r, err := p.Stream.SubscribeStream(t.Context(), &pluginv2.SubscribeStreamRequest{PluginContext: from, Path: path})
			if err != nil || r.Status != want {
				t.Errorf("%q: %v, %v", path, r, err)
			}
		}
	}
	if r, err := p.Stream.PublishStream(t.Context(), &pluginv2.PublishStreamRequest{PluginContext: from, Path: path, Data: []byte("{}")}); err != nil || r.Status != pluginv2.PublishStreamResponse_PERMISSION_DENIED {
		t.Errorf("%v, %v", r, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run, err := p.Stream.RunStream(ctx, &pluginv2.RunStreamRequest{PluginContext: from, Path: path})
	if err != nil {
		t.Fatal(err)
	}
	next := func(wants string, not ...string) {
		t.Helper()
		packet, err := run.Recv()
		if err != nil {
			t.Fatal(err)
		}
		got := string(packet.Data)
		if !strings.Contains(got, wants) {
			t.Errorf("no %s in %s", wants, got)
		}
		for _, n := range not {
			if strings.Contains(got, n) {
				t.Errorf("%s again in %s", n, got)
			}
		}
	}
	flowstest.Insert(t, c, "b", flow("203.0.113.2"), flow("203.0.113.1"))
	next("203.0.113.2", "203.0.113.1\"")
	db.Kill(t)
	eventually(t, "ClickHouse again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return db.Conn(t).Ping(ctx) == nil
	})
	flowstest.Insert(t, c, "c", flow("203.0.113.3"))
	next("203.0.113.3", "203.0.113.1\"", "203.0.113.2\"")
	cancel()
	if _, err := run.Recv(); err == nil {
		t.Error("the stream goes on")
	}
	if run, err := p.Stream.RunStream(t.Context(), &pluginv2.RunStreamRequest{PluginContext: from, Path: "new_endpoints/0123"}); err == nil {
		if _, err := run.Recv(); err == nil {
			t.Error("a stream that nobody was offered runs")
		}
	}
}
