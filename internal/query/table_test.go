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

func TestPivotTable(t *testing.T) {
	var b strings.Builder
	if err := WriteTable(&b, answer(ByPlace), names); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), `
 Week of            Beijing         Oregon       Singapore     São Paulo            FR            GB           Other      All
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 2026-03-02  1.05 GB  85.0%  123 MB  10.0%  61.7 MB   5.0%             –             –             –      1 B   0.0%  1.23 GB
 2026-03-09   679 MB  55.0%  370 MB  30.0%   185 MB  15.0%  999 B   0.0%  999 B   0.0%  999 B   0.0%  1.00 kB   0.0%  1.23 GB
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 All         1.73 GB  70.0%  494 MB  20.0%   247 MB  10.0%  999 B   0.0%  999 B   0.0%  999 B   0.0%  1.00 kB   0.0%  2.47 GB
`)
}

func TestLongTable(t *testing.T) {
	a := answer(ByVendor, ByPlace)
	a.Rows = a.Rows[:4]
	var b strings.Builder
	if err := WriteTable(&b, a, names); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), `
 Week of     Vendor  Place           Up  Share    Down  Flows
──────────────────────────────────────────────────────────────
 2026-03-02  Xiaomi  Beijing    1.05 GB  85.0%  999 kB      3
 2026-03-02  Xiaomi  Oregon      123 MB  10.0%     0 B      2
 2026-03-02  Xiaomi  Singapore  61.7 MB   5.0%     0 B      1
 2026-03-02  other   other          1 B   0.0%     0 B      0
`)
}

func TestEmptyTable(t *testing.T) {
	var b strings.Builder
	if err := WriteTable(&b, ResidencyAnswer{}, nil); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), "No flows were counted for this question.")
}

func TestCSV(t *testing.T) {
	a := answer(ByVendor, ByPlace)
	a.Rows = a.Rows[:2]
	a.Rows[1].Vendor = `=cmd("x"), y`
	var b strings.Builder
	if err := WriteCSV(&b, a, names); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), `
bucket,vendor,place,place_name,flows,bytes_up,bytes_down,packets_up,packets_down,share_up
2026-03-02T00:00:00Z,Xiaomi,CN-BJ,Beijing,3,1049382630,999499,0,0,0.850000
2026-03-02T00:00:00Z,"'=cmd(""x""), y",US-OR,Oregon,2,123456780,0,0,0,0.100000
`)
	b.Reset()
	a = ResidencyAnswer{Question: Residency{Bucket: BucketTotal}, Rows: []ResidencyRow{{Cell: Cell{Figures: Figures{Flows: 1}, ShareUp: 1}}}}
	if err := WriteCSV(&b, a, nil); err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(), "flows,bytes_up,bytes_down,packets_up,packets_down,share_up\n1,0,0,0,0,1.000000")
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

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 999: "999 B", 1000: "1.00 kB", 9994: "9.99 kB", 9995: "10.0 kB", 99_949: "99.9 kB", 99_951: "100 kB",
		999_499: "999 kB", 999_500: "1.00 MB", 12_345_678_901: "12.3 GB", 1<<64 - 1: "18.4 EB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}
