package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Message is what people are told in chat, before it is written for one kind of
// chat: its parts, and the text that notifications show in their stead.
type Message struct {
	Text  string // this program's own words
	Parts []Part
}

// maxPlain is the length of a message as text, in UTF-16 units. Slack advises
// against more than 4,000: https://docs.slack.dev/changelog/2018-truncating-really-long-messages.
const maxPlain = 3500

// Plain is the whole message as lines of text, for readers whose program shows no
// parts: a screen reader, or a chat that only looks like Slack.
func (m Message) Plain() string {
	lines := []string{m.Text}
	for _, part := range m.Parts {
		switch part.Kind {
		case Headline: // m.Text says it
		case Small:
			var spans []string
			for _, s := range part.Spans {
				spans = append(spans, strings.TrimSpace(s.Text+" "+s.URL))
			}
			lines = append(lines, strings.Join(spans, " · "))
		default:
			lines = append(lines, filled(part.Lead, part.Text)...)
		}
	}
	return cut16(strings.Join(lines, "\n"), maxPlain)
}

// Part is one paragraph of a message.
type Part struct {
	Kind  PartKind
	Lead  string `json:",omitempty"` // of Body: its first line, when that stands out
	Text  string `json:",omitempty"` // of all but Small; of a Body with a Lead what follows, if anything
	Spans []Span `json:",omitempty"` // of Small
}

// PartKind is what a part of a message is.
type PartKind string

// The kinds. Headline, Title and the spans that are Own hold this program's own
// words; every other text is from outside, clean and cut, and must be shown as
// it is.
const (
	Headline PartKind = "headline"
	Title    PartKind = "title"
	Body     PartKind = "body"  // lines
	Small    PartKind = "small" // one line of less weight
)

// Span is a piece of a line: a text, or a link when it has a URL.
type Span struct {
	Text string
	URL  string `json:",omitempty"`
	Own  bool   `json:",omitempty"`
}

// Lengths of parts in UTF-16 units, in which an emoji is two. They are Slack's,
// the shortest there are: https://docs.slack.dev/reference/block-kit/blocks.
const (
	maxHeadline = 150
	maxBody     = 3000
	maxLead     = 400
)

// depth is how much of a run a message tells. The rest is counted.
type depth struct {
	items   int  // of each state, with their links
	reasons int  // of each item
	errors  int  // characters of an error
	names   int  // lines of a list
	dates   bool // what Prometheus says, with times of day and all
	rest    bool // unreadable rows, documents, warnings and notes too
}

var (
	// atAGlance is for a channel whose reader finds the rest in the thread.
	atAGlance = depth{items: 5, reasons: 1, errors: 200, names: 4}
	// everything is for a message that stands alone.
	everything = depth{items: 6, reasons: 4, errors: 500, names: 10, rest: true}
	// inThread is what a thread adds.
	inThread = depth{items: 10, reasons: 8, errors: 900, names: 25, rest: true, dates: true}
)

// parts collects the parts of a message.
type parts []Part

func (p *parts) message(text string) Message { return Message{Text: text, Parts: *p} }

func (p *parts) headline(text string) {
	*p = append(*p, Part{Kind: Headline, Text: cut16(text, maxHeadline)})
}

func (p *parts) title(text string) { *p = append(*p, Part{Kind: Title, Text: text}) }

func (p *parts) body(text string) {
	*p = append(*p, Part{Kind: Body, Text: cut16(cmp.Or(text, "—"), maxBody)})
}

// item is a body whose first line stands out.
func (p *parts) item(lines []string) {
	lead := cut16(cmp.Or(lines[0], "—"), maxLead)
	*p = append(*p, Part{Kind: Body, Lead: lead, Text: cut16(strings.Join(lines[1:], "\n"), maxBody-maxLead-1)})
}

// small is a line of the spans that have a text.
func (p *parts) small(spans ...Span) {
	spans = slices.DeleteFunc(spans, func(s Span) bool { return s.Text == "" })
	if len(spans) > 0 {
		*p = append(*p, Part{Kind: Small, Spans: spans})
	}
}

