package query

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Condition narrows a question by any dimension. A flow's value of a dimension is what an answer says:
// an ASN in decimal, "CN-BJ", "unknown"; a cloud region with its provider, "aws us-west-2".
type Condition struct {
	Dimension Dimension `json:"dimension"`
	// Not keeps what does not match.
	Not bool `json:"not,omitempty"`
	// Values: any of these. An ASN of 0 is "unknown", too.
	Values []string `json:"values,omitempty"`
	// Match, instead of values, is a regular expression over the whole value, as RE2 and Go have them;
	// 200 characters at most. To match a part, write .*part.*
	Match string `json:"match,omitempty"`
}

// Bounds of conditions; each is looked at for every row that is read.
const (
	maxConditions = 50
	maxMatch      = 200
)

// value is the SQL of a dimension's value as a text, over a table r that has its columns.
func (d Dimension) value() string {
	switch d {
	case ByCloudRegion:
		return "trimLeft(concat(toString(r.cloud_provider), ' ', if(r.cloud_region = '', '" + Unknown + "', toString(r.cloud_region))))"
	case ByASN:
		return "toString(r.asn)"
	}
	known, _ := d.find()
	return known.columns[0].expression
}

// conditions keeps the rows that meet all of them. The statement's table must have their columns.
func (s *statement) conditions(where []Condition) {
	for i, c := range where {
		name := fmt.Sprintf("where%d", i)
		not := ""
		if c.Not {
			not = "NOT "
		}
		switch {
		case c.Match != "":
			s.and(fmt.Sprintf("%smatch(%s, {%s:String})", not, c.Dimension.value(), name))
			s.set(name, c.anchored())
		case c.Dimension == ByASN:
			s.and(fmt.Sprintf("r.asn %sIN {%s:Array(UInt32)}", not, name))
			s.set(name, c.numbers())
		default:
			s.and(fmt.Sprintf("%s %sIN {%s:Array(String)}", c.Dimension.value(), not, name))
			s.set(name, c.Values)
		}
	}
}

// anchored is the expression over the whole value; without flags it means the same to RE2 and to Go.
func (c Condition) anchored() string { return "^(?:" + c.Match + ")$" }

func (c Condition) numbers() []uint32 {
	out := make([]uint32, 0, len(c.Values))
	for _, v := range c.Values {
		n, _ := strconv.ParseUint(v, 10, 32) // "unknown" is 0
		out = append(out, uint32(n))
	}
	return out
}

// keeps reports whether a value that stands in an answer meets the condition.
func (c Condition) keeps(value string) bool {
	matches := slices.Contains(c.Values, value) || c.Dimension == ByASN && value == "0" && slices.Contains(c.Values, Unknown)
	if c.Match != "" {
		whole, err := regexp.Compile(c.anchored())
		matches = err == nil && whole.MatchString(value)
	}
	return matches != c.Not
}

// conditions checks them against the dimensions that the question's tables have.
func (f *faults) conditions(where []Condition, known []Dimension) {
	f.filter("conditions", len(where), maxConditions)
	for i, c := range where {
		name := fmt.Sprintf("condition %d (%s)", i+1, c.Dimension)
		if !slices.Contains(known, c.Dimension) {
			f.add("condition %d: unknown dimension %q, known here are %v", i+1, c.Dimension, known)
			continue
		}
		f.filter("values of "+name, len(c.Values), maxFilter)
		switch {
		case c.Match == "" && len(c.Values) == 0:
			f.add("%s has neither values nor an expression to match", name)
		case c.Match != "" && len(c.Values) > 0:
			f.add("%s has values and an expression to match", name)
		case utf8.RuneCountInString(c.Match) > maxMatch:
			f.add("%s: the expression has %d characters, at most %d are taken", name, utf8.RuneCountInString(c.Match), maxMatch)
		case strings.ContainsRune(c.Match, 0):
			f.add("%s: the expression has a character of number 0", name)
		case c.Match != "":
			if _, err := regexp.Compile(c.Match); err != nil {
				f.add("%s: %w", name, err)
			}
		case closed[c.Dimension] != nil:
			for _, v := range c.Values {
				if !slices.Contains(closed[c.Dimension], v) {
					f.add("%s: unknown value %q, known are %v", name, v, closed[c.Dimension])
				}
			}
		case c.Dimension == ByASN:
			for _, v := range c.Values {
				if _, err := strconv.ParseUint(v, 10, 32); err != nil && v != Unknown {
					f.add("%s: %q is no number of a network", name, v)
				}
			}
		}
	}
}

// closed are the dimensions whose values are known beforehand.
var closed = map[Dimension][]string{BySide: handsetSides, ByVerdict: verdicts, ByConfidence: confidences}

// What the history of endpoints and its table of first contacts are kept by.
var (
	whoseDimensions    = []Dimension{ByVendor, ByOperator, BySite}
	whereDimensions    = []Dimension{ByPlace, ByCountry, ByASN}
	seenDimensions     = slices.Concat(whoseDimensions, whereDimensions)
	endpointDimensions = append([]Dimension{ByCloudRegion, ByConfidence, ByPlaceMethod, ByJurisdiction, ByVerdict}, seenDimensions...)
)

// conditionsOn are those whose dimension is among the known.
func conditionsOn(where []Condition, known []Dimension) []Condition {
	var out []Condition
	for _, c := range where {
		if slices.Contains(known, c.Dimension) {
			out = append(out, c)
		}
	}
	return out
}
