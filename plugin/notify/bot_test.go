package notify

import (
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

var (
	slackByToken = Config{SlackToken: secret.New("xoxb-s3cr3t\n"), SlackChannel: "#ops"}
	posted       = reply{status: 200, body: `{"ok":true,"channel":"C1","ts":"17.5"}`}
)

func no(code string) reply { return reply{status: 200, body: `{"ok":false,"error":"` + code + `"}`} }

func TestTheWebAPIAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		replies []reply
		times   []int  // seconds at which requests came
		says    string // the error, empty for success
	}{
		"posted":                    {[]reply{posted}, []int{0}, ""},
		"429, then posted":          {[]reply{tooMany("7"), posted}, []int{0, 7}, ""},
		"429, longer than patience": {[]reply{tooMany("3600")}, []int{0}, "rate limit"},
		"500, then posted":          {[]reply{{status: 500}, posted}, []int{0, 3}, ""},
		"no JSON":                   {[]reply{{status: 200, body: "<html>proxy</html>"}}, []int{0}, "invalid character"},
		"half of the JSON":          {[]reply{{status: 200, body: `{"ok":tr`}}, []int{0}, "unexpected EOF"},
		"nothing":                   {[]reply{{status: 200}}, []int{0}, "EOF"},
		"never":                     {[]reply{{never: true}}, []int{0}, "deadline exceeded"},
		"channel_not_found":         {[]reply{no("channel_not_found")}, []int{0}, "check slack_channel"},
		"not_in_channel":            {[]reply{no("not_in_channel")}, []int{0}, "invite the bot"},
		"invalid_auth":              {[]reply{no("invalid_auth")}, []int{0}, "does not accept slack_token"},
		"missing_scope":             {[]reply{no("missing_scope")}, []int{0}, "chat:write"},
		"unheard of":                {[]reply{no(`x\u001b[31m\nxoxb-s3cr3t-or-longer-than-anybody-would-make-the-name-of-an-error`)}, []int{0}, "slack: post the message: x"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDouble(t, test.replies...)
				checkError(t, d.notifier(slackByToken).(*bot).Started(t.Context(), told(t, "quiet", "started")), test.says)
				d.checkTimes(test.times)
			})
		})
	}
}

// form is a request to the Web API. Its message is checked like one of a
// webhook.
func (d *double) form(i int) url.Values {
	d.t.Helper()
	form, err := url.ParseQuery(d.bodies[i])
	if err != nil {
		d.t.Fatal(err)
	}
	if form.Get("unfurl_links") != "false" || form.Get("unfurl_media") != "false" || form.Get("parse") != "none" {
		d.t.Errorf("request %d: links would be unfurled or names parsed: %v", i, form)
	}
	if problems := blockKit([]byte(`{"text":"x","blocks":` + form.Get("blocks") + `}`)); len(problems) > 0 {
		d.t.Errorf("request %d: %q", i, problems)
	}
	return form
}

// TestTheResultTakesThePlaceOfTheStart has the whole way of a run.
func TestTheResultTakesThePlaceOfTheStart(t *testing.T) {
	for _, urgent := range []bool{false, true} {
		d := newDouble(t, posted, posted, posted)
		slack, s := d.notifier(slackByToken).(*bot), quiet()
		if urgent {
			s.Exit = fault.Person
		}
		checkError(t, slack.Started(t.Context(), told(t, "full", "started")), "")
		checkError(t, slack.Finished(t.Context(), report.Render(s)), "")
		const api = "https://slack.com/api/chat."
		if diff := cmp.Diff([]string{api + "postMessage", api + "update", api + "postMessage"}, d.paths); diff != "" {
			t.Fatal(diff)
		}
		started, finished, thread := d.form(0), d.form(1), d.form(2)
		if started.Get("channel") != "#ops" || finished.Get("channel") != "C1" || finished.Get("ts") != "17.5" {
			t.Errorf("%v was updated by %v", started, finished)
		}
		if thread.Get("thread_ts") != "17.5" || thread.Get("channel") != "C1" || thread.Has("reply_broadcast") != urgent {
			t.Errorf("urgent %t: %v", urgent, thread)
		}
	}
}

// TestAMessageThatIsGoneIsPostedAnew updates a message that somebody deleted.
func TestAMessageThatIsGoneIsPostedAnew(t *testing.T) {
	again := reply{status: 200, body: `{"ok":true,"channel":"C1","ts":"18.5"}`}
	for _, code := range notUpdatable {
		d := newDouble(t, posted, no(code), again, again)
		slack := d.notifier(slackByToken).(*bot)
		checkError(t, slack.Started(t.Context(), told(t, "quiet", "started")), "")
		checkError(t, slack.Finished(t.Context(), report.Render(quiet())), "")
		if !strings.HasSuffix(d.paths[2], "/chat.postMessage") || d.form(3).Get("thread_ts") != "18.5" {
			t.Errorf("%s: %q", code, d.paths)
		}
	}
	d := newDouble(t, posted, no("invalid_auth"))
	slack := d.notifier(slackByToken).(*bot)
	checkError(t, slack.Started(t.Context(), told(t, "quiet", "started")), "")
	checkError(t, slack.Finished(t.Context(), report.Render(quiet())), "invalid_auth")
}
