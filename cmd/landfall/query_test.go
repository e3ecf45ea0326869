package main

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/landfall-telemetry/landfall/internal/query"
)

func TestPeriods(t *testing.T) {
	now := time.Date(2026, 9, 10, 12, 30, 0, 0, time.UTC)
	for s, want := range map[string]string{
		"2026-06-01..2026-06-08":        "2026-06-01T00:00:00Z 2026-06-08T00:00:00Z",
		"2026-06-01T10:00..2026-06-02":  "2026-06-01T10:00:00Z 2026-06-02T00:00:00Z",
		"7d..now":                       "2026-09-03T12:30:00Z 2026-09-10T12:30:00Z",
		"2026-W23":                      "2026-06-01T00:00:00Z 2026-06-08T00:00:00Z",
		"2026-W01":                      "2025-12-29T00:00:00Z 2026-01-05T00:00:00Z",
		"2026-W53":                      "2026-12-28T00:00:00Z 2027-01-04T00:00:00Z",
		"2026-02-28":                    "2026-02-28T00:00:00Z 2026-03-01T00:00:00Z",
		"2025-W53":                      "", // that year has 52
		"2026-W00":                      "",
		"2026-W3":                       "",
		"2026-W233":                     "",
		"":                              "",
		"..":                            "",
		"2026-06-01..":                  "",
		"last week":                     "",
		"2026-06-01..2026-06-08..2026":  "",
		"2026-06-01...2026-06-08":       "",
		"2026-13-01":                    "",
		"2026-06-01T10:00:00+02:00..1h": "2026-06-01T08:00:00Z 2026-09-10T11:30:00Z",
	} {
		since, until, err := parsePeriod(s, now)
		if want == "" {
			if err == nil || !strings.Contains(err.Error(), "2026-W23") {
				t.Errorf("%q: %s to %s, %v; want an error that says what would do", s, since, until, err)
			}
			continue
		}
		if got := since.Format(time.RFC3339) + " " + until.Format(time.RFC3339); err != nil || got != want {
			t.Errorf("%q: %s, %v; want %s", s, got, err, want)
		}
	}
}

func TestListFlags(t *testing.T) {
	var asns []uint32
	var networks []netip.Prefix
	l, p := &asnList{&asns}, &prefixList{&networks}
	for _, s := range []string{"AS4134,64500", "as1"} {
		if err := l.Set(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"203.0.113.9/24,2001:db8::1", "::ffff:192.0.2.1"} {
		if err := p.Set(s); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]uint32{4134, 64500, 1}, asns); diff != "" {
		t.Error(diff)
	}
	want := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::1/128"), netip.MustParsePrefix("192.0.2.1/32")}
	if diff := cmp.Diff(want, networks, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	for _, s := range []string{"ASX", "-1", "4294967296", ""} {
		if l.Set(s) == nil {
			t.Errorf("%q is taken for a number", s)
		}
	}
	for _, s := range []string{"203.0.113.0/33", "host", ""} {
		if p.Set(s) == nil {
			t.Errorf("%q is taken for a prefix", s)
		}
	}
}

func TestConditionFlag(t *testing.T) {
	var got []query.Condition
	l := &conditionList{&got}
	for _, s := range []string{"verdict=restricted", "place!=CN-BJ,SG", "cloud_region=~aws .*", "asn!~645(1|2).", "as=~=x", "vendor=!x"} {
		if err := l.Set(s); err != nil {
			t.Error(err)
		}
	}
	want := []query.Condition{
		{Dimension: "verdict", Values: []string{"restricted"}},
		{Dimension: "place", Not: true, Values: []string{"CN-BJ", "SG"}},
		{Dimension: "cloud_region", Match: "aws .*"},
		{Dimension: "asn", Not: true, Match: "645(1|2)."},
		{Dimension: "as", Match: "=x"},
		{Dimension: "vendor", Values: []string{"!x"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, s := range []string{"", "verdict", "verdict=", "=restricted", "Verdict=x", "verdict<x", "verdict =x", "place!CN"} {
		if l.Set(s) == nil {
			t.Errorf("%q is taken for a condition", s)
		}
	}
}

func TestHoursFlag(t *testing.T) {
	var got *query.Hours
	h := &hoursFlag{&got}
	for s, want := range map[string]query.Hours{
		"9-17": {From: 9, To: 17}, "22-6@Asia/Kolkata": {From: 22, To: 6, Location: "Asia/Kolkata"}, "0-24@UTC": {To: 24, Location: "UTC"},
	} {
		if err := h.Set(s); err != nil || *got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "9", "9-", "9-17@", "9:30-17", "-1-3", "9-17 UTC"} {
		if h.Set(s) == nil {
			t.Errorf("%q is taken for hours", s)
		}
	}
}

// What is wrong with a question is said before ClickHouse is asked, with what would do.
func TestQuestionFaults(t *testing.T) {
	config := write(t, "tenants: [{name: north, sites: [oslo]}]\n")
	for command, want := range map[string]string{
		"residency --format xml":                 "table, json or csv",
		"residency --since yesterday":            "how long ago",
		"residency --revision 70000":             "landfall query revisions",
		"residency --tenant south":               "landfall tenants list",
		"compare --before 2026-W23":              `"after" not set`,
		"compare --before 2026-W23 --after soon": "--after",
		"new --since=":                           "--since",
		"endpoints --network 300.0.0.0/8":        "203.0.113.0/24",
		"endpoints --asn telecom":                "autonomous system",
		"completeness --until 2026-02-30":        "--until",
		"vendors --format yaml":                  "table, json or csv",
		"residency extra":                        "unknown command",
		"residency --min-handsets ten":           "invalid argument",
		"residency --where verdict":              "is not a condition",
		"residency --hours night":                "22-6@Asia/Kolkata",
		"shifts --before 2026-W23":               `"after" not set`,
		"overtakes --by vendor,place":            "one dimension",
		"overtakes --bucket total":               "before and after",
		"flows --since soon":                     "--since",
		"events --until 2026-02-30":              "--until",
		"values":                                 "accepts 1 arg",
	} {
		_, err := run(t, append([]string{"query", "--config", config}, strings.Fields(command)...)...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", command, err, want)
		}
	}
}

// Every question has examples, and every flag that takes one of a few words offers them to the shell.
func TestQuestionHelp(t *testing.T) {
	for _, cmd := range queryCommand(&options{}).Commands() {
		if cmd.Example == "" || cmd.Short == "" {
			t.Errorf("%s has no example or no description", cmd.Name())
		}
		for _, flag := range []string{"by", "bucket", "unit", "order", "side", "kind", "share-of", "where"} {
			if cmd.Flags().Lookup(flag) == nil {
				continue
			}
			if _, ok := cmd.GetFlagCompletionFunc(flag); !ok {
				t.Errorf("%s --%s offers nothing to the shell", cmd.Name(), flag)
			}
		}
	}
	for line, want := range map[string][]string{
		"residency --by":    {"vendor_method\n", "verdict\n"},
		"residency --where": {"vendor_method=\n", "verdict=\n"},
		"values":            {"vendor\n", "exporter\n"},
		"events --kind":     {"data_set\n", "outage\n"},
	} {
		out, err := run(t, append(append([]string{"__complete", "query"}, strings.Fields(line)...), "")...)
		for _, w := range want {
			if err != nil || !strings.Contains(out, w) {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
	}
}
