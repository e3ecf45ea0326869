package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/landfall-telemetry/landfall/internal/config"
)

// run runs the command as a user does and returns what it printed.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := rootCommand()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "landfall.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestEverySettingIsDescribed(t *testing.T) {
	for _, f := range config.Fields(defaultConfig()) {
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s has the description %q", f.Path, f.Doc)
		}
	}
}

func TestPrintedConfigurationIsReadAgain(t *testing.T) {
	printed, err := run(t, "print-config", "--config", write(t, "collector: {site: pune}\n"))
	if err != nil {
		t.Fatal(err)
	}
	again := write(t, printed)
	if out, err := run(t, "check-config", "--config", again); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	diff, err := run(t, "print-config", "--diff", "--config", again)
	if err != nil || diff != "collector.site: pune  # default default\n" {
		t.Errorf("%q, %v", diff, err)
	}
}

func TestCheckConfigReportsEveryFault(t *testing.T) {
	_, err := run(t, "check-config", "--config", write(t, `
kafka: {brokers: ["10.0.0.1:9092"], partitions: 0}
clickhouse: {addresses: []}
collector: {listen: [{address: "127.0.0.1", protocol: netflow}]}
enricher: {subscriber_prefixes: [x]}
aggregator: {insert_max_rows: 0}
reporter: {listen: "0.0.0.0:8080"}
telemetry: {log_level: loud}
`))
	for _, want := range []string{
		"kafka.brokers", "kafka.partitions", "clickhouse.addresses", "collector.listen[0]", "enricher.subscriber_prefixes",
		"aggregator.insert_max_rows", "reporter.listen", "telemetry.log_level",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in: %v", want, err)
		}
	}
}

func TestMissingDataSetsAreNamedWithWhatToDo(t *testing.T) {
	path := write(t, "data_dir: "+t.TempDir()+"\nstate_dir: "+t.TempDir()+"\ntelemetry: {listen: \"\"}\n")
	for _, c := range []struct {
		command string
		sets    []string
	}{
		{"up", []string{"engine", "city", "asn", "oui"}},
		{"enricher", []string{"city", "asn", "oui"}},
	} {
		_, err := run(t, c.command, "--config", path)
		for _, set := range c.sets {
			if err == nil || !strings.Contains(err.Error(), "data set "+set) || !strings.Contains(err.Error(), "landfall data update") {
				t.Errorf("%s: no %s in: %v", c.command, set, err)
			}
		}
	}
}

func TestDemoEmptiesOnlyItsOwnFolder(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyDemo(dir); err == nil {
		t.Error("a folder with other files is taken")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
	own := filepath.Join(dir, "demo")
	for range 2 {
		if err := emptyDemo(own); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(own, "left"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := emptyDemo(own); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(own, "left")); !os.IsNotExist(err) {
		t.Errorf("the earlier demo's file: %v", err)
	}
}

func TestDemoWritesNothingIntoTheUsersSystem(t *testing.T) {
	t.Setenv("LANDFALL_STATE_DIR", "/srv/true/state")
	c, err := readConfig(&options{configFile: write(t, `
collector: {spool_dir: /srv/true/spool}
enricher: {pseudonym_key_file: /srv/true/key}
embedded: {broker: {dir: /srv/true/broker}, clickhouse: {dir: /srv/true/clickhouse}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	d := demo{dir: "/demo"}
	d.settle(c)
	c.complete()
	for _, f := range config.Fields(c) {
		if strings.Contains(f.Default, "/srv/true") {
			t.Errorf("%s is %s", f.Path, f.Default)
		}
	}
	if c.Embedded.ClickHouse.Dir != "/demo/state/clickhouse" {
		t.Errorf("the engine's folder is %s", c.Embedded.ClickHouse.Dir)
	}
}

func TestPasswordIsMadeOnceForTheUserAlone(t *testing.T) {
	c := &Config{StateDir: t.TempDir()}
	first, err := c.ensurePassword("landfall")
	if err != nil || len(first) < 20 {
		t.Fatalf("%d characters, %v", len(first), err)
	}
	again, err := c.ensurePassword("landfall")
	if err != nil || again != first || c.storedPassword("landfall") != first {
		t.Error("the password is another one the second time")
	}
	info, err := os.Stat(c.passwordFile("landfall"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-09-01":                "2026-09-01T00:00:00Z",
		"2026-09-01T02:00:00+02:00": "2026-09-01T00:00:00Z",
		"2026-09-01T10:30":          "2026-09-01T10:30:00Z",
		"36h":                       "2026-11-21T00:00:00Z",
		"30d":                       "2026-10-23T12:00:00Z",
		"12w":                       "2026-08-30T12:00:00Z",
	} {
		if got, err := parseTime(text, now); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-3h", "12", "2026-13-01"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%s is taken as %s", text, got)
		}
	}
	if got, err := parseTime("", now); err != nil || !got.IsZero() {
		t.Errorf("nothing: %v, %v", got, err)
	}
}
