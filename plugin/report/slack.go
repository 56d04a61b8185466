package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"pm-todos/plugin/change"
)

// Limits of Block Kit, in blocks and in characters.
const (
	maxBlocks  = 50
	maxSection = 3000
	maxHeader  = 150
	maxContext = 10 // elements of a context block
)

// How much of a list a message shows. The rest is counted.
const (
	maxItems = 6 // of each state, with their links
	maxNames = 10
)

// Message is one Slack message: blocks, and the text that notifications show
// in their stead.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// SlackJSON is the content of slack.json: the message as an incoming webhook takes it, indented.
func SlackJSON(m Message) ([]byte, error) { return encode("slack.json", m.webhook()) }

func (m Message) webhook() *slack.WebhookMessage {
	no := false
	return &slack.WebhookMessage{
		Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks}, Parse: "none", UnfurlLinks: &no, UnfurlMedia: &no,
	}
}

func (m Message) options() []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...), slack.MsgOptionParse(false),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// Started tells that work starts on the items.
func Started(s Summary, items []change.Item) Message {
	v := s.view()
	c := cleaner{s.Redactor}
	var b blocks
	head := "pm-todos: working on " + plural(len(items), "follow-up item")
	b.header("🔧 " + head)
	b.about(v)
	var lines []string
	for _, item := range items {
		i := c.item(item)
		lines = append(lines, strings.TrimSpace(i.label()+"  "+i.Action))
	}
	b.names("", lines)
	next := "Each fix is applied when its plan destroys nothing, then recorded in the post-mortem."
	if v.Mode == "propose" {
		next = "Each fix is proposed on a branch; nothing is applied."
	}
	b.context(mrkdwn(next))
	return b.message(head)
}

// Result tells what the run did: what was done with links to the
// commits, what was left to people and why, what failed, what it cost, and
// where to read on.
func Result(s Summary) Message {
	v := s.view()
	var b blocks
	head := "pm-todos: " + v.headline()
	b.header(v.mark() + " " + head)
	b.about(v)
	if v.Error != "" {
		b.section("The run ended early: " + cut16(v.Error, 1200))
	}
	for _, group := range groups {
		b.outcomes(group.mark+" "+group.title, v.in(group.state), v.Documents)
	}
	b.left(append(v.in(change.Skipped), v.Skipped...))
	b.names("Waiting for the next run", labels(v.in(change.NotAttempted), false))
	b.problems(v)
	b.documents(v.Documents)
	b.sums(v)
	return b.message(head)
}

// blocks collects the blocks of a message and keeps to the limits.
type blocks struct{ all []slack.Block }

// message closes the list: too many blocks end with a line that says so.
func (b *blocks) message(text string) Message {
	if len(b.all) > maxBlocks {
		b.all = b.all[:maxBlocks-1]
		b.context(mrkdwn("… more in the pipeline's log and in summary.json"))
	}
	return Message{Text: slackutilsx.EscapeMessage(text), Blocks: b.all}
}

func (b *blocks) add(block slack.Block) { b.all = append(b.all, block) }

func (b *blocks) header(text string) {
	b.add(slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut16(text, maxHeader), false, false)))
}

// section is for texts from outside: plain_text shows everything as it is.
func (b *blocks) section(text string) {
	b.add(slack.NewSectionBlock(plainText(text, maxSection), nil, nil))
}

func (b *blocks) title(text string) {
	b.add(slack.NewSectionBlock(mrkdwn("*"+text+"*"), nil, nil))
}

func (b *blocks) context(elements ...slack.MixedElement) {
	if len(elements) == 0 {
		return
	}
	b.add(slack.NewContextBlock("", elements[:min(len(elements), maxContext)]...))
}

// about says where the run happened.
func (b *blocks) about(v view) {
	elements := []slack.MixedElement{plainText(strings.Join(filled(v.Repository, v.Branch, v.Mode), " · "), maxWord)}
	if links := filled(link(v.PipelineURL, "pipeline"), link(v.DocsCommitURL, "docs commit "+shortHash(v.DocsCommit))); len(links) > 0 {
		elements = append(elements, mrkdwn(strings.Join(links, " · ")))
	}
	b.context(elements...)
}

