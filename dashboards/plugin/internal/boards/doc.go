// Package boards says what is on the Grafana dashboards. A panel's query is a panel.Query, so that one
// which the data source does not know does not compile; command boards writes the JSON.
//
// It must not know any database.
package boards
