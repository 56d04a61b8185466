package run

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// TestFailure_ChatThatDoesNotAnswerHoldsUpNoWork has a chat answer only once the
// run has gone on.
func TestFailure_ChatThatDoesNotAnswerHoldsUpNoWork(t *testing.T) {
	goneOn, answered := make(chan struct{}), make(chan bool, 1)
	chat := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-goneOn:
			answered <- true
			_, _ = io.WriteString(w, "ok")
		case <-r.Context().Done():
			answered <- false
		}
	}))
	t.Cleanup(chat.Close)
	j := &job{
		Settings: settings.Settings{Mode: settings.ModeApply},
		read:     access.Selection{Safe: []item.Item{{ID: "1", Action: "Watch the disk"}}},
		channels: notify.Open(notify.Config{SlackWebhook: secret.New(chat.URL + "/services/T0/B0/x")}, egress.Way{}, zerolog.Nop()),
	}
	j.tellStart(t.Context(), nil)
	close(goneOn)
	j.telling.Wait()
	if !<-answered {
		t.Error("the run waited for the chat")
	}
}

// TestWhatAPushBringsIsNewsOfOneShard has four shards read the same documents, of which a
// push changed some.
func TestWhatAPushBringsIsNewsOfOneShard(t *testing.T) {
	for n := range 8 {
		file := fmt.Sprintf("docs/post-mortems/2026-01-0%d-disk.md", n+1)
		src := "# Disk\n\n## Action items\n\n| Priority | Action | Type | Status |\n|---|---|---|---|\n| P1 | Write down how to free space | Runbook | TODO |\n"
		told := 0
		for of := range 5 {
			s := settings.Settings{Mode: settings.ModeApply, CI: settings.CI{Event: "push"}}
			if of > 0 {
				s.Documents.Shard = shard.Shard{Number: of, Of: 4}
			}
			j := &job{Settings: s, read: access.Selection{
				Documents: []*postmortem.Document{postmortem.Parse(file, []byte(src), classify.Policy{})}, Pushed: map[string]bool{file: true},
			}}
			switch view := report.Render(j.summary()); {
			case len(view.Skipped) != 1:
				t.Errorf("the report of shard %d has %d items", of, len(view.Skipped))
			case of == 0 && !view.News():
				t.Error("it is no news of a run of all items")
			case of > 0 && view.News():
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d of 4 shards tell of %s", told, file)
		}
	}
}
