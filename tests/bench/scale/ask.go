package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Timing is what one question took.
type Timing struct {
	Question string `json:"question"`
	Rows     int    `json:"rows"` // of the answer
	// Warm: asked again and again. Cold: with nothing of the tables in memory, neither the engine's
	// nor the kernel's; absent where that cannot be arranged.
	Warm Spread  `json:"warm"`
	Cold *Spread `json:"cold,omitempty"`
	// CPUMs is what the engine computed for one of the warm runs, all threads together. It depends
	// less than the times on what else the machine does.
	CPUMs float64 `json:"engine_cpu_ms,omitempty"`
	// TargetMs bounds the median of Warm; 0: none is set.
	TargetMs float64 `json:"target_ms,omitempty"`
}

// Spread is of the runs of one question, in milliseconds.
type Spread struct {
	Runs   int     `json:"runs"`
	Least  float64 `json:"least_ms"`
	Median float64 `json:"median_ms"`
	P95    float64 `json:"p95_ms"`
}

type question struct {
	name     string
	targetMs float64
	ask      func(context.Context) (rows int, err error)
}

// questions are those that people ask, of a network with at least 14 days. In the middle of the
// vendors, as the largest and the smallest are no measure.
func questions(c *query.Client, p Params) []question {
	const vendor = "Vendor 03"
	end := p.begin(p.Days)
	residency := func(q query.Residency) func(context.Context) (int, error) {
		return func(ctx context.Context) (int, error) {
			a, err := c.Residency(ctx, q)
			return len(a.Rows), err
		}
	}
	return []question{
		{"share of a vendor by place, week by week", 100, residency(query.Residency{
			Vendors: []string{vendor}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketWeek, Since: first, Until: end,
		})},
		{"the same, the figures alone", 0, residency(query.Residency{
			Vendors: []string{vendor}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketWeek, Since: first, Until: end, FiguresOnly: true,
		})},
		{"top 100 new endpoints of a day", 300, func(ctx context.Context) (int, error) {
			a, err := c.NewSince(ctx, query.NewSince{Since: p.begin(p.Days - 7), Until: p.begin(p.Days - 6), Top: 100})
			return len(a.Rows), err
		}},
		{"all countries over the whole time", 0, residency(query.Residency{
			By: []query.Dimension{query.ByCountry}, Since: first, Until: end,
		})},
		{"a vendor by place, hour by hour, of a week", 0, residency(query.Residency{
			Vendors: []string{vendor}, By: []query.Dimension{query.ByPlace}, Bucket: query.BucketHour, Top: 10, Since: p.begin(p.Days - 7), Until: end,
		})},
		{"completeness, week by week", 0, func(ctx context.Context) (int, error) {
			a, err := c.Completeness(ctx, query.Completeness{Bucket: query.BucketWeek, Since: first, Until: end})
			return len(a.Rows), err
		}},
		{"a third of the time compared with the next, by place", 0, func(ctx context.Context) (int, error) {
			a, err := c.Compare(ctx, query.Compare{
				Question:    query.Residency{By: []query.Dimension{query.ByPlace}},
				BeforeSince: first, BeforeUntil: p.begin(p.Days / 3), AfterSince: p.begin(p.Days / 3), AfterUntil: p.begin(2 * (p.Days / 3)),
			})
			return len(a.Rows), err
		}},
		{"top 100 endpoints of a week", 0, func(ctx context.Context) (int, error) {
			a, err := c.Endpoints(ctx, query.Endpoints{Since: p.begin(p.Days - 7), Until: end, Top: 100})
			return len(a.Rows), err
		}},
	}
}

// ask times every question, runs times warm and, where the engine is at hand, as often cold.
func ask(ctx context.Context, all []question, runs int, e *atHand) ([]Timing, error) {
	var timings []Timing
	for _, q := range all {
		t := Timing{Question: q.name, TargetMs: q.targetMs}
		once := func() (float64, error) {
			begun := time.Now()
			rows, err := q.ask(ctx)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", q.name, err)
			}
			t.Rows = rows
			return float64(time.Since(begun).Microseconds()) / 1000, nil
		}
		if e != nil {
			cold, err := repeat(runs, func() (float64, error) {
				if err := e.forget(ctx); err != nil {
					return 0, err
				}
				return once()
			})
			if err != nil {
				return nil, err
			}
			t.Cold = &cold
		}
		if _, err := once(); err != nil {
			return nil, err
		}
		before := e.cpuMs()
		warm, err := repeat(runs, once)
		if err != nil {
			return nil, err
		}
		t.Warm, t.CPUMs = warm, (e.cpuMs()-before)/float64(runs)
		timings = append(timings, t)
	}
	return timings, nil
}

func repeat(runs int, once func() (float64, error)) (Spread, error) {
	var all []float64
	for range runs {
		ms, err := once()
		if err != nil {
			return Spread{}, err
		}
		all = append(all, ms)
	}
	slices.Sort(all)
	return Spread{Runs: runs, Least: all[0], Median: all[len(all)/2], P95: all[(len(all)*95-1)/100]}, nil
}
