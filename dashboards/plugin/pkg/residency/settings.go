package residency

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/config"
)

// Settings are the data source's jsonData. The password lies in secureJsonData.
type Settings struct {
	Address        string `json:"address"`        // host:port of ClickHouse's native protocol
	Database       string `json:"database"`       // empty: landfall
	User           string `json:"user"`           // a user that may only read
	TLS            bool   `json:"tls"`            // against the system's authorities
	AllowPlaintext bool   `json:"allowPlaintext"` // without TLS to another machine
}

// readSettings returns how to log in, or all that is wrong with the settings.
func readSettings(from backend.DataSourceInstanceSettings) (clickhouse.Config, error) {
	c := clickhouse.DefaultConfig()
	s := Settings{Address: c.Addresses[0], Database: c.Database, User: "landfall_reader"}
	if len(from.JSONData) > 0 {
		if err := json.Unmarshal(from.JSONData, &s); err != nil {
			return c, fmt.Errorf("settings of data source %q: %w", from.Name, err)
		}
	}
	c.Addresses, c.Database, c.User = []string{s.Address}, s.Database, s.User
	c.Password = config.Secret(from.DecryptedSecureJSONData["password"])
	c.TLS.Enabled, c.AllowPlaintext = s.TLS, s.AllowPlaintext
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("settings of data source %q: %w", from.Name, err)
	}
	return c, nil
}
