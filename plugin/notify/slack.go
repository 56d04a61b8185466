package notify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackutilsx"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Limits of a message in blocks and in characters, besides those of its parts,
// see https://docs.slack.dev/reference/block-kit/blocks. That of all blocks
// together is not documented: chat.postMessage answers msg_blocks_too_long from
// about 13,000 characters of their JSON on, see
// https://github.com/slackapi/bolt-js/issues/2509.
const (
	maxBlocks = 50
	maxWeight = 11000
)

// slackHooks is what the path of an incoming webhook is joined to.
const slackHooks = "https://hooks.slack.com/services/"

var slackHook = chat{name: "Slack", body: func(m report.Message) any { return slackMessage(m) }} // compatible servers answer in their own ways

// newSlack tells Slack, by webhook or as a bot.
func newSlack(c Config, way egress.Way) (Notifier, error) {
	if c.SlackToken.Empty() {
		return newWebhook(slackHook, "slack_webhook", secret.New(slackURL(c.SlackWebhook.Reveal())), way)
	}
	if c.SlackChannel == "" {
		return nil, errors.New("slack_token needs slack_channel")
	}
	s, err := newSender("Slack", way, c.SlackToken)
	if err != nil {
		return nil, err
	}
	token := strings.TrimSpace(c.SlackToken.Reveal())
	client := slack.New(token, slack.OptionHTTPClient(s.Client), slack.OptionAPIURL(cmp.Or(c.SlackAPI, slack.APIURL)))
	return &bot{sender: s, api: client, channel: c.SlackChannel}, nil
}

// slackURL completes the path of an incoming webhook, which some keep instead of
// its URL.
func slackURL(webhook string) string {
	webhook = strings.TrimSpace(webhook)
	if strings.Contains(webhook, "://") {
		return webhook
	}
	return slackHooks + strings.TrimPrefix(strings.TrimPrefix(webhook, "/"), "services/")
}

// CheckSlackWebhook is CheckWebhook for a URL, or its path T…/B…/….
func CheckSlackWebhook(webhook string) error {
	if !strings.Contains(webhook, "://") && strings.Count(strings.Trim(webhook, "/"), "/") < 2 {
		return fault.WithFix(errors.New("is neither a URL nor the path T…/B…/… of one"), "copy it from Slack")
	}
	return CheckWebhook(slackURL(webhook))
}

// bot tells Slack by a bot's token. The result takes the place of the message
// that work starts, and its thread has the details.
type bot struct {
	*sender
	api     *slack.Client
	channel string
	started struct{ channel, timestamp string } // the message that work starts
}

func (b *bot) Target() (name, place string) { return b.name, b.channel + " by bot token" }

func (b *bot) Started(ctx context.Context, m report.Message) error {
	return b.call(ctx, func(ctx context.Context) (err error) {
		b.started.channel, b.started.timestamp, err = b.api.PostMessageContext(ctx, b.channel, slackOptions(m)...)
		return err
	})
}

func (b *bot) Post(ctx context.Context, m report.Message) error {
	return b.call(ctx, func(ctx context.Context) error {
		_, _, err := b.api.PostMessageContext(ctx, b.channel, slackOptions(m)...)
		return err
	})
}

func (b *bot) Finished(ctx context.Context, v report.View) error {
	if err := b.update(ctx, v.Glance()); err != nil {
		return err
	}
	reply := append(slackOptions(v.Details()), slack.MsgOptionTS(b.started.timestamp))
	if v.Urgent() {
		reply = append(reply, slack.MsgOptionBroadcast()) // an update notifies nobody
	}
	return b.call(ctx, func(ctx context.Context) error {
		_, _, err := b.api.PostMessageContext(ctx, b.started.channel, reply...)
		return err
	})
}

// update replaces the message that work starts. Where there is none, or it is
// gone, it posts another one.
func (b *bot) update(ctx context.Context, m report.Message) error {
	if b.started.timestamp == "" {
		return b.Started(ctx, m)
	}
	gone := false
	err := b.call(ctx, func(ctx context.Context) error {
		_, _, _, err := b.api.UpdateMessageContext(ctx, b.started.channel, b.started.timestamp, slackOptions(m)...)
		if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
			gone = slices.Contains(notUpdatable, refused.Err)
		}
		return err
	})
	if gone {
		return b.Started(ctx, m)
	}
	return err
}

// call calls the Web API.
func (b *bot) call(ctx context.Context, method func(context.Context) error) error {
	return b.send(ctx, func(ctx context.Context) error {
		err := method(ctx)
		if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
			return &later{err, limited.RetryAfter}
		}
		if status, ok := errors.AsType[slack.StatusCodeError](err); ok && (status.Code >= 500 || status.Code == http.StatusTooManyRequests) {
			return &later{err, shortly}
		}
		if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
			code := text.Line(b.Redactor.Redact(refused.Err), 60)
			return errors.New(strings.TrimSuffix(code+": "+hints[code], ": "))
		}
		return err
	})
}

