package report

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// ItemKey names an item.
type ItemKey struct{ Document, ID string }

// Issue is what an issue on the forge says of an item to the person who takes it.
type Issue struct {
	Title string
	Body  string // Markdown, in which texts from outside are no markup and mention nobody
}

// Issues finds the issue of an item, zero when the run did not come to it.
func (v View) Issues() func(of ItemKey) Issue {
	c := cleaner{v.of.Redactor}
	outcomes, left := map[ItemKey]item.Outcome{}, map[ItemKey]Left{}
	for _, o := range slices.Backward(v.of.Outcomes) {
		outcomes[keyOf(o.Item)] = o
	}
	for _, l := range slices.Backward(v.of.Skipped) {
		left[keyOf(l.Item)] = l
	}
	return func(of ItemKey) Issue {
		if o, ok := outcomes[of]; ok {
			return v.issue(c.outcome(o, v.of))
		}
		if l, ok := left[of]; ok {
			return v.issue(itemView{leftView: c.left(l, string(item.Skipped), v.of)})
		}
		return Issue{}
	}
}

func keyOf(i item.Item) ItemKey { return ItemKey{i.Document, i.ID} }

func (v View) issue(i itemView) Issue {
	m := markdown{}
	m.line("A follow-up of the post-mortem %s needs a person:", mdCode(i.place()))
	m.line("")
	m.quote(i)
	for _, line := range append(i.why(), filled(i.whose())...) {
		m.line("- %s", short(line))
	}
	if i.Fix != "" {
		m.line("- → %s", short(i.Fix))
	}
	m.line("")
	m.line("Set the row to Done when it is done, and pm-todos closes this issue. If you close it before, it stays closed.")
	m.line("")
	m.line("%s", strings.Join(v.origin(itemView{}), " · "))
	title := strings.TrimSpace(strings.Join(filled(i.label(), i.Action), ": "))
	return Issue{text.Cut(title, titleRoom), m.String()}
}
