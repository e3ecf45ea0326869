package reprocess

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/geo"
)

// singapore is where every address is.
type singapore struct{}

func (singapore) Lookup(netip.Addr) geo.Answer {
	return geo.Answer{Place: &geo.Place{CountryCode: "SG"}, Method: geo.MethodOverride, Confidence: geo.Published}
}

func (singapore) Versions() []geo.Version { return []geo.Version{{Name: "city", Version: "2"}} }

// A chunk that is computed again, because nobody knows whether it was, counts once at every level; so
// does one that is cut otherwise only where it was cut the same.
func TestChunkTwice(t *testing.T) {
	db, c := flowstest.Start(t)
	monday := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	fs := flowstest.Random(rand.New(rand.NewPCG(1, 2)), 500, monday, monday.Add(day))
	flowstest.InsertPlanned(t, c, "all", monday.Add(day), nil, fs...)
	r := &run{
		Options: Options{
			Since: monday, Until: monday.Add(day), Places: singapore{}, Ahead: day, Log: slog.New(slog.DiscardHandler),
			Outstanding: func(context.Context, time.Time) (int, error) { return 0, nil },
		},
		conn: db.Conn(t), dataSets: map[string]string{},
	}
	if err := r.announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for third := range 3 {
			since := monday.Add(time.Duration(third) * 8 * time.Hour)
			if err := r.chunkOnce(t.Context(), since, since.Add(8*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	total, err := r.check(t.Context())
	if err != nil || total.Flows != 500 {
		t.Errorf("%+v, %v", total, err)
	}
}

func TestJudgedBy(t *testing.T) {
	for stored, want := range map[string]string{
		"":                                    "city 2",
		"asn 1, city 1":                       "city 2",
		"city 1, oui 7, static sha256:0123":   "city 2, oui 7, static sha256:0123",
		"asn 1+2, city 1, policy 2014, oui 7": "city 2, oui 7",
	} {
		if got := judgedBy(stored, (&Options{Places: singapore{}}).versionList()); got != want {
			t.Errorf("%q became %q, want %q", stored, got, want)
		}
	}
}
