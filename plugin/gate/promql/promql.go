// Package promql tells what Prometheus takes from what it does not, and what an
// expression can come to. It is pure.
//
// Of a file of rules with one mistake Prometheus refuses all. So what is taken
// here is what every version since 2.42 takes, and no more.
package promql

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// The parser is that of MetricsQL, which takes more than Prometheus does: one
// rule of which Prometheus refuses its whole file. So the text is held to the
// words and the forms of PromQL before it is parsed, and the tree to its types.

// kind is the type of an expression in PromQL.
type kind int

const (
	scalar kind = iota
	vector      // instant vector
	matrix      // range vector
	text        // string
)

// signature is the arguments of a function, those that may be left out, and
// what it returns.
type signature struct {
	arguments []kind
	optional  int  // of the last arguments
	repeated  bool // the last one any number of times
	result    kind
}

// functions are those that every Prometheus since 2.42 has and that are not
// experimental; version 3 lost holt_winters.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/
var functions = tableOf(map[string]signature{
	"absent_over_time": {arguments: []kind{matrix}, result: vector},
	"clamp":            {arguments: []kind{vector, scalar, scalar}, result: vector},
	"clamp_max":        {arguments: []kind{vector, scalar}, result: vector},
	"clamp_min":        {arguments: []kind{vector, scalar}, result: vector},
	"histogram_quantile": {
		arguments: []kind{scalar, vector}, result: vector,
	},
	"label_join":         {arguments: []kind{vector, text, text, text}, optional: 1, repeated: true, result: vector},
	"label_replace":      {arguments: []kind{vector, text, text, text, text}, result: vector},
	"pi":                 {result: scalar},
	"predict_linear":     {arguments: []kind{matrix, scalar}, result: vector},
	"quantile_over_time": {arguments: []kind{scalar, matrix}, result: vector},
	"round":              {arguments: []kind{vector, scalar}, optional: 1, result: vector},
	"scalar":             {arguments: []kind{vector}, result: scalar},
	"time":               {result: scalar},
	"vector":             {arguments: []kind{scalar}, result: vector},
})

// Functions with the same arguments.
const (
	ofVector = `abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh
		sort sort_desc sqrt tan tanh timestamp`
	ofMatrix = `avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time max_over_time
		min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time`
	ofTime = `day_of_month day_of_week day_of_year days_in_month hour minute month year`
)

// tableOf is a table with those added.
func tableOf(table map[string]signature) map[string]signature {
	for names, s := range map[string]signature{
		ofVector: {arguments: []kind{vector}, result: vector},
		ofMatrix: {arguments: []kind{matrix}, result: vector},
		ofTime:   {arguments: []kind{vector}, optional: 1, result: vector},
	} {
		for _, name := range strings.Fields(names) {
			table[name] = s
		}
	}
	return table
}

// aggregations are the aggregation operators, with the type of the parameter
// that some take before the vector.
var aggregations = map[string]kind{
	"sum": vector, "min": vector, "max": vector, "avg": vector, "group": vector, "stddev": vector, "stdvar": vector, "count": vector,
	"count_values": text, "bottomk": scalar, "topk": scalar, "quantile": scalar,
}

// joining are the words of PromQL that are neither.
var joining = []string{"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset", "atan2", "inf", "nan"}

// foreign are words that MetricsQL gives a meaning and PromQL does not.
var foreign = []string{"default", "if", "ifnot", "limit", "keep_metric_names", "with", "prefix", "fill", "fill_left", "fill_right", "start", "end"}

// Expression is one that Prometheus takes.
type Expression struct {
	Tree metricsql.Expr
}

// longestExpression is how long an expression is at most, in bytes.
const longestExpression = 5000

var errNoPromQL = errors.New("the expression is none that Prometheus takes")

