package card

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"

	"pm-todos/plugin/pattern"
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

// functions are those of Prometheus 2.42 and later that are not experimental.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/
var functions = map[string]signature{
	"absent_over_time": {arguments: []kind{matrix}, result: vector},
	"clamp":            {arguments: []kind{vector, scalar, scalar}, result: vector},
	"clamp_max":        {arguments: []kind{vector, scalar}, result: vector},
	"clamp_min":        {arguments: []kind{vector, scalar}, result: vector},
	"histogram_quantile": {
		arguments: []kind{scalar, vector}, result: vector,
	},
	"holt_winters":       {arguments: []kind{matrix, scalar, scalar}, result: vector},
	"label_join":         {arguments: []kind{vector, text, text, text}, optional: 1, repeated: true, result: vector},
	"label_replace":      {arguments: []kind{vector, text, text, text, text}, result: vector},
	"pi":                 {result: scalar},
	"predict_linear":     {arguments: []kind{matrix, scalar}, result: vector},
	"quantile_over_time": {arguments: []kind{scalar, matrix}, result: vector},
	"round":              {arguments: []kind{vector, scalar}, optional: 1, result: vector},
	"scalar":             {arguments: []kind{vector}, result: scalar},
	"time":               {result: scalar},
	"vector":             {arguments: []kind{scalar}, result: vector},
}

