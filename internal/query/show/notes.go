package show

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// notes prints what stands under a table, an empty line before it.
func notes(out io.Writer, width int, lines []string) error {
	for i, line := range lines {
		if i == 0 {
			if _, err := io.WriteString(out, "\n"); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		if err := paragraph(out, width, line); err != nil {
			return err
		}
	}
	return nil
}

// residencyNotes say what the figures of an answer rest on.
func residencyNotes(a *query.ResidencyAnswer) []string {
	var lines []string
	if !a.Question.FiguresOnly {
		lines = append(lines, completenessLine(summaries(a.Buckets)))
	}
	lines = append(lines, changes(a)...)
	if b := a.UpperBoundOfZero; b != nil && b.Bytes > 0 {
		lines = append(lines, fmt.Sprintf("To what is not listed, up to %s may have been sent unseen (sampling, 95 %% confidence).", size(b.Bytes)))
	}
	if slices.ContainsFunc(a.Buckets, func(b query.BucketInfo) bool { return b.TotalWithheld }) {
		lines = append(lines, "All figures are withheld where the total would give them away.")
	}
	suppressed := slices.ContainsFunc(a.Rows, func(r query.ResidencyRow) bool { return r.Suppressed })
	if suppressed {
		lines = append(lines, fmt.Sprintf("Withheld: figures of fewer than %d handsets, and one more where they could be worked out from the total.", a.Question.MinHandsets))
	}
	for _, w := range a.Warnings {
		lines = append(lines, "Note: "+w)
	}
	return append(lines, dataSets(a.DataSets, a.DataSetsMore)...)
}

// aboutNotes say what the figures of remote ends rest on.
func aboutNotes(a *query.About, warnings []string) []string {
	lines := []string{completenessLine([]query.CompletenessSummary{a.Info.Completeness})}
	if a.Info.Late {
		lines = append(lines, fmt.Sprintf("Changed after the end, last on %s UTC.", moment(a.Info.LastChange)))
	}
	for _, w := range warnings {
		lines = append(lines, "Note: "+w)
	}
	return append(lines, dataSets(a.DataSets, a.DataSetsMore)...)
}

func summaries(buckets []query.BucketInfo) []query.CompletenessSummary {
	out := make([]query.CompletenessSummary, len(buckets))
	for i, b := range buckets {
		out[i] = b.Completeness
	}
	return out
}

// named is how many exporters or data sets a line names before it counts the rest.
const named = 3

// completenessLine sums buckets up: of what the exporters say they sent, how much was counted.
func completenessLine(buckets []query.CompletenessSummary) string {
	var sent, countedFlows uint64
	var exporters, silentMost, unknown int
	about := ""
	type exporter struct{ operator, site, address string }
	silent := make(map[exporter]query.SilentExporter)
	for _, c := range buckets {
		sent += c.Sent
		countedFlows += c.Counted
		exporters = max(exporters, c.ExportersExpected, c.ExportersHeard)
		silentMost = max(silentMost, c.ExportersSilent)
		if c.Share == nil {
			unknown++
		}
		if c.Estimated {
			about = "about "
		}
		for _, s := range c.Silent {
			key := exporter{s.Operator, s.Site, s.Exporter}
			if known, ok := silent[key]; ok {
				s.Hours += known.Hours
				if known.Since.Before(s.Since) {
					s.Since = known.Since
				}
			}
			silent[key] = s
		}
	}
	if sent == 0 {
		line := "Completeness unknown: the ledger has nothing of this time."
		if len(silent) > 0 {
			line += " " + silentText(silent, silentMost)
		}
		return line
	}
	says := "exporters say they"
	if exporters == 1 {
		says = "exporter says it"
	}
	line := fmt.Sprintf("Counted %s%s of what %d %s sent", about, counted(float64(countedFlows)/float64(sent)), exporters, says)
	if len(silent) > 0 {
		line += "; " + silentText(silent, silentMost)
	} else {
		line += "."
	}
	if unknown > 0 && len(buckets) > 1 {
		line += fmt.Sprintf(" Unknown for %d of %d steps: the ledger has nothing of them.", unknown, len(buckets))
	}
	return line
}

func silentText[K comparable](silent map[K]query.SilentExporter, most int) string {
	list := make([]query.SilentExporter, 0, len(silent))
	for _, s := range silent {
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y query.SilentExporter) int {
		return cmp.Or(cmp.Compare(y.Hours, x.Hours), cmp.Compare(x.Exporter, y.Exporter), cmp.Compare(x.Site, y.Site), cmp.Compare(x.Operator, y.Operator))
	})
	var parts []string
	for _, s := range list[:min(len(list), named)] {
		parts = append(parts, s.Exporter+" ("+hours(s.Hours, s.Since)+")")
	}
	text := "silent: " + strings.Join(parts, ", ")
	if more := max(len(list), most) - len(parts); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "."
}

