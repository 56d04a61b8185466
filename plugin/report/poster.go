package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// WebhookBase is what the path of an incoming webhook is joined to.
const WebhookBase = "https://hooks.slack.com/services/"

// Slack says where messages go: an incoming webhook, or a bot's token and a
// channel. Zero values mean the defaults that the fields name.
type Slack struct {
	Webhook secret.String // URL, or its path T…/B…/…
	Token   secret.String // of a bot with chat:write, instead of a webhook
	Channel string        // id or name, with Token
	Way     egress.Way    // how Slack is reached

	Base string // of the webhook's path; WebhookBase
	API  string // of the Web API, ending in a slash; Slack's

	PerTry   time.Duration // of one request; 10s
	Patience time.Duration // of all waiting that Slack asks for; 30s
}

// Poster posts messages. Its errors never contain the webhook or the token.
type Poster struct {
	config  Slack
	webhook string
	client  *http.Client
	wait    func(context.Context, time.Duration) error
}

// Posted names a posted message, for updating it. It is zero with a webhook.
type Posted struct{ Channel, Timestamp string }

// NewPoster checks the configuration. It contacts nothing.
func NewPoster(c Slack) (*Poster, error) {
	p := &Poster{config: c, wait: wait}
	if p.config.Base == "" {
		p.config.Base = WebhookBase
	}
	if p.config.API == "" {
		p.config.API = slack.APIURL
	}
	if p.config.PerTry <= 0 {
		p.config.PerTry = 10 * time.Second
	}
	if p.config.Patience <= 0 {
		p.config.Patience = 30 * time.Second
	}
	switch {
	case !c.Token.Empty() && c.Channel == "":
		return nil, errors.New("slack_token needs slack_channel")
	case c.Token.Empty() && c.Webhook.Empty():
		return nil, errors.New("slack: neither slack_webhook nor slack_token is set")
	case c.Token.Empty():
		var err error
		if p.webhook, err = webhookURL(p.config.Base, c.Webhook); err != nil {
			return nil, err
		}
	}
	transport, err := c.Way.Transport(p.config.PerTry)
	if err != nil {
		return nil, err
	}
	p.client = &http.Client{
		Timeout:   p.config.PerTry,
		Transport: transport,
		// A redirect would carry the message and the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p, nil
}

// webhookURL is the URL of an incoming webhook. Plain http is for loopback
// only: the URL is the credential.
func webhookURL(base string, webhook secret.String) (string, error) {
	text := strings.TrimSpace(webhook.Reveal())
	if !strings.Contains(text, "://") {
		text = strings.TrimRight(base, "/") + "/" + strings.TrimPrefix(strings.TrimPrefix(text, "/"), "services/")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, " \t\r\n") {
		return "", errors.New("slack_webhook is neither a URL nor the path T…/B…/… of one")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return "", errors.New("slack_webhook must be an https URL")
	}
	return text, nil
}

// Post posts a message. Answers 429 and 5xx are waited for as long as Patience
// allows. A failure concerns nobody but the reader of the log: callers warn.
func (p *Poster) Post(ctx context.Context, m Message) (Posted, error) {
	if p.webhook != "" {
		return Posted{}, p.retry(ctx, func() error { return p.postWebhook(ctx, m) })
	}
	var posted Posted
	err := p.retry(ctx, func() (err error) {
		posted.Channel, posted.Timestamp, err = p.api().PostMessageContext(ctx, p.config.Channel, m.options()...)
		return err
	})
	return posted, err
}

// Threads reports whether messages can be updated and have threads, which takes a
// bot's token.
func (p *Poster) Threads() bool { return p.webhook == "" }

// Update replaces a posted message. Where that is not possible, with a webhook
// or because the message is gone, it posts another one. Posted is the message
// that shows m then.
func (p *Poster) Update(ctx context.Context, posted Posted, m Message) (Posted, error) {
	if p.webhook != "" || posted.Timestamp == "" {
		return p.Post(ctx, m)
	}
	err := p.retry(ctx, func() error {
		_, _, _, err := p.api().UpdateMessageContext(ctx, posted.Channel, posted.Timestamp, m.options()...)
		return err
	})
	if gone := (*answer)(nil); errors.As(err, &gone) && slices.Contains(notUpdatable, gone.code) {
		return p.Post(ctx, m)
	}
	return posted, err
}

// Reply posts into the thread of a posted message, and shows it in the channel
// too when asked to.
func (p *Poster) Reply(ctx context.Context, posted Posted, m Message, broadcast bool) error {
	if p.webhook != "" || posted.Timestamp == "" {
		return errors.New("slack: a thread needs slack_token and a posted message")
	}
	options := append(m.options(), slack.MsgOptionTS(posted.Timestamp))
	if broadcast {
		options = append(options, slack.MsgOptionBroadcast())
	}
	return p.retry(ctx, func() error {
		_, _, err := p.api().PostMessageContext(ctx, posted.Channel, options...)
		return err
	})
}

func (p *Poster) api() *slack.Client {
	return slack.New(strings.TrimSpace(p.config.Token.Reveal()), slack.OptionHTTPClient(p.client), slack.OptionAPIURL(p.config.API))
}

func (p *Poster) postWebhook(ctx context.Context, m Message) error {
	body, err := json.Marshal(m.webhook())
	if err != nil {
		return fmt.Errorf("encode the message: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.webhook, strings.NewReader(string(body)))
	if err != nil {
		return errors.New("make a request from slack_webhook")
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 == 2 {
		return nil // compatible servers answer in their own ways
	}
	// The body says why in one word, such as invalid_blocks or no_service.
	why, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		why = nil
	}
	return &refusal{code: response.StatusCode, why: text.Line(string(why), 200), after: retryAfter(response.Header)}
}

// refusal is an answer of the webhook other than 200.
type refusal struct {
	code  int
	why   string
	after time.Duration
}

func (r *refusal) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s: %s", r.code, http.StatusText(r.code), r.why), ": ")
}

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return time.Second
	}
	return time.Duration(seconds) * time.Second
}

