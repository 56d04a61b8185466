package report

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

const hookPath = "T0AAAAAAA/B0BBBBBBB/s3cr3ts3cr3ts3cr3t"

// reply is one answer of the Slack double.
type reply struct {
	status int
	header http.Header
	body   string
	never  bool // no answer until the client gives up
}

// slackDouble answers requests in this order and keeps their bodies. It fails
// the test on more requests and on replies that were not asked for.
type slackDouble struct {
	*httptest.Server
	mu      sync.Mutex
	replies []reply
	paths   []string
	bodies  []string
}

func newSlackDouble(t *testing.T, replies ...reply) *slackDouble {
	t.Helper()
	d := &slackDouble{replies: replies}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil || len(d.replies) == 0 {
			t.Errorf("unexpected request to %s: %v", r.URL.Path, err)
			return
		}
		next := d.replies[0]
		d.replies, d.paths, d.bodies = d.replies[1:], append(d.paths, r.URL.Path), append(d.bodies, string(body))
		if next.never {
			<-r.Context().Done()
			return
		}
		for name, values := range next.header {
			w.Header()[name] = values
		}
		w.WriteHeader(next.status)
		_, _ = io.WriteString(w, next.body)
	}))
	t.Cleanup(func() {
		d.Close()
		if len(d.replies) > 0 {
			t.Errorf("%d replies were not asked for", len(d.replies))
		}
	})
	return d
}

// seen is the paths and bodies of the requests, once no handler is at work.
func (d *slackDouble) seen() (paths, bodies []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paths, d.bodies
}

// poster posts to the double and keeps how long it was asked to wait.
func (d *slackDouble) poster(t *testing.T, c Slack) (*Poster, *[]time.Duration) {
	t.Helper()
	c.Base, c.API = d.URL+"/services/", d.URL+"/api/"
	p, err := NewPoster(c)
	if err != nil {
		t.Fatal(err)
	}
	var waits []time.Duration
	p.wait = func(_ context.Context, pause time.Duration) error {
		waits = append(waits, pause)
		return nil
	}
	return p, &waits
}

func webhook() Slack { return Slack{Webhook: secret.New(hookPath), Patience: 30 * time.Second} }

func tooMany(seconds string) reply {
	return reply{status: 429, header: http.Header{"Retry-After": {seconds}}, body: "rate_limited"}
}

func TestWebhook(t *testing.T) {
	ok := reply{status: 200, body: "ok"}
	for name, test := range map[string]struct {
		replies []reply
		waits   []time.Duration
		says    string // the error, empty for success
	}{
		"posted":                    {[]reply{ok}, nil, ""},
		"429, then posted":          {[]reply{tooMany("7"), ok}, []time.Duration{7 * time.Second}, ""},
		"429 without a time":        {[]reply{{status: 429}, ok}, []time.Duration{time.Second}, ""},
		"429, longer than patience": {[]reply{tooMany("31")}, nil, "429 Too Many Requests: rate_limited"},
		"429 until out of patience": {[]reply{tooMany("20"), tooMany("20")}, []time.Duration{20 * time.Second}, "429"},
		"500, then posted":          {[]reply{{status: 500}, ok}, []time.Duration{5 * time.Second}, ""},
		"500 for ever":              {[]reply{{status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}}, []time.Duration{5e9, 5e9, 5e9, 5e9, 5e9, 5e9}, "503"},
		"refused":                   {[]reply{{status: 400, body: "invalid_blocks"}}, nil, "400 Bad Request: invalid_blocks"},
		"revoked":                   {[]reply{{status: 404, body: "no_service\x1b[31m\n"}}, nil, "404 Not Found: no_service"},
		"moved":                     {[]reply{{status: 302, header: http.Header{"Location": {"https://evil.example/"}}}}, nil, "302"},
		"never":                     {[]reply{{never: true}}, nil, "Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newSlackDouble(t, test.replies...)
			c := webhook()
			if name == "never" {
				c.PerTry = 50 * time.Millisecond
			}
			p, waits := d.poster(t, c)
			_, err := p.Post(t.Context(), Result(quiet()))
			checkError(t, err, test.says)
			if diff := cmp.Diff(test.waits, *waits); diff != "" {
				t.Errorf("waits (-want +got): %s", diff)
			}
			paths, bodies := d.seen()
			for i, path := range paths {
				if path != "/services/"+hookPath {
					t.Errorf("posted to %s", path)
				}
				checkMessage(t, []byte(bodies[i]))
			}
		})
	}
}

