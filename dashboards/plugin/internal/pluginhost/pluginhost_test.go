package pluginhost_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
)

func TestBinary(t *testing.T) {
	p := pluginhost.Run(t, pluginhost.Binary(t), pluginhost.Options{})
	from, err := pluginhost.Source{UID: "a", Name: "A", JSONData: map[string]any{"address": "127.0.0.1:1"}}.Context(nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.CheckHealth(t.Context(), &backend.CheckHealthRequest{PluginContext: from})
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != backend.HealthStatusError || !strings.Contains(r.Message, "127.0.0.1:1") {
		t.Errorf("%v %q", r.Status, r.Message)
	}
	p.Stop()
	if !p.Exited() {
		t.Error("the plugin runs on")
	}
}

func TestNoBinary(t *testing.T) {
	if p, err := pluginhost.Start(t.Context(), filepath.Join(t.TempDir(), "none"), pluginhost.Options{}); err == nil {
		p.Stop()
		t.Error("no error")
	}
}
