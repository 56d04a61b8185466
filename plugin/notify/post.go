package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Limits of telling one target one message.
const (
	longest = 10 * time.Second // of all tries, and the waiting between them
	shortly = 3 * time.Second  // until the next try, when a chat that fails does not say
)

// sender sends messages to one target. Its errors contain none of its secrets.
type sender struct {
	name string
	*egress.Caller
}

func newSender(name string, way egress.Way, secrets ...secret.String) (*sender, error) {
	caller, err := way.Caller(longest, 4096, secrets...)
	return &sender{name, caller}, err
}

// later is an error after which the chat takes the same message, some time on.
type later struct {
	error
	after time.Duration
}

// pause is a backoff as long as the chat asked for.
type pause time.Duration

func (p *pause) NextBackOff() time.Duration { return time.Duration(*p) }
func (p *pause) Reset()                     {}

// send calls post until it succeeds, as long as its errors are later and there
// is time: nobody waits for a chat that is down. What may have been posted already,
// such as a request without an answer, is not sent twice.
func (s *sender) send(ctx context.Context, post func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	end, _ := ctx.Deadline()
	left := max(time.Until(end)-time.Second, 1) // of waiting; 0 would be without end
	var wait pause
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := post(ctx)
		again, ok := errors.AsType[*later](err)
		if !ok {
			return struct{}{}, backoff.Permanent(err)
		}
		wait = pause(max(again.after, time.Second))
		return struct{}{}, err
	}, backoff.WithBackOff(&wait), backoff.WithMaxElapsedTime(left))
	if err == nil {
		return nil
	}
	err = egress.WithoutURL(err) // the chain, which quotes it too, ends here
	return fmt.Errorf("%s: post the message: %s", strings.ToLower(s.name), text.Line(s.Redactor.Redact(err.Error()), 300))
}

// webhook tells a chat by incoming webhook.
type webhook struct {
	*sender
	chat chat
	url  *url.URL
}

// newWebhook checks the URL, which a setting holds.
func newWebhook(kind chat, setting string, address secret.String, way egress.Way) (*webhook, error) {
	u, err := webhookURL(address.Reveal())
	if err != nil {
		return nil, fmt.Errorf("%s %w", setting, err)
	}
	s, err := newSender(kind.name, way, append(webhookSecrets(address), secret.New(u.RequestURI()), secret.New(u.Path))...)
	if err != nil {
		return nil, err
	}
	return &webhook{sender: s, chat: kind, url: u}, nil
}

// webhookSecrets are what of an incoming webhook lets others post: its URL, or its
// path, and what is long in either by itself: the end of a path, or the signature
// or token in a query.
func webhookSecrets(webhook secret.String) []secret.String {
	all := []secret.String{webhook}
	u, err := url.Parse(strings.TrimSpace(webhook.Reveal()))
	if err != nil {
		return all
	}
	parts := []string{path.Base(u.Path)}
	for _, values := range u.Query() {
		parts = append(parts, values...)
	}
	for _, part := range parts {
		if len(part) >= shortestKey {
			all = append(all, secret.New(part))
		}
	}
	return all
}

// shortestKey is the length from which a part of a webhook is no ordinary word.
// Those of Slack have 24 characters, those of Mattermost 26.
const shortestKey = 16

// CheckWebhook reports what is wrong with the URL of an incoming webhook, and
// shows nothing of it. The text of its error follows the setting's name.
func CheckWebhook(address string) error {
	_, err := webhookURL(address)
	return err
}

// webhookURL reads the URL of an incoming webhook. Plain http is for loopback
// only: the URL is the credential.
func webhookURL(address string) (*url.URL, error) {
	address = strings.TrimSpace(address)
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.ContainsAny(address, " \t\r\n") {
		return nil, fault.WithFix(errors.New("is not the URL of an incoming webhook"), "copy it from the chat's settings")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !egress.ThisMachine(u.Hostname())) {
		return nil, errors.New("must be an https URL")
	}
	return u, nil
}

func (w *webhook) Target() (name, place string) {
	return w.chat.name, "the channel of the webhook at " + w.url.Hostname()
}

func (w *webhook) Started(ctx context.Context, m report.Message) error { return w.Post(ctx, m) }

func (w *webhook) Post(ctx context.Context, m report.Message) error {
	body, err := json.Marshal(w.chat.body(m))
	if err != nil {
		return fmt.Errorf("encode the message: %w", err)
	}
	return w.send(ctx, func(ctx context.Context) error { return w.post(ctx, string(body), nil) })
}

func (w *webhook) Finished(ctx context.Context, v report.View) error {
	return w.Post(ctx, v.Result())
}

// post posts a body of JSON, with more headers if there are any.
func (w *webhook) post(ctx context.Context, body string, headers http.Header) error {
	header := http.Header{"Content-Type": {"application/json"}}
	maps.Copy(header, headers)
	answer, err := w.Call(ctx, http.MethodPost, w.url.String(), []byte(body), header)
	if answer == nil {
		return err
	}
	said := w.Redactor.Redact(strings.TrimSpace(string(answer.Body))) // whole, before it is cut; such as invalid_blocks; what was read of it before an error too
	switch code := answer.Status; {
	case code/100 == 2 && (w.chat.accepted == "" || said == w.chat.accepted):
		return nil
	case code/100 == 2 && err != nil:
		return err
	case code/100 == 2:
		return fmt.Errorf("the answer is not %q as of an incoming webhook, but %q", w.chat.accepted, text.Line(said, 100))
	default:
		err = errors.New(egress.Refusal(code, text.Line(said, 200)))
		if code == http.StatusTooManyRequests {
			after, _ := egress.RetryAfter(answer.Header)
			return &later{err, after}
		}
		if code >= 500 {
			return &later{err, shortly}
		}
		return err
	}
}
