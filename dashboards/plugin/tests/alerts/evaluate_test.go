package alerts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/landfall-telemetry/landfall/dashboards/plugin/pkg/panel"
)

// outcome is what an evaluation of a rule comes to. Without any instance it is no data.
type outcome struct{ firing, normal []string }

func (o outcome) noData() bool { return len(o.firing)+len(o.normal) == 0 }

// evaluate asks and evaluates a rule as Grafana does at that time.
func evaluate(ctx context.Context, env panel.Env, r rule, at time.Time) (outcome, error) {
	env.ForExpression = true
	steps := make(map[string]result)
	for _, s := range r.Data {
		out, err := s.evaluate(ctx, env, at, steps)
		if err != nil {
			return outcome{}, fmt.Errorf("%s, step %s: %w", r.UID, s.RefID, err)
		}
		steps[s.RefID] = out
	}
	in, ok := steps[r.Condition]
	if !ok {
		return outcome{}, fmt.Errorf("%s: there is no step %s, which is the condition", r.UID, r.Condition)
	}
	if len(in.series) > 0 {
		return outcome{}, fmt.Errorf("%s: the condition is a series: reduce it", r.UID)
	}
	var out outcome
	seen := make(map[string]bool)
	for _, n := range in.numbers {
		if labels := n.labels.String(); seen[labels] {
			return out, fmt.Errorf("%s: two results have the labels %s", r.UID, labels)
		}
		seen[n.labels.String()] = true
		switch {
		case math.IsNaN(n.value):
			return out, fmt.Errorf("%s: %v is not a number, which fires", r.UID, n.labels)
		case n.value != 0:
			out.firing = append(out.firing, named(n.labels))
		default:
			out.normal = append(out.normal, named(n.labels))
		}
	}
	slices.Sort(out.firing)
	slices.Sort(out.normal)
	return out, nil
}

// named is what an alert is of, in short.
func named(labels data.Labels) string {
	var parts []string
	for _, name := range []string{"vendor", "country", "exporter"} {
		if v := labels[name]; v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " ")
}

func (s step) evaluate(ctx context.Context, env panel.Env, at time.Time, steps map[string]result) (result, error) {
	if s.DatasourceUID != expressions {
		model, err := json.Marshal(s.Model)
		if err != nil {
			return result{}, err
		}
		frames, err := panel.Answer(ctx, env, backend.DataQuery{
			RefID: s.RefID, QueryType: s.QueryType, JSON: model, Interval: time.Second, MaxDataPoints: 43200,
			TimeRange: backend.TimeRange{From: at.Add(-time.Duration(s.RelativeTimeRange.From) * time.Second), To: at.Add(-time.Duration(s.RelativeTimeRange.To) * time.Second)},
		})
		if err != nil {
			return result{}, err
		}
		return converted(frames)
	}
	expression, _ := s.Model["expression"].(string)
	if s.Model["type"] == "math" {
		return calculated(expression, steps)
	}
	in, ok := steps[expression]
	if !ok {
		return in, fmt.Errorf("there is no step %q before it", expression)
	}
	switch s.Model["type"] {
	case "reduce":
		reducer, _ := s.Model["reducer"].(string)
		return reduced(in, reducer)
	case "threshold":
		kind, params, err := s.evaluator()
		if err != nil {
			return in, err
		}
		return judged(in, kind, params)
	}
	return in, fmt.Errorf("an expression of type %v is not one that this test knows", s.Model["type"])
}

// evaluator is that of a threshold.
func (s step) evaluator() (kind string, params []float64, err error) {
	raw, err := json.Marshal(s.Model)
	if err != nil {
		return "", nil, err
	}
	var model struct {
		Conditions []struct {
			Evaluator struct {
				Type   string    `json:"type"`
				Params []float64 `json:"params"`
			} `json:"evaluator"`
		} `json:"conditions"`
	}
	if err := json.Unmarshal(raw, &model); err != nil {
		return "", nil, err
	}
	if len(model.Conditions) != 1 {
		return "", nil, errors.New("a threshold has one condition")
	}
	return model.Conditions[0].Evaluator.Type, model.Conditions[0].Evaluator.Params, nil
}
