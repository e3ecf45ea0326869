package reporter

import (
	"context"
	"io"
	"net/url"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// The answers of the API, as schemas/openapi/landfall.yaml describes them.

type residencyAnswer struct {
	Rows   []query.ResidencyRow `json:"rows"`
	Rollup string               `json:"rollup"`
	Since  time.Time            `json:"since,omitzero"`
	Until  time.Time            `json:"until,omitzero"`
}

type vendorsAnswer struct {
	Vendors []query.VendorTotal `json:"vendors"`
}

type totalsAnswer struct {
	query.Totals
	Now time.Time `json:"now"` // the server's clock: the page says how long ago without trusting its own
}

type placesAnswer struct {
	Places map[string]string `json:"places"`
}

type aboutAnswer struct {
	Product string   `json:"product"`
	Version string   `json:"version"`
	Credits []string `json:"credits"`
}

func (s *Service) residency(ctx context.Context, values url.Values) (reply, error) {
	q, format, err := residencyQuestion(values)
	if err != nil {
		return reply{}, err
	}
	a, err := s.queries.Residency(ctx, q)
	if err != nil {
		return reply{}, err
	}
	if format == "csv" {
		return reply{
			contentType: "text/csv; charset=utf-8", fileName: "landfall-residency.csv",
			write: func(w io.Writer) error { return query.WriteCSV(w, a, s.placeName) },
		}, nil
	}
	a.Name(s.placeName)
	return jsonReply(residencyAnswer{Rows: notNil(a.Rows), Rollup: a.Rollup, Since: a.Since, Until: a.Until}), nil
}

// placeName names a code; the keys that are no codes name themselves.
func (s *Service) placeName(code string) string {
	switch code {
	case "":
		return ""
	case query.Unknown:
		return "Unknown place"
	case query.Other:
		return "Other places"
	}
	return s.about.PlaceName(code)
}

func (s *Service) vendors(ctx context.Context, _ url.Values) (reply, error) {
	vendors, err := s.queries.Vendors(ctx)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(vendorsAnswer{Vendors: notNil(vendors)}), nil
}

func (s *Service) totals(ctx context.Context, _ url.Values) (reply, error) {
	t, err := s.queries.Totals(ctx)
	if err != nil {
		return reply{}, err
	}
	t.Exporters = notNil(t.Exporters)
	return jsonReply(totalsAnswer{Totals: t, Now: time.Now().UTC()}), nil
}

func (s *Service) places(_ context.Context, values url.Values) (reply, error) {
	codes, err := many(values, "code")
	if err != nil {
		return reply{}, err
	}
	if len(codes) == 0 {
		return reply{}, badParameter("code", "is missing; repeat it for several codes", "CN-BJ", "US-OR", "SG")
	}
	out := placesAnswer{Places: make(map[string]string, len(codes))}
	for _, code := range codes {
		out.Places[code] = s.placeName(code)
	}
	return jsonReply(out), nil
}

func (s *Service) aboutPage(context.Context, url.Values) (reply, error) {
	return jsonReply(aboutAnswer{Product: "Landfall", Version: s.about.Version, Credits: notNil(s.about.Credits)}), nil
}

// notNil makes an empty list come out as [] and not as null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
