package show

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Completeness prints for people what the exporters say they sent and how much of it was counted.
func Completeness(out io.Writer, a query.CompletenessAnswer, o Options) error {
	o = o.normal()
	if len(a.Rows) == 0 && len(a.Collectors) == 0 {
		_, err := fmt.Fprintln(out, "The ledger has nothing of this time: no exporter was heard.")
		return err
	}
	overTime := a.Question.Bucket != "" && a.Question.Bucket != query.BucketTotal
	bucket := func(t time.Time) string {
		if !overTime {
			return ""
		}
		return bucketLabel(a.Question.Bucket, t)
	}
	t := &table{columns: []column{
		{title: bucketTitle(a.Question.Bucket), drop: 20},
		{title: "Site", drop: 3, most: 20},
		{title: "Exporter"},
		{title: "Protocol", drop: 4},
		{title: "Says it sent", right: true, drop: 2},
		{title: "Counted", right: true, drop: 1},
		{title: "Share", right: true},
		{title: "Silent", drop: 5},
		{title: "Why not all", most: 80},
	}}
	for i := range a.Rows {
		r := &a.Rows[i]
		share, silent := "–", ""
		if r.Share != nil {
			share = counted(*r.Share)
			if r.Estimated {
				share = "≈ " + share
			}
		}
		if r.SilentHours > 0 {
			silent = fmt.Sprintf("%d h", r.SilentHours)
		}
		t.add(bucket(r.Bucket), where(r.Operator, r.Site), r.Exporter, protocol(r.ExportProtocol), number(r.Sent), number(r.Counted), share, silent, losses(r.Losses))
	}
	if err := t.write(out, o.Width); err != nil {
		return err
	}
	var summaries []query.CompletenessSummary
	for _, b := range a.Buckets {
		summaries = append(summaries, b.CompletenessSummary)
	}
	lines := []string{completenessLine(summaries)}
	for _, c := range a.Collectors {
		at := strings.TrimSpace(bucket(c.Bucket) + " " + where(c.Operator, c.Site) + " collector " + c.Collector)
		lines = append(lines, "Lost at "+at+", of no exporter that is known: "+losses(c.Losses)+".")
	}
	for _, w := range a.Warnings {
		lines = append(lines, "Note: "+w)
	}
	return notes(out, o.Width, lines)
}

// where is a site, with its operator if it has one.
func where(operator, site string) string {
	if operator == "" {
		return site
	}
	return operator + "/" + site
}

func protocol(name string) string {
	switch name {
	case "netflow_v5":
		return "NetFlow v5"
	case "netflow_v9":
		return "NetFlow v9"
	case "ipfix":
		return "IPFIX"
	case "sflow":
		return "sFlow"
	}
	return name
}

func losses(all []query.Loss) string {
	var parts []string
	for _, l := range all {
		parts = append(parts, number(l.Amount)+" "+strings.ReplaceAll(l.What, "_", " "))
	}
	return strings.Join(parts, ", ")
}

// CompletenessCSV writes a line for each exporter and each kind of loss of a collector, with exact
// figures. Losses stand in one column as name=amount with spaces between.
func CompletenessCSV(out io.Writer, a query.CompletenessAnswer) error {
	w := newSheet(out, []string{
		"bucket", "operator", "site", "collector", "exporter", "export_protocol", "sent", "counted", "share", "estimated",
		"silent_hours", "silent_since", "losses",
	})
	pairs := func(all []query.Loss) string {
		var parts []string
		for _, l := range all {
			parts = append(parts, l.What+"="+digits(l.Amount))
		}
		return strings.Join(parts, " ")
	}
	for i := range a.Rows {
		r := &a.Rows[i]
		share := ""
		if r.Share != nil {
			share = fraction(*r.Share)
		}
		w.line([]string{
			instant(r.Bucket), r.Operator, r.Site, "", r.Exporter, r.ExportProtocol, digits(r.Sent), digits(r.Counted), share,
			fmt.Sprint(r.Estimated), fmt.Sprint(r.SilentHours), instant(r.SilentSince), pairs(r.Losses),
		})
	}
	for _, c := range a.Collectors {
		w.line([]string{instant(c.Bucket), c.Operator, c.Site, c.Collector, "", "", "", "", "", "", "", "", pairs(c.Losses)})
	}
	return w.end()
}

// Vendors prints the totals of every vendor for people.
func Vendors(out io.Writer, all []query.VendorTotal, o Options) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "No flows were counted.")
		return err
	}
	t := &table{columns: []column{{title: "Vendor"}, {title: "Up", right: true}, {title: "Down", right: true}, {title: "Flows", right: true}}}
	for _, v := range all {
		t.add(v.Vendor, Bytes(v.BytesUp), Bytes(v.BytesDown), number(v.Flows))
	}
	return t.write(out, o.normal().Width)
}

// VendorsCSV writes the totals of every vendor with exact figures.
func VendorsCSV(out io.Writer, all []query.VendorTotal) error {
	w := newSheet(out, []string{"vendor", "flows", "bytes_up", "bytes_down"})
	for _, v := range all {
		w.line([]string{v.Vendor, digits(v.Flows), digits(v.BytesUp), digits(v.BytesDown)})
	}
	return w.end()
}

// Revisions prints all corrections for people, the oldest first.
func Revisions(out io.Writer, a query.RevisionsAnswer, o Options) error {
	o = o.normal()
	if len(a.Rows) == 0 {
		_, err := fmt.Fprintln(out, "No day has been computed anew: all figures are as the flows came in.")
		return err
	}
	t := &table{columns: []column{
		{title: "Revision", right: true},
		{title: "From", drop: 5},
		{title: "To (excluded)", drop: 5},
		{title: "State", drop: 4},
		{title: "Changed", drop: 3},
		{title: "Note", drop: 2, most: 40},
		{title: "Data sets", drop: 1, most: 60},
	}}
	for _, r := range a.Rows {
		t.add(digits(uint64(r.Revision)), r.Since.Format(time.DateOnly), r.Until.Format(time.DateOnly), r.State, moment(r.Changed), r.Note,
			strings.ReplaceAll(r.DataSets, ",", ", "))
	}
	return t.write(out, o.Width)
}

// RevisionsCSV writes all corrections, times as in RFC 3339.
func RevisionsCSV(out io.Writer, a query.RevisionsAnswer) error {
	w := newSheet(out, []string{"revision", "since", "until", "state", "cutoff", "created", "changed", "data_sets", "note"})
	for _, r := range a.Rows {
		w.line([]string{
			digits(uint64(r.Revision)), instant(r.Since), instant(r.Until), r.State, instant(r.Cutoff), instant(r.Created), instant(r.Changed),
			r.DataSets, r.Note,
		})
	}
	return w.end()
}

func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
