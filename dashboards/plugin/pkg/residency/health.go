package residency

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	clickhousego "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/tenant"
)

// healthTime bounds the health check.
const healthTime = 15 * time.Second

// step is one thing that the health check looks at. The order is that of the checks; what comes after
// one that fails was not looked at.
type step struct {
	Name    string `json:"name"` // settings, connection, tls, login, schema, permission, freshness
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

// details is the JSON beside a health message.
type details struct {
	VerboseMessage string `json:"verboseMessage"` // Grafana shows this one
	Wrong          string `json:"wrong,omitempty"`
	Checks         []step `json:"checks"`
	Schema         schema `json:"schema,omitzero"`
}

// CheckHealth says which of the settings, the connection, TLS, the login, the schema, the rights or the
// freshness of the data is wrong.
func (d *Datasource) CheckHealth(ctx context.Context, request *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	var about details
	good := func(name, message string) { about.Checks = append(about.Checks, step{name, true, message}) }
	result := func(status backend.HealthStatus, message string) (*backend.CheckHealthResult, error) {
		lines := make([]string, 0, len(about.Checks))
		for _, s := range about.Checks {
			lines = append(lines, s.Name+": "+s.Message)
		}
		about.VerboseMessage = strings.Join(lines, "\n")
		b, err := json.Marshal(about)
		if err != nil {
			return nil, err
		}
		return &backend.CheckHealthResult{Status: status, Message: message, JSONDetails: b}, nil
	}
	bad := func(name, message string) (*backend.CheckHealthResult, error) {
		about.Wrong = name
		about.Checks = append(about.Checks, step{name, false, message})
		return result(backend.HealthStatusError, message)
	}

	if d.refused != nil {
		return bad("settings", d.refused.Error())
	}
	good("settings", "complete")
	ctx, done := within(ctx, healthTime)
	defer done()
	ctx = comment{Source: d.uid, From: "health"}.with(ctx, request.PluginContext)
	if err := d.conn.Ping(ctx); err != nil {
		return bad(d.reach(err))
	}
	good("connection", fmt.Sprintf("%s over %s", d.Address, d.Protocol))
	good("login", "as "+d.User)

	about.Schema = d.schema(ctx)
	if about.Schema.fault != "" {
		return bad("schema", about.Schema.fault)
	}
	if name, message := d.readable(ctx); name != "" {
		return bad(name, message)
	}
	if about.Schema.Unknown != "" {
		good("schema", "not known, for user "+d.User+" may not read schema_migrations; the tables are there")
	} else {
		good("schema", fmt.Sprintf("version %d", about.Schema.Version))
	}
	totals, err := d.client.Totals(ctx)
	if err != nil {
		return bad("permission", d.explain(ctx, err).message)
	}
	good("permission", "all tables can be read")

	message := fmt.Sprintf("Connected to %s: %d flows counted", d.Address, totals.Flows)
	if totals.LastReceived.IsZero() {
		const none = "no flow has been received yet"
		about.Wrong = "freshness"
		about.Checks = append(about.Checks, step{"freshness", false, none})
		return result(backend.HealthStatusOk, message+". Warning: "+none+d.scoped()+".")
	}
	last := totals.LastReceived.UTC()
	message += ", the last received " + last.Format(time.RFC3339)
	if age := time.Since(last); age > time.Duration(d.FreshnessMinutes)*time.Minute {
		old := fmt.Sprintf("nothing has been received for %s, more than the %d minutes of the setting freshnessMinutes", long(age), d.FreshnessMinutes)
		about.Wrong = "freshness"
		about.Checks = append(about.Checks, step{"freshness", false, old})
		return result(backend.HealthStatusOk, message+". Warning: "+old+d.scoped()+".")
	}
	good("freshness", "the last flow was received "+last.Format(time.RFC3339))
	return result(backend.HealthStatusOk, message+".")
}

// long is a duration as people say it.
func long(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

func (d *Datasource) scoped() string {
	if len(d.Operators)+len(d.Sites) == 0 {
		return ""
	}
	return " from the operators and sites of the settings"
}

// reach names what is wrong where no statement comes through.
func (d *Datasource) reach(err error) (name, message string) {
	var said *clickhousego.Exception
	var header tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch text := err.Error(); {
	case clickhouse.LoginRefused(err):
		errors.As(err, &said)
		return "login", fmt.Sprintf("ClickHouse at %s does not let user %q in: %s", d.Address, d.User, said.Message)
	case errors.As(err, &said) && proto.Error(said.Code) == proto.ErrUnknownDatabase:
		return "schema", fmt.Sprintf("There is no database %q; the aggregator makes it when it starts.", d.Database)
	case errors.As(err, &said) && proto.Error(said.Code) == proto.ErrAccessDenied:
		return "permission", fmt.Sprintf("User %q may not read database %q: %s", d.User, d.Database, said.Message)
	case errors.As(err, &said) && (proto.Error(said.Code) == proto.ErrReadonly || proto.Error(said.Code) == proto.ErrReadonlySetting):
		return "permission", d.readonly() + ": " + said.Message
	case errors.As(err, &unknown):
		return "tls", fmt.Sprintf("The certificate of %s is of an authority that is not trusted; give it as tlsCACert: %v", d.Address, unknown)
	case errors.As(err, &host):
		return "tls", fmt.Sprintf("The certificate of %s is for another name; serverName sets it: %v", d.Address, host)
	case errors.As(err, &header), strings.Contains(text, "does not look like a TLS handshake"), strings.Contains(text, "HTTP response to HTTPS client"):
		return "tls", fmt.Sprintf("%s does not speak TLS: %v", d.Address, err)
	case errors.As(err, &invalid), strings.Contains(text, "tls: "), strings.Contains(text, "x509: "):
		return "tls", fmt.Sprintf("TLS with %s fails: %v", d.Address, err)
	}
	return "connection", fmt.Sprintf("ClickHouse at %s cannot be reached over %s: %v", d.Address, d.Protocol, err)
}

// readable tries every table that questions read.
func (d *Datasource) readable(ctx context.Context) (name, message string) {
	var missing, denied []string
	tables := append(append([]string{}, tenant.Scoped...), tenant.Shared...)
	for _, table := range tables {
		err := d.conn.Exec(ctx, "SELECT 1 FROM `"+d.Database+"`.`"+table+"` LIMIT 0")
		var said *clickhousego.Exception
		switch {
		case err == nil:
		case errors.As(err, &said) && (proto.Error(said.Code) == proto.ErrUnknownTable || proto.Error(said.Code) == proto.ErrUnknownDatabase):
			missing = append(missing, table)
		case errors.As(err, &said) && proto.Error(said.Code) == proto.ErrAccessDenied:
			denied = append(denied, table)
		default:
			f := d.explain(ctx, err)
			if f.status == backend.StatusForbidden {
				return "permission", f.message
			}
			return "connection", f.message
		}
	}
	switch {
	case len(missing) == len(tables):
		return "schema", fmt.Sprintf("Database %q has none of Landfall's tables; the aggregator makes them when it starts.", d.Database)
	case len(denied) > 0:
		return "permission", fmt.Sprintf("User %q may not read these tables of database %q: %s.", d.User, d.Database, strings.Join(denied, ", "))
	case len(missing) > 0:
		return "schema", fmt.Sprintf("Database %q lacks these tables: %s; start the aggregator of the plugin's version, which makes them.", d.Database, strings.Join(missing, ", "))
	}
	return "", ""
}
