package pluginhost

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Binary is the path of the plugin's binary: LANDFALL_PLUGIN_BINARY, or one that is built for this test.
func Binary(t testing.TB) string {
	t.Helper()
	if binary := os.Getenv("LANDFALL_PLUGIN_BINARY"); binary != "" {
		return binary
	}
	binary := filepath.Join(t.TempDir(), "gpx_landfall_residency")
	// Not -race: the SDK takes minutes to compile for it.
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/landfall-telemetry/landfall/dashboards/plugin/pkg")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the plugin: %v\n%s", err, out)
	}
	return binary
}

// Run starts the binary for a test, and stops it after it. What the plugin logs is shown if the test fails.
func Run(t testing.TB, binary string, o Options) *Plugin {
	t.Helper()
	if o.Log == nil {
		log := &tail{}
		o.Log = log
		t.Cleanup(func() {
			if t.Failed() {
				log.show(t)
			}
		})
	}
	p, err := Start(t.Context(), binary, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}
