// Package query answers typed residency questions: which vendor's handsets sent how much to which
// place, over time. It is the only place that writes SQL for the residency rollups; the command
// line, the reporter, the page and the Grafana plugin all ask here.
//
// It must not know who asks, nor any data set: the display names of places are passed in.
package query