// outcomes shows the items of one state: each with its text and, below, its
// links.
func (b *blocks) outcomes(title string, items []itemView, documents []documentView) {
	if len(items) == 0 {
		return
	}
	b.title(title)
	for n, i := range items {
		if n == maxItems {
			b.context(mrkdwn(fmt.Sprintf("… and %d more", len(items)-n)))
			return
		}
		lines := []string{strings.TrimSpace(i.label() + "  " + cut16(i.Action, 400))}
		for _, why := range i.why()[:min(len(i.why()), 5)] {
			lines = append(lines, "– "+cut16(why, 300))
		}
		if i.Error != "" {
			lines = append(lines, cut16(i.Error, 500))
		}
		if i.Command != "" {
			lines = append(lines, "To close it: "+cut16(i.Command, 500))
		}
		b.section(strings.Join(lines, "\n"))
		b.context(itemContext(i, documents)...)
	}
}

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
		commit = i.Commit
	}
	text := strings.Join(filled(i.place(), i.Stack, commit, i.plan(), i.cost(), took(i.Seconds)), " · ")
	return append(elements, plainText(text, maxWord))
}

// left lists what was left to people, what is new first.
func (b *blocks) left(items []itemView) {
	var fresh, known []itemView
	for _, i := range items {
		if i.New {
			fresh = append(fresh, i)
		} else {
			known = append(known, i)
		}
	}
	b.names("👤 Left to people", append(labels(fresh, true), labels(known, true)...))
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

// names shows a list as one section.
func (b *blocks) names(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	if title != "" {
		b.title(fmt.Sprintf("%s (%d)", title, len(lines)))
	}
	text := "• " + strings.Join(lines[:min(len(lines), maxNames)], "\n• ")
	if more := len(lines) - maxNames; more > 0 {
		text = cut16(text, maxSection-40) + fmt.Sprintf("\n… and %d more", more)
	}
	b.section(text)
}

func (b *blocks) problems(v view) {
	var lines []string
	for _, p := range v.Problems {
		lines = append(lines, cut16(fmt.Sprintf("%s:%d  %s: %s", p.File, p.Line, p.Reason, p.Detail), 250))
	}
	b.names("✏️ Rows that cannot be read", lines)
}

// documents links those documents that are published.
func (b *blocks) documents(documents []documentView) {
	shown := 0
	for _, d := range documents {
		if d.URL == "" {
			continue
		}
		if shown++; shown > maxItems {
			b.context(mrkdwn("… and more documents"))
			return
		}
		b.context(plainText(first(d.Title, d.File), maxWord), mrkdwn(link(d.URL, "read the post-mortem")))
	}
}

func (b *blocks) sums(v view) {
	parts := filled("cost "+v.cost(), took(v.Seconds))
	if v.Totals.Unclear > 0 {
		parts = append(parts, fmt.Sprintf("%d unclear", v.Totals.Unclear))
	}
	b.context(mrkdwn(strings.Join(parts, " · ")))
	if notes := slices.Concat(v.Warnings, v.Notes); len(notes) > 0 {
		b.context(plainText("⚠ "+cut16(strings.Join(notes, "\n⚠ "), 1000), maxSection))
	}
}

// plainText is a text object in which nothing is interpreted: no markup, no
// mentions, no emoji names. It may not be empty.
func plainText(text string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cut16(first(text, "—"), limit), false, false)
}

// mrkdwn is for texts of our own and links. Verbatim turns off that bare URLs
// and channel names become links.
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, cut16(text, maxSection), false, true)
}

// link is a link in mrkdwn with words of our own, empty without a URL.
func link(url, words string) string {
	if url == "" {
		return ""
	}
	return "<" + slackutilsx.EscapeMessage(url) + "|" + slackutilsx.EscapeMessage(strings.TrimSpace(words)) + ">"
}

// cut16 shortens text to so many characters as Slack may count them: an emoji
// is two.
func cut16(text string, limit int) string {
	units := 0
	for at, r := range text {
		n := max(utf16.RuneLen(r), 1)
		if units+n > limit {
			return cutAt(text, at, limit)
		}
		units += n
	}
	return text
}

// cutAt cuts text before at and takes one more character away for the mark.
func cutAt(text string, at, limit int) string {
	head := []rune(text[:at])
	units := len(utf16.Encode(head))
	for len(head) > 0 && units+1 > limit {
		units -= max(utf16.RuneLen(head[len(head)-1]), 1)
		head = head[:len(head)-1]
	}
	return strings.TrimRight(string(head), " \n") + "…"
}
