package panel

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Custom is what the first frame of an answer says of it, in its meta data.
type Custom struct {
	Rollup       string        `json:"rollup"` // the table that answered
	Since        time.Time     `json:"since,omitzero"`
	Until        time.Time     `json:"until,omitzero"`
	Revisions    []uint16      `json:"revisions"` // of the corrections in force; 0: as the flows came in
	Completeness *Completeness `json:"completeness,omitempty"`
	// DataSets are the versions that judged the flows, those with the most flows first.
	DataSets []query.DataSets `json:"data_sets,omitempty"`
	// Credit is what the licences of the data sets ask for: it is to be shown where results are.
	Credit   string   `json:"credit,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
	// Buckets are those of which there is more to say than that they are complete and as they came in.
	Buckets []Bucket `json:"buckets,omitempty"`
	// Before is the same of the earlier time of a comparison.
	Before *Custom `json:"before,omitempty"`
	// Statements are all that was sent, for who explains an answer.
	Statements []query.Statement `json:"-"`

	notices []data.Notice
}

// Completeness is what share of what the exporters sent was counted.
type Completeness struct {
	Share           *float64               `json:"share"` // null: unknown
	Counted         uint64                 `json:"counted"`
	Sent            uint64                 `json:"sent"`
	Estimated       bool                   `json:"estimated,omitempty"`
	ExportersSilent int                    `json:"exporters_silent"`
	Silent          []query.SilentExporter `json:"silent,omitempty"` // those with the most silent hours
}

// Bucket says what there is to know of the figures of one bucket.
type Bucket struct {
	Bucket          time.Time `json:"bucket"`
	Share           *float64  `json:"share"`
	ExportersSilent int       `json:"exporters_silent,omitempty"`
	Revision        uint16    `json:"revision,omitempty"`
	Mixed           bool      `json:"mixed,omitempty"` // of several revisions
	Late            bool      `json:"late,omitempty"`  // it changed more than an hour after its end
}

// about starts what is said of an answer.
func about(b query.Basis) *Custom {
	c := &Custom{Rollup: b.Rollup, Since: b.Since, Until: b.Until, Revisions: []uint16{}, Statements: b.Statements}
	if len(c.Statements) == 0 && b.SQL != "" {
		c.Statements = []query.Statement{{For: "figures", SQL: b.SQL}}
	}
	for _, w := range b.Warnings {
		c.warn("%s", w)
	}
	return c
}

// warn says something that limits the answer.
func (c *Custom) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.Warnings = append(c.Warnings, text)
	c.notices = append(c.notices, data.Notice{Severity: data.NoticeSeverityWarning, Text: text})
}

// inform says something that is worth knowing.
func (c *Custom) inform(format string, args ...any) {
	c.notices = append(c.notices, data.Notice{Severity: data.NoticeSeverityInfo, Text: fmt.Sprintf(format, args...)})
}

// dataSets notes what judged the flows, and its credit.
func (c *Custom) dataSets(sets []query.DataSets, more int) {
	c.DataSets = append(c.DataSets, sets...)
	var credits []string
	for _, s := range c.DataSets {
		for _, one := range s.Sets {
			if one.Credit != "" && !slices.Contains(credits, one.Credit) {
				credits = append(credits, one.Credit)
			}
		}
	}
	c.Credit = strings.Join(credits, " ")
	if more > 0 {
		c.inform("%d more combinations of data sets judged these flows than are named.", more)
	}
}

// buckets notes the completeness and the revisions of an answer's buckets. Those by the minute have
// the completeness of their hour.
func (c *Custom) buckets(all []query.BucketInfo, env Env, byTime bool) {
	var sum query.CompletenessSummary
	silent := make(map[string]query.SilentExporter)
	hours := make(map[time.Time]bool)
	below, least, known := 0, 1.0, false
	for _, b := range all {
		if !slices.Contains(c.Revisions, b.Revision) {
			c.Revisions = append(c.Revisions, b.Revision)
		}
		s := b.Completeness
		low := s.Share != nil && *s.Share < env.CompletenessBound
		if byTime && (low || s.Share == nil || s.ExportersSilent > 0 || b.Revision > 0 || b.Mixed || b.Late) {
			c.Buckets = append(c.Buckets, Bucket{b.Bucket, s.Share, s.ExportersSilent, b.Revision, b.Mixed, b.Late})
		}
		hour := b.Bucket.Truncate(time.Hour)
		if hours[hour] && c.Rollup == "residency_minute" {
			continue
		}
		hours[hour] = true
		if s.Share != nil {
			known = true
			least = min(least, *s.Share)
		}
		if low {
			below++
		}
		sum.Counted += s.Counted
		sum.Sent += s.Sent
		sum.Estimated = sum.Estimated || s.Estimated
		sum.ExportersSilent = max(sum.ExportersSilent, s.ExportersSilent)
		for _, e := range s.Silent {
			id := e.Operator + "\x00" + e.Site + "\x00" + e.Exporter
			if before, ok := silent[id]; ok {
				e.Hours += before.Hours
				e.Since = before.Since
			}
			silent[id] = e
		}
	}
	slices.Sort(c.Revisions)
	for _, e := range silent {
		sum.Silent = append(sum.Silent, e)
	}
	slices.SortFunc(sum.Silent, func(x, y query.SilentExporter) int {
		return cmp.Or(cmp.Compare(y.Hours, x.Hours), cmp.Compare(x.Operator, y.Operator), cmp.Compare(x.Site, y.Site), cmp.Compare(x.Exporter, y.Exporter))
	})
	sum.ExportersSilent = max(sum.ExportersSilent, len(sum.Silent))
	if known && sum.Sent > 0 {
		share := float64(sum.Counted) / float64(sum.Sent)
		sum.Share = &share
	}
	c.complete(sum, env)
	if below > 0 && len(hours) > 1 && sum.Share != nil && *sum.Share >= env.CompletenessBound {
		c.warn("In %d of %d parts of the time less than %s was counted, in the worst %s.", below, len(hours), percent(env.CompletenessBound), percent(least))
	}
}

// namedSilent bounds the silent exporters that a notice names.
const namedSilent = 5

// complete notes how complete the figures are, and warns where they are below the bound.
func (c *Custom) complete(s query.CompletenessSummary, env Env) {
	c.Completeness = &Completeness{s.Share, s.Counted, s.Sent, s.Estimated, s.ExportersSilent, s.Silent}
	var silent []string
	for _, e := range s.Silent[:min(len(s.Silent), namedSilent)] {
		silent = append(silent, fmt.Sprintf("%s (%d h from %s)", e.Exporter, e.Hours, e.Since.UTC().Format("2006-01-02 15:04 MST")))
	}
	text := ""
	if len(silent) > 0 {
		text = " Silent for an hour or more: " + strings.Join(silent, ", ")
		if more := s.ExportersSilent - len(silent); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		text += "."
	}
	switch {
	case s.Share == nil && text == "":
		c.inform("How complete these figures are is not known: the ledger of the exporters has nothing of this time.")
	case s.Share == nil:
		c.warn("Nothing was counted from any exporter.%s", text)
	case *s.Share < env.CompletenessBound:
		c.warn("Only %s of what the exporters sent was counted, less than %s.%s", percent(*s.Share), percent(env.CompletenessBound), text)
	case text != "":
		c.warn("Exporters did not report.%s", text)
	}
}

func percent(share float64) string {
	// Cut and not rounded: what is below a bound must not look as if it were not.
	return fmt.Sprintf("%.2f %%", float64(int(share*10000))/100)
}

// attach puts what is said of an answer on its first frame, and the type on all.
func (c *Custom) attach(kind data.FrameType, frames ...*data.Frame) data.Frames {
	if len(frames) == 0 {
		frames = data.Frames{data.NewFrame("")}
	}
	for i, f := range frames {
		f.Meta = &data.FrameMeta{Type: kind, TypeVersion: data.FrameTypeVersion{0, 1}}
		if i == 0 {
			f.Meta.Custom, f.Meta.Notices = c, c.notices
			f.Meta.ExecutedQueryString = executed(c.Statements)
		}
	}
	return frames
}

// executed is what was sent, as Grafana's inspector shows it.
func executed(all []query.Statement) string {
	var parts []string
	for _, s := range all {
		parts = append(parts, "-- "+s.For+"\n"+s.SQL)
	}
	return strings.Join(parts, ";\n\n")
}