func checkError(t *testing.T, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil, says != "" && err == nil:
		t.Fatalf("got %v, want %q", err, says)
	case err == nil:
		return
	}
	text := err.Error()
	if !strings.Contains(text, says) || !strings.HasPrefix(text, "slack: ") {
		t.Errorf("%q does not say %q", text, says)
	}
	if strings.Contains(text, "s3cr3t") || strings.Contains(text, "T0AAAAAAA") || strings.Contains(text, "xoxb") || strings.ContainsAny(text, "\n\x1b") {
		t.Errorf("%q has the webhook or the token, or control characters", text)
	}
}

func TestThreat13_ErrorsOfTheNetworkHideTheWebhook(t *testing.T) {
	d := newSlackDouble(t)
	d.Close()
	p, _ := d.poster(t, webhook())
	_, err := p.Post(t.Context(), Result(quiet()))
	checkError(t, err, "connection refused")

	p, _ = d.poster(t, Slack{Token: secret.New("xoxb-s3cr3t"), Channel: "C1"})
	_, err = p.Post(t.Context(), Result(quiet()))
	checkError(t, err, "connection refused")
}

func TestACancelledRunDoesNotWaitForSlack(t *testing.T) {
	d := newSlackDouble(t, tooMany("20"))
	c := webhook()
	c.Base = d.URL + "/services/"
	p, err := NewPoster(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	sleep := p.wait
	p.wait = func(ctx context.Context, pause time.Duration) error {
		cancel()
		return sleep(ctx, pause)
	}
	_, err = p.Post(ctx, Result(quiet()))
	checkError(t, err, "context canceled")
}

func TestTokenPostsAndUpdates(t *testing.T) {
	posted := reply{status: 200, body: `{"ok":true,"channel":"C1","ts":"17.5"}`}
	d := newSlackDouble(t, tooMany("2"), posted, posted, reply{status: 200, body: `{"ok":false,"error":"channel_not_found"}`})
	p, waits := d.poster(t, Slack{Token: secret.New("xoxb-s3cr3t\n"), Channel: "#ops"})
	first, err := p.Post(t.Context(), Started(quiet(), nil, 0))
	if err != nil || first != (Posted{Channel: "C1", Timestamp: "17.5"}) {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := p.Update(t.Context(), first, Result(summary())); err != nil || again != first {
		t.Fatalf("%+v, %v", again, err)
	}
	_, err = p.Post(t.Context(), Result(quiet()))
	checkError(t, err, "channel_not_found")
	paths, bodies := d.seen()
	if diff := cmp.Diff([]string{"/api/chat.postMessage", "/api/chat.postMessage", "/api/chat.update", "/api/chat.postMessage"}, paths); diff != "" {
		t.Error(diff)
	}
	if len(*waits) != 1 || (*waits)[0] != 2*time.Second {
		t.Errorf("waits %v", *waits)
	}
	for i, body := range bodies {
		checkForm(t, i, body)
	}
}

// checkForm checks a request to the Web API like a message of a webhook.
func checkForm(t *testing.T, i int, body string) {
	t.Helper()
	form, err := url.ParseQuery(body)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{2: "C1"}[i]
	if want == "" {
		want = "#ops"
	}
	if form.Get("channel") != want {
		t.Errorf("request %d: channel %q", i, form.Get("channel"))
	}
	if i == 2 && form.Get("ts") != "17.5" {
		t.Errorf("update of %q", form.Get("ts"))
	}
	message, err := json.Marshal(map[string]any{
		"text": form.Get("text"), "parse": form.Get("parse"), "blocks": json.RawMessage(form.Get("blocks")),
		"unfurl_links": form.Get("unfurl_links") != "false", "unfurl_media": form.Get("unfurl_media") != "false",
	})
	if err != nil {
		t.Fatal(err)
	}
	checkMessage(t, message)
}

const posted = `{"ok":true,"channel":"C1","ts":"17.5"}`

func bot() Slack {
	return Slack{Token: secret.New("xoxb-s3cr3t"), Channel: "#ops", Patience: 30 * time.Second}
}

func TestTheWebAPIAnswers(t *testing.T) {
	ok := reply{status: 200, body: posted}
	no := func(code string) reply { return reply{status: 200, body: `{"ok":false,"error":"` + code + `"}`} }
	for name, test := range map[string]struct {
		replies []reply
		waits   []time.Duration
		says    string // the error, empty for success
	}{
		"posted":                    {[]reply{ok}, nil, ""},
		"429, then posted":          {[]reply{tooMany("7"), ok}, []time.Duration{7 * time.Second}, ""},
		"429, longer than patience": {[]reply{tooMany("3600")}, nil, "rate limit"},
		"500, then posted":          {[]reply{{status: 500}, ok}, []time.Duration{5 * time.Second}, ""},
		"no JSON":                   {[]reply{{status: 200, body: "<html>proxy</html>"}}, nil, "invalid character"},
		"half of the JSON":          {[]reply{{status: 200, body: `{"ok":tr`}}, nil, ""},
		"nothing":                   {[]reply{{status: 200}}, nil, ""},
		"never":                     {[]reply{{never: true}}, nil, "Timeout"},
		"channel_not_found":         {[]reply{no("channel_not_found")}, nil, "check slack_channel"},
		"not_in_channel":            {[]reply{no("not_in_channel")}, nil, "invite the bot"},
		"invalid_auth":              {[]reply{no("invalid_auth")}, nil, "does not accept slack_token"},
		"missing_scope":             {[]reply{no("missing_scope")}, nil, "chat:write"},
		"unheard of":                {[]reply{no(`x\u001b[31m\nxoxb-s3cr3t-or-longer-than-anybody-would-make-the-name-of-an-error`)}, nil, "slack: post the message: x"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newSlackDouble(t, test.replies...)
			c := bot()
			if name == "never" {
				c.PerTry = 50 * time.Millisecond
			}
			p, waits := d.poster(t, c)
			got, err := p.Post(t.Context(), Glance(quiet()))
			if name == "half of the JSON" || name == "nothing" {
				if err == nil || !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "end of JSON") {
					t.Errorf("got %v", err)
				}
			} else {
				checkError(t, err, test.says)
			}
			if err == nil && got != (Posted{Channel: "C1", Timestamp: "17.5"}) {
				t.Errorf("posted %+v", got)
			}
			if diff := cmp.Diff(test.waits, *waits); diff != "" {
				t.Errorf("waits (-want +got): %s", diff)
			}
		})
	}
}

