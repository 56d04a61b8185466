package run

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/notify"
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
