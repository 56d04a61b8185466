// Package notify tells people in chat what a run does. Each kind of chat is a
// file: it writes a report.Message as that chat takes it. How often and how long
// a message is tried, and what an error may say, is the same for all. That a
// chat cannot be told is a warning and never changes a run.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Config says who is told, and of which runs. Its zero value tells nobody.
type Config struct {
	Notify Policies

	SlackWebhook secret.String // URL, or its path T…/B…/…
	SlackToken   secret.String // of a bot with chat:write, instead of a webhook
	SlackChannel string        // id or name, with SlackToken
	SlackAPI     string        // of the Web API, ending in a slash; empty for Slack's

	ChatWebhook secret.String
	ChatSecret  secret.String // signs what a generic webhook gets
	ChatKind    string        // one of Kinds; empty when ChatWebhook shows it
}

// Notifier tells one target.
type Notifier interface {
	// Target is the chat's name, and where in it messages go.
	Target() (name, place string)
	// Finished tells the result.
	Finished(ctx context.Context, v report.View) error
}

// starter is a Notifier whose readers are people, who want to hear that work
// starts.
type starter interface {
	Started(ctx context.Context, m report.Message) error
}

// chat is a kind of chat that takes messages by incoming webhook.
type chat struct {
	kind       string                   // as chat_kind spells it
	name       string                   // as people know it
	recognises func(*url.URL) bool      // reports whether a URL can only be this chat's
	body       func(report.Message) any // what is posted as JSON
	accepted   string                   // the answer to a message that was taken; empty for any of status 2xx
}

// fitting writes the parts of a message as far as there is room. What is too much
// is left out from the end, and last says so.
func fitting[T any](parts []report.Part, room int, write func(report.Part) T, weigh func(T) int, last T) []T {
	var all []T
	room -= weigh(last)
	for _, part := range parts {
		one := write(part)
		if room -= weigh(one); room < 0 {
			return append(all, last)
		}
		all = append(all, one)
	}
	return all
}

// markup is how a chat writes the parts of a message as text.
type markup struct {
	text func(string) string           // one that shows as it is
	bold [2]string                     // what stands around it
	line string                        // the end of one
	link func(text, url string) string // the text is marked up already
}

func (m markup) part(p report.Part) string {
	bold := func(text string) string { return m.bold[0] + m.text(text) + m.bold[1] }
	switch p.Kind {
	case report.Headline, report.Title:
		return bold(p.Text)
	case report.Body:
		if p.Lead != "" {
			return strings.TrimSuffix(bold(p.Lead)+m.line+m.text(p.Text), m.line)
		}
		return m.text(p.Text)
	}
	var spans []string
	for _, s := range p.Spans {
		text := m.text(s.Text)
		if s.URL != "" {
			text = m.link(text, s.URL)
		}
		spans = append(spans, text)
	}
	return strings.Join(spans, " · ")
}

// more is the last line of a message that would be too long.
const more = "… more in the pipeline's log and in summary.md"

// chats are the kinds that chat_webhook can be of.
var chats = []chat{mattermost, teams, discord, googleChat, generic}

// Kinds are the values of chat_kind.
func Kinds() []string {
	kinds := make([]string, len(chats))
	for i, one := range chats {
		kinds[i] = one.kind
	}
	return kinds
}

// CheckChat reports what is wrong with chat_kind beside a chat_webhook. The text
// of its error follows the setting's name.
func CheckChat(kind string, webhook secret.String) error {
	_, err := chatOf(kind, webhook)
	return err
}

func chatOf(kind string, webhook secret.String) (chat, error) {
	u, err := url.Parse(strings.TrimSpace(webhook.Reveal()))
	if err != nil {
		u = &url.URL{} // CheckWebhook says so
	}
	at := slices.IndexFunc(chats, func(c chat) bool { return c.kind == kind || kind == "" && c.recognises(u) })
	if at < 0 {
		return chat{}, fault.WithFix(errors.New("is missing, and the URL of chat_webhook does not show it"), "set it to one of %s", strings.Join(Kinds(), ", "))
	}
	return chats[at], nil
}

// Complete takes from lookup, which knows the fields of the one Vault secret, what
// the settings leave open.
func (c Config) Complete(lookup func(field string) (secret.String, bool)) Config {
	if held, ok := lookup("slack_webhook"); ok && c.SlackWebhook.Empty() && c.SlackToken.Empty() {
		c.SlackWebhook = held
	}
	if held, ok := lookup("chat_webhook"); ok && c.ChatWebhook.Empty() {
		c.ChatWebhook = held
	}
	if held, ok := lookup("chat_secret"); ok && c.ChatSecret.Empty() {
		c.ChatSecret = held
	}
	return c
}

