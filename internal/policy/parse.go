package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	landfallv1 "github.com/landfall-telemetry/landfall/schemas/proto/landfall/v1"
)

// Bounds of a file: a policy is written by hand.
const (
	maxBytes = 4 << 20
	maxRows  = 20_000
)

// Load reads a policy file.
func Load(path string) (*Policy, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a policy from YAML; name is the file's, for the errors. All faults are told at once,
// each with file and line; a contradiction with both lines.
func Parse(name string, data []byte) (*Policy, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("policy %s: %d bytes; a policy has at most %d", name, len(data), maxBytes)
	}
	sum := sha256.Sum256(data)
	p := &Policy{Name: filepath.Base(name), SHA256: hex.EncodeToString(sum[:]), Default: landfallv1.Verdict_VERDICT_INDETERMINATE}
	r := &reader{name: name}
	r.document(data, p)
	if len(r.faults) == 0 {
		r.check(p)
	}
	if len(r.faults) > 0 {
		return nil, fmt.Errorf("policy is refused: %w", errors.Join(r.faults...))
	}
	p.index()
	return p, nil
}

// reader reads one file and gathers its faults.
type reader struct {
	name   string
	faults []error
}

// maxFaults is how many faults are told of one file.
const maxFaults = 20

func (r *reader) fault(line int, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, fmt.Errorf("%s:%d: %s", r.name, line, fmt.Sprintf(format, args...)))
	}
}

func (r *reader) document(data []byte, p *Policy) {
	top := r.parse(data)
	if top.node == nil {
		return
	}
	r.fields(top, map[string]func(value){
		"version": func(v value) {
			if p.Version = r.text(v); p.Version != "" && !versionPattern.MatchString(p.Version) {
				r.fault(v.line, "version %q: letters, digits and . _ + - only, at most 64", p.Version)
			}
		},
		"operator": func(v value) { p.Operator = r.text(v) },
		"example":  func(v value) { p.Example = r.boolean(v) },
		"default": func(v value) {
			if p.Default = r.verdict(v); p.Default == landfallv1.Verdict_VERDICT_DOMESTIC {
				r.fault(v.line, "default: domestic cannot be the default; name the jurisdictions under home")
			}
		},
		"home": func(v value) {
			for _, item := range r.items(v) {
				p.Home = append(p.Home, Home{item.line, r.text(item)})
			}
		},
		"jurisdictions": func(v value) {
			for _, item := range r.items(v) {
				p.Jurisdictions = append(p.Jurisdictions, r.jurisdiction(item))
			}
		},
		"rules": func(v value) {
			for _, item := range r.items(v) {
				p.Rules = append(p.Rules, r.rule(item))
			}
		},
	}, "version", "rules")
	if n := len(p.Jurisdictions) + len(p.Rules); n > maxRows {
		r.fault(1, "%d rows; a policy has at most %d", n, maxRows)
	}
}

func (r *reader) jurisdiction(v value) Jurisdiction {
	j := Jurisdiction{Line: v.line}
	r.fields(v, map[string]func(value){
		"name": func(v value) {
			if j.Name = r.text(v); j.Name == Any || !namePattern.MatchString(j.Name) {
				r.fault(v.line, "name %q: a letter, then letters, digits, spaces and . _ - only, at most 32, and not %q", j.Name, Any)
			}
		},
		"places": func(v value) {
			for _, item := range r.items(v) {
				place := r.text(item)
				switch {
				case !isPlace(place):
					r.fault(item.line, "place %q is no ISO 3166-1 or 3166-2 code, nor provider/region of a cloud in lower case", place)
				case slices.Contains(j.Places, place):
					r.fault(item.line, "place %s is there twice", place)
				}
				j.Places = append(j.Places, place)
			}
			if len(j.Places) == 0 {
				r.fault(v.line, "places is empty")
			}
		},
		"from":      func(v value) { j.From = r.instant(v) },
		"until":     func(v value) { j.Until = r.instant(v) },
		"reference": func(v value) { j.Reference = r.text(v) },
	}, "name", "places", "reference")
	r.order(j.Line, j.Period)
	return j
}

func (r *reader) rule(v value) Rule {
	rule := Rule{Line: v.line}
	r.fields(v, map[string]func(value){
		"vendor":       func(v value) { rule.Vendors = r.names(v) },
		"jurisdiction": func(v value) { rule.Jurisdictions = r.names(v) },
		"from":         func(v value) { rule.From = r.instant(v) },
		"until":        func(v value) { rule.Until = r.instant(v) },
		"verdict":      func(v value) { rule.Verdict = r.verdict(v) },
		"reference":    func(v value) { rule.Reference = r.text(v) },
	}, "vendor", "jurisdiction", "verdict", "reference")
	r.order(rule.Line, rule.Period)
	return rule
}

func (r *reader) order(line int, p Period) {
	if !p.From.IsZero() && !p.Until.IsZero() && !p.From.Before(p.Until) {
		r.fault(line, "dates out of order: from %s is not before until %s", date(p.From), date(p.Until))
	}
}

// names reads "any" (nil), one name or a list of names.
func (r *reader) names(v value) []string {
	if v.scalar() {
		name := r.text(v)
		if name == Any {
			return nil
		}
		return []string{name}
	}
	names := []string{}
	for _, item := range r.items(v) {
		name := r.text(item)
		if name == Any {
			r.fault(item.line, "%q stands alone, not in a list", Any)
		}
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			r.fault(item.line, "%q is there twice", name)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		r.fault(v.line, "the list is empty; %q stands for all", Any)
	}
	return names
}

var verdicts = map[string]landfallv1.Verdict{
	"domestic":      landfallv1.Verdict_VERDICT_DOMESTIC,
	"allowed":       landfallv1.Verdict_VERDICT_ALLOWED,
	"restricted":    landfallv1.Verdict_VERDICT_RESTRICTED,
	"indeterminate": landfallv1.Verdict_VERDICT_INDETERMINATE,
}

// VerdictName is the word for a verdict; "" for none.
func VerdictName(v landfallv1.Verdict) string {
	for name, verdict := range verdicts {
		if verdict == v {
			return name
		}
	}
	return ""
}

func (r *reader) verdict(v value) landfallv1.Verdict {
	text := r.text(v)
	verdict, ok := verdicts[text]
	if !ok {
		r.fault(v.line, "verdict %q is not domestic, allowed, restricted or indeterminate", text)
	}
	return verdict
}

// instant reads a date (its midnight in UTC) or an RFC 3339 time of a whole minute, which is as fine
// as the figures are.
func (r *reader) instant(v value) time.Time {
	text := r.text(v)
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		t = t.UTC()
		switch {
		case t.Year() < 1900 || t.Year() > 2200:
			r.fault(v.line, "%s is not in the years 1900 to 2200", text)
		case !t.Truncate(time.Minute).Equal(t):
			r.fault(v.line, "%s is not a whole minute", text)
		}
		return t
	}
	r.fault(v.line, "%q is neither a date such as 2018-05-25 nor a time such as 2018-05-25T00:00:00+05:30", text)
	return time.Time{}
}

// date writes an instant as the file may have it.
func date(t time.Time) string {
	if t.Truncate(24 * time.Hour).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}