// TestAMessageThatIsGoneIsPostedAnew updates a message that somebody deleted.
func TestAMessageThatIsGoneIsPostedAnew(t *testing.T) {
	for _, code := range notUpdatable {
		d := newSlackDouble(t, reply{status: 200, body: `{"ok":false,"error":"` + code + `"}`}, reply{status: 200, body: posted})
		p, _ := d.poster(t, bot())
		got, err := p.Update(t.Context(), Posted{Channel: "C1", Timestamp: "1.5"}, Glance(quiet()))
		if err != nil || got != (Posted{Channel: "C1", Timestamp: "17.5"}) {
			t.Errorf("%s: posted %+v, %v", code, got, err)
		}
		if paths, _ := d.seen(); paths[1] != "/api/chat.postMessage" {
			t.Errorf("%s: %q", code, paths)
		}
	}
	d := newSlackDouble(t, reply{status: 200, body: `{"ok":false,"error":"invalid_auth"}`})
	p, _ := d.poster(t, bot())
	_, err := p.Update(t.Context(), Posted{Channel: "C1", Timestamp: "1.5"}, Glance(quiet()))
	checkError(t, err, "invalid_auth")
}

func TestTheThreadHasTheDetails(t *testing.T) {
	for _, broadcast := range []bool{false, true} {
		d := newSlackDouble(t, reply{status: 200, body: posted})
		p, _ := d.poster(t, bot())
		if err := p.Reply(t.Context(), Posted{Channel: "C1", Timestamp: "1.5"}, Details(summary()), broadcast); err != nil || !p.Threads() {
			t.Fatal(err)
		}
		_, bodies := d.seen()
		form, err := url.ParseQuery(bodies[0])
		if err != nil || form.Get("thread_ts") != "1.5" || form.Get("channel") != "C1" || form.Has("reply_broadcast") != broadcast {
			t.Errorf("broadcast %t: %v, %v", broadcast, form, err)
		}
	}
}

