package app

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// trigger does something the first time that a text is written to it.
type trigger struct {
	text string
	act  func()
	mu   sync.Mutex
	seen bytes.Buffer
	done bool
}

func (w *trigger) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.Write(p)
	if !w.done && bytes.Contains(w.seen.Bytes(), []byte(w.text)) {
		w.done = true
		w.act()
	}
	return len(p), nil
}

// TestConnectionCutDuringTheApply ends with a code that tells of it, leaves no token and
// no secret, and the next run brings the item to its end, once.
func TestConnectionCutDuringTheApply(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	held := s.alerts()
	if err := s.Terraform.DelayApply(300 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	w := &trigger{text: "applying the judged plan", act: s.SSH.Cut}
	s.onLog = w
	code := s.run(nil)
	s.onLog = nil
	if !w.done || !slices.Contains([]int{1, 3, 75}, code) {
		t.Errorf("cut: %v, exit code %d\n%s", w.done, code, s.last)
	}
	if live := s.Vault.LiveTokens(); live != 0 {
		t.Errorf("%d Vault tokens are still alive", live)
	}
	s.nothingSecret()
	if code = s.run(nil); code != 0 { // what was interrupted before its apply is told once as a failed attempt
		s.says(string(reason.Interrupted))
		code = s.run(nil)
	}
	s.wants(0, code)
	s.doneOnce(held)
	s.noJournal()
}

// TestFailoverPassesWrongHostsBy has three hosts: nobody listens on the first,
// the second is a real sshd that shows another key than the pinned one, the
// third is as it should be.
func TestFailoverPassesWrongHostsBy(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	wrong, _ := realSSHD(t, s.World, nil)
	right, known := realSSHD(t, s.World, nil)
	_, wrongAddress, _ := strings.Cut(wrong, "@")
	_, rightAddress, _ := strings.Cut(right, "@")
	// The line of the right one, for the address of the wrong one.
	forged := strings.Replace(known, port(rightAddress), port(wrongAddress), 1)
	s.Vault.SetSecret("ci/infra", map[string]string{"devvm_ssh_key": s.SSH.PrivateKey(), "known_hosts": forged + known, "slack_webhook": s.Slack.WebhookURL()})
	down := "wizard@127.0.0.1:1"
	settings := map[string]string{"PLUGIN_HOSTS": down + "," + wrong + "," + right}
	s.wants(1, s.doctor(settings))
	s.says("FAIL     reach        "+down, "FAIL     host key     "+wrong, "ok       reach        "+right)
	settings["PLUGIN_MODE"] = "dry-run" // it looks at the hosts, and that is all
	s.wants(0, s.run(settings))
	s.says(down, "host key not accepted", right)
	s.nothingLeft()
	s.nothingSecret()
}
