package panel

// pending refuses what internal/query cannot answer yet: left out, it would be answered wrongly.
func (q *Query) pending() error {
	var f faults
	refuse := func(name string, asked bool) {
		if asked {
			f.add("%s cannot be answered yet", name)
		}
	}
	remote := q.Type == TypeEndpoints || q.Type == TypeNewEndpoints
	refuse("filters", len(q.Filters) > 0)
	refuse("cloudRegions", len(q.CloudRegions) > 0)
	refuse("verdicts, jurisdictions and confidences", remote && len(q.Verdicts)+len(q.Jurisdictions)+len(q.Confidences) > 0)
	refuse("shareOf", len(q.ShareOf) > 0)
	refuse("hours", q.Hours != nil)
	refuse("share down", q.Metric == metricShare && q.Direction == "down")
	refuse("order", q.Order == "shift" || remote && q.Order != "bytes_up")
	return f.err()
}
