package app

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/standin/slack"
)

// withToken are settings by which Slack is reached through a bot's token.
func withToken() map[string]string {
	return map[string]string{"PLUGIN_SLACK_WEBHOOK": "", "PLUGIN_SLACK_TOKEN": slack.Token, "PLUGIN_SLACK_CHANNEL": "#ops"}
}

// toldSlackOnce checks that a run over the sample had one message, which became its
// result, and one in its thread.
func (s *site) toldSlackOnce() {
	s.t.Helper()
	messages := s.Slack.Messages()
	var methods []string
	for _, m := range messages {
		methods = append(methods, m.Method)
	}
	if diff := cmp.Diff([]string{"chat.postMessage", "chat.update", "chat.postMessage"}, methods); diff != "" {
		s.t.Fatalf("requests (-want +got):\n%s", diff)
	}
	started, finished, thread := messages[0].Body, messages[1].Body, messages[2].Body
	for text, message := range map[string]map[string]any{
		"Working on 4 follow-up items": started, "3 done": finished, "Work of this type needs a person": thread,
	} {
		content, err := json.Marshal(message["blocks"])
		if err != nil || !strings.Contains(string(content), text) {
			s.t.Errorf("%q is not in %s, %v", text, content, err)
		}
	}
	if stamp := finished["ts"]; stamp == nil || thread["thread_ts"] != stamp || thread["reply_broadcast"] != nil {
		s.t.Errorf("the thread belongs to %v, the message is %v", thread["thread_ts"], stamp)
	}
}

// documentedFields are the names in the first column of the table of log fields.
func documentedFields(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| field |")
	table, _, _ = strings.Cut(table, "\n\n")
	if !found {
		t.Fatal("docs/operations.md has no table of the log's fields")
	}
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(table, -1) {
		names = append(names, row[1])
	}
	return names
}

// TestLogFieldsAreDocumented collects the names of fields in the source, where
// none can be missed.
func TestLogFieldsAreDocumented(t *testing.T) {
	t.Parallel()
	want := documentedFields(t)
	if !slices.IsSorted(want[5:]) {
		t.Errorf("after the first five, the fields are not in order: %q", want)
	}
	written := map[string]bool{"level": true, "message": true, "time": true, "error": true, "sums": true, "state": true, "stage": true}
	field := regexp.MustCompile(`\b(?:Strs?|Int|Int64|Bool|Dur|Float64|RawJSON)\("([a-z_]+)",`)
	for _, source := range sources(t) {
		for _, m := range field.FindAllSubmatch(source, -1) {
			written[string(m[1])] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(written)), slices.Sorted(slices.Values(want))); diff != "" {
		t.Errorf("the table of fields in docs/operations.md is stale (-in the source +documented):\n%s", diff)
	}
}

func TestLogOfARunHasDocumentedFieldsAlone(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	want := documentedFields(t)
	s := newSite(t, only("2026-04-14-nfs.md", document(nfsRows)))
	s.wants(0, s.run(map[string]string{"PLUGIN_LOG_FORMAT": "json", "PLUGIN_LOG_LEVEL": "debug"}))
	lines := strings.Split(strings.TrimSpace(s.last), "\n")
	var last map[string]any
	for _, line := range lines {
		last = nil
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatalf("%s is no JSON: %v", line, err)
		}
		for name := range last {
			if !slices.Contains(want, name) {
				t.Errorf("%s is not documented, in %s", name, line)
			}
		}
		for _, name := range []string{"level", "time", "stage", "message"} {
			if last[name] == nil {
				t.Errorf("a line lacks %s: %s", name, line)
			}
		}
	}
	sums, ok := last["sums"].(map[string]any)
	if !ok || last["stage"] != "report" || sums["exit_code"] != 0.0 || sums["totals"].(map[string]any)["done"] != 1.0 {
		t.Errorf("the last line is %v", last)
	}
}
