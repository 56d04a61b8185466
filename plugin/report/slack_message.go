package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// depth is how much of a run a message tells. The rest is counted.
type depth struct {
	items   int  // of each state, with their links
	reasons int  // of each item
	errors  int  // characters of an error
	names   int  // lines of a list
	rest    bool // unreadable rows, documents, warnings and notes too
}

var (
	// atAGlance is for a channel whose reader finds the rest in the thread.
	atAGlance = depth{items: 5, reasons: 1, errors: 200, names: 4}
	// everything is for a message that stands alone.
	everything = depth{items: 6, reasons: 4, errors: 500, names: 10, rest: true}
	// inThread is what a thread adds.
	inThread = depth{items: 10, reasons: 8, errors: 900, names: 25, rest: true}
)

// Started tells that work starts on items, of which the run takes at most so
// many. A limit of 0 is none.
func Started(s Summary, items []change.Item, limit int) Message {
	v := s.view()
	c := cleaner{s.Redactor}
	var b blocks
	head := "working on " + text.Counted(len(items), "follow-up item")
	if limit > 0 && len(items) > limit {
		head = fmt.Sprintf("working on %d of %s", limit, text.Counted(len(items), "follow-up item"))
	}
	b.header("🔧 " + upper(head))
	b.about(v, link(v.PipelineURL, "pipeline"))
	var lines []string
	of := map[string]bool{}
	for _, item := range items {
		i := c.item(item)
		of[i.Document] = true
		lines = append(lines, strings.TrimSpace(i.label()+"  "+cut16(i.Action, 150)))
	}
	b.list("", lines, everything.names)
	b.documents(v.Documents, func(d documentView) bool { return of[d.File] })
	next := "Each fix is applied when its plan destroys nothing, then recorded in the post-mortem."
	if v.Mode == "propose" {
		next = "Each fix is proposed on a branch; nothing is applied."
	}
	b.context(mrkdwn(next))
	return b.message("pm-todos: " + head)
}

// Result tells in one message what the run did: what was done with links to
// the commits, what was left to people and why, what failed, what it cost, and
// where to read on.
func Result(s Summary) Message {
	v := s.view()
	b := v.result(everything)
	return b.message("pm-todos: " + v.headline())
}

// Glance is Result for a message that has a thread: as much as a phone shows.
func Glance(s Summary) Message {
	v := s.view()
	b := v.result(atAGlance)
	b.context(mrkdwn("Reasons, findings and documents are in the thread."))
	return b.message("pm-todos: " + v.headline())
}

// Details is the thread below Glance.
func Details(s Summary) Message {
	v := s.view()
	var b blocks
	b.outcomes(v, inThread)
	b.rest(v)
	b.context(mrkdwn("Everything is in the pipeline's log, in summary.md and in summary.json."))
	return b.message("pm-todos, in detail: " + v.headline())
}

// Urgent reports whether the thread should be shown in the channel too: an
// update of a message notifies nobody.
func Urgent(s Summary) bool { return s.Exit == fault.Person }

func (v view) result(d depth) *blocks {
	var b blocks
	b.header(v.mark() + " " + upper(v.headline()))
	b.about(v, link(v.PipelineURL, "pipeline"), link(v.DocsCommitURL, "docs commit "+shortHash(v.DocsCommit)))
	if v.Error != "" {
		b.section("The run ended early: " + cut16(v.Error, 2*d.errors))
	}
	b.outcomes(v, d)
	if d.rest {
		b.rest(v)
		return &b
	}
	of := map[string]bool{}
	for _, i := range v.Items {
		of[i.Document] = true
	}
	b.documents(v.Documents, func(d documentView) bool { return d.Changed || of[d.File] })
	return &b
}

