package report

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Start is what a run is about to do.
type Start struct {
	Items   []item.Item // to be implemented, in their order
	Limit   int         // how many of them the run takes at most, 0 for no limit
	Merged  []item.Item // whose proposals a person merged
	Waiting int         // proposals that nobody decided on yet

	Proposes bool // every fix is put before a person
	Doubtful bool // what is not proved is put before a person
	Applies  bool // what a person merged is applied
}

// Empty reports whether the run implements nothing, and applies nothing.
func (b Start) Empty() bool { return len(b.Items)+len(b.Merged) == 0 }

// Started tells that work starts.
func Started(s Summary, b Start) Message {
	s.Duration = 0 // what it takes and costs is told at the end
	v, c := Render(s), cleaner{s.Redactor}
	var p parts
	all := text.Counted(len(b.Items)+len(b.Merged), "follow-up item")
	head := "working on " + all
	if b.Limit > 0 && len(b.Items) > b.Limit {
		head = fmt.Sprintf("working on %d of %s", b.Limit+len(b.Merged), all)
	}
	p.headline("🔧 " + text.Capital(head))
	p.about(v, link(v.PipelineURL, "pipeline"))
	var lines []string
	of := map[string]bool{}
	name := func(items []item.Item, mark func(item.Item) string) {
		for _, one := range items {
			i := c.item(one, s)
			of[i.Document] = true
			lines = append(lines, strings.TrimSpace(i.label()+"  "+cut16(i.Action, 150))+mark(one))
		}
	}
	name(b.Merged, func(item.Item) string { return " (merged)" })
	name(b.Items, func(one item.Item) string {
		if one.Approval && !b.Proposes {
			return " (proposal)"
		}
		return ""
	})
	p.list("", lines, len(lines), everything.names)
	p.documents(v.Documents, func(d documentView) bool { return of[d.File] })
	for _, said := range b.next() {
		p.small(own(said))
	}
	return p.message("pm-todos: " + head)
}

// next says what becomes of the items, in each mode.
func (b Start) next() (said []string) {
	switch {
	case len(b.Items) == 0:
	case b.Proposes:
		said = append(said, "Each fix becomes a proposal; it is not applied before a person merges it.")
	case b.Doubtful:
		said = append(said, "A fix is applied when the rules prove all that its plan does, then recorded in the post-mortem. Otherwise it becomes a proposal, or is refused.")
	default:
		said = append(said, "A fix is applied when the rules prove all that its plan does, then recorded in the post-mortem. Otherwise it needs a person.")
	}
	switch {
	case len(b.Merged) == 0:
	case b.Applies:
		said = append(said, "What was merged is applied when its plan does what was proposed.")
	default:
		said = append(said, "What was merged is applied by somebody else, and is Done after that.")
	}
	switch {
	case b.Waiting == 1:
		said = append(said, "1 proposal waits for a person.")
	case b.Waiting > 1:
		said = append(said, fmt.Sprintf("%d proposals wait for a person.", b.Waiting))
	}
	return said
}
