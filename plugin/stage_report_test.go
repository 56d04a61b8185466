package plugin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pm-todos/plugin/standin"
)

// withToken are settings by which Slack is reached through a bot's token.
func withToken() map[string]string {
	return map[string]string{"PLUGIN_SLACK_WEBHOOK": "", "PLUGIN_SLACK_TOKEN": standin.SlackToken, "PLUGIN_SLACK_CHANNEL": "#ops"}
}

func TestSlackHasOneMessageForARun(t *testing.T) {
	t.Parallel()
	s := newSite(t, only("2026-04-14-nfs.md", document(nfsRows)))
	s.wants(0, s.run(withToken()))
	messages := s.Slack.Messages()
	var methods []string
	for _, m := range messages {
		methods = append(methods, m.Method)
	}
	if diff := cmp.Diff([]string{"chat.postMessage", "chat.update", "chat.postMessage"}, methods); diff != "" {
		t.Fatalf("requests (-want +got):\n%s", diff)
	}
	started, finished, thread := messages[0].Body, messages[1].Body, messages[2].Body
	for text, message := range map[string]map[string]any{
		"Working on 1 follow-up item": started, "1 done, 1 left to people": finished, "Work of this type needs a person": thread,
	} {
		content, err := json.Marshal(message["blocks"])
		if err != nil || !strings.Contains(string(content), text) {
			t.Errorf("%q is not in %s, %v", text, content, err)
		}
	}
	if stamp := finished["ts"]; stamp == nil || thread["thread_ts"] != stamp || thread["reply_broadcast"] != nil {
		t.Errorf("the thread belongs to %v, the message is %v", thread["thread_ts"], stamp)
	}

	// The same items are met again: nobody needs to hear of it.
	s.wants(0, s.run(withToken()))
	if n := len(s.Slack.Messages()); n != 3 {
		t.Errorf("%d requests in the end", n)
	}
}

// TestSlackDownChangesNothing has Slack fail in every way for the whole run.
func TestSlackDownChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, only("2026-04-14-nfs.md", document(nfsRows)))
	settings := withToken()
	settings["PLUGIN_SLACK_TOKEN"] = "xoxb-wrong-token"
	s.wants(0, s.run(settings))
	s.says("WRN slack", "invalid_auth", "does not accept slack_token", "1 done")
	if strings.Contains(s.last, "xoxb-wrong-token") {
		t.Error("the token is in the log")
	}
}
