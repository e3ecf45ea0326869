package netflow

import "time"

// Limits bound what a decoder remembers and what it does for one datagram, so that no sender can
// make it grow.
type Limits struct {
	// Exporters is the number of exporters that are remembered.
	Exporters int
	// Domains is the number of observation domains of one exporter.
	Domains int
	// Templates is the number of templates of one exporter.
	Templates int
	// Fields is the number of fields of all templates of one exporter, TotalFields of all exporters.
	Fields, TotalFields int
	// TemplateFields is the number of fields of one template.
	TemplateFields int
	// Samplers and Names are the numbers of samplers and of application names of one domain.
	Samplers, Names int
	// ExporterSamplers and ExporterNameBytes bound those of one exporter's domains together,
	// TotalSamplers and TotalNameBytes those of all exporters. A name counts for its bytes and nameCost.
	ExporterSamplers, TotalSamplers, ExporterNameBytes, TotalNameBytes int
	// RecordsPerDatagram and WorkPerDatagram (fields visited) bound one datagram.
	RecordsPerDatagram, WorkPerDatagram int
	// Expiry is how long something is kept that is neither sent again nor used.
	Expiry time.Duration
}

// DefaultLimits leaves room for large chassis and stays within a few hundred MiB under attack.
func DefaultLimits() Limits {
	return Limits{
		Exporters: 2048, Domains: 256, Templates: 2048, Fields: 1 << 16, TotalFields: 1 << 20,
		TemplateFields: 512, Samplers: 1024, Names: 4096,
		ExporterSamplers: 1 << 14, TotalSamplers: 1 << 19, ExporterNameBytes: 8 << 20, TotalNameBytes: 128 << 20,
		RecordsPerDatagram: 8192, WorkPerDatagram: 1 << 17,
		Expiry: 6 * time.Hour,
	}
}
