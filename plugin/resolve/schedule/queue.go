package schedule

import (
	"cmp"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/item"
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
