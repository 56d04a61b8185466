package report

import (
	"cmp"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Fixed tells those who reported an incident, or felt it, what was done so that it
// does not come again: no more than that, and where to read what happened.
func (v View) Fixed() Message {
	said := text.Counted(v.Totals.Done, "improvement") + " after past incidents"
	var p parts
	p.headline("✅ " + said)
	for n, i := range v.in(item.Done) {
		if n == inThread.items {
			p.small(own(fmt.Sprintf("… and %d more", v.Totals.Done-n)))
			break
		}
		p.item([]string{i.Action})
		p.after(i, v.Documents)
	}
	return p.message("pm-todos: " + said)
}

// after names the incident that an item follows, with its post-mortem where that is
// published.
func (p *parts) after(i itemView, documents []documentView) {
	incident, url := i.origin(), ""
	for _, d := range documents {
		if d.File == i.Document {
			incident, url = cmp.Or(d.Title, incident), d.URL
			break
		}
	}
	p.small(own("after"), foreign(incident, i.Date), link(url, "read the post-mortem"))
}