// upper is text with its first letter as a capital. It is for texts of our own.
func upper(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// about says where the run happened, what it cost, and where to read on.
func (b *blocks) about(v view, links ...string) {
	elements := []slack.MixedElement{plainText(strings.Join(filled("pm-todos", v.Repository, v.Branch, v.Mode), " · "), maxWord)}
	var parts []string
	if v.Seconds > 0 {
		parts = filled(v.cost(), took(v.Seconds))
	}
	if parts = append(parts, filled(links...)...); len(parts) > 0 {
		elements = append(elements, mrkdwn(strings.Join(parts, " · ")))
	}
	b.context(elements...)
}

// outcomes shows the items: those of each state, then what was left to people
// and what waits.
func (b *blocks) outcomes(v view, d depth) {
	for _, group := range groups {
		b.group(group.mark+" "+group.title, v.in(group.state), v.Documents, d)
	}
	b.left(append(v.in(change.Skipped), asItems(v.Skipped)...), d)
	b.list("⏭ Waiting for the next run", labels(v.in(change.NotAttempted), false), d.names)
}

// group shows the items of one state: each with its text and, below, its
// links.
func (b *blocks) group(title string, items []itemView, documents []documentView, d depth) {
	if len(items) == 0 {
		return
	}
	b.title(fmt.Sprintf("%s (%d)", title, len(items)))
	for n, i := range items {
		if n == d.items {
			b.context(mrkdwn(fmt.Sprintf("… and %d more", len(items)-n)))
			return
		}
		lines := []string{strings.TrimSpace(i.label() + "  " + cut16(i.Action, 300))}
		why := i.why()
		for _, one := range why[:min(len(why), d.reasons)] {
			lines = append(lines, "– "+cut16(one, 300))
		}
		if more := len(why) - d.reasons; more > 0 && d.reasons > 1 {
			lines = append(lines, fmt.Sprintf("– … and %d more", more))
		}
		if i.Error != "" {
			lines = append(lines, cut16(i.Error, d.errors))
		}
		if i.Fix != "" && d.reasons > 1 {
			lines = append(lines, "→ "+cut16(i.Fix, 300))
		}
		if fetch := i.fetch(); fetch != "" {
			lines = append(lines, "Its commit: "+cut16(fetch, 300))
		}
		for _, command := range i.commands() {
			lines = append(lines, "To close it: "+cut16(command, 300))
		}
		b.section(strings.Join(lines, "\n"))
		b.context(itemContext(i, documents)...)
	}
}

// itemContext is where an item's work is to be seen, in one line.
func itemContext(i itemView, documents []documentView) []slack.MixedElement {
	var elements []slack.MixedElement
	links := filled(link(i.CommitURL, "commit "+shortHash(i.Commit)), link(i.KeptURL, "branch"))
	for _, d := range documents {
		if d.File == i.Document && d.URL != "" {
			links = append(links, link(d.URL, "post-mortem"))
			break
		}
	}
	if len(links) > 0 {
		elements = append(elements, mrkdwn(strings.Join(links, " · ")))
	}
	commit := ""
	if i.CommitURL == "" {
		commit = cmp.Or(shortHash(i.Commit), i.Commit)
	}
	text := strings.Join(filled(i.origin(), i.Stack, commit, i.plan(), i.cost(), took(i.Seconds)), " · ")
	return append(elements, plainText(text, maxWord))
}

// origin names the document of an item as commits do, which is short.
func (i itemView) origin() string {
	if validDate(i.Date) != "" {
		return "PM-" + i.Date
	}
	return i.Document[strings.LastIndexByte(i.Document, '/')+1:]
}

// left lists what was left to people, what is new first.
func (b *blocks) left(items []itemView, d depth) {
	var fresh, known []itemView
	for _, i := range items {
		if i.New {
			fresh = append(fresh, i)
		} else {
			known = append(known, i)
		}
	}
	b.list("👤 Left to people", append(labels(fresh, true), labels(known, true)...), d.names)
}

// labels are the items as one line each, with the reason when asked for.
func labels(items []itemView, why bool) []string {
	var lines []string
	for _, i := range items {
		text := strings.TrimSpace(i.label() + "  " + cut16(i.Action, 150))
		if reason := strings.Join(i.why(), "; "); why && reason != "" {
			text += " — " + cut16(reason, 120)
		}
		lines = append(lines, text)
	}
	return lines
}

// rest is what one need not know at a glance.
func (b *blocks) rest(v view) {
	b.list("❔ Unclear, not acted on", labels(asItems(v.Unclear), false), 5)
	var lines []string
	for _, p := range v.Problems {
		lines = append(lines, cut16(fmt.Sprintf("%s:%d  %s: %s", p.File, p.Line, p.Reason, p.Detail), 250))
	}
	b.list("✏️ Rows that cannot be read", lines, everything.names)
	b.documents(v.Documents, func(documentView) bool { return true })
	if notes := slices.Concat(v.Warnings, v.Notes); len(notes) > 0 {
		b.context(plainText("⚠ "+cut16(strings.Join(notes, "\n⚠ "), 1000), maxSection))
	}
}

// documents links those documents that are published.
func (b *blocks) documents(documents []documentView, wanted func(documentView) bool) {
	const most = 5
	shown, more := 0, 0
	for _, d := range documents {
		switch {
		case d.URL == "" || !wanted(d):
		case shown == most:
			more++
		default:
			shown++
			b.context(mrkdwn(link(d.URL, "read the post-mortem")), plainText(cmp.Or(d.Title, d.File), maxWord))
		}
	}
	if more > 0 {
		b.context(mrkdwn(fmt.Sprintf("… and %s more", text.Counted(more, "document"))))
	}
}
