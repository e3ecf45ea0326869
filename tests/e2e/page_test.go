package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPage opens the page in a real browser, which reads the numbers in it and compares them with
// what the API answers; tests/browser has the checks.
func TestPage(t *testing.T) {
	_, err := exec.LookPath("npm")
	need(t, err == nil, "npm")
	_, err = os.Stat(filepath.Join(root, "tests", "browser", "node_modules"))
	need(t, err == nil, "tests/browser/node_modules (make browser-libs)")

	s := newSystem(t, "", "enricher: {subscriber_prefixes: [\"100.64.0.0/10\", \"2001:db8::/32\"]}\n")
	s.up()
	out, err := s.landfall("simulate", "migration", "--flows", "60000", "--live-flows", "2000", "--truth", filepath.Join(s.dir, "truth.json"))
	if err != nil {
		t.Fatal(err)
	}
	var truth struct {
		Flows uint64 `json:"flows_sent"`
	}
	if err := json.Unmarshal([]byte(out), &truth); err != nil || truth.Flows == 0 {
		t.Fatalf("%v: %s", err, out)
	}
	s.eventually("the flows sent", func() (bool, string) {
		got := s.total("--by", "vendor")
		return got.flows == truth.Flows, fmt.Sprintf("%d of %d flows", got.flows, truth.Flows)
	})
	test := exec.CommandContext(t.Context(), "npm", "--prefix", filepath.Join(root, "tests", "browser"), "test")
	test.Env = append(os.Environ(), fmt.Sprintf("LANDFALL_URL=http://127.0.0.1:%d", s.ports["page"]))
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("browser test: %v\n%s", err, tail(out, 8000))
	}
}
