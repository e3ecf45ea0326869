package query

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var week = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func answer(by ...Dimension) ResidencyAnswer {
	a := ResidencyAnswer{Question: Residency{By: by, Bucket: BucketWeek}, Basis: Basis{Rollup: "residency_day"}}
	for i := range 2 {
		w := week.AddDate(0, 0, 7*i)
		a.Rows = append(a.Rows,
			ResidencyRow{Bucket: w, Key: Key{Vendor: "Xiaomi", Place: "CN-BJ"}, Cell: Cell{Figures: Figures{Flows: 3, BytesUp: uint64(85-30*i) * 12345678, BytesDown: 999_499}, ShareUp: 0.85}},
			ResidencyRow{Bucket: w, Key: Key{Vendor: "Xiaomi", Place: "US-OR"}, Cell: Cell{Figures: Figures{Flows: 2, BytesUp: uint64(10+20*i) * 12345678}, ShareUp: 0.1}},
			ResidencyRow{Bucket: w, Key: Key{Vendor: "Xiaomi", Place: "SG"}, Cell: Cell{Figures: Figures{Flows: 1, BytesUp: uint64(5+10*i) * 12345678}, ShareUp: 0.05}})
		if i == 1 {
			for _, p := range []string{"FR", "GB", "JP", "BR"} {
				a.Rows = append(a.Rows, ResidencyRow{Bucket: w, Key: Key{Vendor: "Xiaomi", Place: p}, Cell: Cell{Figures: Figures{BytesUp: 999}}})
			}
		}
		a.Rows = append(a.Rows, ResidencyRow{Bucket: w, Key: Key{Vendor: Other, Place: Other}, Cell: Cell{Figures: Figures{BytesUp: 1}}})
	}
	return a
}

func names(code string) string {
	return map[string]string{"CN-BJ": "Beijing", "US-OR": "Oregon", "SG": "Singapore", "BR": "São Paulo", "JP": "日本"}[code]
}

func compare(t *testing.T, got, want string) {
	t.Helper()
	trim := func(s string) string {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return strings.Join(lines, "\n")
	}
	if diff := cmp.Diff(trim(want), trim(got)); diff != "" {
		t.Errorf("(-want +got):\n%s\ngot:\n%s", diff, got)
	}
}

const figures = "flows,bytes_up,bytes_down,packets_up,packets_down,share_up," +
	"bytes_up_low,bytes_up_high,bytes_down_low,bytes_down_high,packets_up_low,packets_up_high,packets_down_low,packets_down_high," +
	"share_up_low,share_up_high,share_down,share_down_low,share_down_high,observed,suppressed,completeness,silent_exporters,revision,last_change"

func TestCSV(t *testing.T) {
	a := answer(ByVendor, ByPlace)
	a.Rows = a.Rows[:2]
	a.Rows[1].Vendor = `=cmd("x"), y`
	var b strings.Builder
	if err := WriteCSV(&b, a, names); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), `
bucket,vendor,place,place_name,`+figures+`
2026-03-02T00:00:00Z,Xiaomi,CN-BJ,Beijing,3,1049382630,999499,0,0,0.850000,0,0,0,0,0,0,0,0,0.000000,0.000000,0.000000,0.000000,0.000000,true,false,,,,
2026-03-02T00:00:00Z,"'=cmd(""x""), y",US-OR,Oregon,2,123456780,0,0,0,0.100000,0,0,0,0,0,0,0,0,0.000000,0.000000,0.000000,0.000000,0.000000,true,false,,,,
`)
	b.Reset()
	a = ResidencyAnswer{Question: Residency{Bucket: BucketTotal}, Rows: []ResidencyRow{{Cell: Cell{Figures: Figures{Flows: 1}, ShareUp: 1}}}}
	if err := WriteCSV(&b, a, nil); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), figures+"\n1,0,0,0,0,1.000000,0,0,0,0,0,0,0,0,0.000000,0.000000,0.000000,0.000000,0.000000,true,false,,,,")
}

func TestJSON(t *testing.T) {
	a := answer(ByPlace)
	var b strings.Builder
	if err := WriteJSON(&b, a); err != nil {
		t.Fatal(err)
	}
	var back ResidencyAnswer
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.Rows, back.Rows); diff != "" {
		t.Error(diff)
	}
}
