package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exporterTruth is what the truth says of one exporter.
type exporterTruth struct {
	Name             string    `json:"name"`
	Protocol         string    `json:"protocol"`
	Address          string    `json:"address"`
	Flows            uint64    `json:"flows"`
	Datagrams        uint64    `json:"datagrams"`
	DroppedFlows     uint64    `json:"dropped_flows"`
	DroppedDatagrams uint64    `json:"dropped_datagrams"`
	UnseenFlows      uint64    `json:"unseen_flows"` // dropped after the last that was sent
	UnseenDatagrams  uint64    `json:"unseen_datagrams"`
	SilentFrom       time.Time `json:"silent_from"`
	SilentTo         time.Time `json:"silent_to"`
	Hours            []struct {
		Hour             time.Time `json:"hour"`
		Flows            uint64    `json:"flows"`
		Datagrams        uint64    `json:"datagrams"`
		DroppedDatagrams uint64    `json:"dropped_datagrams"`
		Gap              uint64    `json:"gap"`
	} `json:"hours"`
}

// ledgerCount is one kind of count of one exporter in one hour.
type ledgerCount struct {
	exporter, protocol string
	hour               int64 // seconds since 1970; 0 for sFlow, whose time is that of the arrival
	what               string
}

// TestCompleteness drops 2 % of the datagrams on the way and lets one exporter be dead for six hours.
// The ledger in ClickHouse must say, exporter by exporter and hour by hour, exactly what arrived and
// what the sequence numbers show to be missing.
func TestCompleteness(t *testing.T) {
	t.Setenv("LANDFALL_COLLECTOR_OPERATOR", "operator-1")
	s := newSystem(t, "", "enricher: {subscriber_prefixes: [\"100.64.0.0/10\", \"2001:db8::/32\"]}\n")
	s.up()
	truthFile := filepath.Join(s.dir, "truth.json")
	out, err := s.landfall("simulate", "migration", "--flows", "100000", "--weeks", "2", "--live-flows", "5000", "--subscribers", "2000",
		"--drop", "0.02", "--silence", "netflow9:100-106", "--truth", truthFile)
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Exporters []exporterTruth `json:"exporters"`
	}
	if err := json.Unmarshal([]byte(out), &truth); err != nil || len(truth.Exporters) != 5 {
		t.Fatalf("%v: %s", err, out)
	}

	want := map[ledgerCount]uint64{}
	arrived := map[string]uint64{} // flows by exporter
	var flows uint64
	for _, e := range truth.Exporters {
		if e.Protocol != "sflow" && (e.DroppedDatagrams < 10 || e.DroppedFlows < 100) {
			t.Errorf("%s: only %d datagrams with %d flows were dropped", e.Name, e.DroppedDatagrams, e.DroppedFlows)
		}
		lost := "lost_flows"
		if e.Protocol == "netflow_v9" || e.Protocol == "sflow" {
			lost = "lost_datagrams"
		}
		add := func(hour int64, what string, n uint64) {
			if n > 0 {
				want[ledgerCount{e.Address, e.Protocol, hour, what}] += n
			}
		}
		for _, h := range e.Hours {
			hour := h.Hour.Unix()
			if e.Protocol == "sflow" {
				hour = 0
			}
			add(hour, "flows", h.Flows)
			add(hour, "datagrams", h.Datagrams)
			add(hour, lost, h.Gap)
			if !e.SilentTo.IsZero() && !h.Hour.Before(e.SilentFrom) && h.Hour.Before(e.SilentTo) {
				t.Errorf("%s sent something at %s, when it was dead", e.Name, h.Hour)
			}
		}
		arrived[e.Address] = e.Flows - e.DroppedFlows
		flows += e.Flows - e.DroppedFlows
	}

	// A ledger row is there if and only if the flows of its batch are.
	s.eventually("the flows that arrived", func() (bool, string) {
		n := askAll[struct{ Flows, Ledger uint64 }](s, `SELECT (SELECT count() FROM flows WHERE operator = 'operator-1') AS Flows,
			(SELECT sum(amount) FROM ledger_minute WHERE operator = 'operator-1' AND what = 'flows') AS Ledger`)[0]
		return n.Flows == flows && n.Ledger == flows, fmt.Sprintf("%+v of %d flows", n, flows)
	})
	got := map[ledgerCount]uint64{}
	for _, row := range askAll[struct {
		Exporter, Protocol, What string
		Hour                     int64
		N                        uint64
	}](s, `SELECT toString(exporter) AS Exporter, export_protocol AS Protocol, toUnixTimestamp(toStartOfHour(bucket)) AS Hour, what AS What, sum(amount) AS N
		FROM ledger_minute WHERE operator = 'operator-1' GROUP BY ALL`) {
		switch row.What {
		case "datagram_bytes", "flows_late":
			continue
		}
		if row.Protocol == "sflow" {
			row.Hour = 0
		}
		got[ledgerCount{address(t, row.Exporter), row.Protocol, row.Hour, row.What}] += row.N
	}
	wrong := 0
	differs := func(k ledgerCount) {
		if got[k] == want[k] {
			return
		}
		if wrong++; wrong <= 20 {
			t.Errorf("%s %s of %s at %s: %d in the ledger, %d in truth", k.protocol, k.what, k.exporter, time.Unix(k.hour, 0).UTC(), got[k], want[k])
		}
	}
	for k := range want {
		differs(k)
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			differs(k)
		}
	}
	for _, row := range askAll[struct {
		Exporter string
		N        uint64
	}](s, "SELECT toString(exporter) AS Exporter, count() AS N FROM flows GROUP BY ALL") {
		if a := address(t, row.Exporter); row.N != arrived[a] {
			t.Errorf("%d flows of %s are counted, %d arrived", row.N, a, arrived[a])
		}
	}
	// In the figures that people will see: what the exporters say they sent. Nothing tells of datagrams
	// that are lost after the last one that arrives.
	for _, e := range truth.Exporters {
		sum := func(what string) (n uint64) {
			for k, v := range got {
				if k.exporter == e.Address && k.what == what {
					n += v
				}
			}
			return n
		}
		switch e.Protocol {
		case "netflow_v5":
			if n := sum("flows") + sum("lost_flows"); n != e.Flows-e.UnseenFlows {
				t.Errorf("%s says that it sent %d flows, it was %d", e.Name, n, e.Flows)
			}
		case "netflow_v9", "sflow":
			if n := sum("datagrams") + sum("lost_datagrams"); n != e.Datagrams-e.UnseenDatagrams {
				t.Errorf("%s says that it sent %d datagrams, it was %d", e.Name, n, e.Datagrams)
			}
		}
		t.Logf("%s: %d of %d flows and %d of %d datagrams dropped; lost_flows %d, lost_datagrams %d", e.Name, e.DroppedFlows, e.Flows,
			e.DroppedDatagrams, e.Datagrams, sum("lost_flows"), sum("lost_datagrams"))
	}
}

