package promql

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/VictoriaMetrics/metricsql"
)

// Quieter says which way a number makes an alert fire less easily.
type Quieter int

// The ways.
const (
	EitherWay Quieter = iota // it is not known
	Higher
	Lower
)

// Difference is one number that differs in two versions of an expression.
type Difference struct {
	Before, After string // without a sign
	Quieter       Quieter
	Range         bool // it is the length of a range
	Sign          bool // one is less than nothing, and the other is not
}

// Differences are the numbers that differ in two expressions. It is false when
// anything else does than numbers beside comparisons and ranges.
func Differences(before, after Expression) ([]Difference, bool) {
	w := walker{}
	w.walk(before.Tree, after.Tree, 1)
	return w.found, !w.other
}

// walker compares two expressions.
type walker struct {
	found []Difference
	other bool // it is another expression
}

// walk compares two expressions. direction is 1 where the alert fires when the
// expression has a result, 0 where that is not known.
func (w *walker) walk(old, now metricsql.Expr, direction int) {
	if w.other || same(old, now) {
		return
	}
	switch o := old.(type) {
	case *metricsql.BinaryOpExpr:
		if n, ok := now.(*metricsql.BinaryOpExpr); ok && sameOperation(o, n) {
			w.operation(o, n, direction)
			return
		}
	case *metricsql.RollupExpr:
		if n, ok := now.(*metricsql.RollupExpr); ok {
			w.rollup(o, n)
			return
		}
	case *metricsql.FuncExpr:
		if n, ok := now.(*metricsql.FuncExpr); ok && o.Name == n.Name {
			w.arguments(o.Args, n.Args)
			return
		}
	case *metricsql.AggrFuncExpr:
		if n, ok := now.(*metricsql.AggrFuncExpr); ok && o.Name == n.Name && sameModifier(o.Modifier, n.Modifier) {
			w.arguments(o.Args, n.Args)
			return
		}
	}
	w.other = true
}

func sameModifier(a, b metricsql.ModifierExpr) bool {
	return strings.EqualFold(a.Op, b.Op) && slices.Equal(a.Args, b.Args)
}

func sameOperation(a, b *metricsql.BinaryOpExpr) bool {
	return a.Op == b.Op && a.Bool == b.Bool && sameModifier(a.GroupModifier, b.GroupModifier) && sameModifier(a.JoinModifier, b.JoinModifier)
}

func (w *walker) arguments(old, now []metricsql.Expr) {
	if len(old) != len(now) {
		w.other = true
		return
	}
	for i := range old {
		w.walk(old[i], now[i], 0)
	}
}

func (w *walker) operation(old, now *metricsql.BinaryOpExpr, direction int) {
	if isComparison(old.Op) {
		grows := strings.HasPrefix(old.Op, ">")
		ordered := old.Op != "==" && old.Op != "!=" // beside those a number is which one, and no threshold
		if ordered && (w.threshold(old.Left, now.Left, !grows, direction) || w.threshold(old.Right, now.Right, grows, direction)) {
			return
		}
	}
	inner := direction
	if isComparison(old.Op) || !slices.Contains([]string{"and", "or", "unless"}, old.Op) {
		inner = 0
	}
	w.walk(old.Left, now.Left, inner)
	if old.Op == "unless" {
		inner = 0
	}
	w.walk(old.Right, now.Right, inner)
}

// threshold judges one side of a comparison that is a number, or a number times
// something that stays. It is false when the side is neither, or stays as it is.
func (w *walker) threshold(old, now metricsql.Expr, more bool, direction int) bool {
	if a, ok := old.(*metricsql.BinaryOpExpr); ok && a.Op == "*" {
		b, ok := now.(*metricsql.BinaryOpExpr)
		switch {
		case !ok || !sameOperation(a, b):
			return false
		case same(a.Left, b.Left):
			return w.threshold(a.Right, b.Right, more, direction)
		case same(a.Right, b.Right):
			return w.threshold(a.Left, b.Left, more, direction)
		}
		return false
	}
	a, okOld := old.(*metricsql.NumberExpr)
	b, okNow := now.(*metricsql.NumberExpr)
	if !okOld || !okNow || a.N == b.N {
		return false
	}
	quieter := Lower
	switch {
	case direction == 0:
		quieter = EitherWay
	case more == (a.N >= 0):
		quieter = Higher
	}
	w.found = append(w.found, Difference{Before: number(math.Abs(a.N)), After: number(math.Abs(b.N)), Quieter: quieter, Sign: a.N < 0 != (b.N < 0)})
	return true
}

func number(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// rollup compares two ranges.
func (w *walker) rollup(old, now *metricsql.RollupExpr) {
	switch {
	case !sameRollup(old, now) || (old.Window == nil) != (now.Window == nil):
		w.other = true
		return
	case old.Window == nil || same(old.Window, now.Window):
		w.walk(old.Expr, now.Expr, 0)
		return
	case !same(old.Expr, now.Expr):
		w.other = true
		return
	}
	w.found = append(w.found, Difference{
		Before: string(old.Window.AppendString(nil)), After: string(now.Window.AppendString(nil)), Quieter: Higher, Range: true,
	})
}

// sameRollup reports whether everything but the range and what it is of is the
// same.
func sameRollup(a, b *metricsql.RollupExpr) bool {
	text := func(e metricsql.Expr) string {
		switch e := e.(type) {
		case *metricsql.DurationExpr:
			if e == nil {
				return ""
			}
		case nil:
			return ""
		}
		return string(e.AppendString(nil))
	}
	return text(a.Offset) == text(b.Offset) && text(a.Step) == text(b.Step) && a.InheritStep == b.InheritStep && text(a.At) == text(b.At)
}
