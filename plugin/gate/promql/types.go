package promql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metricsql"
)

// typeOf is the type of an expression, or why Prometheus would refuse it.
func typeOf(e metricsql.Expr) (kind, error) {
	switch e := e.(type) {
	case *metricsql.NumberExpr:
		return scalar, nil
	case *metricsql.StringExpr:
		return text, nil
	case *metricsql.MetricExpr:
		return vector, selects(e)
	case *metricsql.RollupExpr:
		return typeOfRange(e)
	case *metricsql.FuncExpr:
		return typeOfCall(e)
	case *metricsql.AggrFuncExpr:
		return typeOfAggregation(e)
	case *metricsql.BinaryOpExpr:
		return typeOfOperation(e)
	}
	return 0, fmt.Errorf("%w: it has a part that is not known", errNoPromQL)
}

// selects refuses a selector of everything, and one of nothing: it must name a
// metric or hold one matcher that is an equality, and no two that exclude each
// other.
func selects(e *metricsql.MetricExpr) error {
	if len(e.LabelFilterss) != 1 {
		return fmt.Errorf("%w: a selector joins several with or", errNoPromQL)
	}
	equal := map[string]string{}
	for _, f := range e.LabelFilterss[0] {
		if !IsLabel(f.Label) {
			return fmt.Errorf("%w: a selector has a label that is no name of one", errNoPromQL)
		}
		if f.IsNegative || f.IsRegexp {
			continue
		}
		if value, twice := equal[f.Label]; twice && value != f.Value {
			return fmt.Errorf("%w: a selector asks for two values of one label", errNoPromQL)
		}
		equal[f.Label] = f.Value
	}
	found := false
	for _, f := range e.LabelFilterss[0] {
		value, known := equal[f.Label]
		switch {
		case known && f.IsRegexp:
			expression, err := regexp.Compile("^(?:" + f.Value + ")$")
			if err != nil || expression.MatchString(value) == f.IsNegative {
				return fmt.Errorf("%w: two matchers of a selector exclude each other", errNoPromQL)
			}
		case known && f.IsNegative && value == f.Value:
			return fmt.Errorf("%w: two matchers of a selector exclude each other", errNoPromQL)
		}
		found = found || value != ""
	}
	if !found {
		return fmt.Errorf("%w: a selector names neither a metric nor any other label by equality", errNoPromQL)
	}
	return nil
}

// How far an expression may look back, and how many times a subquery may ask for
// that: what Prometheus answers to one query at most.
const (
	longestLook = 92 * 24 * time.Hour
	mostSteps   = 11_000
)

// lookOf is a length of time in an expression. It is false for one that is
// negative or too long.
func lookOf(d *metricsql.DurationExpr) (time.Duration, bool) {
	if d == nil {
		return 0, true
	}
	length, ok := ParseDuration(string(d.AppendString(nil)))
	return length, ok && length <= longestLook
}

func typeOfRange(e *metricsql.RollupExpr) (kind, error) {
	inner, err := typeOf(e.Expr)
	_, offset := lookOf(e.Offset)
	window, ranged := lookOf(e.Window)
	step, stepped := lookOf(e.Step)
	if e.Step == nil {
		step = time.Minute // how often rules are looked at, by default
	}
	switch {
	case err != nil:
		return 0, err
	case !offset || !ranged || !stepped || e.ForSubquery() && window > mostSteps*step:
		return 0, fmt.Errorf("%w: it looks into the future, or further or more often back than it may", errNoPromQL)
	case e.At != nil:
		return 0, fmt.Errorf("%w: @ asks for a fixed time", errNoPromQL)
	case inner != vector:
		return 0, fmt.Errorf("%w: a range or an offset of something that is no vector", errNoPromQL)
	case e.Window == nil && e.ForSubquery():
		return 0, fmt.Errorf("%w: a subquery without a range", errNoPromQL)
	case e.Window == nil:
		return vector, nil // an offset
	}
	if _, selector := e.Expr.(*metricsql.MetricExpr); !selector && !e.ForSubquery() {
		return 0, fmt.Errorf("%w: a range of something that is no selector", errNoPromQL)
	}
	return matrix, nil
}

func typeOfCall(e *metricsql.FuncExpr) (kind, error) {
	s, ok := functions[e.Name]
	least := len(s.arguments) - s.optional
	if !ok || e.KeepMetricNames || len(e.Args) < least || !s.repeated && len(e.Args) > len(s.arguments) {
		return 0, fmt.Errorf("%w: a function has other arguments than it takes", errNoPromQL)
	}
	for i, argument := range e.Args {
		got, err := typeOf(argument)
		if err != nil {
			return 0, err
		}
		if want := s.arguments[min(i, len(s.arguments)-1)]; got != want {
			return 0, fmt.Errorf("%w: %s takes another kind of argument", errNoPromQL, e.Name)
		}
	}
	return s.result, nil
}

func typeOfAggregation(e *metricsql.AggrFuncExpr) (kind, error) {
	parameter, ok := aggregations[strings.ToLower(e.Name)]
	want := []kind{vector}
	if parameter != vector {
		want = []kind{parameter, vector}
	}
	if !ok || !labels(e.Modifier) || e.Limit != 0 || len(e.Args) != len(want) {
		return 0, fmt.Errorf("%w: an aggregation has other arguments than it takes", errNoPromQL)
	}
	for i, argument := range e.Args {
		got, err := typeOf(argument)
		if err != nil {
			return 0, err
		}
		if got != want[i] {
			return 0, fmt.Errorf("%w: %s takes another kind of argument", errNoPromQL, e.Name)
		}
	}
	return vector, nil
}

func typeOfOperation(e *metricsql.BinaryOpExpr) (kind, error) {
	left, err := typeOf(e.Left)
	if err != nil {
		return 0, err
	}
	right, err := typeOf(e.Right)
	if err != nil {
		return 0, err
	}
	set := slices.Contains([]string{"and", "or", "unless"}, strings.ToLower(e.Op))
	known := set || isComparison(e.Op) || slices.Contains([]string{"+", "-", "*", "/", "%", "^", "atan2"}, e.Op)
	switch {
	case !labels(e.GroupModifier) || !labels(e.JoinModifier):
		return 0, fmt.Errorf("%w: it joins by something that is no label", errNoPromQL)
	case !known || e.JoinModifierPrefix != nil || e.KeepMetricNames || e.FillLeft != nil || e.FillRight != nil:
		return 0, fmt.Errorf("%w: it has an operator that Prometheus does not know", errNoPromQL)
	case left > vector || right > vector, set && (left != vector || right != vector):
		return 0, fmt.Errorf("%w: an operator joins what it cannot", errNoPromQL)
	case left == scalar && right == scalar && isComparison(e.Op) && !e.Bool:
		return 0, fmt.Errorf("%w: a comparison of two numbers", errNoPromQL)
	case left == scalar && right == scalar:
		return scalar, nil
	}
	return vector, nil
}

// labels reports whether all that is joined or grouped by can be labels.
func labels(m metricsql.ModifierExpr) bool {
	return !slices.ContainsFunc(m.Args, func(name string) bool { return !IsLabel(name) })
}
