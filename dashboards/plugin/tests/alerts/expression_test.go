package alerts_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"

	"github.com/grafana/grafana-plugin-sdk-go/data"
)

// number is a figure with labels, as Grafana's server-side expressions have it.
type number struct {
	labels data.Labels
	value  float64
}

// result is what a step of a rule comes to: numbers or series of points. Neither is no data.
type result struct {
	numbers []number
	series  []points
}

type points struct {
	labels data.Labels
	values []float64
}

func (r result) empty() bool { return len(r.numbers)+len(r.series) == 0 }

// converted is the answer of a data source as an expression takes it: one table of texts and one number
// is a number a row, labelled by the texts; frames with a time are series. A frame without fields is no
// data.
func converted(frames data.Frames) (result, error) {
	var out result
	for _, f := range frames {
		switch kind := f.TimeSeriesSchema().Type; {
		case len(f.Fields) == 0:
		case kind == data.TimeSeriesTypeWide:
			if err := out.addSeries(f); err != nil {
				return out, err
			}
		case kind != data.TimeSeriesTypeNot:
			return out, fmt.Errorf("a time series with texts: only its wide form is taken")
		case len(frames) > 1:
			return out, fmt.Errorf("%d frames of numbers: one table is taken", len(frames))
		default:
			if err := out.addNumbers(f); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func (r *result) addSeries(f *data.Frame) error {
	for _, field := range f.Fields {
		if field.Type().Time() {
			continue
		}
		p := points{labels: field.Labels}
		for i := range field.Len() {
			v, err := field.FloatAt(i)
			if err != nil {
				return err
			}
			p.values = append(p.values, v) // NaN for null
		}
		r.series = append(r.series, p)
	}
	return nil
}

func (r *result) addNumbers(f *data.Frame) error {
	var figure *data.Field
	var texts []*data.Field
	for _, field := range f.Fields {
		switch kind := field.Type(); {
		case kind.Numeric() && figure == nil:
			figure = field
		case kind == data.FieldTypeString, kind == data.FieldTypeNullableString:
			texts = append(texts, field)
		default:
			return fmt.Errorf("column %q: a table of numbers has texts and one number", field.Name)
		}
	}
	if figure == nil {
		return errors.New("a table without a number")
	}
	for i := range figure.Len() {
		v, err := figure.FloatAt(i)
		if err != nil {
			return err
		}
		labels := data.Labels{}
		for _, text := range texts {
			if s, ok := text.ConcreteAt(i); ok {
				labels[text.Name] = s.(string)
			}
		}
		r.numbers = append(r.numbers, number{labels, v})
	}
	return nil
}

// reduced makes a number of each series. A number stays what it is.
func reduced(in result, reducer string) (result, error) {
	of, ok := map[string]func([]float64) float64{
		"last": func(v []float64) float64 { return v[len(v)-1] },
		"max":  slices.Max[[]float64], // NaN if any is
		"min":  slices.Min[[]float64],
		"mean": func(v []float64) float64 {
			sum := 0.0
			for _, x := range v {
				sum += x
			}
			return sum / float64(len(v))
		},
	}[reducer]
	if !ok {
		return result{}, fmt.Errorf("reducer %q is not one that this test knows", reducer)
	}
	out := result{numbers: in.numbers}
	for _, s := range in.series {
		v := math.NaN()
		if len(s.values) > 0 {
			v = of(s.values)
		}
		out.numbers = append(out.numbers, number{s.labels, v})
	}
	return out, nil
}

var variables = regexp.MustCompile(`\$\{?(\w+)\}?`)

// calculated evaluates an expression of type math. Its grammar is one that Go's parser reads, once the
// variables have lost their $.
func calculated(expression string, steps map[string]result) (result, error) {
	tree, err := parser.ParseExpr(variables.ReplaceAllString(expression, "$1"))
	if err != nil {
		return result{}, err
	}
	return calculate(tree, steps)
}

func calculate(tree ast.Expr, steps map[string]result) (result, error) {
	switch x := tree.(type) {
	case *ast.ParenExpr:
		return calculate(x.X, steps)
	case *ast.BasicLit:
		v, err := strconv.ParseFloat(x.Value, 64)
		return result{numbers: []number{{value: v}}}, err
	case *ast.Ident:
		r, ok := steps[x.Name]
		if !ok {
			return r, fmt.Errorf("there is no step %s before it", x.Name)
		}
		if len(r.series) > 0 {
			return r, fmt.Errorf("%s is a series: reduce it", x.Name)
		}
		return r, nil
	case *ast.BinaryExpr:
		a, err := calculate(x.X, steps)
		if err != nil {
			return a, err
		}
		b, err := calculate(x.Y, steps)
		if err != nil {
			return b, err
		}
		return joined(a, b, x.Op)
	}
	return result{}, fmt.Errorf("%T is nothing that this test knows", tree)
}

// joined calculates with the pairs of numbers whose labels are equal, or those of one within the
// other's. One number on each side make a pair in any case, without labels.
func joined(a, b result, op token.Token) (result, error) {
	var out result
	add := func(labels data.Labels, x, y float64) error {
		v, err := operate(x, y, op)
		out.numbers = append(out.numbers, number{labels, v})
		return err
	}
	for _, x := range a.numbers {
		for _, y := range b.numbers {
			labels := x.labels
			switch {
			case within(y.labels, x.labels):
			case len(x.labels) != len(y.labels) && within(x.labels, y.labels):
				labels = y.labels
			default:
				continue
			}
			if err := add(labels, x.value, y.value); err != nil {
				return out, err
			}
		}
	}
	if out.empty() && len(a.numbers) == 1 && len(b.numbers) == 1 {
		return out, add(nil, a.numbers[0].value, b.numbers[0].value)
	}
	return out, nil
}

// within reports whether all of the labels are in others.
func within(labels, others data.Labels) bool {
	for name, value := range labels {
		if other, ok := others[name]; !ok || other != value {
			return false
		}
	}
	return true
}

func operate(x, y float64, op token.Token) (float64, error) {
	truth := func(is bool) float64 {
		switch {
		case math.IsNaN(x) || math.IsNaN(y):
			return math.NaN()
		case is:
			return 1
		}
		return 0
	}
	switch op {
	case token.ADD:
		return x + y, nil
	case token.SUB:
		return x - y, nil
	case token.MUL:
		return x * y, nil
	case token.QUO:
		return x / y, nil
	case token.GTR:
		return truth(x > y), nil
	case token.GEQ:
		return truth(x >= y), nil
	case token.LSS:
		return truth(x < y), nil
	case token.LEQ:
		return truth(x <= y), nil
	}
	return 0, fmt.Errorf("operator %s is not one that this test knows", op)
}

// judged is 1 for a number beyond the threshold and 0 for another.
func judged(in result, kind string, params []float64) (result, error) {
	if len(in.series) > 0 {
		return in, errors.New("a threshold on a series: reduce it")
	}
	want := 1
	if kind == "outside_range" || kind == "within_range" {
		want = 2
	}
	if len(params) != want {
		return in, fmt.Errorf("%s has %d parameters, not %d", kind, len(params), want)
	}
	beyond, ok := map[string]func(float64) bool{
		"gt":            func(v float64) bool { return v > params[0] },
		"lt":            func(v float64) bool { return v < params[0] },
		"outside_range": func(v float64) bool { return v < params[0] || v > params[1] },
		"within_range":  func(v float64) bool { return v > params[0] && v < params[1] },
	}[kind]
	if !ok {
		return in, fmt.Errorf("threshold %q is not one that Grafana 9.4 knows", kind)
	}
	var out result
	for _, n := range in.numbers {
		v := 0.0
		switch {
		case math.IsNaN(n.value):
			v = n.value
		case beyond(n.value):
			v = 1
		}
		out.numbers = append(out.numbers, number{maps.Clone(n.labels), v})
	}
	return out, nil
}