func init() {
	for _, name := range strings.Fields(`abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh
		sort sort_desc sqrt tan tanh timestamp`) {
		functions[name] = signature{arguments: []kind{vector}, result: vector}
	}
	for _, name := range strings.Fields(`avg_over_time changes count_over_time delta deriv idelta increase irate last_over_time max_over_time
		min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time`) {
		functions[name] = signature{arguments: []kind{matrix}, result: vector}
	}
	for _, name := range strings.Fields(`day_of_month day_of_week day_of_year days_in_month hour minute month year`) {
		functions[name] = signature{arguments: []kind{vector}, optional: 1, result: vector}
	}
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

// expression is one that Prometheus takes.
type expression struct {
	text string
	tree metricsql.Expr
}

var errNoPromQL = errors.New("the expression is none that Prometheus takes")

// parse reads a PromQL expression. The error says what is wrong without
// repeating the text.
func parse(source string) (expression, error) {
	tokens, ok := tokenize(source)
	if !ok {
		return expression{}, fmt.Errorf("%w: it has signs that PromQL does not know, or that a template fills in", errNoPromQL)
	}
	for i, t := range tokens {
		if t.kind != isWord {
			continue
		}
		lower := strings.ToLower(t.text)
		called := i+1 < len(tokens) && tokens[i+1].text == "("
		_, aggregates := aggregations[lower]
		switch {
		case slices.Contains(foreign, lower) && !named(tokens, i):
			return expression{}, fmt.Errorf("%w: %s means something in other languages only", errNoPromQL, lower)
		case called && !isFunction(t.text) && !aggregates && !slices.Contains(joining, lower):
			return expression{}, fmt.Errorf("%w: it calls a function that Prometheus does not have", errNoPromQL)
		}
	}
	tree, err := metricsql.Parse(source)
	if err != nil {
		return expression{}, fmt.Errorf("%w: it cannot be parsed", errNoPromQL)
	}
	result, err := typeOf(tree)
	switch {
	case err != nil:
		return expression{}, err
	case result != vector && result != scalar:
		return expression{}, fmt.Errorf("%w: it is a range or a text", errNoPromQL)
	case comparisonsIn(tokens) != comparisonsOf(tree):
		// The parser works out what stands between two numbers.
		return expression{}, fmt.Errorf("%w: a comparison of two numbers", errNoPromQL)
	}
	return expression{text: source, tree: tree}, nil
}

// comparisonsIn is how many comparisons a query is written with, those of
// labels aside.
func comparisonsIn(tokens []token) int {
	count, depth := 0, 0
	for _, t := range tokens {
		switch {
		case t.kind != isSign:
		case t.text == "{":
			depth++
		case t.text == "}":
			depth--
		case depth == 0 && comparison(t.text):
			count++
		}
	}
	return count
}

func comparisonsOf(tree metricsql.Expr) int {
	count := 0
	metricsql.VisitAll(tree, func(part metricsql.Expr) {
		if op, ok := part.(*metricsql.BinaryOpExpr); ok && comparison(op.Op) {
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
func named(tokens []token, i int) bool {
	depth := 0
	for j := range i {
		switch tokens[j].text {
		case "{":
			depth++
		case "}":
			depth--
		}
	}
	if depth > 0 {
		return i+1 < len(tokens) && strings.ContainsAny(tokens[i+1].text[:1], "=!")
	}
	return inLabels(tokens, i)
}

// inLabels reports whether a word stands in the brackets of by, on and their
// like.
func inLabels(tokens []token, i int) bool {
	for j := i - 1; j > 0; j-- {
		switch {
		case tokens[j].text == "(":
			lower := strings.ToLower(tokens[j-1].text)
			return slices.Contains([]string{"by", "without", "on", "ignoring", "group_left", "group_right"}, lower)
		case tokens[j].kind != isWord && tokens[j].text != ",":
			return false
		}
	}
	return false
}

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

// selects refuses a selector of everything: it must name a metric or hold one
// matcher that is an equality.
func selects(e *metricsql.MetricExpr) error {
	if len(e.LabelFilterss) != 1 {
		return fmt.Errorf("%w: a selector joins several with or", errNoPromQL)
	}
	for _, f := range e.LabelFilterss[0] {
		if !f.IsNegative && !f.IsRegexp && f.Value != "" {
			return nil
		}
	}
	return fmt.Errorf("%w: a selector names neither a metric nor any other label by equality", errNoPromQL)
}

func typeOfRange(e *metricsql.RollupExpr) (kind, error) {
	inner, err := typeOf(e.Expr)
	switch {
	case err != nil:
		return 0, err
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
	if !ok || e.Limit != 0 || len(e.Args) != len(want) {
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
	known := set || comparison(e.Op) || slices.Contains([]string{"+", "-", "*", "/", "%", "^", "atan2"}, e.Op)
	switch {
	case !known || e.JoinModifierPrefix != nil || e.KeepMetricNames || e.FillLeft != nil || e.FillRight != nil:
		return 0, fmt.Errorf("%w: it has an operator that Prometheus does not know", errNoPromQL)
	case left > vector || right > vector, set && (left != vector || right != vector):
		return 0, fmt.Errorf("%w: an operator joins what it cannot", errNoPromQL)
	case left == scalar && right == scalar && comparison(e.Op) && !e.Bool:
		return 0, fmt.Errorf("%w: a comparison of two numbers", errNoPromQL)
	case left == scalar && right == scalar:
		return scalar, nil
	}
	return vector, nil
}

func comparison(op string) bool {
	return slices.Contains([]string{"==", "!=", ">", ">=", "<", "<="}, op)
}

// constant reports whether nothing that is measured stands in an expression, so
// that it always holds or never.
func (e expression) constant() bool {
	measures := false
	metricsql.VisitAll(e.tree, func(part metricsql.Expr) {
		_, selector := part.(*metricsql.MetricExpr)
		measures = measures || selector
	})
	return !measures
}

// token is one piece of a query: of PromQL, and of the languages that are like
// it.
type token struct {
	kind tokenKind
	text string
}

type tokenKind int

const (
	isWord tokenKind = iota
	isNumber
	isDuration
	isText
	isSign
)

var (
	wordToken     = pattern.Lazy(`^[a-zA-Z_][a-zA-Z0-9_:]*`)
	numberToken   = pattern.Lazy(`^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`)
	durationToken = pattern.Lazy(`^(?:[0-9]+(?:ms|[smhdwy]))+`)
	textToken     = pattern.Lazy("^(?:\"(?:[^\"\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\n]|\\\\.)*'|`[^`]*`)")
	signToken     = pattern.Lazy(`^(?:>=|<=|==|!=|=~|!~|\|=|\|~|[-+*/%^(){}\[\],=<>.|:])`)
)

// tokenize takes a query apart. It is false for what it cannot read, comments
// included: what a comment hides depends on how the document around it folds
// lines. So does what a template renders.
func tokenize(source string) ([]token, bool) {
	if strings.Contains(source, "{{") || strings.Contains(source, "${") {
		return nil, false
	}
	var tokens []token
	for source = strings.TrimSpace(source); source != ""; source = strings.TrimSpace(source) {
		t, ok := nextToken(source)
		if !ok {
			return nil, false
		}
		tokens = append(tokens, t)
		source = source[len(t.text):]
	}
	return tokens, true
}

func nextToken(source string) (token, bool) {
	if found := durationToken().FindString(source); found != "" {
		return token{isDuration, found}, !continues(source[len(found):])
	}
	if found := numberToken().FindString(source); found != "" {
		return token{isNumber, found}, !continues(source[len(found):])
	}
	if found := wordToken().FindString(source); found != "" {
		return token{isWord, found}, true
	}
	if found := textToken().FindString(source); found != "" {
		return token{isText, found}, true
	}
	found := signToken().FindString(source)
	return token{isSign, found}, found != ""
}

// continues reports whether a number runs into what follows it, as in 0x10 and
// 1Ki.
func continues(rest string) bool {
	return rest != "" && (wordToken().MatchString(rest) || rest[0] >= '0' && rest[0] <= '9' || rest[0] == '.')
}
