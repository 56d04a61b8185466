package app

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

// TestRunToDoneWithAPrometheus has a real Prometheus that knows the incident, and
// that loads the new rule only when its owner has it read its files again.
func TestRunToDoneWithAPrometheus(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	start := time.Now().UTC().Add(-26 * time.Hour).Truncate(time.Hour)
	since := start.Add(-24 * time.Hour)
	prometheus := prometheustest.Start(t, []prometheustest.Series{{
		Name: "node_nfs_rpc_retransmissions_total", From: since, To: time.Now(), Value: func(at time.Time) float64 {
			return math.Round(at.Sub(since).Seconds() + 19*min(max(at.Sub(start).Seconds(), 0), 7200))
		},
	}}, "groups: []\n")
	name := start.Format(time.DateOnly) + "-nfs.md"
	timeline := fmt.Sprintf("\n## Timeline\n\n| Time (UTC) | Event |\n|---|---|\n| %s | it breaks |\n| %s | it works |\n", start.Format("15:04"), start.Add(2*time.Hour).Format("15:04"))
	s := newSite(t, only(name, document("| P2 | Add NFS RPC retransmission alert | Alert | `rate(node_nfs_rpc_retransmissions_total[5m]) > 5` for 10 minutes | TODO |")+timeline))
	settings := map[string]string{"PLUGIN_PROMETHEUS_URL": prometheus.URL, "PLUGIN_EVIDENCE_TIMEOUT": "1s"}

	// It is applied and pushed, and not loaded: the row waits.
	s.wants(1, s.run(settings))
	s.says("later runs ask again", "no rule at all is loaded there", "would have fired at ", "minutes after the start ("+start.Format("15:04")+")")
	if got := s.subjects(); len(got) != 1 || !strings.HasPrefix(got[0], "fix(post-mortem): Add NFS") {
		t.Fatalf("commits: %q", got)
	}
	if doc := s.file("docs/post-mortems/" + name); strings.Contains(doc, "Done") || strings.Contains(doc, "Needs human review") {
		t.Errorf("the row does not wait:\n%s", doc)
	}

	// Loaded, the next run marks it, and pays nobody.
	before, _, _ := strings.Cut(s.file("stacks/monitoring/alerts.tf"), "expr: rate(node_nfs_rpc")
	alert, _, _ := strings.Cut(before[strings.LastIndex(before, "alert: ")+len("alert: "):], "\n")
	prometheus.Reload("groups:\n  - name: nfs\n    rules:\n      - {alert: " + alert + ", expr: 'rate(node_nfs_rpc_retransmissions_total[5m]) > 5.0', for: 10m}\n")
	settings["PLUGIN_EVIDENCE_TIMEOUT"] = "1m"
	s.wants(0, s.run(settings))
	if strings.Contains(s.last, "starting the agent") {
		t.Error("an agent was paid again")
	}
	if doc := s.file("docs/post-mortems/" + name); !strings.Contains(doc, "| Done |") || !strings.Contains(doc, "postmortem-todo-resolver") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	s.nothingLeft()

	// From git alone.
	found, code := s.verifies(standin.SampleBranch)
	if code != 0 || len(found.Evidence) != 1 || !strings.HasPrefix(found.Evidence[0].Text, "would have fired at ") {
		t.Errorf("verify ends with %d: %+v", code, found)
	}
}

// TestPrometheusIsReachedFromTheHost has sshd forward connections, and refuse to:
// then the evidence is missing, and nothing else.
func TestPrometheusIsReachedFromTheHost(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	prometheus := prometheustest.Start(t, nil, "groups: []\n")
	for options, says := range map[string]string{
		`restrict,port-forwarding,from="127.0.0.1"`: "node_nfs_rpc_retransmissions_total is unknown to Prometheus",
		`restrict,from="127.0.0.1"`:                 "Prometheus could not be asked; the run goes on without its evidence",
	} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, only("2026-01-01-alert.md", document("| P2 | Add NFS RPC retransmission alert | Alert | `rate(node_nfs_rpc_retransmissions_total[5m]) > 5` for 10 minutes | TODO |")))
			server := sshdtest.Start(t, sshdtest.Config{
				Authorized: []string{options + " " + sshdtest.Authorized(t, s.SSH.PrivateKey())},
				Home:       s.Home, Env: []string{"PATH=" + filepath.Dir(s.Terraform.Program) + ":/usr/local/bin:/usr/bin:/bin"},
			})
			s.Vault.SetSecret("ci/infra", map[string]string{"devvm_ssh_key": s.SSH.PrivateKey(), "known_hosts": server.Known(), "slack_webhook": s.Slack.WebhookURL()})
			s.wants(0, s.run(map[string]string{
				"PLUGIN_HOSTS": server.User + "@" + server.Address, "PLUGIN_PROMETHEUS_URL": prometheus.URL, "PLUGIN_PROMETHEUS_VIA": "host", "PLUGIN_EVIDENCE_TIMEOUT": "1s",
			}))
			s.says(says)
			if refused := !strings.Contains(options, "forwarding"); refused != (len(s.subjects()) == 2) {
				t.Errorf("commits: %q", s.subjects())
			}
		})
	}
}
