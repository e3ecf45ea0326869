package reporter

import (
	"context"
	"io"
	"net/url"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
	"github.com/landfall-telemetry/landfall/internal/query/show"
)

// The answers of the API, as schemas/openapi/landfall.yaml describes them.

// basis is what every answer says of how it was reached. The SQL stays in the server.
type basis struct {
	Rollup   string    `json:"rollup"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Warnings []string  `json:"warnings,omitempty"`
}

func basisOf(b query.Basis) basis {
	return basis{Rollup: b.Rollup, Since: b.Since, Until: b.Until, Warnings: b.Warnings}
}

type residencyAnswer struct {
	Rows []query.ResidencyRow `json:"rows"`
	residencyAbout
}

// residencyAbout is what there is to know of the figures of an answer.
type residencyAbout struct {
	basis
	Buckets          []query.BucketInfo `json:"buckets"`
	UpperBoundOfZero *query.UpperBound  `json:"upper_bound_of_zero,omitempty"`
	DataSets         []query.DataSets   `json:"data_sets,omitempty"`
	DataSetsMore     int                `json:"data_sets_more,omitempty"`
}

func residencyAboutOf(a *query.ResidencyAnswer) residencyAbout {
	return residencyAbout{
		basis: basisOf(a.Basis), Buckets: notNil(a.Buckets), UpperBoundOfZero: a.UpperBoundOfZero,
		DataSets: a.DataSets, DataSetsMore: a.DataSetsMore,
	}
}

type compareAnswer struct {
	Rows     []query.CompareRow `json:"rows"`
	Warnings []string           `json:"warnings,omitempty"`
	Before   residencyAbout     `json:"before"`
	After    residencyAbout     `json:"after"`
}

type endpointsAnswer struct {
	Rows []query.EndpointRow `json:"rows"`
	basis
	query.About
}

type completenessAnswer struct {
	Rows       []query.ExporterCompleteness `json:"rows"`
	Collectors []query.CollectorLoss        `json:"collectors"`
	Buckets    []query.BucketCompleteness   `json:"buckets"`
	basis
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
		return csvReply("residency", func(w io.Writer) error { return query.WriteCSV(w, a, s.placeName) }), nil
	}
	a.Name(s.placeName)
	return jsonReply(residencyAnswer{Rows: notNil(a.Rows), residencyAbout: residencyAboutOf(&a)}), nil
}

func (s *Service) compare(ctx context.Context, values url.Values) (reply, error) {
	q, format, err := compareQuestion(values)
	if err != nil {
		return reply{}, err
	}
	a, err := s.queries.Compare(ctx, q)
	if err != nil {
		return reply{}, err
	}
	if format == "csv" {
		return csvReply("compare", func(w io.Writer) error { return show.CompareCSV(w, a) }), nil
	}
	a.Name(s.placeName)
	return jsonReply(compareAnswer{
		Rows: notNil(a.Rows), Warnings: a.Warnings, Before: residencyAboutOf(&a.Before), After: residencyAboutOf(&a.After),
	}), nil
}

func (s *Service) endpoints(ctx context.Context, values url.Values) (reply, error) {
	q, format, err := endpointsQuestion(values)
	if err != nil {
		return reply{}, err
	}
	a, err := s.queries.Endpoints(ctx, q)
	if err != nil {
		return reply{}, err
	}
	a.Name(s.placeName)
	return remoteEnds("endpoints", format, endpointsAnswer{Rows: notNil(a.Rows), basis: basisOf(a.Basis), About: a.About}), nil
}

func (s *Service) newSince(ctx context.Context, values url.Values) (reply, error) {
	q, format, err := newQuestion(values)
	if err != nil {
		return reply{}, err
	}
	a, err := s.queries.NewSince(ctx, q)
	if err != nil {
		return reply{}, err
	}
	a.Name(s.placeName)
	return remoteEnds("new", format, endpointsAnswer{Rows: notNil(a.Rows), basis: basisOf(a.Basis), About: a.About}), nil
}

func remoteEnds(name, format string, a endpointsAnswer) reply {
	if format == "csv" {
		return csvReply(name, func(w io.Writer) error { return show.EndpointsCSV(w, a.Rows) })
	}
	return jsonReply(a)
}

func (s *Service) completeness(ctx context.Context, values url.Values) (reply, error) {
	q, format, err := completenessQuestion(values)
	if err != nil {
		return reply{}, err
	}
	a, err := s.queries.Completeness(ctx, q)
	if err != nil {
		return reply{}, err
	}
	if format == "csv" {
		return csvReply("completeness", func(w io.Writer) error { return show.CompletenessCSV(w, a) }), nil
	}
	return jsonReply(completenessAnswer{
		Rows: notNil(a.Rows), Collectors: notNil(a.Collectors), Buckets: notNil(a.Buckets), basis: basisOf(a.Basis),
	}), nil
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
