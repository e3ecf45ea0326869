package protocol_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/internal/pluginhost"
	"github.com/landfall-telemetry/landfall/internal/clickhouse"
	"github.com/landfall-telemetry/landfall/internal/clickhouse/flows/flowstest"
	"github.com/landfall-telemetry/landfall/internal/testkit/chtest"
)

func testHealth(t *testing.T, p *pluginhost.Plugin, c clickhouse.Config, db *chtest.Server) {
	ca, address := terminator(t, db.Native)
	_, httpsAddress := ca.listen(t, db.HTTP)
	empty := chtest.Start(t)
	_, none := flowstest.Start(t)
	with := func(set map[string]any) map[string]any {
		all := settings(c)
		maps.Copy(all, set)
		return all
	}
	secret := func(set map[string]string) map[string]string {
		all := password(c)
		maps.Copy(all, set)
		return all
	}
	cert, key := ca.issue(t, "client")
	secured := map[string]string{"tlsCACert": ca.pem, "tlsClientCert": cert, "tlsClientKey": key}
	full := map[string]any{"address": address, "tls": true, "tlsAuth": true, "tlsAuthWithCACert": true, "serverName": "clickhouse"}
	without := func(m map[string]any, keys ...string) map[string]any {
		m = maps.Clone(m)
		for _, k := range keys {
			delete(m, k)
		}
		return m
	}
	for _, test := range []struct {
		name     string
		settings map[string]any
		secrets  map[string]string
		status   backend.HealthStatus
		wrong    string
		says     string
	}{
		{"good, but old", nil, nil, backend.HealthStatusOk, "", "28 flows counted"},
		{"http", map[string]any{"address": db.HTTP, "protocol": "http"}, nil, backend.HealthStatusOk, "", "28 flows counted"},
		{"nothing received", map[string]any{"database": none.Database}, nil, backend.HealthStatusOk, "freshness", "Warning: no flow has been received yet"},
		{"settings", map[string]any{"address": "192.0.2.1:9000", "maxRows": -1}, nil, backend.HealthStatusError, "settings", "maxRows"},
		{"wrong password", nil, map[string]string{"password": "wrong"}, backend.HealthStatusError, "login", "does not let user"},
		{"wrong password over http", map[string]any{"address": db.HTTP, "protocol": "http"}, map[string]string{"password": "wrong"}, backend.HealthStatusError, "login", "does not let user"},
		{"no server", map[string]any{"address": "127.0.0.1:1"}, nil, backend.HealthStatusError, "connection", "127.0.0.1:1"},
		{"the other protocol's port", map[string]any{"address": db.HTTP}, nil, backend.HealthStatusError, "connection", db.HTTP},
		{"no database", map[string]any{"database": "landfall_test_gone"}, nil, backend.HealthStatusError, "schema", "landfall_test_gone"},
		{"no tables", map[string]any{"database": empty.Database}, nil, backend.HealthStatusError, "schema", "none of Landfall's tables"},
		{"no right", map[string]any{"user": db.Reader}, map[string]string{"password": db.ReaderPassword}, backend.HealthStatusError, "permission", "may not read"},
		{"tls", full, secured, backend.HealthStatusOk, "", "28 flows counted"},
		{"https", with(map[string]any{"address": httpsAddress, "protocol": "http", "tls": true, "tlsAuth": true, "tlsAuthWithCACert": true, "serverName": "clickhouse"}), secured, backend.HealthStatusOk, "", "28 flows counted"},
		{"unknown authority", without(full, "tlsAuthWithCACert"), secured, backend.HealthStatusError, "tls", "tlsCACert"},
		{"another name", without(full, "serverName"), secured, backend.HealthStatusError, "tls", "serverName"},
		{"no client certificate", without(full, "tlsAuth"), secured, backend.HealthStatusError, "tls", "certificate"},
		{"a server without tls", map[string]any{"tls": true}, nil, backend.HealthStatusError, "tls", "does not speak TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := connect(t, p, with(test.settings), secret(test.secrets)).health()
			var details struct {
				VerboseMessage string
				Wrong          string
				Checks         []struct {
					Name string
					OK   bool
				}
			}
			if err := json.Unmarshal(r.JSONDetails, &details); err != nil {
				t.Fatal(err)
			}
			if r.Status != test.status || !strings.Contains(r.Message, test.says) || details.VerboseMessage == "" {
				t.Errorf("%v %q", r.Status, r.Message)
			}
			if details.Wrong != test.wrong {
				t.Errorf("wrong is %q, want %q: %s", details.Wrong, test.wrong, r.Message)
			}
			for _, s := range []string{c.Password.Reveal(), key} {
				if strings.Contains(r.Message+string(r.JSONDetails), s) {
					t.Error("the message shows a secret")
				}
			}
		})
	}
	// A year later the same data are old; a minute is enough for that with data of a time gone by.
	old := connect(t, p, with(map[string]any{"freshnessMinutes": 1}), password(c))
	exec(t, db.Conn(t), "ALTER TABLE exporter_day UPDATE last_received = toDateTime('2026-03-01 00:00:00', 'UTC') WHERE 1 SETTINGS mutations_sync = 2")
	if r := old.health(); r.Status != backend.HealthStatusOk || !strings.Contains(r.Message, "Warning: nothing has been received for") {
		t.Errorf("old data: %v %q", r.Status, r.Message)
	}
}

// authority signs certificates for one test.
type authority struct {
	pem  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

// terminator listens with TLS, wants a client certificate, and forwards to a server without.
func terminator(t *testing.T, to string) (*authority, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{pem: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), key: key, pool: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a.listen(t, to)
}

func (a *authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, a.cert, &private.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: b}))
}

func (a *authority) listen(t *testing.T, to string) (*authority, string) {
	t.Helper()
	cert, key := a.issue(t, "clickhouse")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() {
					_, _ = io.Copy(out, in)
					out.Close()
				}()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return a, l.Addr().String()
}

func testSchema(t *testing.T, p *pluginhost.Plugin, _ clickhouse.Config, _ *chtest.Server) {
	db, c := flowstest.Start(t)
	conn := db.Conn(t)
	s := connect(t, p, settings(c), password(c))
	known, err := clickhouse.Migrations()
	if err != nil {
		t.Fatal(err)
	}
	last := known[len(known)-1]
	exec(t, conn, "INSERT INTO schema_migrations (version_id, is_applied) VALUES (9000, 1)")
	if r := s.health(); r.Status != backend.HealthStatusError || !strings.Contains(r.Message, "9000") || !strings.Contains(r.Message, "upgrade the plugin") {
		t.Errorf("a newer schema: %v %q", r.Status, r.Message)
	}
	exec(t, conn, "ALTER TABLE schema_migrations DELETE WHERE version_id >= ? SETTINGS mutations_sync = 2", last.Version)
	if r := s.health(); r.Status != backend.HealthStatusError || !strings.Contains(r.Message, last.Name) {
		t.Errorf("an older schema: %v %q", r.Status, r.Message)
	}
	exec(t, conn, "DROP TABLE exporter_day SYNC")
	exec(t, conn, "DROP TABLE ledger_hour SYNC")
	if r := s.ask("completeness", `{}`); r.Error == nil || r.ErrorSource != backend.ErrorSourceDownstream || !strings.Contains(r.Error.Error(), last.Name) {
		t.Errorf("a query on an older schema: %d %s %v", r.Status, r.ErrorSource, r.Error)
	}
}
