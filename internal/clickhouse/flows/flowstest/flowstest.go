// Package flowstest makes enriched batches and the totals that they must come to, and puts them into
// a real ClickHouse, for tests only.
package flowstest

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows"
	"github.com/landfall-telemetry/landfall/internal/config"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Flow is one row, in the words of a test.
type Flow struct {
	Operator, Site            string // of the whole batch: that of its first flow counts; "": "test"
	Start                     time.Time
	Side                      landfallv1.HandsetSide
	Exporter                  string
	Subscriber                uint64 // pseudonym; 0: none
	Vendor, VendorMethod      string // method "": oui
	Remote                    string // "": 198.51.100.0/24 by position; "::": not given
	Country, Subdivision      string
	CloudProvider, CloudName  string
	PlaceMethod               string // "": city_db
	Confidence                string
	Alternatives              string // "CN-SH|SG"
	Jurisdiction              string
	Verdict                   landfallv1.Verdict
	ASN                       uint32
	Organization              string
	OctetsUp, OctetsDown      uint64
	PacketsUp, PacketsDown    uint64
	SamplingInterval          uint32
	ApplicationName, HostName string
	HostSource                landfallv1.DomainSource
	DataSets                  string // "": DataSets; else those of an older time, in the same form
}

// DataSets are those that judge a flow which names no others.
const DataSets = "city 2.3.1, asn 2.3.2"

func dataSets(s string) (all []*landfallv1.DataSetVersion) {
	for one := range strings.SplitSeq(s, ", ") {
		name, version, _ := strings.Cut(one, " ")
		all = append(all, &landfallv1.DataSetVersion{Name: name, Version: version})
	}
	return all
}

// Batch makes an enriched batch of flows.
func Batch(collector string, sequence uint64, source int64, received time.Time, fs ...Flow) *landfallv1.EnrichedBatch {
	p := &landfallv1.EnrichedBatch{
		SchemaVersion: flows.SchemaVersion,
		Origin:        &landfallv1.Origin{Collector: collector, Epoch: 1, Sequence: sequence},
		Source:        &landfallv1.Source{Topic: "landfall.flows", Offset: source},
		Operator:      "test",
		Site:          "test",
		ReceivedMs:    received.UnixMilli(),
		DataSets:      dataSets(DataSets),
	}
	if len(fs) > 0 {
		p.Operator, p.Site = cmp.Or(fs[0].Operator, p.Operator), cmp.Or(fs[0].Site, p.Site)
	}
	vendors, places, networks, names := map[string]uint32{}, map[string]uint32{}, map[string]uint32{}, map[string]uint32{}
	older := map[string]uint32{"": 0, DataSets: 0}
	name := func(s string) uint32 {
		if s == "" {
			return 0
		}
		if names[s] == 0 {
			p.Strings = append(p.Strings, s)
			names[s] = uint32(len(p.Strings))
		}
		return names[s]
	}
	for i := range fs {
		f := &fs[i]
		p.Count++
		p.Exporter = append(p.Exporter, address(cmp.Or(f.Exporter, "::"))...)
		p.ObservationDomain = append(p.ObservationDomain, 7)
		p.ExportProtocol = append(p.ExportProtocol, uint32(landfallv1.ExportProtocol_EXPORT_PROTOCOL_IPFIX))
		p.StartMs = append(p.StartMs, f.Start.UnixMilli())
		p.EndMs = append(p.EndMs, f.Start.UnixMilli()+250)
		p.IpProtocol = append(p.IpProtocol, 6)
		p.HandsetSide = append(p.HandsetSide, uint32(f.Side))
		p.Subscriber = append(p.Subscriber, f.Subscriber)
		p.RemoteAddress = append(p.RemoteAddress, address(cmp.Or(f.Remote, fmt.Sprint("198.51.100.", byte(i))))...)
		p.Verdict = append(p.Verdict, uint32(f.Verdict))
		p.RemotePort = append(p.RemotePort, 443)
		p.OctetsUp = append(p.OctetsUp, f.OctetsUp)
		p.OctetsDown = append(p.OctetsDown, f.OctetsDown)
		p.PacketsUp = append(p.PacketsUp, f.PacketsUp)
		p.PacketsDown = append(p.PacketsDown, f.PacketsDown)
		p.SamplingInterval = append(p.SamplingInterval, f.SamplingInterval)
		p.ApplicationName = append(p.ApplicationName, name(f.ApplicationName))
		p.DomainName = append(p.DomainName, name(f.HostName))
		p.DomainSource = append(p.DomainSource, uint32(f.HostSource))
		judged, ok := older[f.DataSets]
		if !ok {
			p.OlderDataSets = append(p.OlderDataSets, &landfallv1.DataSets{Sets: dataSets(f.DataSets)})
			judged = uint32(len(p.OlderDataSets))
			older[f.DataSets] = judged
		}
		p.DataSet = append(p.DataSet, judged)
		method := cmp.Or(f.VendorMethod, "oui")
		id := fmt.Sprintf("%q %q", f.Vendor, method)
		v, ok := vendors[id]
		if !ok {
			v = uint32(len(p.Vendors))
			vendors[id] = v
			p.Vendors = append(p.Vendors, &landfallv1.Vendor{Name: f.Vendor, Method: method})
		}
		p.Vendor = append(p.Vendor, v)
		place := landfallv1.Place{
			CountryCode: f.Country, SubdivisionCode: f.Subdivision, CloudProvider: f.CloudProvider,
			CloudRegion: f.CloudName, Method: cmp.Or(f.PlaceMethod, "city_db"), Confidence: f.Confidence,
			Jurisdiction: f.Jurisdiction,
		}
		if f.Alternatives != "" {
			place.Alternatives = strings.Split(f.Alternatives, "|")
		}
		id = fmt.Sprintf("%q %q %q %q %q %q %q %q", f.Country, f.Subdivision, f.CloudProvider, f.CloudName, place.Method, f.Confidence, f.Alternatives, f.Jurisdiction)
		v, ok = places[id]
		if !ok {
			v = uint32(len(p.Places))
			places[id] = v
			p.Places = append(p.Places, &place)
		}
		p.Place = append(p.Place, v)
		id = fmt.Sprintf("%d %q", f.ASN, f.Organization)
		v, ok = networks[id]
		if !ok {
			v = uint32(len(p.Networks))
			networks[id] = v
			p.Networks = append(p.Networks, &landfallv1.Network{Asn: f.ASN, Organization: f.Organization})
		}
		p.Network = append(p.Network, v)
	}
	return p
}

