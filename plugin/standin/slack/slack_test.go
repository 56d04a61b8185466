package slack

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func post(t *testing.T, url string, body any) *http.Response {
	t.Helper()
	content, err := json.Marshal(body)
	must(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(content))
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	return response
}

func TestWebhook(t *testing.T) {
	s, err := Start()
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	s.Answer(http.StatusTooManyRequests, 2*time.Second)
	response := post(t, s.WebhookURL(), map[string]any{"text": "first"})
	if response.StatusCode != 429 || response.Header.Get("Retry-After") != "2" {
		t.Errorf("scripted answer: %d, Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}
	header := func(n int) map[string]any {
		return map[string]any{"blocks": []any{map[string]any{"type": "header", "text": map[string]any{"type": "plain_text", "text": strings.Repeat("ä", n)}}}}
	}
	for name, c := range map[string]struct {
		url    string
		body   any
		status int
	}{
		"a text":         {s.WebhookURL(), map[string]any{"text": "hello"}, 200},
		"a long header":  {s.WebhookURL(), header(150), 200},
		"a longer one":   {s.WebhookURL(), header(151), 400},
		"nothing":        {s.WebhookURL(), map[string]any{}, 400},
		"another hook":   {s.WebhookURL() + "x", map[string]any{"text": "x"}, 404},
		"too many parts": {s.WebhookURL(), map[string]any{"blocks": make([]map[string]any, 51)}, 400},
	} {
		if got := post(t, c.url, c.body).StatusCode; got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
	messages := s.Messages()
	if messages[0].Method != "webhook" || messages[0].Status != 429 || messages[0].Body["text"] != "first" {
		t.Errorf("first message is %+v", messages[0])
	}
}

func TestWebAPI(t *testing.T) {
	s, err := Start()
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	client := slack.New(Token, slack.OptionAPIURL(s.APIURL()))
	block := slack.NewSectionBlock(slack.NewTextBlockObject(slack.PlainTextType, "hello", false, false), nil, nil)
	channel, stamp, err := client.PostMessageContext(t.Context(), "C1", slack.MsgOptionBlocks(block), slack.MsgOptionText("hello", false))
	must(t, err)
	if channel != "C1" || stamp == "" {
		t.Errorf("posted to %q at %q", channel, stamp)
	}
	_, updated, _, err := client.UpdateMessageContext(t.Context(), "C1", stamp, slack.MsgOptionText("changed", false))
	must(t, err)
	if updated != stamp {
		t.Errorf("updated %q, want %q", updated, stamp)
	}
	_, _, err = slack.New("xoxb-other", slack.OptionAPIURL(s.APIURL())).PostMessageContext(t.Context(), "C1", slack.MsgOptionText("x", false))
	if err == nil || err.Error() != "invalid_auth" {
		t.Errorf("a wrong token: %v", err)
	}
	messages := s.Messages()
	if blocks, _ := messages[0].Body["blocks"].([]any); len(blocks) != 1 {
		t.Errorf("blocks of the first message are %v", messages[0].Body["blocks"])
	}
	if messages[1].Method != "chat.update" || messages[1].Body["text"] != "changed" {
		t.Errorf("second message is %+v", messages[1])
	}
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
