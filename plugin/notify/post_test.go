package notify

import (
	"cmp"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/egress/proxytest"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// reply is one answer of a chat.
type reply struct {
	status int
	header http.Header
	body   string
	never  bool // no answer until the client gives up
}

// double answers requests in this order and keeps them. It fails the test on
// more requests and on replies that were not asked for. It is a transport, not a
// server, so that waiting takes no time (see synctest).
type double struct {
	t       *testing.T
	began   time.Time
	replies []reply
	paths   []string
	bodies  []string
	times   []time.Duration // when requests came
}

func newDouble(t *testing.T, replies ...reply) *double {
	t.Helper()
	d := &double{t: t, replies: replies, began: time.Now()}
	t.Cleanup(func() {
		if len(d.replies) > 0 {
			t.Errorf("%d replies were not asked for", len(d.replies))
		}
	})
	return d
}

func (d *double) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(d.replies) == 0 {
		d.t.Errorf("unexpected request to %s: %v", r.URL.Path, err)
		return nil, errors.New("unexpected")
	}
	next := d.replies[0]
	d.replies, d.paths, d.bodies = d.replies[1:], append(d.paths, r.URL.String()), append(d.bodies, string(body))
	d.times = append(d.times, time.Since(d.began))
	if next.never {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	answer := httptest.NewRecorder()
	for name, values := range next.header {
		answer.Header()[name] = values
	}
	answer.WriteHeader(next.status)
	_, _ = answer.WriteString(strings.ReplaceAll(next.body, "{URL}", "no "+r.URL.RequestURI()+" at "+r.URL.String()))
	return answer.Result(), nil
}

// notifier opens the target of a configuration and has the double answer it.
func (d *double) notifier(c Config) Notifier {
	d.t.Helper()
	one := open(d.t, c)
	switch one := one.(type) {
	case *bot:
		one.Client.Transport = d
	case *webhook:
		one.Client.Transport = d
	case *signed:
		one.hook.Client.Transport = d
	}
	return one
}

// open is the only target of a configuration.
func open(t *testing.T, c Config) Notifier {
	t.Helper()
	all, err := c.open(egress.Way{})
	if err != nil || len(all) != 1 {
		t.Fatalf("%d targets, %v", len(all), err)
	}
	return all[0].to
}

var slackByWebhook = Config{SlackWebhook: secret.New("T0AAAAAAA/B0BBBBBBB/s3cr3ts3cr3ts3cr3t")}

func tooMany(seconds string) reply {
	return reply{status: 429, header: http.Header{"Retry-After": {seconds}}, body: "rate_limited"}
}

// everyWebhook is a webhook of each kind, and what its bodies are checked with.
var everyWebhook = map[string]struct {
	config Config
	check  func(rapid.TB, []byte)
}{
	"slack":      {slackByWebhook, checkMessage},
	"mattermost": {Config{ChatWebhook: secret.New("https://chat.example.org/hooks/s3cr3ts3cr3ts3cr3ts3cr3t00")}, func(rapid.TB, []byte) {}},
	"teams":      {Config{ChatWebhook: secret.New(teamsHook)}, func(t rapid.TB, body []byte) { adaptiveCard(t, body) }},
	"discord":    {Config{ChatWebhook: secret.New(discordHookURL)}, checkDiscord},
	"googlechat": {Config{ChatWebhook: secret.New(googleHook)}, checkGoogle},
	"generic":    {genericConfig("https://example.org/s3cr3ts3cr3ts3cr3t"), func(rapid.TB, []byte) {}},
}

func TestEveryKindOfChatHasItsStandIn(t *testing.T) {
	for _, kind := range append(Kinds(), "slack") {
		if _, ok := everyWebhook[kind]; !ok {
			t.Errorf("%s is in no test", kind)
		}
	}
}

func TestWebhook(t *testing.T) {
	ok := reply{status: 200, body: "ok"}
	for name, test := range map[string]struct {
		replies []reply
		times   []int  // seconds at which requests came
		says    string // the error, empty for success
	}{
		"posted":                    {[]reply{ok}, []int{0}, ""},
		"429, then posted":          {[]reply{tooMany("7"), ok}, []int{0, 7}, ""},
		"429 without a time":        {[]reply{{status: 429}, ok}, []int{0, 1}, ""},
		"429 that says now":         {[]reply{tooMany("0"), ok}, []int{0, 1}, ""},
		"429, longer than patience": {[]reply{tooMany("10")}, []int{0}, "429 Too Many Requests: rate_limited"},
		"429 until out of patience": {[]reply{tooMany("5"), tooMany("5")}, []int{0, 5}, "429"},
		"500, then posted":          {[]reply{{status: 500}, ok}, []int{0, 3}, ""},
		"500 for ever":              {slices.Repeat([]reply{{status: 503}}, 4), []int{0, 3, 6, 9}, "503"},
		"refused":                   {[]reply{{status: 400, body: "invalid_blocks"}}, []int{0}, "400 Bad Request: invalid_blocks"},
		"revoked":                   {[]reply{{status: 404, body: "no_service\x1b[31m\n"}}, []int{0}, "404 Not Found: no_service"},
		"quotes the URL":            {[]reply{{status: 404, body: "{URL}"}}, []int{0}, "404"},
		"moved":                     {[]reply{{status: 302, header: http.Header{"Location": {"https://evil.example/"}}}}, []int{0}, "302"},
		"never":                     {[]reply{{never: true}}, []int{0}, "deadline exceeded"},
	} {
		for kind, hook := range everyWebhook {
			t.Run(name+"/"+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					d := newDouble(t, test.replies...)
					checkError(t, d.notifier(hook.config).Finished(t.Context(), report.Render(quiet())), test.says)
					d.checkTimes(test.times)
					for i, path := range d.paths {
						if want := cmp.Or(hook.config.ChatWebhook.Reveal(), slackURL(hook.config.SlackWebhook.Reveal())); path != want {
							t.Errorf("posted to %s", path)
						}
						hook.check(t, []byte(d.bodies[i]))
					}
				})
			})
		}
	}
}