// notUpdatable are the errors of chat.update that another message gets round,
// see https://docs.slack.dev/reference/methods/chat.update.
var notUpdatable = []string{"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive", "thread_not_found"}

// hints say what to do about the errors that settings cause.
var hints = map[string]string{
	"channel_not_found": "check slack_channel; a private channel is found once the bot was invited to it",
	"not_in_channel":    "invite the bot to the channel of slack_channel, or give it the scope chat:write.public",
	"is_archived":       "the channel of slack_channel is archived",
	"invalid_auth":      "Slack does not accept slack_token",
	"not_authed":        "Slack does not accept slack_token",
	"token_revoked":     "slack_token was revoked",
	"token_expired":     "slack_token has expired",
	"account_inactive":  "the bot of slack_token was removed from the workspace",
	"missing_scope":     "the bot of slack_token needs the scope chat:write",
}

// SlackJSON is the content of slack.json: the message as an incoming webhook
// takes it, indented.
func SlackJSON(m report.Message) ([]byte, error) {
	content, err := json.MarshalIndent(slackMessage(m), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode slack.json: %w", err)
	}
	return append(content, '\n'), nil
}

// slackHookMessage is a message as an incoming webhook takes it. Its text, which
// stands in for the blocks, is no markup.
type slackHookMessage struct {
	*slack.WebhookMessage
	Mrkdwn bool `json:"mrkdwn"`
}

func slackMessage(m report.Message) slackHookMessage {
	no := false
	return slackHookMessage{WebhookMessage: &slack.WebhookMessage{
		Text: slackutilsx.EscapeMessage(m.Plain()), Blocks: &slack.Blocks{BlockSet: slackBlocks(m)},
		Parse: "none", UnfurlLinks: &no, UnfurlMedia: &no,
	}}
}

func slackOptions(m report.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(slackutilsx.EscapeMessage(m.Plain()), false), slack.MsgOptionBlocks(slackBlocks(m)...), slack.MsgOptionParse(false),
		slack.MsgOptionDisableMarkdown(), slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// slackBlocks are the parts of a message.
func slackBlocks(m report.Message) []slack.Block {
	weigh := func(b slack.Block) int { return max(weightOf(b), maxWeight/maxBlocks) }
	return fitting(m.Parts, maxWeight, slackBlock, weigh, slack.Block(slack.NewContextBlock("", mrkdwn(more))))
}

func slackBlock(p report.Part) slack.Block {
	switch p.Kind {
	case report.Headline:
		return slack.NewHeaderBlock(plainText(p.Text))
	case report.Title:
		return slack.NewSectionBlock(mrkdwn("*"+p.Text+"*"), nil, nil)
	case report.Body:
		if p.Lead != "" {
			return slackItem(p)
		}
		return slack.NewSectionBlock(plainText(p.Text), nil, nil)
	default:
		return slack.NewContextBlock("", slackElements(p.Spans)...)
	}
}

// slackItem is a body with its first line in bold. Nothing is interpreted in the
// texts of rich_text either, see
// https://docs.slack.dev/reference/block-kit/blocks/rich-text-block.
func slackItem(p report.Part) slack.Block {
	elements := []slack.RichTextSectionElement{slack.NewRichTextSectionTextElement(p.Lead, &slack.RichTextSectionTextStyle{Bold: true})}
	if p.Text != "" {
		elements = append(elements, slack.NewRichTextSectionTextElement("\n"+p.Text, nil))
	}
	return slack.NewRichTextBlock("", slack.NewRichTextSection(elements...))
}

// slackElements are the spans of a line, those of our own that follow each other
// in one element.
func slackElements(spans []report.Span) []slack.MixedElement {
	var elements []slack.MixedElement
	for len(spans) > 0 {
		var own []string
		for len(spans) > 0 && spans[0].Own {
			text := slackutilsx.EscapeMessage(spans[0].Text)
			if url := spans[0].URL; url != "" {
				text = "<" + slackutilsx.EscapeMessage(url) + "|" + text + ">"
			}
			own, spans = append(own, text), spans[1:]
		}
		if len(own) > 0 {
			elements = append(elements, mrkdwn(strings.Join(own, " · ")))
			continue
		}
		elements, spans = append(elements, plainText(spans[0].Text)), spans[1:]
	}
	return elements
}

// plainText is a text object in which nothing is interpreted: no markup, no
// mentions, no emoji names.
func plainText(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, text, false, false)
}

// mrkdwn is for texts of our own and links. Verbatim turns off that bare URLs
// and channel names become links.
func mrkdwn(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, true)
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
