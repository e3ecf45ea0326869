package attribution

import (
	"slices"
	"testing"

	"github.com/landfall-telemetry/landfall/internal/geo"
	"github.com/landfall-telemetry/landfall/internal/policy"
)

func TestCorroborate(t *testing.T) {
	beijing := &geo.Place{CountryCode: "CN", SubdivisionCode: "CN-BJ"}
	singapore := &geo.Place{CountryCode: "SG"}
	hint := func(country, subdivision string) policy.Where {
		return policy.Where{Country: country, Subdivision: subdivision}
	}
	for name, c := range map[string]struct {
		answer     geo.Answer
		hint       policy.Where
		confidence geo.Confidence
		codes      []string
	}{
		"no hint":                   {geo.Answer{Place: beijing, Confidence: geo.Single}, policy.Where{}, geo.Single, []string{"CN-BJ"}},
		"same subdivision":          {geo.Answer{Place: beijing, Confidence: geo.Single}, hint("CN", "CN-BJ"), geo.Agreed, []string{"CN-BJ"}},
		"same country, none":        {geo.Answer{Place: singapore, Confidence: geo.Single}, hint("SG", ""), geo.Agreed, []string{"SG"}},
		"the hint is coarser":       {geo.Answer{Place: beijing, Confidence: geo.Single}, hint("CN", ""), geo.Single, []string{"CN-BJ"}},
		"the hint is finer":         {geo.Answer{Place: singapore, Confidence: geo.Single}, hint("SG", "SG-01"), geo.Single, []string{"SG"}},
		"another subdivision":       {geo.Answer{Place: beijing, Confidence: geo.Single}, hint("CN", "CN-SH"), geo.Disputed, []string{"CN-BJ", "CN-SH"}},
		"another country":           {geo.Answer{Place: beijing, Confidence: geo.Agreed}, hint("SG", ""), geo.Disputed, []string{"CN-BJ", "SG"}},
		"disputed, says the first":  {geo.Answer{Place: beijing, Confidence: geo.Disputed, Alternatives: []*geo.Place{singapore}}, hint("CN", "CN-BJ"), geo.Disputed, []string{"CN-BJ", "SG"}},
		"disputed, says the second": {geo.Answer{Place: beijing, Confidence: geo.Disputed, Alternatives: []*geo.Place{singapore}}, hint("SG", ""), geo.Disputed, []string{"CN-BJ", "SG"}},
		"disputed, says a third":    {geo.Answer{Place: beijing, Confidence: geo.Disputed, Alternatives: []*geo.Place{singapore}}, hint("US", "US-OR"), geo.Disputed, []string{"CN-BJ", "SG", "US-OR"}},
		"published":                 {geo.Answer{Place: beijing, Confidence: geo.Published}, hint("SG", ""), geo.Published, []string{"CN-BJ"}},
		"anycast":                   {geo.Answer{Place: &geo.Place{CloudProvider: "aws"}, Method: geo.MethodAnycast}, hint("SG", ""), geo.Indeterminate, []string{""}},
		"a provider, not where":     {geo.Answer{Place: &geo.Place{CloudProvider: "aws"}, Confidence: geo.Single}, hint("SG", ""), geo.Single, []string{""}},
		"nowhere":                   {geo.Answer{}, hint("SG", ""), geo.Indeterminate, nil},
	} {
		confidence, disputes := Corroborate(c.answer, c.hint)
		var codes []string
		for _, p := range Places(c.answer, c.hint, disputes) {
			codes = append(codes, Code(p))
		}
		if confidence != c.confidence || !slices.Equal(codes, c.codes) {
			t.Errorf("%s: %s %q, want %s %q", name, confidence, codes, c.confidence, c.codes)
		}
	}
}
