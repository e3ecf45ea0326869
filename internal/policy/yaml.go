package policy

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// value is a node of the file and its line.
type value struct {
	node ast.Node
	line int
}

func at(n ast.Node) value {
	v := value{node: n, line: 1}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key // the mapping's own token is the colon, which is no better
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		v.line = t.Position.Line
	}
	return v
}

var located = regexp.MustCompile(`^\[(\d+):\d+\] (.*)`)

// maxOpen is how many brackets may be open at a time: the parser takes the longer the deeper they
// are. A policy has three.
const maxOpen = 32

func tooDeep(data []byte) (line int) {
	line, open := 1, 0
	for _, c := range data {
		switch c {
		case '\n':
			line++
		case '[', '{':
			if open++; open > maxOpen {
				return line
			}
		case ']', '}':
			open = max(0, open-1)
		}
	}
	return 0
}

// parse reads one YAML document whose top is a mapping. The zero value: there is none, and a fault
// says why.
func (r *reader) parse(data []byte) value {
	if line := tooDeep(data); line > 0 {
		r.fault(line, "more than %d brackets are open", maxOpen)
		return value{}
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		line, message := 1, err.Error()
		if m := located.FindStringSubmatch(message); m != nil {
			line, _ = strconv.Atoi(m[1])
			message = m[2]
		}
		message, _, _ = strings.Cut(message, "\n")
		r.fault(line, "%s", message)
		return value{}
	}
	var bodies []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil {
			bodies = append(bodies, d.Body)
		}
	}
	switch {
	case len(bodies) == 0:
		r.fault(1, "the file is empty")
		return value{}
	case len(bodies) > 1:
		r.fault(at(bodies[1]).line, "a second document; a policy is one")
		return value{}
	}
	return at(bodies[0])
}

// fields reads a mapping: every key must be known and there once, and the needed ones there.
func (r *reader) fields(v value, known map[string]func(value), needed ...string) {
	var pairs []*ast.MappingValueNode
	switch n := v.node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		r.fault(v.line, "%s where a mapping is expected", kind(v.node))
		return
	}
	seen := map[string]int{}
	for _, pair := range pairs {
		line := at(pair.Key).line
		key, ok := pair.Key.(*ast.StringNode)
		if !ok {
			r.fault(line, "%s where a key is expected", kind(pair.Key))
			continue
		}
		read := known[key.Value]
		if read == nil {
			r.fault(line, "unknown key %q; known are %s", key.Value, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			continue
		}
		if first, twice := seen[key.Value]; twice {
			r.fault(line, "key %q is there twice, first in line %d", key.Value, first)
			continue
		}
		seen[key.Value] = line
		item := at(pair.Value)
		if !item.scalar() && line < item.line && isFlow(pair.Value) {
			item.line = line
		}
		read(item)
	}
	for _, name := range needed {
		if seen[name] == 0 {
			r.fault(v.line, "%s is missing", name)
		}
	}
}

func isFlow(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.IsFlowStyle
	case *ast.SequenceNode:
		return n.IsFlowStyle
	}
	return false
}

// items reads a sequence.
func (r *reader) items(v value) []value {
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		r.fault(v.line, "%s where a list is expected", kind(v.node))
		return nil
	}
	var out []value
	for _, item := range n.Values {
		out = append(out, at(item))
	}
	return out
}

// scalar reports whether the value is a single one.
func (v value) scalar() bool {
	_, ok := v.node.(ast.ScalarNode)
	return ok
}

// text reads a string that is not empty. Words that YAML takes for something else (no, 2026.1) are
// taken as they are written.
func (r *reader) text(v value) string {
	var text string
	switch n := v.node.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		text = n.GetToken().Value
	default:
		r.fault(v.line, "%s where a text is expected", kind(v.node))
		return ""
	}
	if text = strings.TrimSpace(text); text == "" {
		r.fault(v.line, "empty text")
	}
	return text
}

func (r *reader) boolean(v value) bool {
	n, ok := v.node.(*ast.BoolNode)
	if !ok {
		r.fault(v.line, "%s where true or false is expected", kind(v.node))
		return false
	}
	return n.Value
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	case *ast.AliasNode, *ast.AnchorNode, *ast.MergeKeyNode, *ast.TagNode:
		return "an alias, anchor or tag"
	}
	return "something else"
}
