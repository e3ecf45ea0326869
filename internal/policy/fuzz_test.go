package policy

import (
	"strings"
	"testing"
	"time"
)

// FuzzParse: whatever is in the file, it is read or refused, and what is read answers.
func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("version: x\nrules: []\n")
	f.Add("? [a]\n: b\n")
	f.Add("rules: &a [*a]\n<<: *a\n")
	f.Add("version: |\n  x\nrules: [{vendor: !!str any}]\n")
	f.Add(strings.Repeat("[", 1000))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse("fuzz.yaml", []byte(text))
		if err == nil {
			p.Judge("x", Where{Country: "DE"}, time.UnixMilli(0))
		} else if !strings.Contains(err.Error(), "fuzz.yaml:") {
			t.Errorf("no line in %v", err)
		}
	})
}
