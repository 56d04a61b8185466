package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// titleRoom is how many characters a pull request's title has at most: Gitea and
// GitLab take 255, GitHub 256.
const titleRoom = 200

// PullRequest is what a proposal says to the person who decides on it.
type PullRequest struct {
	Branch string // with the proposed commit
	Commit string // that was proposed
	Status string // of the commit, in our own words
	Title  string
	Body   string // Markdown, in which texts from outside are no markup and mention nobody
}

// PullRequests are the proposals among the items, one for each branch. applies says
// that a run applies what a person merged.
func (v View) PullRequests(applies bool) (all []PullRequest) {
	made := map[string]bool{"": true}
	for _, o := range v.of.Outcomes {
		if o.State != item.Proposed || made[o.Branch] {
			continue
		}
		made[o.Branch] = true
		i := cleaner{v.of.Redactor}.outcome(o, v.of)
		title := strings.TrimSpace(strings.Join(filled(i.label(), i.Action), ": "))
		all = append(all, PullRequest{i.Kept, i.Commit, i.status(), text.Cut(title, titleRoom), v.proposal(i, applies)})
	}
	return all
}

// status is what is said of a proposed commit: what the rules came to, and that a
// person decides.
func (i itemView) status() string {
	said := cmp.Or(i.plan(), "planned") + ", nothing is forbidden"
	if n := len(i.Findings); n > 0 && !i.unplanned() {
		said += ", " + text.Counted(n, "doubt")
	}
	return said + ": a person decides"
}

// RowsPull is what is said of the rows of documents that wait for a person to merge
// them, since the branch does not take them by a push.
func (v View) RowsPull(files []string) PullRequest {
	var m markdown
	m.line("The branch takes no push of pm-todos, so what became of follow-ups waits here to be merged. The rows of these documents are updated:")
	m.line("")
	for _, file := range files[:min(len(files), maxFindings)] {
		m.line("- %s", mdCode(text.Line(file, maxLine)))
	}
	if more := len(files) - maxFindings; more > 0 {
		m.line("- and %s", text.Counted(more, "other file"))
	}
	m.line("")
	m.line("Each run renders this branch again as long as nobody else pushes to it.")
	m.line("")
	m.line("%s", strings.Join(v.origin(itemView{}), " · "))
	return PullRequest{Title: "docs: update post-mortem follow-up", Body: strings.TrimRight(m.String(), "\n") + "\n"}
}

func (v View) proposal(i itemView, applies bool) string {
	var m markdown
	m.line("A follow-up of the post-mortem %s:", mdCode(i.place()))
	m.line("")
	m.quote(i)
	if i.unplanned() {
		m.line("**Not planned**: what the change does is decided by whatever applies the branch.")
	} else {
		m.line("**Plan** of %s: %s. Nothing is destroyed or replaced.", mdCode(i.Stack), cmp.Or(i.plan(), "see the commit"))
	}
	if i.Observed != "" {
		m.line("")
		m.line("**Prometheus** says: %s.", short(i.Observed))
	}
	if len(i.Findings) > 0 && !i.unplanned() {
		m.line("")
		m.line("**Not proved, so please look at it:**")
		m.line("")
		for _, f := range i.Findings {
			if f.Code == reason.Unproved {
				f.Code = "" // the line above says it
			}
			m.line("- %s", short(strings.TrimSpace(f.line())))
		}
	}
	m.line("")
	switch byHand := func(f findingView) bool { return f.Code == reason.AppliedByHand }; {
	case i.unplanned():
		m.line("- **To approve**, merge this pull request: that hands the change over. The next run marks the row Done, once `verify_command` passes where it is set.")
	case !applies || slices.ContainsFunc(i.Findings, byHand):
		m.line("- **To approve**, merge this pull request, and apply the stack. The next run marks the row Done once its plan is empty.")
	default:
		m.line("- **To approve**, merge this pull request. The next run plans the stack again, applies it if the plan does nothing else, and marks the row Done.")
	}
	m.line("- **To decline**, close it without merging: the item then needs a person, and no agent is paid for it again until its text changes.")
	m.line("")
	m.line("%s", strings.Join(v.origin(i), " · "))
	return strings.TrimRight(m.String(), "\n") + "\n"
}

func (v View) origin(i itemView) []string {
	parts := []string{"Made by pm-todos"}
	if v.PipelineURL != "" {
		parts = append(parts, mdLink("pipeline", v.PipelineURL))
	}
	if cost := i.cost(); cost != "" {
		parts = append(parts, fmt.Sprintf(`cost \%s`, cost))
	}
	return parts
}
