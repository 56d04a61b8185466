package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// documents counts what the globs name.
func documents(_ context.Context, p *patient, say voice) {
	s := p.Settings
	s.Documents.Scope = settings.ScopeAll
	selected, err := access.Select(s, p.repo, p.tip, p.Log)
	if err != nil {
		say.fail("", err)
		return
	}
	if len(selected.All) == 0 {
		say.warn("", "no file matches post_mortems: "+strings.Join(s.Documents.PostMortems, ", "), "set post_mortems to where the documents are, such as docs/**/*.md")
		return
	}
	left, malformed := 0, 0
	for _, doc := range selected.Documents {
		left += len(doc.Skipped()) + len(doc.Unclear())
		malformed += len(doc.Problems)
	}
	say.ok("", fmt.Sprintf("%s; items: %d safe, %d need a person", text.Counted(len(selected.All), "document"), len(selected.Safe), left))
	for _, problem := range selected.Unreadable {
		say.warn("", "cannot be read: "+problem, "")
	}
	if malformed > 0 {
		say.warn("", fmt.Sprintf("%d rows or lines cannot be used", malformed), "pm-todos lint "+strings.Join(s.Documents.PostMortems, " "))
	}
}