func (d *double) checkTimes(want []int) {
	d.t.Helper()
	var got []int
	for _, at := range d.times {
		got = append(got, int(at/time.Second))
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		d.t.Errorf("seconds of the requests (-want +got): %s", diff)
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
	if !strings.Contains(text, says) || !strings.Contains(text, ": post the message: ") {
		t.Errorf("%q does not say %q", text, says)
	}
	if strings.Contains(text, "s3cr3t") || strings.Contains(text, "xoxb") || strings.ContainsAny(text, "\n\x1b") {
		t.Errorf("%q has the webhook or the token, or control characters", text)
	}
}

func TestThreat13_ErrorsOfTheNetworkHideTheWebhook(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []Config{{SlackWebhook: secret.New(gone.URL + "/services/s3cr3ts3cr3ts3cr3t")}, {SlackToken: secret.New("xoxb-s3cr3t"), SlackChannel: "C1", SlackAPI: gone.URL + "/"}} {
		checkError(t, open(t, c).Finished(t.Context(), report.Render(quiet())), "connection refused")
	}
}

func TestACancelledRunDoesNotWaitForSlack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(t, tooMany("8"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		checkError(t, d.notifier(slackByWebhook).Finished(ctx, report.Render(quiet())), "context canceled")
		if waited := time.Since(d.began); waited != 2*time.Second {
			t.Errorf("waited for %v", waited)
		}
	})
}

// TestNobodyWaitsWhenNoTimeIsLeft has Slack ask for more time than the end of a
// run has.
func TestNobodyWaitsWhenNoTimeIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDouble(t, tooMany("8"))
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		checkError(t, d.notifier(slackByWebhook).Finished(ctx, report.Render(quiet())), "429")
		if waited := time.Since(d.began); waited != 0 {
			t.Errorf("waited for %v", waited)
		}
	})
}

func TestChatsAreReachedBehindAPrivateCAAndAProxy(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}))
	defer server.Close()
	proxy := proxytest.New(t, server.Listener.Addr().String())
	// The name is the one in the server's certificate.
	all, err := Config{SlackWebhook: secret.New("https://example.com/services/T/B/x")}.open(egress.Way{
		CACert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		Proxy:  secret.New(proxy.URL),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := all[0].to.Finished(t.Context(), report.Render(quiet())); err != nil {
		t.Fatal(err)
	}
	if asked := proxy.Asked(); len(asked) != 1 || asked[0] != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %q", asked)
	}
	all[0].to.(*webhook).Client.CloseIdleConnections()
	proxy.Refuse(http.StatusForbidden)
	checkError(t, all[0].to.Finished(t.Context(), report.Render(quiet())), "no_proxy")
}

