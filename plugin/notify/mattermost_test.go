package notify

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// mattermostBody is a message as Mattermost reads it.
type mattermostBody struct {
	Text        string
	Attachments []struct{ Fallback, Text string }
}

// mattermostServer takes messages as Mattermost does: by POST of JSON to a
// webhook that it knows, with a text or an attachment, and no longer than it
// keeps them.
func mattermostServer(t *testing.T) (hook string, messages *[]mattermostBody) {
	t.Helper()
	messages = &[]mattermostBody{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body mattermostBody
		err := json.NewDecoder(r.Body).Decode(&body)
		switch {
		case r.Method != http.MethodPost || r.URL.Path == "/":
			_, _ = io.WriteString(w, "<!DOCTYPE html><title>Mattermost</title>") // the web app, for whatever is not its API
		case r.URL.Path != "/hooks/abcdefghijklmnopqrstuvwxy3":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"id":"web.incoming_webhook.invalid.app_error","message":"Invalid webhook.","status_code":400}`)
		case err != nil || r.Header.Get("Content-Type") != "application/json" || body.Text == "" && len(body.Attachments) == 0 || utf8.RuneCountInString(body.Text) > 16383:
			w.WriteHeader(http.StatusBadRequest)
		default:
			*messages = append(*messages, body)
			_, _ = io.WriteString(w, "ok")
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/hooks/abcdefghijklmnopqrstuvwxy3", messages
}

func TestMattermostIsToldTheStartAndTheResult(t *testing.T) {
	hook, messages := mattermostServer(t)
	to := open(t, Config{ChatWebhook: secret.New(hook)}).(*webhook)
	if err := to.Started(t.Context(), told(t, "full", "started")); err != nil {
		t.Fatal(err)
	}
	if err := to.Finished(t.Context(), report.Render(quiet())); err != nil {
		t.Fatal(err)
	}
	if len(*messages) != 2 {
		t.Fatalf("%d messages", len(*messages))
	}
	started, finished := (*messages)[0], (*messages)[1]
	if started.Text != "#### 🔧 Working on 5 of 8 follow\\-up items" || !strings.Contains(started.Attachments[0].Text, "[pipeline](https://ci.example.org/repos/7/pipeline/42?a=1&b=2)") {
		t.Errorf("the start: %+v", started)
	}
	if finished.Text != "#### 📋 Nothing to do" || finished.Attachments[0].Fallback != "pm-todos: nothing to do" {
		t.Errorf("the result: %+v", finished)
	}
}

func TestMattermostSaysWhyItTakesNoMessage(t *testing.T) {
	hook, _ := mattermostServer(t)
	for address, says := range map[string]string{
		strings.Replace(hook, "abc", "xyz", 1):                 "mattermost: post the message: 400 Bad Request: ",
		strings.TrimSuffix(hook, "hooks/"+hook[len(hook)-26:]): `is not "ok" as of an incoming webhook`,
	} {
		err := open(t, Config{ChatWebhook: secret.New(address), ChatKind: "mattermost"}).Finished(t.Context(), report.Render(quiet()))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), hook[len(hook)-20:]) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// mattermostFinds is what Mattermost looks for in texts after its parser:
// mentions, channels, hashtags, emoji and mail addresses.
var mattermostFinds = regexp.MustCompile(`[@~#][\p{L}\p{N}_]|:[a-z0-9_+-]+:|\$[^$]+\$|[^\s@]@[^\s@\x{200b}]+\.`)

func TestThreat11_MattermostShowsTextsAsTheyAreAndKeepsToItsLimit(t *testing.T) {
	t.Parallel()
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	rapid.Check(t, func(t *rapid.T) {
		content, err := json.Marshal(mattermostPost(drawMessage(t)))
		if err != nil {
			t.Fatal(err)
		}
		var body mattermostBody
		if err := json.Unmarshal(content, &body); err != nil {
			t.Fatal(err)
		}
		if n := utf8.RuneCountInString(body.Text + body.Attachments[0].Text); n > 16383 {
			t.Fatalf("%d characters", n)
		}
		source := []byte(body.Attachments[0].Text)
		_ = ast.Walk(parser.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			switch n := n.(type) {
			case *ast.Document, *ast.Paragraph, *ast.String:
			case *ast.Emphasis:
				if words := string(n.FirstChild().(*ast.Text).Segment.Value(source)); !strings.HasPrefix(words, "✅ Done") && !strings.HasPrefix(words, "P1 Alert") && !strings.HasPrefix(words, "✅ 1 done") {
					t.Errorf("emphasis in %q", source)
				}
			case *ast.Link:
				if string(n.Destination) != "https://ci.example.org/42?a=1&b=2" {
					t.Errorf("a link to %q", n.Destination)
				}
			case *ast.Text:
				shown := strings.NewReplacer("&#36;", "", `\`, "").Replace(string(n.Segment.Value(source)))
				if found := mattermostFinds.FindString(shown); entering && found != "" {
					t.Errorf("%q in %q", found, shown)
				}
			default:
				t.Errorf("a %s in %q", n.Kind(), source)
			}
			return ast.WalkContinue, nil
		})
	})
}