// retry calls post again while Slack asks to wait. What may have been posted
// already, such as a request without an answer, is not sent twice.
func (p *Poster) retry(ctx context.Context, post func() error) error {
	left := p.config.Patience
	for {
		err := post()
		if err == nil {
			return nil
		}
		pause, again := asked(err)
		if end, limited := ctx.Deadline(); limited && pause > time.Until(end) {
			again = false // there would be no time left to post
		}
		if !again || pause > left {
			return p.safe(err)
		}
		left -= max(pause, time.Second)
		if err := p.wait(ctx, pause); err != nil {
			return fmt.Errorf("slack: while waiting to post again: %w", err)
		}
	}
}

// asked reports whether Slack asks for another try, and after which time.
func asked(err error) (time.Duration, bool) {
	if limited, ok := errors.AsType[*slack.RateLimitedError](err); ok {
		return limited.RetryAfter, true
	}
	if status, ok := errors.AsType[slack.StatusCodeError](err); ok {
		return 5 * time.Second, status.Code >= 500 || status.Code == http.StatusTooManyRequests
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.code == http.StatusTooManyRequests {
			return refused.after, true
		}
		return 5 * time.Second, refused.code >= 500
	}
	return 0, false
}

// safe is err without the URL and the token: errors of net/http quote the URL,
// and so does the chain, which ends here. Slack's own errors keep their code.
func (p *Poster) safe(err error) error {
	if way, ok := errors.AsType[*url.Error](err); ok {
		err = way.Err
	}
	var redactor secret.Redactor
	redactor.Add(p.config.Webhook, p.config.Token, secret.New(p.webhook))
	if refused, ok := errors.AsType[slack.SlackErrorResponse](err); ok {
		code := text.Line(redactor.Redact(refused.Err), 60)
		return &answer{code: code, hint: hints[code]}
	}
	return fmt.Errorf("slack: post the message: %s", text.Line(redactor.Redact(err.Error()), 300))
}

// answer is an error that Slack's Web API answers with.
type answer struct{ code, hint string }

func (a *answer) Error() string {
	return strings.TrimSuffix("slack: post the message: "+a.code+": "+a.hint, ": ")
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

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
