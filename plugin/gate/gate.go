// Package gate judges what an agent changed and what a plan would do. It is
// pure: values in, a verdict out, no clock, no file, no network.
//
// Both gates are allow-lists. What they do not know, they refuse; what they
// cannot read, they refuse; and they name every reason, not only the first, so
// that one repair turn can mend them all. Findings carry stable kebab-case
// codes, paths, lines, resource addresses and attribute names, but never a
// value from a plan or a secret from a file.
package gate

import (
	"cmp"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// maxFindings bounds how many findings a verdict holds: a hostile change must
// not flood the log, the report or the prompt of the repair turn.
const maxFindings = 100

// maxPlace bounds the place of a finding, in characters.
const maxPlace = 200

// findings collects the reasons to refuse.
type findings struct{ list []item.Finding }

func (f *findings) add(code reason.Code, place, detail string) {
	f.list = append(f.list, item.Finding{Code: code, Place: text.Marked(place, maxPlace), Detail: text.Marked(detail, 2*maxPlace)})
}

// sorted is what was found, in a fixed order, without repetitions. When there
// is too much, the last entry says so.
func (f *findings) sorted() []item.Finding {
	slices.SortFunc(f.list, func(a, b item.Finding) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Detail, b.Detail))
	})
	list := slices.Compact(f.list)
	if len(list) > maxFindings {
		list = append(list[:maxFindings:maxFindings], item.Finding{
			Code: reason.TooManyFindings, Detail: "there are more findings than are listed here; the change is far off",
		})
	}
	return list
}