func TestConfigurations(t *testing.T) {
	const hook = "https://chat.example.org/hooks/abcdefghijklmnopqrstuvwxy3"
	for name, test := range map[string]struct {
		config  Config
		targets []string
		says    string
	}{
		"nothing":           {Config{}, nil, ""},
		"URL":               {Config{SlackWebhook: secret.New("https://hooks.slack.com/services/T/B/x\n")}, []string{"Slack https://hooks.slack.com/services/T/B/x"}, ""},
		"path":              {Config{SlackWebhook: secret.New("T/B/x")}, []string{"Slack https://hooks.slack.com/services/T/B/x"}, ""},
		"path with a slash": {Config{SlackWebhook: secret.New("/services/T/B/x")}, []string{"Slack https://hooks.slack.com/services/T/B/x"}, ""},
		"compatible server": {Config{SlackWebhook: secret.New("https://chat.example.org/hooks/x")}, []string{"Slack https://chat.example.org/hooks/x"}, ""},
		"loopback":          {Config{SlackWebhook: secret.New("http://127.0.0.1:99/x")}, []string{"Slack http://127.0.0.1:99/x"}, ""},
		"plain http":        {Config{SlackWebhook: secret.New("http://hooks.slack.com/services/s3cr3t")}, nil, "slack_webhook must be an https"},
		"other scheme":      {Config{SlackWebhook: secret.New("file:///etc/s3cr3t")}, nil, "slack_webhook"},
		"two lines":         {Config{SlackWebhook: secret.New("T/B/s3cr3t\nT/B/y")}, nil, "slack_webhook"},
		"user in it":        {Config{SlackWebhook: secret.New("https://u:s3cr3t@hooks.slack.com/x")}, nil, "slack_webhook"},
		"no channel":        {Config{SlackToken: secret.New("xoxb-s3cr3t")}, nil, "slack_channel"},
		"token":             {Config{SlackToken: secret.New("xoxb-s3cr3t"), SlackChannel: "C1"}, []string{"Slack C1"}, ""},
		"Mattermost":        {Config{ChatWebhook: secret.New(hook)}, []string{"Mattermost " + hook}, ""},
		"below a path":      {Config{ChatWebhook: secret.New("https://example.org/chat/hooks/abcdefghijklmnopqrstuvwxy3")}, []string{"Mattermost https://example.org/chat/hooks/abcdefghijklmnopqrstuvwxy3"}, ""},
		"behind a gateway":  {Config{ChatWebhook: secret.New("https://example.org/x"), ChatKind: "mattermost"}, []string{"Mattermost https://example.org/x"}, ""},
		"Mattermost by http": {
			Config{ChatWebhook: secret.New("http://chat.example.org/hooks/s3cr3tghijklmnopqrstuvwxy3")}, nil, "chat_webhook must be an https",
		},
		"no kind":                       {Config{ChatWebhook: secret.New("https://example.org/s3cr3t")}, nil, "chat_kind is missing"},
		"a workflow of Teams":           {Config{ChatWebhook: secret.New(teamsHook)}, []string{"Microsoft Teams " + teamsHook}, ""},
		"a workflow at its old address": {Config{ChatWebhook: secret.New(oldTeamsHook)}, []string{"Microsoft Teams " + oldTeamsHook}, ""},
		"Discord":                       {Config{ChatWebhook: secret.New(discordHookURL)}, []string{"Discord " + discordHookURL}, ""},
		"Google Chat":                   {Config{ChatWebhook: secret.New(googleHook)}, []string{"Google Chat " + googleHook}, ""},
		"a name like Discord's":         {Config{ChatWebhook: secret.New("https://discord.com.s3cr3t.example/api/webhooks/1/x")}, nil, "chat_kind is missing"},
		"a program":                     {genericConfig("https://example.org/x"), []string{"Webhook https://example.org/x"}, ""},
		"a program without a secret":    {Config{ChatWebhook: secret.New("https://example.org/x"), ChatKind: Generic}, nil, "chat_secret has 0 bytes"},
		"both":                          {Config{SlackWebhook: secret.New("T/B/x"), ChatWebhook: secret.New(hook)}, []string{"Slack https://hooks.slack.com/services/T/B/x", "Mattermost " + hook}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := test.config.open(egress.Way{})
			if (test.says == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cr3t")) {
				t.Errorf("got %v", err)
			}
			var targets []string
			for _, one := range all {
				name, place := one.to.Target()
				switch to := one.to.(type) {
				case *webhook:
					place = to.url.String()
				case *signed:
					place = to.hook.url.String()
				default:
					place = strings.TrimSuffix(place, " by bot token")
				}
				targets = append(targets, name+" "+place)
			}
			if diff := gocmp.Diff(test.targets, targets); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestAChatThatFailsChangesNothingForAnother tells two chats, of which one is
// never there.
func TestAChatThatFailsChangesNothingForAnother(t *testing.T) {
	var mu sync.Mutex
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
		if strings.HasPrefix(r.URL.Path, "/services/") {
			http.Error(w, "no_service", http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, "ok")
	}))
	defer server.Close()
	var log strings.Builder
	channels := Open(Config{
		Notify: Policies{Failure, Failure}, SlackWebhook: secret.New(server.URL + "/services/s3cr3t"), ChatWebhook: secret.New(server.URL + "/hooks/abcdefghijklmnopqrstuvwxy3"),
	}, egress.Way{}, zerolog.New(&log))

	channels.Started(t.Context(), "apply", told(t, "quiet", "started"))
	channels.Finished(t.Context(), report.Render(quiet()))
	if len(paths) != 0 {
		t.Errorf("a run without failures told %q", paths)
	}
	for _, one := range channels.all {
		one.policy = Changes
	}
	channels.Started(t.Context(), "dry-run", told(t, "quiet", "started"))
	channels.Started(t.Context(), "apply", told(t, "quiet", "started"))
	channels.Finished(t.Context(), report.Render(quiet())) // no news, and yet the end of what was begun
	slices.Sort(paths)
	if diff := gocmp.Diff([]string{"/hooks/abcdefghijklmnopqrstuvwxy3", "/hooks/abcdefghijklmnopqrstuvwxy3", "/services/s3cr3t"}, paths); diff != "" {
		t.Error(diff)
	}
	if text := log.String(); strings.Count(text, "Slack was not told") != 1 || strings.Contains(text, "Mattermost") || strings.Contains(text, "s3cr3t") {
		t.Errorf("the log says %s", text)
	}
}

// TestReportersAreToldWhatWasDoneAndNothingElse tells those who run it in one chat,
// and those who reported the incident in another.
func TestReportersAreToldWhatWasDoneAndNothingElse(t *testing.T) {
	var mu sync.Mutex
	bodies := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies[r.URL.Path] += string(body)
		_, _ = io.WriteString(w, "ok")
	}))
	defer server.Close()
	channels := Open(Config{
		Notify: Policies{Slack: Changes, Chat: Fixes}, SlackWebhook: secret.New(server.URL + "/services/x"),
		ChatWebhook: secret.New(server.URL + "/hooks/abcdefghijklmnopqrstuvwxy3"), ChatKind: "mattermost",
	}, egress.Way{}, zerolog.Nop())
	run := quiet()
	file := run.Documents[0].File
	run.Outcomes = []item.Outcome{
		{Item: item.Item{ID: "b", Document: file, Action: "Raise the limit"}, State: item.Failed, Reason: "agent-failed", CostUSD: 1},
	}

	channels.Finished(t.Context(), report.Render(run))
	if len(bodies) != 1 || bodies["/services/x"] == "" {
		t.Errorf("a run that did nothing told %v", bodies)
	}
	clear(bodies)
	run.Outcomes = append(run.Outcomes, item.Outcome{Item: item.Item{ID: "a", Document: file, Action: "Alert on retransmissions"}, State: item.Done, CostUSD: 1})
	channels.Started(t.Context(), run.Mode, told(t, "quiet", "started"))
	if len(bodies) != 1 {
		t.Errorf("the start told %v", bodies)
	}
	channels.Finished(t.Context(), report.Render(run))
	people, reporters := bodies["/services/x"], bodies["/hooks/abcdefghijklmnopqrstuvwxy3"]
	for _, want := range []string{"1 improvement after past incidents", "Alert on retransmissions", "NFS outage"} {
		if !strings.Contains(reporters, want) {
			t.Errorf("%q is not in %s", want, reporters)
		}
	}
	if strings.Contains(reporters, "Raise the limit") || strings.Contains(reporters, "$") || !strings.Contains(people, "Raise the limit") {
		t.Errorf("reporters got %s\nand those who run it %s", reporters, people)
	}
}