// Secrets is what of a configuration lets others post.
func (c Config) Secrets() []secret.String {
	return append(append(webhookSecrets(c.SlackWebhook), webhookSecrets(c.ChatWebhook)...), c.SlackToken, c.ChatSecret)
}

// open makes what tells the targets of a configuration. It contacts nothing.
func (c Config) open(way egress.Way) ([]*channel, error) {
	var all []*channel
	if !c.SlackToken.Empty() || !c.SlackWebhook.Empty() {
		slack, err := newSlack(c, way)
		if err != nil {
			return nil, err
		}
		all = append(all, &channel{kind: "slack", to: slack, policy: c.Notify.Slack})
	}
	if !c.ChatWebhook.Empty() {
		kind, err := chatOf(c.ChatKind, c.ChatWebhook)
		if err != nil {
			return all, fmt.Errorf("chat_kind %w", err)
		}
		chat, err := newChat(kind, c, way)
		if err != nil {
			return all, err
		}
		all = append(all, &channel{kind: kind.kind, to: chat, policy: c.Notify.Chat})
	}
	return all, nil
}

func newChat(kind chat, c Config, way egress.Way) (Notifier, error) {
	if kind.kind == Generic {
		return newGeneric(c, way)
	}
	return newWebhook(kind, "chat_webhook", c.ChatWebhook, way)
}

// Channels are the targets that a run tells.
type Channels struct {
	all []*channel
	log zerolog.Logger
}

type channel struct {
	kind   string // slack, or one of Kinds
	to     Notifier
	policy Policy
	begun  bool // it was told that work starts
}

// Open makes the targets of a configuration ready. It contacts nothing, and
// warns of those that cannot be told.
func Open(c Config, way egress.Way, log zerolog.Logger) *Channels {
	all, err := c.open(way)
	if err != nil {
		log.Warn().Str("stage", "report").Err(err).Msg("a configured chat cannot be used")
	}
	return &Channels{all: all, log: log}
}

// Target is who is told: the kind of chat, where in it messages go, and of which
// runs.
type Target struct {
	Kind, Place string
	Policy      Policy
}

// Targets are the chats.
func (c *Channels) Targets() (all []Target) {
	for _, one := range c.all {
		_, place := one.to.Target()
		all = append(all, Target{one.kind, place, one.policy})
	}
	return all
}

// Started tells that work starts, to whom that interests.
func (c *Channels) Started(ctx context.Context, mode string, m report.Message) {
	c.each(func(one *channel) error {
		to, tells := one.to.(starter)
		if !tells || !one.policy.start(mode) {
			return nil
		}
		err := to.Started(ctx, m)
		one.begun = err == nil
		return err
	})
}

// Finished tells the result: to whom wants that of such a run, and to whom was told
// that work starts.
func (c *Channels) Finished(ctx context.Context, v report.View) {
	c.each(func(one *channel) error {
		if !one.begun && !one.policy.result(v) {
			return nil
		}
		if to, tells := one.to.(poster); tells && one.policy == Fixes {
			return to.Post(ctx, v.Fixed())
		}
		return one.to.Finished(ctx, v)
	})
}

// poster is a Notifier whose readers are people, to whom more can be told than a run.
type poster interface {
	Post(ctx context.Context, m report.Message) error
}

// Post tells people a message that is of no run, whatever they want to hear of runs,
// and is how many targets were told.
func (c *Channels) Post(ctx context.Context, m report.Message) (told int) {
	var done atomic.Int32
	c.each(func(one *channel) error {
		to, tells := one.to.(poster)
		if !tells {
			return nil
		}
		err := to.Post(ctx, m)
		if err == nil {
			done.Add(1)
		}
		return err
	})
	return int(done.Load())
}

// each tells all targets at once: none waits for another that is slow.
func (c *Channels) each(tell func(*channel) error) {
	var all sync.WaitGroup
	for _, one := range c.all {
		all.Go(func() {
			if err := tell(one); err != nil {
				name, _ := one.to.Target()
				c.log.Warn().Str("stage", one.kind).Err(err).Msg(name + " was not told")
			}
		})
	}
	all.Wait()
}