// TestNobodyWaitsWhenNoTimeIsLeft has Slack ask for more time than the end of a
// run has.
func TestNobodyWaitsWhenNoTimeIsLeft(t *testing.T) {
	d := newSlackDouble(t, tooMany("20"))
	p, waits := d.poster(t, webhook())
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	_, err := p.Post(ctx, Result(quiet()))
	checkError(t, err, "429")
	if len(*waits) != 0 {
		t.Errorf("waited %v", *waits)
	}
}

func TestAWebhookCannotUpdateAndPostsAgain(t *testing.T) {
	d := newSlackDouble(t, reply{status: 200, body: "ok"})
	p, _ := d.poster(t, webhook())
	if _, err := p.Update(t.Context(), Posted{}, Result(quiet())); err != nil {
		t.Fatal(err)
	}
	if p.Threads() || p.Reply(t.Context(), Posted{Channel: "C1", Timestamp: "1.5"}, Details(quiet()), false) == nil {
		t.Error("a webhook has no threads")
	}
}

func TestSlackSettings(t *testing.T) {
	for name, test := range map[string]struct {
		config Slack
		url    string
		says   string
	}{
		"URL":               {Slack{Webhook: secret.New("https://hooks.slack.com/services/T/B/x\n")}, "https://hooks.slack.com/services/T/B/x", ""},
		"path":              {Slack{Webhook: secret.New("T/B/x")}, "https://hooks.slack.com/services/T/B/x", ""},
		"path with a slash": {Slack{Webhook: secret.New("/services/T/B/x")}, "https://hooks.slack.com/services/T/B/x", ""},
		"compatible server": {Slack{Webhook: secret.New("https://chat.example.org/hooks/x")}, "https://chat.example.org/hooks/x", ""},
		"loopback":          {Slack{Webhook: secret.New("http://127.0.0.1:99/x")}, "http://127.0.0.1:99/x", ""},
		"plain http":        {Slack{Webhook: secret.New("http://hooks.slack.com/services/s3cr3t")}, "", "https"},
		"other scheme":      {Slack{Webhook: secret.New("file:///etc/s3cr3t")}, "", "slack_webhook"},
		"two lines":         {Slack{Webhook: secret.New("T/B/s3cr3t\nT/B/y")}, "", "slack_webhook"},
		"user in it":        {Slack{Webhook: secret.New("https://u:s3cr3t@hooks.slack.com/x")}, "", "slack_webhook"},
		"nothing":           {Slack{}, "", "neither"},
		"no channel":        {Slack{Token: secret.New("xoxb-s3cr3t")}, "", "slack_channel"},
		"token":             {Slack{Token: secret.New("xoxb-s3cr3t"), Channel: "C1"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := NewPoster(test.config)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || p.webhook != test.url {
				t.Errorf("posts to %q, %v", p.webhook, err)
			}
		})
	}
}
