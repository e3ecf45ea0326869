// Package hostname reads cloud region tokens in host names, by a table of ours in which each row has
// its source or its reason. Airport codes and city names are not in it: too many words look like them.
package hostname

import "strings"

// Hint is what a region token in a host name says of a place. It is the operator's name for the
// machine, not a measurement: evidence beside an address table, never instead of one.
type Hint struct {
	Provider, Region string // both "" when several providers share the token or none publishes it
	Country          string // ISO 3166-1 alpha-2
	Subdivision      string // ISO 3166-2; "" when the token does not tell
	Rule             string // the token that matched, as in tokens.csv
}

// Lengths in bytes.
const (
	maxName  = 253 // of a host name (RFC 1035), without the trailing dot
	maxToken = 32
)

// Parse finds the region that a host name states; letter case and one trailing dot do not matter.
// A token counts as a whole label or as whole dash-delimited parts of one, the longest first. False
// when there is none, or when two in one name disagree. It allocates nothing.
func Parse(hostname string) (Hint, bool) {
	hostname = strings.TrimSuffix(hostname, ".")
	if len(hostname) == 0 || len(hostname) > maxName {
		return Hint{}, false
	}
	var buffer [maxName]byte
	name := buffer[:len(hostname)]
	for i := range name {
		c := hostname[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		name[i] = c
	}
	var found *Hint
	for start := 0; start < len(name); {
		hint, end := tokens.at(name, start)
		if hint == nil {
			start = next(name, start)
			continue
		}
		start = end + 1
		if hint.Country == "" { // a row that says: nothing to learn here
			continue
		}
		switch {
		case found == nil:
			found = hint
		case hint.Country != found.Country, hint.Subdivision != "" && found.Subdivision != "" && hint.Subdivision != found.Subdivision:
			return Hint{}, false
		case found.Subdivision == "" && hint.Subdivision != "":
			found = hint
		}
	}
	if found == nil {
		return Hint{}, false
	}
	return *found, true
}

// at gives the longest token that starts at a part's start and ends at a part's end of the same label,
// and its end; nil if there is none.
func (t *table) at(name []byte, start int) (hint *Hint, end int) {
	lengths := t.lengths[name[start]]
	if lengths == 0 {
		return nil, 0
	}
	for i := start; i <= len(name) && i-start <= maxToken; i++ {
		if i < len(name) && name[i] != '-' && name[i] != '.' {
			continue
		}
		if lengths&(1<<(i-start)) != 0 {
			if rules, ok := t.rules[string(name[start:i])]; ok {
				if h := choose(rules, name); h != nil {
					hint, end = h, i
				}
			}
		}
		if i == len(name) || name[i] == '.' {
			break
		}
	}
	return hint, end
}

// next gives the start of the part after the one at start.
func next(name []byte, start int) int {
	for start < len(name) && name[start] != '-' && name[start] != '.' {
		start++
	}
	return start + 1
}

// choose gives the rule for the domain that the name is under, else the one for any domain.
func choose(rules []rule, name []byte) *Hint {
	for i := range rules { // those with domains come first
		if len(rules[i].domains) == 0 {
			return &rules[i].hint
		}
		for _, domain := range rules[i].domains {
			if before := len(name) - len(domain); before > 0 && name[before-1] == '.' && string(name[before:]) == domain {
				return &rules[i].hint
			}
		}
	}
	return nil
}