// list shows the first of so many lines as one text below a title.
func (p *parts) list(title string, lines []string, count, most int) {
	if count == 0 {
		return
	}
	if title != "" {
		p.title(fmt.Sprintf("%s (%d)", title, count))
	}
	text := "• " + strings.Join(lines[:min(len(lines), most)], "\n• ")
	if more := count - most; more > 0 {
		text = cut16(text, maxBody-40) + fmt.Sprintf("\n… and %d more", more)
	}
	p.body(text)
}

// own is a text of our own.
func own(text string) Span { return Span{Text: text, Own: true} }

// foreign is a text from outside, several of them in one.
func foreign(texts ...string) Span {
	return Span{Text: cut16(strings.Join(filled(texts...), " · "), maxWord)}
}

// link is a link with words of our own, nothing without a URL.
func link(url, words string) Span {
	if url == "" {
		return Span{}
	}
	return Span{Text: strings.TrimSpace(words), URL: url, Own: true}
}

// cut16 shortens text to so many UTF-16 units.
func cut16(text string, limit int) string {
	units, kept := 0, 0 // kept is where the mark still fits
	for at, r := range text {
		if units < limit {
			kept = at
		}
		units += max(utf16.RuneLen(r), 1)
		if units > limit {
			return strings.TrimRight(text[:kept], " \n") + "…"
		}
	}
	return text
}

// Result tells in one message what the run did: what was done with links to
// the commits, what needs a person and why, what failed, what it cost, and
// where to read on.
func (v View) Result() Message {
	p := v.result(everything)
	return p.message("pm-todos: " + v.headline())
}

// Glance is Result for a message that has a thread: as much as a phone shows.
func (v View) Glance() Message {
	p := v.result(atAGlance)
	p.small(own("Reasons, findings and documents are in the thread."))
	return p.message("pm-todos: " + v.headline())
}

// Details is the thread below Glance.
func (v View) Details() Message {
	var p parts
	p.outcomes(v, inThread)
	p.rest(v)
	p.small(own("Everything is in the pipeline's log, in summary.md and in summary.json."))
	return p.message("pm-todos, in detail: " + v.headline())
}

// Urgent reports whether a person must look now.
func (v View) Urgent() bool { return v.ExitCode == fault.Person.ExitCode() }

func (v View) result(d depth) parts {
	var p parts
	p.headline(v.mark() + " " + text.Capital(v.headline()))
	p.about(v, link(v.PipelineURL, "pipeline"), link(v.DocsCommitURL, "docs commit "+shortHash(v.DocsCommit)))
	if v.Error != "" {
		p.body("The run ended early: " + cut16(v.Error, 2*d.errors))
	}
	p.outcomes(v, d)
	if d.rest {
		p.rest(v)
		return p
	}
	of := map[string]bool{}
	for _, o := range v.of.Outcomes {
		of[o.Item.Document] = true
	}
	for file := range maps.Clone(of) {
		of[cleaner{v.of.Redactor}.word(file)] = true
	}
	p.documents(v.Documents, func(d documentView) bool { return d.Changed || of[d.File] })
	return p
}

// about says where the run happened, what it cost, and where to read on.
func (p *parts) about(v View, links ...Span) {
	spans := []Span{foreign("pm-todos", v.Repository, v.Branch, v.Mode)}
	if v.Seconds > 0 {
		spans = append(spans, own(v.cost()), own(took(v.Seconds)))
	}
	p.small(append(spans, links...)...)
}

// outcomes shows the items: those of each state, then what needs a person and
// what waits.
func (p *parts) outcomes(v View, d depth) {
	for _, group := range groups {
		p.group(group.mark+" "+group.title, v.in(group.state), *group.count(&v.Totals), v.Documents, d)
	}
	p.left(append(v.in(item.Skipped), asItems(v.Skipped)...), v.Totals.Skipped, d)
	p.list("⏭ Waiting for the next run", labels(v.in(item.NotAttempted), false), v.Totals.NotAttempted, d.names)
}

// group shows the items of one state: each with its text and, below, its
// links.
func (p *parts) group(title string, items []itemView, count int, documents []documentView, d depth) {
	if count == 0 {
		return
	}
	p.title(fmt.Sprintf("%s (%d)", title, count))
	for n, i := range items {
		if n == d.items {
			p.small(own(fmt.Sprintf("… and %d more", count-n)))
			return
		}
		p.item(i.lines(d))
		p.where(i, documents)
	}
}