// address reads an exporter's address as ClickHouse writes it.
func address(t *testing.T, text string) string {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a.Unmap().String()
}

// askAll reads the rows of an answer of the engine.
func askAll[T any](s *system, query string) []T {
	s.t.Helper()
	var all []T
	for row := range strings.Lines(s.rows(query)) {
		var v T
		if err := json.Unmarshal([]byte(row), &v); err != nil {
			s.t.Fatalf("%v: %s", err, row)
		}
		all = append(all, v)
	}
	return all
}

// rows asks the embedded engine as its service user does, and returns a line of JSON for each row.
func (s *system) rows(query string) string {
	s.t.Helper()
	password, err := os.ReadFile(filepath.Join(s.dir, "state", "secrets", "clickhouse-landfall.password"))
	if err != nil {
		s.t.Fatal(err)
	}
	parameters := url.Values{"database": {"landfall"}, "default_format": {"JSONEachRow"}, "output_format_json_quote_64bit_integers": {"0"}}
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d/?%s", s.ports["http"], parameters.Encode()), strings.NewReader(query))
	if err != nil {
		s.t.Fatal(err)
	}
	request.SetBasicAuth("landfall", strings.TrimSpace(string(password)))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		s.t.Fatalf("%v, %s: %s\n%s", err, response.Status, text, query)
	}
	return string(text)
}
