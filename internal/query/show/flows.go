package show

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// Flows prints single flows for people, in the order of the answer.
func Flows(out io.Writer, a query.FlowsAnswer, o Options) error {
	o = o.normal()
	lines := aboutNotes(&a.About, a.Warnings)
	if len(a.Rows) == 0 {
		if _, err := fmt.Fprintln(out, "No flows are kept for this question."); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return notes(out, o.Width, lines)
	}
	if a.More {
		lines = append([]string{fmt.Sprintf("These are the first %s; there are more.", number(uint64(len(a.Rows))))}, lines...)
	}
	t := &table{columns: []column{
		{title: "Start"},
		{title: "Seconds", right: true, drop: 6},
		{title: "Vendor", drop: 18, most: 20},
		{title: "Handset", drop: 11},
		{title: "Remote"},
		{title: "Name", drop: 9, most: 32},
		{title: "Place", drop: 16, most: 20},
		{title: "Cloud region", drop: 5, most: 24},
		{title: "Network", drop: 10, most: 32},
		{title: "Up", right: true},
		{title: "95 %", drop: 12},
		{title: "Down", right: true, drop: 15},
		{title: "95 %", drop: 3},
		{title: "Sampled", drop: 8},
		{title: "Verdict", drop: 13},
		{title: "Jurisdiction", drop: 4, most: 20},
		{title: "Confidence", drop: 7, most: 32},
		{title: "Site", drop: 2, most: 20},
		{title: "Exporter", drop: 1},
	}}
	for i := range a.Rows {
		r := &a.Rows[i]
		// What a flow says of its remote end, as a row of that.
		end := query.EndpointRow{
			ASN: r.ASN, ASOrganization: r.ASOrganization, Place: r.Place, CloudProvider: r.CloudProvider, CloudRegion: r.CloudRegion,
			Confidence: r.Confidence, Alternatives: r.Alternatives,
		}
		sampled := ""
		if r.SamplingInterval > 1 {
			sampled = "1 in " + number(uint64(r.SamplingInterval))
		}
		t.add(r.Start.UTC().Format("2006-01-02 15:04:05.000"), fmt.Sprintf("%.3f", r.End.Sub(r.Start).Seconds()), r.Vendor, r.Handset, remoteOf(r), r.DomainName,
			placeOf(&end, o), cloud(&end), asn(&end), estimated(r.BytesUp, r.BytesUpInterval), beside(r.BytesUp, r.BytesUpInterval),
			estimated(r.BytesDown, r.BytesDownInterval), beside(r.BytesDown, r.BytesDownInterval), sampled, r.Verdict, r.Jurisdiction, confidence(&end),
			where(r.Operator, r.Site), r.Exporter.String())
	}
	if err := t.write(out, o.Width); err != nil {
		return err
	}
	return notes(out, o.Width, lines)
}

// remoteOf is the remote end's address with the protocol and port.
func remoteOf(r *query.FlowRow) string {
	address := query.Unknown
	if r.RemoteAddress.IsValid() {
		address = r.RemoteAddress.String()
	}
	switch name := map[uint8]string{6: "tcp", 17: "udp", 132: "sctp"}[r.IPProtocol]; {
	case name != "":
		return fmt.Sprintf("%s %s/%d", address, name, r.RemotePort)
	case r.IPProtocol == 1 || r.IPProtocol == 58:
		return address + " icmp"
	}
	return fmt.Sprintf("%s protocol %d", address, r.IPProtocol)
}

// FlowsCSV writes single flows with exact figures, and times as in RFC 3339 with milliseconds.
func FlowsCSV(out io.Writer, rows []query.FlowRow) error {
	const millis = "2006-01-02T15:04:05.000Z"
	w := newSheet(out, slices.Concat([]string{
		"start", "end", "received", "operator", "site", "exporter", "export_protocol", "side", "handset", "vendor", "vendor_method",
		"remote_address", "remote_port", "ip_protocol", "tcp_flags", "domain_name", "domain_source", "application", "place", "country", "city",
		"cloud_provider", "cloud_region", "asn", "as_organization", "place_method", "confidence", "alternatives", "jurisdiction", "verdict",
		"sampling_interval", "data_sets",
	}, figureNames))
	for i := range rows {
		r := &rows[i]
		remote := ""
		if r.RemoteAddress.IsValid() {
			remote = r.RemoteAddress.String()
		}
		w.line(slices.Concat([]string{
			r.Start.UTC().Format(millis), r.End.UTC().Format(millis), r.Received.UTC().Format(millis), r.Operator, r.Site, r.Exporter.String(),
			r.ExportProtocol, r.Side, r.Handset, r.Vendor, r.VendorMethod, remote, fmt.Sprint(r.RemotePort), fmt.Sprint(r.IPProtocol),
			fmt.Sprint(r.TCPFlags), r.DomainName, r.DomainSource, r.Application, r.Place, r.Country, r.City, r.CloudProvider, r.CloudRegion,
			digits(uint64(r.ASN)), r.ASOrganization, r.PlaceMethod, r.Confidence, strings.Join(r.Alternatives, " "), r.Jurisdiction, r.Verdict,
			digits(uint64(r.SamplingInterval)), r.DataSets,
		}, figureCells(&r.Figures)))
	}
	return w.end()
}