func address(s string) []byte {
	a := netip.MustParseAddr(s).As16()
	return a[:]
}

// Message is the batch as a Kafka message.
func Message(t testing.TB, p *landfallv1.EnrichedBatch) []byte {
	t.Helper()
	message, err := p.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// Random makes n flows with starts in [since, until), of few vendors and places, as traffic is.
func Random(r *rand.Rand, n int, since, until time.Time) []Flow {
	places := [][3]string{{"CN", "CN-BJ", "Beijing"}, {"US", "US-OR", "Oregon"}, {"SG", "", "Singapore"}, {"DE", "DE-HE", "Frankfurt"}, {"", "", ""}}
	vendors := []string{"Xiaomi", "Apple", "Samsung", "Huawei", "unknown", "randomised"}
	intervals := []uint32{1, 1, 1, 10, 100, 1000, 4096}
	span := until.Sub(since).Milliseconds()
	out := make([]Flow, n)
	for i := range out {
		place := places[r.IntN(len(places))]
		asn := uint32(64500 + r.IntN(40))
		packets := uint64(1 + r.IntN(50))
		confidence, alternatives, older := "single", "", ""
		if place[0] != "" && asn%8 == 3 { // one address in as many lies in places that differ
			confidence, alternatives = "disputed", []string{"SG", "CN-SH|SG"}[packets%2]
		}
		if i%13 == 5 {
			older = "city 2.2.0, asn 2.3.2"
		}
		out[i] = Flow{
			Start:      since.Add(time.Duration(r.Int64N(span)) * time.Millisecond),
			Side:       landfallv1.HandsetSide(1 + r.IntN(2)),
			Exporter:   "192.0.2.1",
			Subscriber: uint64(r.IntN(1000)) * 2654435761, // one is 0: no pseudonym
			Vendor:     vendors[r.IntN(len(vendors))],
			Remote:     fmt.Sprint("198.51.", asn%4, ".", r.IntN(100)),
			Verdict:    landfallv1.Verdict(asn % 5),
			Country:    place[0], Subdivision: place[1], Confidence: confidence, Alternatives: alternatives,
			Jurisdiction: map[string]string{"CN": "PRC", "US": "USA", "DE": "EU"}[place[0]], DataSets: older,
			ASN: asn, Organization: fmt.Sprint("Network ", asn),
			PacketsUp: packets, OctetsUp: packets * uint64(40+r.IntN(1400)),
			PacketsDown: packets * 2, OctetsDown: packets * 2 * uint64(40+r.IntN(1400)),
			SamplingInterval: intervals[r.IntN(len(intervals))],
			HostName:         fmt.Sprintf("h%d.example.net", r.IntN(200)),
			HostSource:       landfallv1.DomainSource(1 + i%3),
		}
	}
	return out
}

// Totals are the figures that every level must come to.
type Totals struct{ Flows, BytesUp, BytesDown, PacketsUp, PacketsDown uint64 }

// Add counts flows.
func (s *Totals) Add(fs ...Flow) {
	for i := range fs {
		f := &fs[i]
		k := uint64(max(f.SamplingInterval, 1))
		s.Flows++
		s.BytesUp += f.OctetsUp * k
		s.BytesDown += f.OctetsDown * k
		s.PacketsUp += f.PacketsUp * k
		s.PacketsDown += f.PacketsDown * k
	}
}

// Tables are those that count every flow of [Random].
var Tables = []string{"flows", "residency_minute", "residency_hour", "residency_day", "place_day", "destination_day", "exporter_day", "endpoint_day"}

// Levels reads the totals of every level, by table. They are not read at one moment.
func Levels(t testing.TB, conn driver.Conn) map[string]Totals {
	t.Helper()
	out := make(map[string]Totals)
	for _, table := range Tables {
		what := "sum(flows), sum(bytes_up), sum(bytes_down), sum(packets_up), sum(packets_down)"
		if table == "flows" {
			what = "count(), sum(octets_up*sampling_interval), sum(octets_down*sampling_interval), sum(packets_up*sampling_interval), sum(packets_down*sampling_interval)"
		}
		var s Totals
		if err := conn.QueryRow(t.Context(), "SELECT "+what+" FROM "+table).Scan(&s.Flows, &s.BytesUp, &s.BytesDown, &s.PacketsUp, &s.PacketsDown); err != nil {
			t.Fatalf("totals of %s: %v", table, err)
		}
		out[table] = s
	}
	return out
}

// Config is the configuration that connects to a test's database.
func Config(db *chtest.Server) clickhouse.Config {
	c := clickhouse.DefaultConfig()
	c.Addresses = []string{db.Native}
	c.Database, c.User, c.Password = db.Database, db.User, config.Secret(db.Password)
	c.DialTimeout = 30 * time.Second // a machine with much else to do lets a handshake wait
	return c
}

// Clock lets every flow keep its start.
var Clock = flows.Clock{MaxAge: 20 * 365 * 24 * time.Hour, MaxAhead: 20 * 365 * 24 * time.Hour}

// Start gives a database of the test's own with Landfall's tables in it, kept for ever.
func Start(t testing.TB) (*chtest.Server, clickhouse.Config) {
	t.Helper()
	db := chtest.Start(t)
	c := Config(db)
	if err := clickhouse.Migrate(t.Context(), c, clickhouse.Retention{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	return db, c
}

// Insert puts flows into the tables as the aggregator does. A token may be used again only for what
// was inserted under it.
func Insert(t testing.TB, c clickhouse.Config, token string, fs ...Flow) {
	t.Helper()
	InsertPlanned(t, c, token, time.Now(), nil, fs...)
}

// InsertPlanned is [Insert] at another time, with generations.
func InsertPlanned(t testing.TB, c clickhouse.Config, token string, planned time.Time, generations flows.Generations, fs ...Flow) {
	t.Helper()
	block := flows.NewBlock(Clock)
	for sequence := uint64(1); len(fs) > 0; sequence++ {
		n := slices.IndexFunc(fs, func(f Flow) bool { return f.Operator != fs[0].Operator || f.Site != fs[0].Site })
		if n < 0 {
			n = len(fs)
		}
		p := Batch("test", sequence, 0, planned, fs[:n]...)
		if err := flows.Validate(p); err != nil {
			t.Fatal(err)
		}
		block.Append(p, 0, 0)
		fs = fs[n:]
	}
	block.Seal(planned, generations)
	InsertBlock(t, c, token, block)
}

// InsertBlock makes the inserts of a sealed block.
func InsertBlock(t testing.TB, c clickhouse.Config, token string, block *flows.Block) {
	t.Helper()
	InsertOne(t, c, token, block.Inserts()...)
}

// InsertOne makes some of the inserts of a block.
func InsertOne(t testing.TB, c clickhouse.Config, token string, inserts ...flows.Insert) {
	t.Helper()
	i, err := clickhouse.NewInserter(c)
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for _, in := range inserts {
		if err := i.Insert(t.Context(), in.Table, in.Columns, token); err != nil {
			t.Fatal(err)
		}
	}
}
