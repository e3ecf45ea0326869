package residency

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/query"
)

// What the settings come to; the rest is tested over the real protocol, in tests/protocol.
func TestSettings(t *testing.T) {
	read := func(settings string, secrets map[string]string) (connection, error) {
		return readSettings(backend.DataSourceInstanceSettings{JSONData: []byte(settings), DecryptedSecureJSONData: secrets})
	}
	c, err := read("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.clickhouse.Addresses[0] != "127.0.0.1:9000" || c.User != "landfall_reader" || c.timeout != 30*time.Second || c.bound != 0.99 ||
		c.options.Caps.Rows != query.MaxRows || c.FreshnessMinutes != 15 || c.clickhouse.Validate() != nil {
		t.Errorf("%+v", c)
	}
	c, err = read(`{"address":"ch.example:9440","tls":true,"serverName":"ch","operators":["north"],"sites":["oslo"],"maxBytesRead":7,"completenessBound":0,"somethingOfGrafana":1}`,
		map[string]string{"password": "geheim"})
	if err != nil || !c.clickhouse.TLS.Enabled || c.clickhouse.TLS.ServerName != "ch" || c.clickhouse.Password.Reveal() != "geheim" ||
		c.options.Scope.Operators[0] != "north" || c.options.Scope.Sites[0] != "oslo" || c.options.Caps.BytesToRead != 7 || c.bound != 0 {
		t.Errorf("%+v, %v", c, err)
	}

	for settings, faults := range map[string][]string{
		`{"address":"192.0.2.1:9000"}`: {"192.0.2.1:9000 is not on Grafana's machine"},
		`{"address":"x","protocol":"grpc","database":"a b","timeoutSeconds":-1,"maxConnections":1000,"maxRows":-1,"minHandsets":-1,"freshnessMinutes":-1,"completenessBound":2,"operators":[""]}`: {
			`"x" is not host:port`, `"grpc"`, `"a b"`, "timeoutSeconds", "maxConnections", "maxRows", "minHandsets", "freshnessMinutes", "completenessBound", "operators",
		},
		`{"address":"127.0.0.1:99999"}`:         {"host:port"},
		`{"tlsAuth":true}`:                      {"tls is off", "tlsClientCert"},
		`{"tls":true,"tlsAuthWithCACert":true}`: {"tlsCACert is missing"},
		`{"operators":"north"}`:                 {"operators"}, // never wider than it was meant
		`{"sites":{}}`:                          {"sites"},
		`{"maxBytesRead":-1}`:                   {"maxBytesRead"},
		`[]`:                                    {"settings"},
		`{"tls":true,"tlsAuth":true,"serverName":"a b"}`: {"both needed"},
	} {
		_, err := read(settings, nil)
		for _, says := range faults {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want %q in it", settings, err, says)
			}
		}
	}
	for _, secrets := range []map[string]string{{"tlsCACert": "no PEM", "tlsClientCert": "c", "tlsClientKey": "geheim"}} {
		for _, settings := range []string{`{"tls":true,"tlsAuthWithCACert":true}`, `{"tls":true,"tlsAuth":true}`} {
			if _, err := read(settings, secrets); err == nil || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: %v", settings, err)
			}
		}
	}
}

// TestManifest compares plugin.json with what the backend says of itself.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile("../../src/plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		ID, Type string
		Backend  bool
		Info     struct{ Logos map[string]string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.ID != PluginID || manifest.Type != "datasource" || !manifest.Backend {
		t.Errorf("%+v", manifest)
	}
	for size, file := range manifest.Info.Logos {
		if _, err := os.Stat("../../src/" + file); err != nil {
			t.Errorf("%s logo: %v", size, err)
		}
	}
}
