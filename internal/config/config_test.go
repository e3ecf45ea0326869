package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

type sample struct {
	Site  string `yaml:"site" doc:"The site."`
	Kafka struct {
		Brokers  []string      `yaml:"brokers" doc:"The brokers."`
		Timeout  time.Duration `yaml:"timeout" doc:"How long."`
		Password Secret        `yaml:"password" doc:"The password."`
		TLS      TLS           `yaml:"tls"`
	} `yaml:"kafka"`
}

func defaults() *sample {
	s := &sample{Site: "default"}
	s.Kafka.Brokers = []string{"127.0.0.1:9092"}
	s.Kafka.Timeout = time.Second
	return s
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "landfall.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadFileThenEnvironment(t *testing.T) {
	kept := defaults()
	if err := Load(write(t, "kafka:\n  tls:\n    ca_file: x\n"), nil, kept); err != nil || kept.Kafka.Timeout != time.Second || len(kept.Kafka.Brokers) != 1 {
		t.Errorf("a part of a section resets the rest: %v, %+v", err, kept)
	}
	s := defaults()
	path := write(t, "site: delhi\nkafka:\n  brokers: [a:1, b:2]\n  password: geheim\n")
	env := []string{"LANDFALL_KAFKA_TIMEOUT=5s", "LANDFALL_KAFKA_BROKERS=[c:3]", "LANDFALL_KAFKA_TLS_ENABLED=true", "HOME=/x", "LANDFALL_TEST_ENGINE=/elsewhere"}
	if err := Load(path, env, s); err != nil {
		t.Fatal(err)
	}
	if s.Site != "delhi" || s.Kafka.Timeout != 5*time.Second || fmt.Sprint(s.Kafka.Brokers) != "[c:3]" || !s.Kafka.TLS.Enabled || s.Kafka.Password.Reveal() != "geheim" {
		t.Errorf("%+v", s)
	}
}

func TestLoadOfAnEmptyFileKeepsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n"} {
		s := defaults()
		if err := Load(write(t, text), nil, s); err != nil || s.Site != "default" {
			t.Errorf("%q: %v, %+v", text, err, s)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  []string
		want string
	}{
		"unknown key":          {"kafka:\n  broker: [a:1]\n", nil, `unknown field "broker"`},
		"wrong type":           {"kafka:\n  timeout: soon\n", nil, "timeout"},
		"not yaml":             {"site: [", nil, "landfall.yaml"},
		"misspelt environment": {"", []string{"LANDFALL_KAFKA_BROKER=a:1"}, "LANDFALL_KAFKA_BROKER names no setting"},
		"wrong environment":    {"", []string{"LANDFALL_KAFKA_TIMEOUT=soon"}, "LANDFALL_KAFKA_TIMEOUT (kafka.timeout)"},
	} {
		err := Load(write(t, c.text), c.env, defaults())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", name, err, c.want)
		}
	}
	if err := Load("/nowhere/landfall.yaml", nil, defaults()); err == nil {
		t.Error("a file that is not there is taken")
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	s := defaults()
	s.Kafka.Password = "geheim"
	var out bytes.Buffer
	if err := Write(&out, s); err != nil {
		t.Fatal(err)
	}
	if err := Diff(&out, s, defaults()); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&out, "%v %+v %#v %s", s, s, s, s.Kafka.Password)
	if strings.Contains(out.String(), "geheim") || !strings.Contains(out.String(), "[redacted]") {
		t.Errorf("%s", &out)
	}
}

func TestWrittenConfigurationIsReadAgain(t *testing.T) {
	s := defaults()
	s.Site, s.Kafka.Timeout = "pune", 90*time.Second
	var out bytes.Buffer
	if err := Write(&out, s); err != nil {
		t.Fatal(err)
	}
	again := defaults()
	if err := Decode(out.Bytes(), again); err != nil || again.Site != "pune" || again.Kafka.Timeout != s.Kafka.Timeout {
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestDiffShowsWhatDiffers(t *testing.T) {
	s := defaults()
	s.Kafka.Timeout = time.Minute
	var out bytes.Buffer
	if err := Diff(&out, s, defaults()); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "kafka.timeout: 1m0s  # default 1s\n" {
		t.Errorf("%q", got)
	}
}

func TestCheckPeer(t *testing.T) {
	for _, c := range []struct {
		tls     TLS
		address string
		allow   bool
		ok      bool
	}{
		{TLS{}, "127.0.0.1:1", false, true},
		{TLS{}, "localhost:1", false, true},
		{TLS{}, "[::1]:1", false, true},
		{TLS{}, "192.0.2.1:1", false, false},
		{TLS{}, "kafka:1", false, false},
		{TLS{}, "kafka:1", true, true},
		{TLS{Enabled: true}, "kafka:1", false, true},
		{TLS{Enabled: true}, "kafka", false, false},
	} {
		if err := c.tls.CheckPeer(c.address, c.allow); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A certificate comes from a file or as text, not as both, and never without its key.
func TestTLSOfText(t *testing.T) {
	for _, bad := range []TLS{{CA: "a", CAFile: "b"}, {Cert: "a", CertFile: "b", Key: "k"}, {Cert: "a"}, {KeyFile: "k"}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	for _, bad := range []TLS{{CA: "no PEM"}, {Cert: "no PEM", Key: "geheim"}, {CAFile: "/nowhere"}} {
		bad.Enabled = true
		if _, err := bad.Client(); err == nil || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	c, err := TLS{Enabled: true, ServerName: "ch"}.Client()
	if err != nil || c.ServerName != "ch" || c.RootCAs != nil {
		t.Errorf("%+v, %v", c, err)
	}
}
