package app

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
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

// TestConnectionCutAtEachStage cuts the connection to the host when a stage
// begins. The run ends with a code that tells of it, leaves no token and no
// process, and the next one brings the item to its end, once.
func TestConnectionCutAtEachStage(t *testing.T) {
	t.Parallel()
	for stage, codes := range map[string][]int{
		"planning the unchanged":                 {75},
		"starting the agent":                     {1, 75},
		"writing the fix commit to its journal":  {1, 3, 75},
		"applying the judged plan":               {1, 3, 75},
		"planning again: the plan must be empty": {1, 3, 75},
		"pushing the fix":                        {0, 1, 3, 75},
	} {
		if !chosen(stage, "applying the judged plan") {
			continue
		}
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			s := alertSite(t)
			if err := s.Terraform.DelayApply(300 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			w := &trigger{text: stage, act: s.SSH.Cut}
			s.onLog = w
			code := s.run(nil)
			s.onLog = nil
			if !w.done {
				t.Fatalf("the run never said %q\n%s", stage, s.last)
			}
			if !slices.Contains(codes, code) {
				t.Errorf("exit code %d, want one of %v\n%s", code, codes, s.last)
			}
			if live := s.Vault.LiveTokens(); live != 0 {
				t.Errorf("%d Vault tokens are still alive", live)
			}
			s.nothingSecret()
			for range 2 {
				if code = s.run(nil); code == 0 {
					break
				}
			}
			s.wants(0, code)
			if doc := s.file(alertDocument); strings.Count(doc, "| Done |") != 1 || strings.Count(doc, "postmortem-todo-resolver |") != 1 {
				t.Errorf("the row is not done once:\n%s", doc)
			}
			s.noJournal()
		})
	}
}

// TestFailure_VerifyCommandThatCannotBeAskedIsNoVerdict cuts the connection while
// the owner's check runs: whether it passes is for the next run to find out.
func TestFailure_VerifyCommandThatCannotBeAskedIsNoVerdict(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	held := s.alerts()
	settings := map[string]string{"PLUGIN_VERIFY_COMMAND": "sleep 1"}
	for range 2 { // the run that applied it, and one that settles it
		s.onLog = &trigger{text: "running verify_command", act: s.SSH.Cut}
		s.wants(3, s.run(settings))
		s.wantsEnded("needs-person apply-unconfirmed")
		if doc := s.file(alertDocument); strings.Contains(doc, "Needs human review") {
			t.Errorf("a verdict was written:\n%s", doc)
		}
	}
	s.onLog = nil
	s.wants(0, s.run(settings))
	s.doneOnce(held)
	s.nothingLeft()
}

// TestFailoverPassesWrongHostsBy has three hosts: nobody listens on the first,
// the second is a real sshd that shows another key than the pinned one, the
// third is as it should be.
func TestFailoverPassesWrongHostsBy(t *testing.T) {
	t.Parallel()
	s := newSite(t, only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |")))
	wrong, _ := realSSHD(t, s.World, nil)
	right, known := realSSHD(t, s.World, nil)
	_, wrongAddress, _ := strings.Cut(wrong, "@")
	_, rightAddress, _ := strings.Cut(right, "@")
	port := func(address string) string {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	// The line of the right one, for the address of the wrong one.
	forged := strings.Replace(known, port(rightAddress), port(wrongAddress), 1)
	s.Vault.SetSecret("ci/infra", map[string]string{"devvm_ssh_key": s.SSH.PrivateKey(), "known_hosts": forged + known, "slack_webhook": s.Slack.WebhookURL()})
	down := "wizard@127.0.0.1:1"
	settings := map[string]string{"PLUGIN_HOSTS": down + "," + wrong + "," + right}
	s.wants(1, s.doctor(settings))
	s.says("FAIL     reach        "+down, "FAIL     host key     "+wrong, "ok       reach        "+right)
	s.wants(0, s.run(settings))
	s.says(down, "host key not accepted", right)
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	s.nothingLeft()
	s.nothingSecret()
}
