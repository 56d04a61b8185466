package report

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// ItemKey names an item.
type ItemKey struct{ Document, ID string }

// Issue is what an issue on the forge says of an item to the person who takes it.
type Issue struct {
	Title string
	Body  string // Markdown, in which texts from outside are no markup and mention nobody
}

// Issue is that of an item, zero when the run did not come to it.
func (v View) Issue(of ItemKey) Issue {
	i, found := v.find(of)
	if !found {
		return Issue{}
	}
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

func (v View) find(of ItemKey) (itemView, bool) {
	for _, one := range v.Items {
		if one.Document == of.Document && one.ID == of.ID {
			return one, true
		}
	}
	for _, one := range v.Skipped {
		if one.Document == of.Document && one.ID == of.ID {
			return itemView{leftView: one}, true
		}
	}
	return itemView{}, false
}
