// Command gpx_landfall_residency is the backend of Landfall's Grafana data source. Grafana starts it
// and speaks gRPC with it.
package main

import (
	"os"

	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/residency"
)

func main() {
	if err := datasource.Manage(residency.PluginID, residency.New, datasource.ManageOpts{}); err != nil {
		log.DefaultLogger.Error("the data source ended", "error", err)
		os.Exit(1)
	}
}
