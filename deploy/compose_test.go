package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const composeDir = "compose"

// service is what these tests look at in the compose file.
type service struct {
	Image       string
	Command     []string
	Ports       []string
	Volumes     []string
	Environment map[string]string
	Secrets     []string
	ReadOnly    bool                                  `yaml:"read_only"`
	CapDrop     []string                              `yaml:"cap_drop"`
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
}

type composeFile struct {
	Services map[string]service
	Secrets  map[string]struct{ File string }
	Volumes  map[string]any
}

func compose(t *testing.T) (composeFile, string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(composeDir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var c composeFile
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	return c, string(text)
}

func TestCompose(t *testing.T) {
	c, text := compose(t)
	for _, name := range []string{"kafka", "clickhouse", "collector", "enricher", "aggregator", "reporter", "grafana"} {
		if c.Services[name].Image == "" {
			t.Errorf("there is no %s", name)
		}
	}
	for name, s := range c.Services {
		if _, tag, ok := strings.Cut(s.Image, ":"); !ok || tag == "latest" {
			t.Errorf("%s: image %q has no version", name, s.Image)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") && !strings.HasPrefix(p, "${LANDFALL_EXPORTERS_ADDRESS:-127.0.0.1}:") {
				t.Errorf("%s: port %s is not on loopback", name, p)
			}
		}
		ours := strings.HasPrefix(s.Image, "landfall:")
		if ours && !slices.Equal(s.Command, []string{name}) {
			t.Errorf("%s: command %q", name, s.Command)
		}
		if (ours || name == "grafana") && (!s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"})) {
			t.Errorf("%s is not confined", name)
		}
		if !ours && len(s.Healthcheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		for other, on := range s.DependsOn {
			if len(c.Services[other].Healthcheck.Test) == 0 || on.Condition != "service_healthy" {
				t.Errorf("%s waits for %s to be %q", name, other, on.Condition)
			}
		}
		for _, v := range s.Volumes {
			checkMount(t, c, name, v)
		}
		for _, secret := range s.Secrets {
			if c.Secrets[secret].File == "" {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
	}
	example, err := os.ReadFile(filepath.Join(composeDir, ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\$\{(\w+):\?`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(example), "\n"+m[1]+"=") {
			t.Errorf(".env.example does not have %s", m[1])
		}
	}
}

// checkMount finds what is mounted: a volume, or a path, which is in the checkout or is built into it.
func checkMount(t *testing.T, c composeFile, name, mount string) {
	t.Helper()
	from, _, _ := strings.Cut(mount, ":")
	if !strings.HasPrefix(from, ".") {
		if _, ok := c.Volumes[from]; !ok {
			t.Errorf("%s: there is no volume %s", name, from)
		}
		return
	}
	if !strings.HasSuffix(mount, ":ro") {
		t.Errorf("%s: %s can be written", name, mount)
	}
	switch from {
	case "../../build/plugin/landfall-residency-datasource": // make plugin
		manifest, err := os.ReadFile("../dashboards/plugin/src/plugin.json")
		if err != nil || !strings.Contains(string(manifest), `"`+filepath.Base(from)+`"`) {
			t.Errorf("%s: the plugin has another name than %s (%v)", name, from, err)
		}
	case "../../dashboards/json": // make dashboards writes it
	default:
		if _, err := os.Stat(filepath.Join(composeDir, from)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestComposeConfiguration(t *testing.T) {
	program := landfall(t)
	// With each service's own environment: a name of LANDFALL_… that is no setting is refused.
	c, _ := compose(t)
	for name, s := range c.Services {
		if !strings.HasPrefix(s.Image, "landfall:") {
			continue
		}
		check := exec.CommandContext(t.Context(), program, "check-config", "--config", filepath.Join(composeDir, "landfall.yaml"))
		for variable := range s.Environment {
			if variable != "LANDFALL_CONFIG" {
				check.Env = append(check.Env, variable+"=secret")
			}
		}
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestComposeProvisioning holds what Grafana is given against what the plugin and the mounts have.
func TestComposeProvisioning(t *testing.T) {
	var sources struct {
		Datasources []struct {
			UID, Type      string
			JSONData       map[string]any    `yaml:"jsonData"`
			SecureJSONData map[string]string `yaml:"secureJsonData"`
		}
	}
	var boards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	for file, into := range map[string]any{"datasources/landfall.yaml": &sources, "dashboards/landfall.yaml": &boards} {
		text, err := os.ReadFile(filepath.Join(composeDir, "provisioning", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	settings, err := os.ReadFile("../dashboards/plugin/pkg/residency/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	c, _ := compose(t)
	grafana := c.Services["grafana"]
	if len(sources.Datasources) != 1 || len(boards.Providers) != 1 {
		t.Fatalf("%d data sources, %d providers", len(sources.Datasources), len(boards.Providers))
	}
	source := sources.Datasources[0]
	if source.Type != grafana.Environment["GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS"] || source.UID != "landfall" {
		t.Errorf("%+v", source)
	}
	for name := range source.JSONData {
		if !strings.Contains(string(settings), `json:"`+name) {
			t.Errorf("the plugin has no setting %s", name)
		}
	}
	for name, value := range source.SecureJSONData {
		if !strings.Contains(string(settings), `"`+name+`"`) || grafana.Environment[strings.TrimPrefix(value, "$")] == "" {
			t.Errorf("secret %s of %s", name, value)
		}
	}
	path := boards.Providers[0].Options.Path
	if !slices.ContainsFunc(grafana.Volumes, func(v string) bool { return strings.Contains(v, ":"+path+":ro") }) {
		t.Errorf("nothing is mounted at %s", path)
	}
}