// Parse reads a PromQL expression. The error says what is wrong without
// repeating the text.
func Parse(source string) (Expression, error) {
	if len(source) > longestExpression {
		return Expression{}, fmt.Errorf("%w: it is too long to be judged", errNoPromQL)
	}
	tokens, ok := Tokenize(source)
	if !ok {
		return Expression{}, fmt.Errorf("%w: it has signs that PromQL does not know, or that a template fills in", errNoPromQL)
	}
	for i, t := range tokens {
		if why := misread(t); why != "" {
			return Expression{}, fmt.Errorf("%w: %s", errNoPromQL, why)
		}
		if t.Kind != Word {
			continue
		}
		lower := strings.ToLower(t.Text)
		called := i+1 < len(tokens) && tokens[i+1].Text == "("
		_, aggregates := aggregations[lower]
		switch {
		case slices.Contains(foreign, lower) && !named(tokens, i):
			return Expression{}, fmt.Errorf("%w: %s means something in other languages only", errNoPromQL, lower)
		case called && !isFunction(t.Text) && !aggregates && !slices.Contains(joining, lower):
			return Expression{}, fmt.Errorf("%w: it calls a function that Prometheus does not have", errNoPromQL)
		}
	}
	tree, err := metricsql.Parse(source)
	if err != nil {
		return Expression{}, fmt.Errorf("%w: it cannot be parsed", errNoPromQL)
	}
	result, err := typeOf(tree)
	switch {
	case err != nil:
		return Expression{}, err
	case result != vector && result != scalar:
		return Expression{}, fmt.Errorf("%w: it is a range or a text", errNoPromQL)
	case comparisonsIn(tokens) != comparisonsOf(tree):
		// The parser works out what stands between two numbers.
		return Expression{}, fmt.Errorf("%w: a comparison of two numbers", errNoPromQL)
	}
	return Expression{Tree: tree}, nil
}

// comparisonsIn is how many comparisons a query is written with, those of
// labels aside.
func comparisonsIn(tokens []Token) int {
	count, depth := 0, 0
	for _, t := range tokens {
		switch {
		case t.Kind != sign:
		case t.Text == "{":
			depth++
		case t.Text == "}":
			depth--
		case depth == 0 && isComparison(t.Text):
			count++
		}
	}
	return count
}

func comparisonsOf(tree metricsql.Expr) int {
	count := 0
	metricsql.VisitAll(tree, func(part metricsql.Expr) {
		if op, ok := part.(*metricsql.BinaryOpExpr); ok && isComparison(op.Op) {
			count++
		}
	})
	return count
}

func isFunction(name string) bool {
	_, ok := functions[name]
	return ok
}

// named reports whether the word is the name of a label, of a metric in braces,
// or a value there, so that it has no meaning of its own.
func named(tokens []Token, i int) bool {
	depth := 0
	for j := range i {
		switch tokens[j].Text {
		case "{":
			depth++
		case "}":
			depth--
		}
	}
	if depth > 0 {
		return i+1 < len(tokens) && strings.ContainsAny(tokens[i+1].Text[:1], "=!")
	}
	return inLabels(tokens, i)
}

// inLabels reports whether a word stands in the brackets of by, on and their
// like.
func inLabels(tokens []Token, i int) bool {
	for j := i - 1; j > 0; j-- {
		switch {
		case tokens[j].Text == "(":
			lower := strings.ToLower(tokens[j-1].Text)
			return slices.Contains([]string{"by", "without", "on", "ignoring", "group_left", "group_right"}, lower)
		case tokens[j].Kind != Word && tokens[j].Text != ",":
			return false
		}
	}
	return false
}

// isComparison reports whether an operator compares.
func isComparison(op string) bool {
	return slices.Contains([]string{"==", "!=", ">", ">=", "<", "<="}, op)
}

// Constant reports whether nothing that is measured stands in an expression, so
// that it always holds or never.
func (e Expression) Constant() bool {
	measures := false
	metricsql.VisitAll(e.Tree, func(part metricsql.Expr) {
		_, selector := part.(*metricsql.MetricExpr)
		measures = measures || selector
	})
	return !measures
}
