// Package deploy_test checks what lies in deploy: that every manifest parses, that what it refers to
// exists, that the pods are as confined as they say, and that the configuration is one that the
// services take.
package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const base = "k8s/base"

// object is what these tests look at in a manifest.
type object struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Resources          []string
	ConfigMapGenerator []struct {
		Name  string
		Files []string
	} `yaml:"configMapGenerator"`
	Spec struct {
		Selector             any
		Ports                []port
		Template             struct{ Metadata, Spec any }
		VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
	}
}

type port struct {
	Name          string
	Port          int
	ContainerPort int `yaml:"containerPort"`
	TargetPort    any `yaml:"targetPort"`
	Protocol      string
}

type podSpec struct {
	EnableServiceLinks           *bool `yaml:"enableServiceLinks"`
	AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	SecurityContext              struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
	} `yaml:"securityContext"`
	Containers []container
	Volumes    []struct {
		Name      string
		ConfigMap struct{ Name string } `yaml:"configMap"`
	}
}

type container struct {
	Name            string
	Args            []string
	Ports           []port
	StartupProbe    probe `yaml:"startupProbe"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	Resources       struct{ Requests, Limits map[string]any }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop []string }
	} `yaml:"securityContext"`
	VolumeMounts []struct{ Name string } `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// convert reads a part of a manifest as another type.
func convert[T any](t *testing.T, from any) (to T) {
	t.Helper()
	text, err := yaml.Marshal(from)
	if err == nil {
		err = yaml.Unmarshal(text, &to)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func read(t *testing.T, file string) (objects []object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(base, file))
	if err != nil {
		t.Fatal(err)
	}
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		objects = append(objects, o)
	}
}

func TestManifests(t *testing.T) {
	kustomization := read(t, "kustomization.yaml")[0]
	known := append(slices.Clone(kustomization.Resources), "kustomization.yaml")
	configMaps := map[string]bool{}
	for _, g := range kustomization.ConfigMapGenerator {
		configMaps[g.Name] = true
		known = append(known, g.Files...)
	}
	files, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.Contains(known, f.Name()) {
			t.Errorf("%s is not in kustomization.yaml", f.Name())
		}
	}

	ports := map[string][]port{} // of the pods, by name
	var services []object
	for _, file := range kustomization.Resources {
		for _, o := range read(t, file) {
			switch o.Kind {
			case "Deployment", "StatefulSet":
				name := o.Metadata.Name
				pod := convert[podSpec](t, o.Spec.Template.Spec)
				checkPod(t, o, pod, configMaps)
				ports[name] = pod.Containers[0].Ports
				labels := convert[struct{ Labels map[string]string }](t, o.Spec.Template.Metadata).Labels
				selector := convert[struct {
					MatchLabels map[string]string `yaml:"matchLabels"`
				}](t, o.Spec.Selector).MatchLabels
				if labels["app.kubernetes.io/name"] != name || selector["app.kubernetes.io/name"] != name {
					t.Errorf("%s: labels %v, selector %v", name, labels, selector)
				}
			case "Service":
				services = append(services, o)
			case "Namespace", "NetworkPolicy":
			default:
				t.Errorf("%s: unexpected kind %q", file, o.Kind)
			}
		}
	}
	for _, role := range []string{"collector", "enricher", "aggregator", "reporter"} {
		if ports[role] == nil {
			t.Errorf("there is no %s", role)
		}
	}
	for _, s := range services {
		selector := convert[map[string]string](t, s.Spec.Selector)
		for _, p := range s.Spec.Ports {
			if !slices.ContainsFunc(ports[selector["app.kubernetes.io/name"]], func(c port) bool { return c.Name == p.TargetPort && c.Protocol == p.Protocol }) {
				t.Errorf("service %s: no pod has its port %s", s.Metadata.Name, p.Name)
			}
		}
	}
}

func checkPod(t *testing.T, o object, pod podSpec, configMaps map[string]bool) {
	t.Helper()
	name := o.Metadata.Name
	no := func(b *bool) bool { return b != nil && !*b }
	c := pod.Containers[0]
	if len(pod.Containers) != 1 || !slices.Equal(c.Args, []string{name, "--config", "/etc/landfall/landfall.yaml"}) {
		t.Errorf("%s: %d containers, arguments %q", name, len(pod.Containers), c.Args)
	}
	// Kubernetes' own LANDFALL_… variables would be taken for settings.
	if !no(pod.EnableServiceLinks) || !no(pod.AutomountServiceAccountToken) {
		t.Errorf("%s: service links or a token", name)
	}
	if !pod.SecurityContext.RunAsNonRoot || !no(c.SecurityContext.AllowPrivilegeEscalation) ||
		!c.SecurityContext.ReadOnlyRootFilesystem || !slices.Equal(c.SecurityContext.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("%s is not confined: %+v", name, c.SecurityContext)
	}
	for _, p := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if p.HTTPGet.Path != "/healthz" || !slices.ContainsFunc(c.Ports, func(at port) bool { return at.Name == p.HTTPGet.Port }) {
			t.Errorf("%s: probe %+v", name, p)
		}
	}
	if len(c.Resources.Requests) != 2 || c.Resources.Limits["memory"] == nil {
		t.Errorf("%s: resources %+v", name, c.Resources)
	}
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap.Name != "" && !configMaps[v.ConfigMap.Name] {
			t.Errorf("%s: there is no config map %s", name, v.ConfigMap.Name)
		}
	}
	for _, v := range o.Spec.VolumeClaimTemplates {
		volumes[v.Metadata.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] {
			t.Errorf("%s: there is no volume %s", name, m.Name)
		}
	}
}

// landfall is the path of the binary: LANDFALL_BINARY, or one that is built for this test.
func landfall(t *testing.T) string {
	t.Helper()
	program := os.Getenv("LANDFALL_BINARY")
	if program == "" {
		program = filepath.Join(t.TempDir(), "landfall")
		build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../cmd/landfall")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build landfall: %v\n%s", err, out)
		}
	}
	return program
}

// TestConfiguration lets the binary itself check the configuration, and finds its ports in the pods.
func TestConfiguration(t *testing.T) {
	program := landfall(t)
	file := filepath.Join(base, "landfall.yaml")
	check := exec.CommandContext(t.Context(), program, "check-config", "--config", file)
	check.Env = []string{"LANDFALL_CLICKHOUSE_PASSWORD=a", "LANDFALL_READER_PASSWORD=b"}
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out)
	}

	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Telemetry struct{ Listen string }
		Reporter  struct{ Listen string }
		Collector struct{ Listen []struct{ Address string } }
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	addresses := []string{config.Telemetry.Listen, config.Reporter.Listen}
	for _, l := range config.Collector.Listen {
		addresses = append(addresses, l.Address)
	}
	var all strings.Builder
	for _, role := range []string{"collector", "enricher", "aggregator", "reporter"} {
		text, err := os.ReadFile(filepath.Join(base, role+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	for _, a := range addresses {
		host, number, _ := strings.Cut(a, ":")
		if host != "0.0.0.0" || !strings.Contains(all.String(), "containerPort: "+number+"\n") {
			t.Errorf("%s is not a port of the pods", a)
		}
	}
}
