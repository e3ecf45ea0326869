package panel

import "slices"

// field is one field of a query: for which types, and where it is read to.
type field struct {
	name  string
	types []string // none: all
	into  func(q *Query) any
}

var (
	figureTypes = []string{TypeResidency, TypeMap, TypeCompare, TypeShifts, TypeOvertakes}
	remoteTypes = []string{TypeEndpoints, TypeNewEndpoints, TypeFlows}
	flowTypes   = append(slices.Clone(figureTypes), remoteTypes...) // those about traffic
	bySideTypes = append(slices.Clone(figureTypes), TypeFlows)      // the endpoint history has no sides
)

var fields = []field{
	{"vendors", flowTypes, func(q *Query) any { return &q.Vendors }},
	{"places", flowTypes, func(q *Query) any { return &q.Places }},
	{"countries", flowTypes, func(q *Query) any { return &q.Countries }},
	{"cloudRegions", flowTypes, func(q *Query) any { return &q.CloudRegions }},
	{"verdicts", flowTypes, func(q *Query) any { return &q.Verdicts }},
	{"jurisdictions", flowTypes, func(q *Query) any { return &q.Jurisdictions }},
	{"confidences", flowTypes, func(q *Query) any { return &q.Confidences }},
	{"sides", bySideTypes, func(q *Query) any { return &q.Sides }},
	{"exporters", []string{TypeCompleteness, TypeFlows, TypeAnnotations}, func(q *Query) any { return &q.Exporters }},
	{"operators", nil, func(q *Query) any { return &q.Operators }},
	{"sites", nil, func(q *Query) any { return &q.Sites }},
	{"asns", flowTypes, func(q *Query) any { return &q.ASNs }},
	{"networks", remoteTypes, func(q *Query) any { return &q.Networks }},
	{"filters", flowTypes, func(q *Query) any { return &q.Filters }},
	{"by", []string{TypeResidency, TypeCompare, TypeShifts, TypeOvertakes}, func(q *Query) any { return &q.By }},
	{"shareOf", []string{TypeResidency, TypeCompare, TypeShifts}, func(q *Query) any { return &q.ShareOf }},
	{"metric", []string{TypeResidency, TypeMap, TypeCompare, TypeCompleteness}, func(q *Query) any { return &q.Metric }},
	{"direction", []string{TypeResidency, TypeMap, TypeCompare}, func(q *Query) any { return &q.Direction }},
	{"bucket", []string{TypeResidency, TypeCompleteness, TypeOvertakes}, func(q *Query) any { return &q.Bucket }},
	{"top", []string{TypeResidency, TypeCompare, TypeShifts, TypeEndpoints, TypeNewEndpoints, TypeFlows}, func(q *Query) any { return &q.Top }},
	{"intervals", []string{TypeResidency}, func(q *Query) any { return &q.Intervals }},
	{"format", nil, func(q *Query) any { return &q.Format }},
	{"unit", []string{TypeEndpoints, TypeNewEndpoints}, func(q *Query) any { return &q.Unit }},
	{"eachVendor", []string{TypeNewEndpoints}, func(q *Query) any { return &q.EachVendor }},
	{"order", []string{TypeCompare, TypeEndpoints, TypeNewEndpoints, TypeFlows}, func(q *Query) any { return &q.Order }},
	{"before", []string{TypeCompare, TypeShifts}, func(q *Query) any { return &q.Before }},
	{"hours", []string{TypeResidency, TypeCompare}, func(q *Query) any { return &q.Hours }},
	{"events", []string{TypeAnnotations}, func(q *Query) any { return &q.Events }},
	{"live", []string{TypeNewEndpoints}, func(q *Query) any { return &q.Live }},
	{"revision", []string{TypeResidency}, func(q *Query) any { return &q.Revision }},
}

// grafanas are the fields that Grafana itself puts into a query.
var grafanas = []string{
	"refId", "key", "hide", "queryType", "datasource", "datasourceId", "datasourceUid", "intervalMs", "maxDataPoints",
	"timeRange", "range", "queryCachingTTL", "requestId", "queryGroupId", "fromAnnotations", "app", "editorMode",
}

// A choice is a field of text with few values; the first is what an empty one means.
type choice struct {
	name   string
	value  func(q *Query) *string
	values func(kind string) []string
}

var choices = []choice{
	{"metric", func(q *Query) *string { return &q.Metric }, metricsOf},
	{"direction", func(q *Query) *string { return &q.Direction }, always("up", "down")},
	{"bucket", func(q *Query) *string { return &q.Bucket }, bucketsOf},
	{"intervals", func(q *Query) *string { return &q.Intervals }, always(intervalsHidden, intervalsBand, intervalsNone)},
	{"format", func(q *Query) *string { return &q.Format }, formatsOf},
	{"unit", func(q *Query) *string { return (*string)(&q.Unit) }, always("address", "network", "asn", "place", "country")},
	{"order", func(q *Query) *string { return &q.Order }, ordersOf},
}

func always(values ...string) func(string) []string { return func(string) []string { return values } }

func metricsOf(kind string) []string {
	if kind == TypeCompleteness {
		return []string{metricShare, "silent_hours"}
	}
	return []string{metricBytes, metricPackets, metricFlows, metricShare, metricHandsets, metricUploadRatio}
}

func bucketsOf(kind string) []string {
	switch kind {
	case TypeCompleteness: // the ledger is asked by the hour
		return []string{bucketAuto, "hour", "day", "week", "total"}
	case TypeOvertakes:
		return []string{bucketAuto, "minute", "hour", "day", "week"}
	}
	return []string{bucketAuto, "minute", "hour", "day", "week", "total"}
}

func formatsOf(kind string) []string {
	switch kind {
	case TypeResidency, TypeCompleteness:
		return []string{formatAuto, formatSeries, formatTable, formatNumber}
	case TypeFlows, TypeAnnotations:
		return []string{formatAuto, formatTable}
	}
	return []string{formatAuto, formatTable, formatNumber}
}

func ordersOf(kind string) []string {
	switch kind {
	case TypeCompare:
		return []string{"bytes_up", "shift"}
	case TypeFlows:
		return []string{"newest", "bytes_up", "bytes_down"}
	}
	return []string{"bytes_up", "bytes_down", "one_way", "handsets", "first_seen"}
}
