package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Generic is the kind of a webhook that takes the summary instead of a message.
const Generic = "generic"

var generic = chat{kind: Generic, name: "Webhook", recognises: func(*url.URL) bool { return false }}

// signed tells a program by webhook: it posts summary.json, signed as
// https://www.standardwebhooks.com describes, so that the receiver's language has a
// library that verifies it.
type signed struct {
	hook *webhook
	key  []byte
}

// newGeneric signs with a secret of one's own.
func newGeneric(c Config, way egress.Way) (Notifier, error) {
	key, err := signingKey(c.ChatSecret)
	if err != nil {
		return nil, fmt.Errorf("chat_secret %w", err)
	}
	hook, err := newWebhook(generic, "chat_webhook", c.ChatWebhook, way)
	if err != nil {
		return nil, err
	}
	hook.Redactor.Add(c.ChatSecret)
	return &signed{hook, key}, nil
}

// leastKey is the length of a secret from which guessing it is hopeless: 24 bytes,
// as the specification of Standard Webhooks demands.
const leastKey = 24

// CheckSigningSecret reports what is wrong with a secret that signs webhooks, and
// shows nothing of it. The text of its error follows the setting's name.
func CheckSigningSecret(text string) error {
	_, err := signingKey(secret.New(text))
	return err
}

// signingKey is the secret itself, or the bytes that its base64 stands for where it
// begins with whsec_, which tells the two apart.
func signingKey(held secret.String) (key []byte, err error) {
	text := strings.TrimSpace(held.Reveal())
	key = []byte(text)
	if encoded, ok := strings.CutPrefix(text, "whsec_"); ok {
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, fault.WithFix(errors.New("is not base64 after whsec_"), "make one: echo whsec_$(openssl rand -base64 32)")
		}
	}
	if len(key) < leastKey {
		return nil, fault.WithFix(fmt.Errorf("has %d bytes, fewer than %d", len(key), leastKey), "make one: echo whsec_$(openssl rand -base64 32)")
	}
	return key, nil
}

func (s *signed) Target() (name, place string) {
	return generic.name, "the webhook at " + s.hook.url.Hostname() + " as signed JSON"
}

// Finished posts the summary. Its id is that of the run: a receiver that gets it
// twice knows.
func (s *signed) Finished(ctx context.Context, v report.View) error {
	body, err := v.JSON()
	if err != nil {
		return err
	}
	return s.hook.send(ctx, func(ctx context.Context) error {
		now := strconv.FormatInt(time.Now().Unix(), 10)
		return s.hook.post(ctx, string(body), http.Header{
			"Webhook-Id": {v.Run}, "Webhook-Timestamp": {now}, "Webhook-Signature": {signature(s.key, v.Run, now, body)},
		})
	})
}

func signature(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(id + "." + timestamp + "."))
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
