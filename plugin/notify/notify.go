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

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Config says who is told, and of which runs. Its zero value tells nobody.
type Config struct {
	Notify Policy

	SlackWebhook secret.String // URL, or its path T…/B…/…
	SlackToken   secret.String // of a bot with chat:write, instead of a webhook
	SlackChannel string        // id or name, with SlackToken
	SlackAPI     string        // of the Web API, ending in a slash; empty for Slack's

	ChatWebhook secret.String
	ChatKind    string // one of Kinds; empty when ChatWebhook shows it
}

// Notifier tells one target.
type Notifier interface {
	// Target is the chat's name, and where in it messages go.
	Target() (name, place string)
	// Started tells that work starts.
	Started(ctx context.Context, m report.Message) error
	// Finished tells the result.
	Finished(ctx context.Context, v report.View) error
}

// chat is a kind of chat that takes messages by incoming webhook.
type chat struct {
	kind       string                   // as chat_kind spells it
	name       string                   // as people know it
	recognises func(*url.URL) bool      // reports whether a URL can only be this chat's
	body       func(report.Message) any // what is posted as JSON
	accepted   string                   // the answer to a message that was taken; empty for any of status 2xx
}

// more is the last line of a message that would be too long.
const more = "… more in the pipeline's log and in summary.md"

// chats are the kinds that chat_webhook can be of.
var chats = []chat{mattermost}

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
		return chat{}, fault.WithFix(errors.New("is missing, and the URL of chat_webhook does not show it"), "set it to %s", strings.Join(Kinds(), " or "))
	}
	return chats[at], nil
}

// open makes what tells the targets of a configuration. It contacts nothing.
func (c Config) open(way egress.Way) ([]Notifier, error) {
	var all []Notifier
	if !c.SlackToken.Empty() || !c.SlackWebhook.Empty() {
		slack, err := newSlack(c, way)
		if err != nil {
			return nil, err
		}
		all = append(all, slack)
	}
	if !c.ChatWebhook.Empty() {
		kind, err := chatOf(c.ChatKind, c.ChatWebhook)
		if err != nil {
			return all, fmt.Errorf("chat_kind %w", err)
		}
		hook, err := newWebhook(kind, "chat_webhook", c.ChatWebhook, way)
		if err != nil {
			return all, err
		}
		all = append(all, hook)
	}
	return all, nil
}

// Channels are the targets that a run tells.
type Channels struct {
	policy Policy
	all    []*channel
	log    zerolog.Logger
}

type channel struct {
	to    Notifier
	begun bool // it was told that work starts
}

// Open makes the targets of a configuration ready. It contacts nothing, and
// warns of those that cannot be told.
func Open(c Config, way egress.Way, log zerolog.Logger) *Channels {
	channels := &Channels{policy: c.Notify, log: log}
	all, err := c.open(way)
	if err != nil {
		log.Warn().Str("stage", "report").Err(err).Msg("a configured chat cannot be used")
	}
	for _, one := range all {
		channels.all = append(channels.all, &channel{to: one})
	}
	return channels
}

// Targets are the names of the chats, and where in them messages go.
func (c *Channels) Targets() (all [][2]string) {
	for _, one := range c.all {
		name, place := one.to.Target()
		all = append(all, [2]string{name, place})
	}
	return all
}

// Started tells that work starts, when the policy wants it.
func (c *Channels) Started(ctx context.Context, mode string, m report.Message) {
	if c.policy.start(mode) {
		c.each(func(one *channel) error {
			err := one.to.Started(ctx, m)
			one.begun = err == nil
			return err
		})
	}
}

// Finished tells the result: to all when the policy wants it, else to those that
// were told that work starts.
func (c *Channels) Finished(ctx context.Context, v report.View) {
	wanted := c.policy.result(v)
	c.each(func(one *channel) error {
		if !wanted && !one.begun {
			return nil
		}
		return one.to.Finished(ctx, v)
	})
}

// each tells all targets at once: none waits for another that is slow.
func (c *Channels) each(tell func(*channel) error) {
	var all sync.WaitGroup
	for _, one := range c.all {
		all.Go(func() {
			if err := tell(one); err != nil {
				name, _ := one.to.Target()
				c.log.Warn().Str("stage", strings.ToLower(name)).Err(err).Msg(name + " was not told")
			}
		})
	}
	all.Wait()
}
