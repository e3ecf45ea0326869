package flows

import (
	"errors"
	"fmt"
	"strings"

	"github.com/landfall-telemetry/landfall/internal/flow"
	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// SchemaVersion is the layout of enriched batches that this package reads.
const SchemaVersion = 1

// MaxFlows bounds the flows of one batch, and with it what a hostile message can make us allocate.
const MaxFlows = 1 << 16

// maxName bounds one name of a batch, in bytes.
const maxName = 1 << 12

// The times at which a batch can have arrived: 2000 to 2100, in milliseconds since 1970.
const (
	minReceivedMs = 946_684_800_000
	maxReceivedMs = 4_102_444_800_000
)

// What else bounds the names of a batch: no enricher comes near.
const (
	maxAlternatives  = 16
	maxDataSets      = 64
	maxOlderDataSets = 1 << 10
)

const addrSize = 16

// ErrSchemaVersion says that a message has a layout that this version does not know.
var ErrSchemaVersion = errors.New("unknown schema version")

// Decode replaces into by the batch of a Kafka message and checks it; into keeps its memory. The
// strings of a batch are its own; its columns are reused by the next Decode.
func Decode(message []byte, into *landfallv1.EnrichedBatch) error {
	into.ResetVT()
	if err := flow.ScanLedger(message); err != nil {
		return fmt.Errorf("enriched batch: %w", err)
	}
	if err := into.UnmarshalVT(message); err != nil {
		return fmt.Errorf("unmarshal enriched batch: %w", err)
	}
	if err := Validate(into); err != nil {
		return fmt.Errorf("enriched batch: %w", err)
	}
	return nil
}

// Validate checks a batch: nothing that it accepts can make Block.Append panic, and every value
// fits its column.
func Validate(p *landfallv1.EnrichedBatch) error {
	if p.SchemaVersion == 0 {
		return errors.New("no schema version")
	}
	if p.SchemaVersion != SchemaVersion {
		return fmt.Errorf("%w %d, this version reads %d", ErrSchemaVersion, p.SchemaVersion, SchemaVersion)
	}
	if p.Origin == nil || p.Origin.Collector == "" || p.Origin.Sequence == 0 {
		return errors.New("no origin")
	}
	if p.Source == nil || p.Source.Offset < 0 {
		return errors.New("no source")
	}
	if p.Count > MaxFlows {
		return fmt.Errorf("%d flows, at most %d are read", p.Count, MaxFlows)
	}
	if p.ReceivedMs < minReceivedMs || p.ReceivedMs > maxReceivedMs {
		return fmt.Errorf("received_ms %d is not in the years 2000 to 2100", p.ReceivedMs)
	}
	return errors.Join(append(append(columnFaults(p), dictionaryFaults(p)...), flow.ValidateLedger(p.Ledger))...)
}

func columnFaults(p *landfallv1.EnrichedBatch) (errs []error) {
	length := func(name string, got, each int) {
		if got != 0 && got != int(p.Count)*each {
			errs = append(errs, fmt.Errorf("column %s has length %d, %d flows", name, got, p.Count))
		}
	}
	// most is the largest value that fits the column of the table.
	column := func(name string, values []uint32, most uint32) {
		length(name, len(values), 1)
		for _, v := range values {
			if v > most {
				errs = append(errs, fmt.Errorf("column %s holds %d, at most %d fits", name, v, most))
				return
			}
		}
	}
	length("exporter", len(p.Exporter), addrSize)
	length("observation_domain", len(p.ObservationDomain), 1)
	column("export_protocol", p.ExportProtocol, uint32(len(exportProtocols)-1))
	length("start_ms", len(p.StartMs), 1)
	length("end_ms", len(p.EndMs), 1)
	column("ip_protocol", p.IpProtocol, 0xff)
	column("tcp_flags", p.TcpFlags, 0xff)
	column("handset_side", p.HandsetSide, uint32(len(handsetSides)-1))
	column("verdict", p.Verdict, uint32(len(verdicts)-1))
	column("domain_source", p.DomainSource, uint32(len(domainSources)-1))
	length("subscriber", len(p.Subscriber), 1)
	length("remote_address", len(p.RemoteAddress), addrSize)
	column("remote_port", p.RemotePort, 0xffff)
	length("octets_up", len(p.OctetsUp), 1)
	length("packets_up", len(p.PacketsUp), 1)
	length("octets_down", len(p.OctetsDown), 1)
	length("packets_down", len(p.PacketsDown), 1)
	length("sampling_interval", len(p.SamplingInterval), 1)
	return errs
}

func dictionaryFaults(p *landfallv1.EnrichedBatch) (errs []error) {
	// An index column that is left out is 0 for every flow, so the dictionary needs an entry then too.
	index := func(name string, values []uint32, first, size int) {
		if len(values) == 0 {
			if first == 0 && size == 0 && p.Count > 0 {
				errs = append(errs, fmt.Errorf("column %s has no entry to point at", name))
			}
			return
		}
		if len(values) != int(p.Count) {
			errs = append(errs, fmt.Errorf("column %s has length %d, %d flows", name, len(values), p.Count))
		}
		for _, v := range values {
			if int64(v) >= int64(first+size) {
				errs = append(errs, fmt.Errorf("column %s points at entry %d of %d", name, v, size))
				return
			}
		}
	}
	index("vendor", p.Vendor, 0, len(p.Vendors))
	index("place", p.Place, 0, len(p.Places))
	index("network", p.Network, 0, len(p.Networks))
	index("data_set", p.DataSet, 1, len(p.OlderDataSets))
	index("application_name", p.ApplicationName, 1, len(p.Strings))
	index("domain_name", p.DomainName, 1, len(p.Strings))

	names := func(what string, i int, names ...string) {
		for _, n := range names {
			if len(n) > maxName {
				errs = append(errs, fmt.Errorf("%s %d has a name of %d bytes, at most %d are read", what, i, len(n), maxName))
			}
		}
	}
	names("batch", 0, p.Operator, p.Site, p.Origin.Collector)
	// vtproto's decoder never leaves an entry nil, but a batch made in memory may.
	for i, v := range p.Vendors {
		if v == nil {
			return append(errs, fmt.Errorf("vendor %d is not there", i))
		}
		names("vendor", i, v.Name, v.Method)
	}
	for i, v := range p.Places {
		if v == nil {
			return append(errs, fmt.Errorf("place %d is not there", i))
		}
		names("place", i, v.CountryCode, v.SubdivisionCode, v.City, v.CloudProvider, v.CloudRegion, v.Method, v.Confidence, v.Jurisdiction)
		if err := alternativesFault(v.Alternatives); err != nil {
			errs = append(errs, fmt.Errorf("place %d %w", i, err))
		}
	}
	for i, v := range p.Networks {
		if v == nil {
			return append(errs, fmt.Errorf("network %d is not there", i))
		}
		names("network", i, v.Organization)
	}
	errs = append(errs, dataSetFaults(p)...)
	for i, s := range p.Strings {
		names("string", i, s)
	}
	return errs
}

// alternativesFault looks at the codes of one place, which are joined by | in the tables.
func alternativesFault(codes []string) error {
	if len(codes) > maxAlternatives {
		return fmt.Errorf("has %d alternatives, at most %d are read", len(codes), maxAlternatives)
	}
	for _, code := range codes {
		if code == "" || len(code) > maxName/maxAlternatives || strings.Contains(code, "|") {
			return fmt.Errorf("has %.100q among its alternatives, which is no code", code)
		}
	}
	return nil
}

func dataSetFaults(p *landfallv1.EnrichedBatch) (errs []error) {
	if len(p.OlderDataSets) > maxOlderDataSets {
		return []error{fmt.Errorf("%d sets of older data sets, at most %d are read", len(p.OlderDataSets), maxOlderDataSets)}
	}
	sets := func(what string, all []*landfallv1.DataSetVersion) {
		if len(all) > maxDataSets {
			errs = append(errs, fmt.Errorf("%s: %d data sets, at most %d are read", what, len(all), maxDataSets))
			return
		}
		for i, v := range all {
			if v == nil {
				errs = append(errs, fmt.Errorf("%s: data set %d is not there", what, i))
				return
			}
			for _, s := range []string{v.Name, v.Version, v.Sha256, v.License, v.Source, v.Credit} {
				if len(s) > maxName {
					errs = append(errs, fmt.Errorf("%s: data set %d has a name of %d bytes, at most %d are read", what, i, len(s), maxName))
					return
				}
			}
			// A DateTime64 holds the years 1900 to 2299.
			for _, ms := range []int64{v.BuiltMs, v.InForceMs} {
				if ms < 0 || ms > maxReceivedMs {
					errs = append(errs, fmt.Errorf("%s: data set %d has the time %d, which is not in the years 1970 to 2100", what, i, ms))
					return
				}
			}
		}
	}
	sets("data_sets", p.DataSets)
	for i, older := range p.OlderDataSets {
		if older == nil {
			return append(errs, fmt.Errorf("older data sets %d are not there", i))
		}
		sets(fmt.Sprint("older_data_sets ", i+1), older.Sets)
	}
	return errs
}
