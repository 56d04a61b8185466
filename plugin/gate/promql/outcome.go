package promql

import (
	"math"
	"slices"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// outcome is what is known of the values of an expression without its data.
type outcome struct {
	low, high float64 // every value lies between; low is above high where there is never any
	sure      bool    // it has a value whatever is measured
}

var anything = outcome{low: math.Inf(-1), high: math.Inf(1)}

func (o outcome) never() bool { return o.low > o.high }

// Never reports whether an expression has no result whatever is measured.
func (e Expression) Never() bool { return outcomeOf(e.Tree).never() }

// Always reports whether an expression has a result whatever is measured, or
// whatever the value is of what it compares.
func (e Expression) Always() bool {
	compares := false
	if op, ok := e.Tree.(*metricsql.BinaryOpExpr); ok {
		compares = op.Bool && isComparison(op.Op)
	}
	return compares || outcomeOf(e.Tree).sure
}

func outcomeOf(e metricsql.Expr) outcome {
	switch e := e.(type) {
	case *metricsql.NumberExpr:
		return outcome{e.N, e.N, true}
	case *metricsql.RollupExpr:
		return outcomeOf(e.Expr)
	case *metricsql.FuncExpr:
		return outcomeOfCall(e)
	case *metricsql.AggrFuncExpr:
		return outcomeOfAggregation(e)
	case *metricsql.BinaryOpExpr:
		return outcomeOfOperation(e)
	}
	return anything
}

// results are what functions and aggregations return at least and at most,
// whatever they are given.
var results = map[string][2]float64{
	"absent": {1, 1}, "absent_over_time": {1, 1}, "present_over_time": {1, 1}, "group": {1, 1},
	"count": {1, math.Inf(1)}, "count_over_time": {1, math.Inf(1)}, "count_values": {1, math.Inf(1)},
	"rate": {0, math.Inf(1)}, "irate": {0, math.Inf(1)}, "increase": {0, math.Inf(1)}, "changes": {0, math.Inf(1)}, "resets": {0, math.Inf(1)},
	"stddev": {0, math.Inf(1)}, "stdvar": {0, math.Inf(1)}, "stddev_over_time": {0, math.Inf(1)}, "stdvar_over_time": {0, math.Inf(1)},
	"abs": {0, math.Inf(1)}, "sqrt": {0, math.Inf(1)}, "exp": {0, math.Inf(1)}, "time": {0, math.Inf(1)}, "timestamp": {0, math.Inf(1)},
	"sgn": {-1, 1}, "minute": {0, 59}, "hour": {0, 23}, "day_of_week": {0, 6}, "day_of_month": {1, 31}, "days_in_month": {28, 31}, "day_of_year": {1, 366}, "month": {1, 12},
}

// choosing are those that return values of what they are given.
var choosing = []string{
	"avg_over_time", "min_over_time", "max_over_time", "last_over_time", "quantile_over_time", "label_replace", "label_join", "sort", "sort_desc",
	"avg", "min", "max", "topk", "bottomk", "quantile", "vector", "scalar",
}

func outcomeOfCall(e *metricsql.FuncExpr) outcome {
	inner := anything
	for _, argument := range e.Args {
		// Of several arguments one is a vector or a range.
		if _, number := argument.(*metricsql.NumberExpr); !number || len(e.Args) == 1 {
			if _, text := argument.(*metricsql.StringExpr); !text {
				inner = outcomeOf(argument)
				break
			}
		}
	}
	if bounds, ok := results[e.Name]; ok {
		return outcome{bounds[0], bounds[1], len(e.Args) == 0}
	}
	switch {
	case slices.Contains(choosing, e.Name):
		return inner
	case strings.HasPrefix(e.Name, "clamp"):
		low, high := inner.low, inner.high
		for i, argument := range e.Args[1:] {
			bound := outcomeOf(argument)
			if e.Name != "clamp_max" && i == 0 {
				low, high = max(low, bound.low), max(high, bound.low)
			} else {
				low, high = min(low, bound.high), min(high, bound.high)
			}
		}
		return outcome{low, high, inner.sure}
	}
	return outcome{anything.low, anything.high, inner.sure}
}

func outcomeOfAggregation(e *metricsql.AggrFuncExpr) outcome {
	name := strings.ToLower(e.Name)
	inner := outcomeOf(e.Args[len(e.Args)-1])
	if bounds, ok := results[name]; ok {
		return outcome{bounds[0], bounds[1], inner.sure}
	}
	switch {
	case inner.never(), slices.Contains(choosing, name):
		return inner
	case name == "sum" && inner.low >= 0:
		return outcome{inner.low, math.Inf(1), inner.sure}
	}
	return outcome{anything.low, anything.high, inner.sure}
}

func outcomeOfOperation(e *metricsql.BinaryOpExpr) outcome {
	left, right := outcomeOf(e.Left), outcomeOf(e.Right)
	plain := e.GroupModifier.Op == ""
	switch op := strings.ToLower(e.Op); {
	case slices.Contains([]string{">", "<", "!=", "unless"}, op) && plain && same(e.Left, e.Right):
		return outcome{1, 0, false}
	case isComparison(op) && e.Bool:
		return outcome{0, 1, left.sure && right.sure}
	case isComparison(op):
		if isScalar(e.Left) {
			return compared(right, reversed[op], left) // the value is that of the vector
		}
		return compared(left, op, right)
	case left.never() && op != "or", right.never() && op != "or" && op != "unless":
		return outcome{1, 0, false}
	case op == "or":
		return outcome{min(left.low, right.low), max(left.high, right.high), left.sure || right.sure}
	case op == "unless":
		return outcome{left.low, left.high, false}
	case op == "and" && plain && same(compares(e.Left), compares(e.Right)):
		return outcome{max(left.low, right.low), min(left.high, right.high), left.sure && right.sure}
	case op == "and":
		return outcome{left.low, left.high, left.sure && right.sure}
	case op == "%" && right.low == right.high:
		return outcome{-math.Abs(right.low), math.Abs(right.low), left.sure && right.sure}
	case slices.Contains([]string{"+", "*", "/"}, op) && left.low >= 0 && right.low >= 0:
		return outcome{0, math.Inf(1), left.sure && right.sure}
	}
	return outcome{anything.low, anything.high, left.sure && right.sure}
}

// isScalar reports whether an expression is a number and no vector.
func isScalar(e metricsql.Expr) bool {
	switch e := e.(type) {
	case *metricsql.NumberExpr:
		return true
	case *metricsql.FuncExpr:
		return functions[e.Name].result == scalar
	case *metricsql.BinaryOpExpr:
		return isScalar(e.Right) && isScalar(e.Left)
	}
	return false
}

var reversed = map[string]string{"==": "==", "!=": "!=", ">": "<", ">=": "<=", "<": ">", "<=": ">="}

// compared is what is left of values after a comparison with others.
func compared(o outcome, op string, with outcome) outcome {
	if op != "!=" && math.IsNaN(with.low) || op == ">" && math.IsInf(with.low, 1) || op == "<" && math.IsInf(with.high, -1) {
		return outcome{1, 0, false}
	}
	switch op {
	case "==":
		o.low, o.high = max(o.low, with.low), min(o.high, with.high)
	case "!=":
		if o.low == o.high && with.low == with.high && o.low == with.low {
			o.low, o.high = 1, 0
		}
	case ">":
		o.low = max(o.low, math.Nextafter(with.low, math.Inf(1)))
	case ">=":
		o.low = max(o.low, with.low)
	case "<":
		o.high = min(o.high, math.Nextafter(with.high, math.Inf(-1)))
	case "<=":
		o.high = min(o.high, with.high)
	}
	return outcome{o.low, o.high, false}
}

// compares is what an expression compares with numbers, itself when it does not.
func compares(e metricsql.Expr) metricsql.Expr {
	for {
		op, ok := e.(*metricsql.BinaryOpExpr)
		if !ok || !isComparison(op.Op) || op.Bool {
			return e
		}
		_, number := op.Right.(*metricsql.NumberExpr)
		if !number {
			return e
		}
		e = op.Left
	}
}

func same(a, b metricsql.Expr) bool {
	return string(a.AppendString(nil)) == string(b.AppendString(nil))
}