// lines are an item with all that is said of it.
func (i itemView) lines(d depth) []string {
	lines := []string{strings.TrimSpace(i.label() + "  " + cut16(i.Action, 300))}
	if i.Approver != "" {
		lines = append(lines, cut16(i.approved(), 300))
	}
	if whose := i.whose(); whose != "" && d.reasons > 1 {
		lines = append(lines, cut16(whose, 150))
	}
	if i.Observed != "" && d.dates {
		lines = append(lines, "🔎 "+cut16(i.Observed, 300))
	} else if i.briefly != "" {
		lines = append(lines, "🔎 "+cut16(i.briefly, 300))
	}
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
	return lines
}

// where says where an item's work is to be seen, in one line.
func (p *parts) where(i itemView, documents []documentView) {
	spans := []Span{link(i.CommitURL, "commit "+shortHash(i.Commit)), link(i.PullURL, "pull request"), link(i.IssueURL, "issue"), link(i.KeptURL, "branch")}
	for _, d := range documents {
		if d.File == i.Document && d.URL != "" {
			spans = append(spans, link(d.URL, "post-mortem"))
			break
		}
	}
	commit := ""
	if i.CommitURL == "" {
		commit = cmp.Or(shortHash(i.Commit), i.Commit)
	}
	text := foreign(i.origin(), i.Stack, commit, i.plan(), i.cost(), took(i.Seconds))
	text.Text = cmp.Or(text.Text, "—")
	p.small(append(spans, text)...)
}

// origin names the document of an item as commits do, which is short.
func (i itemView) origin() string {
	if _, err := time.Parse(time.DateOnly, i.Date); err == nil {
		return "PM-" + i.Date
	}
	return i.Document[strings.LastIndexByte(i.Document, '/')+1:]
}

// left lists what needs a person, what is new first.
func (p *parts) left(items []itemView, count int, d depth) {
	var fresh, known []itemView
	for _, i := range items {
		if i.New {
			fresh = append(fresh, i)
		} else {
			known = append(known, i)
		}
	}
	p.list("👤 Needs a person", append(labels(fresh, true), labels(known, true)...), count, d.names)
}

// labels are the items as one line each, with the reason when asked for.
func labels(items []itemView, why bool) []string {
	var lines []string
	for _, i := range items {
		text := strings.TrimSpace(i.label() + "  " + cut16(i.Action, 150))
		if whose := i.whose(); whose != "" && why {
			text += " (" + cut16(whose, 80) + ")"
		}
		if reason := strings.Join(i.why(), "; "); why && reason != "" {
			text += " — " + cut16(reason, 120)
		}
		lines = append(lines, text)
	}
	return lines
}

// rest is what one need not know at a glance.
func (p *parts) rest(v View) {
	p.list("❔ Unclear, not acted on", labels(asItems(v.Unclear), false), v.Totals.Unclear, 5)
	var lines []string
	for _, one := range v.Problems {
		lines = append(lines, cut16(fmt.Sprintf("%s:%d  %s: %s", one.File, one.Line, one.Reason, one.Detail), 250))
	}
	p.list("✏️ Rows that cannot be read", lines, v.Totals.Problems, everything.names)
	p.documents(v.Documents, func(documentView) bool { return true })
	if notes := slices.Concat(v.Warnings, v.Notes); len(notes) > 0 {
		p.small(Span{Text: "⚠ " + cut16(strings.Join(notes, "\n⚠ "), 1000)})
	}
}

// documents links those documents that are published.
func (p *parts) documents(documents []documentView, wanted func(documentView) bool) {
	const most = 5
	shown, more := 0, 0
	for _, d := range documents {
		switch {
		case d.URL == "" || !wanted(d):
		case shown == most:
			more++
		default:
			shown++
			p.small(link(d.URL, "read the post-mortem"), foreign(cmp.Or(d.Title, d.File)))
		}
	}
	if more > 0 {
		p.small(own(fmt.Sprintf("… and %s more", text.Counted(more, "document"))))
	}
}
