package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"
)

// Limits of Block Kit, in blocks and in characters, see
// https://docs.slack.dev/reference/block-kit/blocks. That of all blocks together
// is not documented: chat.postMessage answers msg_blocks_too_long from about
// 13,000 characters of their JSON on, see
// https://github.com/slackapi/bolt-js/issues/2509.
const (
	maxBlocks  = 50
	maxSection = 3000
	maxHeader  = 150
	maxContext = 10 // elements of a context block
	maxWeight  = 11000
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

// blocks collects the blocks of a message.
type blocks struct{ all []slack.Block }

// message closes the list. What is too much for Slack is left out from the end,
// and the last line says so.
func (b *blocks) message(text string) Message {
	m := Message{Text: slackutilsx.EscapeMessage(text), Blocks: b.all}
	weight := 0
	for n, block := range b.all {
		weight += weightOf(block)
		if n == maxBlocks-1 && len(b.all) > maxBlocks || weight > maxWeight {
			rest := blocks{all: b.all[:n:n]}
			rest.context(mrkdwn("… more in the pipeline's log and in summary.md"))
			m.Blocks = rest.all
			break
		}
	}
	return m
}

// weightOf is the length of a block as JSON in which everything besides ASCII is
// escaped, the longest way to write it, and room for the id that Slack adds.
func weightOf(block slack.Block) int {
	const id = 30
	content, err := json.Marshal(block)
	if err != nil {
		return maxWeight // cannot be, and would not be posted
	}
	weight := id
	for _, r := range string(content) {
		if r < 0x80 {
			weight++
		} else {
			weight += 6 * max(utf16.RuneLen(r), 1)
		}
	}
	return weight
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

// list shows lines as one section below a title, the first of them at most.
func (b *blocks) list(title string, lines []string, most int) {
	if len(lines) == 0 {
		return
	}
	if title != "" {
		b.title(fmt.Sprintf("%s (%d)", title, len(lines)))
	}
	text := "• " + strings.Join(lines[:min(len(lines), most)], "\n• ")
	if more := len(lines) - most; more > 0 {
		text = cut16(text, maxSection-40) + fmt.Sprintf("\n… and %d more", more)
	}
	b.section(text)
}

// plainText is a text object in which nothing is interpreted: no markup, no
// mentions, no emoji names. It may not be empty.
func plainText(text string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, cut16(cmp.Or(text, "—"), limit), false, false)
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
