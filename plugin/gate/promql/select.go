package promql

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/VictoriaMetrics/metricsql"
)

// Selector is what an expression asks of the stored series.
type Selector struct {
	Metric string // name of the metric, "" when it asks by labels alone
	Text   string // the selector with its matchers, as PromQL writes it
}

// Selectors are the selectors of an expression, each once.
func (e Expression) Selectors() []Selector {
	var found []Selector
	metricsql.VisitAll(e.Tree, func(part metricsql.Expr) {
		m, ok := part.(*metricsql.MetricExpr)
		if !ok {
			return
		}
		s := Selector{Metric: metricOf(m), Text: string(m.AppendString(nil))}
		if !slices.Contains(found, s) {
			found = append(found, s)
		}
	})
	return found
}

// metricOf is the name of the metric that a selector selects.
func metricOf(m *metricsql.MetricExpr) string {
	if len(m.LabelFilterss) != 1 {
		return ""
	}
	for _, filter := range m.LabelFilterss[0] {
		if filter.Label == "__name__" && !filter.IsNegative && !filter.IsRegexp {
			return filter.Value
		}
	}
	return ""
}

// Canonical is the same for expressions that differ in how they are written
// alone: spaces, brackets that change nothing, 0.50 and 0.5, 90m and 1h30m.
// Prometheus itself writes expressions in its own way.
func (e Expression) Canonical() string {
	tokens, _ := Tokenize(string(e.Tree.AppendString(nil))) // it was read before
	parts := make([]string, 0, len(tokens))
	for _, t := range tokens {
		switch t.Kind {
		case Number:
			if n, err := strconv.ParseFloat(t.Text, 64); err == nil {
				t.Text = number(n)
			}
		case Duration:
			if length, ok := ParseDuration(t.Text); ok {
				t.Text = strconv.FormatInt(int64(length/time.Millisecond), 10) + "ms"
			}
		case Word, Text, sign:
		}
		parts = append(parts, t.Text)
	}
	return strings.Join(parts, " ")
}

// With is the expression as PromQL with the metrics of recording rules, by name,
// replaced by what they record. It is false where that cannot be written: where
// matchers choose among what is recorded, or a name stands for itself.
func (e Expression) With(recorded map[string]Expression) (string, bool) {
	const deepest = 4 // rules that record what other rules record
	source := string(e.Tree.AppendString(nil))
	for range deepest {
		parsed, err := Parse(source)
		if err != nil {
			return "", false
		}
		replaced, whole := false, true
		tree := replace(parsed.Tree, func(m *metricsql.MetricExpr) metricsql.Expr {
			by, ok := recorded[metricOf(m)]
			if !ok {
				return nil
			}
			if string(m.AppendString(nil)) != metricOf(m) {
				whole = false
				return nil
			}
			replaced = true
			return by.Tree
		})
		switch {
		case !whole:
			return "", false
		case !replaced:
			return source, true
		}
		source = string(tree.AppendString(nil))
	}
	return "", false
}

// replace is a tree with selectors replaced; what by returns nil for stays.
func replace(e metricsql.Expr, by func(*metricsql.MetricExpr) metricsql.Expr) metricsql.Expr {
	switch e := e.(type) {
	case *metricsql.MetricExpr:
		if other := by(e); other != nil {
			return other
		}
	case *metricsql.RollupExpr:
		copied := *e
		copied.Expr = replace(e.Expr, by)
		if _, selects := copied.Expr.(*metricsql.MetricExpr); !selects && copied.Window != nil && !e.ForSubquery() {
			copied.InheritStep = true // a range of what is no selector is a subquery
		}
		return &copied
	case *metricsql.BinaryOpExpr:
		copied := *e
		copied.Left, copied.Right = replace(e.Left, by), replace(e.Right, by)
		return &copied
	case *metricsql.FuncExpr:
		copied := *e
		copied.Args = replaceAll(e.Args, by)
		return &copied
	case *metricsql.AggrFuncExpr:
		copied := *e
		copied.Args = replaceAll(e.Args, by)
		return &copied
	}
	return e
}

func replaceAll(list []metricsql.Expr, by func(*metricsql.MetricExpr) metricsql.Expr) []metricsql.Expr {
	replaced := make([]metricsql.Expr, len(list))
	for i, one := range list {
		replaced[i] = replace(one, by)
	}
	return replaced
}