// hours says which hours were silent; a single one by its ends.
func hours(n int, since time.Time) string {
	if n <= 1 {
		return moment(since) + " to " + since.Add(time.Hour).UTC().Format("15:04")
	}
	return fmt.Sprintf("%d h, the first from %s", n, moment(since))
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// changes say which figures are not those that were first given.
func changes(a *query.ResidencyAnswer) []string {
	var lines []string
	var revision uint16
	var revised, late []query.BucketInfo
	var last time.Time
	for _, b := range a.Buckets {
		if b.Revision > 0 {
			revised = append(revised, b)
			revision = max(revision, b.Revision)
		}
		if b.Late {
			late = append(late, b)
			if b.LastChange.After(last) {
				last = b.LastChange
			}
		}
	}
	if a.Question.Revision != nil {
		lines = append(lines, fmt.Sprintf("As of revision %d.", *a.Question.Revision))
	}
	if revision > 0 {
		mixed := ""
		if slices.ContainsFunc(revised, func(b query.BucketInfo) bool { return b.Mixed }) {
			mixed = " (in part)"
		}
		lines = append(lines, fmt.Sprintf("Corrected%s%s by revision %d.", steps(a.Question.Bucket, revised), mixed, revision))
	}
	if len(late) > 0 {
		lines = append(lines, fmt.Sprintf("Changed after the end%s, last on %s UTC.", steps(a.Question.Bucket, late), moment(last)))
	}
	return lines
}

// steps names buckets: one by its begin, several by their number.
func steps(b query.Bucket, of []query.BucketInfo) string {
	if b == query.BucketTotal || b == "" {
		return ""
	}
	if len(of) == 1 {
		return fmt.Sprintf(" (%s of %s)", b, bucketLabel(b, of[0].Bucket))
	}
	return fmt.Sprintf(" (%d %ss)", len(of), b)
}

func dataSets(sets []query.DataSets, more int) []string {
	if len(sets) == 0 {
		return nil
	}
	var parts []string
	for _, d := range sets[:min(len(sets), named)] {
		parts = append(parts, cmp.Or(strings.ReplaceAll(d.Versions, ",", ", "), "none"))
	}
	line := "Data sets: " + strings.Join(parts, "; or ")
	if more += len(sets) - len(parts); more > 0 {
		line += fmt.Sprintf("; and %d more", more)
	}
	lines := []string{line + "."}
	if credit := credits(sets); credit != "" {
		lines = append(lines, credit)
	}
	return lines
}

// credits names each licence and credit once, with the data sets that it is of.
func credits(sets []query.DataSets) string {
	var order []string
	of := make(map[string][]string)
	for _, d := range sets {
		for _, s := range d.Sets {
			says := strings.Join(slices.DeleteFunc([]string{s.License, s.Credit}, func(s string) bool { return s == "" }), ", ")
			if says == "" {
				continue
			}
			if of[says] == nil {
				order = append(order, says)
			}
			if !slices.Contains(of[says], s.Name) {
				of[says] = append(of[says], s.Name)
			}
		}
	}
	for i, says := range order {
		order[i] = strings.Join(of[says], ", ") + " under " + says
	}
	if len(order) == 0 {
		return ""
	}
	return "Licences: " + strings.Join(order, "; ") + "."
}
