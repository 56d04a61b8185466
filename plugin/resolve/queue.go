package resolve

import (
	"cmp"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Order sorts items the way they are taken: P0 before P3, then by the date of
// their post-mortem, then by document and position in it.
func Order(items []item.Item) []item.Item {
	ordered := slices.Clone(items)
	slices.SortStableFunc(ordered, func(a, b item.Item) int {
		return cmp.Or(
			cmp.Compare(a.Priority, b.Priority),
			cmp.Compare(a.Date, b.Date),
			cmp.Compare(a.Document, b.Document),
			cmp.Compare(a.Line, b.Line),
		)
	})
	return ordered
}

// budgetFloor is the smallest slice worth starting an agent with, in US
// dollars: less ends before the first useful edit and is paid for nothing.
const budgetFloor = 0.05

// budget is what this run may spend, by its own limit or by what the month has
// left, and why an item is not started when that is used up.
func (r *Resolver) budget() (usd float64, why reason.Code) {
	if left := r.opts.MonthUSD - r.spentBefore; r.opts.MonthUSD > 0 && left < r.opts.BudgetUSD {
		return left, reason.NotAttemptedMonth
	}
	return r.opts.BudgetUSD, reason.NotAttemptedBudget
}

// slice is what the next item may cost: an even share of what is left over the
// items that remain. It is 0 when the rest is below the floor.
func slice(budget, spent float64, remaining int) float64 {
	rest := budget - spent
	if remaining < 1 || rest < budgetFloor {
		return 0
	}
	return max(rest/float64(remaining), budgetFloor)
}
