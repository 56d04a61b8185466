package app

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/ssh"
)

// raises is what the agent does for an item of the stack that it names.
const raises = "\nstack=$(printf '%s' \"$ITEM_DETAILS\" | tr -d '`')\nsed -i 's/threads = 8/threads = 16/' \"${stack#in }/main.tf\"\n"

// severalStacks is a world with one item for each of so many stacks, and a host of its
// own for the agent, whose script does something before the work.
func severalStacks(tb testing.TB, n int, first string) (*standin.World, map[string]string) {
	tb.Helper()
	o := standin.Options{Dir: tb.TempDir(), Without: []string{"docs/post-mortems/"}, Files: map[string]string{}}
	var rows []string
	for i := range n {
		name := fmt.Sprintf("s%d", i+1)
		rows = append(rows, fmt.Sprintf("| P2 | Raise the %s threads from 8 to 16 | Config | in `stacks/%s` | TODO |", name, name))
		o.Files["stacks/"+name+"/main.tf"] = "terraform {\n  backend \"local\" {\n    path = \"@STATE@/" + name + ".tfstate\"\n  }\n}\n\n" +
			"resource \"terraform_data\" \"" + name + "_server\" {\n  input = {\n    threads = 8\n  }\n}\n"
	}
	o.Files["docs/post-mortems/2026-01-01-several.md"] = document(rows...)
	w, err := standin.Start(o)
	if err != nil {
		tb.Fatal(err)
	}
	host, err := ssh.Start(ssh.Options{User: "agent", Home: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		for _, server := range []io.Closer{w, host} {
			if err := server.Close(); err != nil {
				tb.Error(err)
			}
		}
	})
	claude, err := agent.Install(host.Home(), "")
	if err == nil {
		err = claude.SetScript(first + raises)
	}
	if err == nil {
		err = os.Remove(w.Agent.Program)
	}
	if err != nil {
		tb.Fatal(err)
	}
	w.Vault.SetSecret("ci/infra", map[string]string{
		"devvm_ssh_key": w.SSH.PrivateKey(), "agent_key": host.PrivateKey(), "known_hosts": w.SSH.KnownHosts() + "\n" + host.KnownHosts() + "\n",
	})
	environment := w.Settings()
	maps.Copy(environment, map[string]string{
		"PLUGIN_AGENT_HOSTS": host.Target(), "PLUGIN_VAULT_AGENT_FIELD": "agent_key", "PLUGIN_SLACK_WEBHOOK": "", "PLUGIN_MAX_ITEMS": fmt.Sprint(n),
	})
	return w, environment
}

// runIn is one run, with its log.
func runIn(tb testing.TB, environment map[string]string) string {
	tb.Helper()
	s, err := settings.FromEnvironment(environment)
	if err != nil {
		tb.Fatal(err)
	}
	var log bytes.Buffer
	c, done := console.New("test", s, &log, false)
	if err := run.Run(tb.Context(), s, c); err != nil {
		tb.Errorf("%v\n%s", err, log.String())
	}
	if err := done(); err != nil {
		tb.Error(err)
	}
	return log.String()
}

// TestAgentsOfSeveralItemsAreAtWorkAtTheSameTime has each agent wait until it sees
// the two others.
func TestAgentsOfSeveralItemsAreAtWorkAtTheSameTime(t *testing.T) {
	t.Parallel()
	w, environment := severalStacks(t, 3, `
		mkdir -p "$STANDIN_DIR/at-work"
		: >"$STANDIN_DIR/at-work/$$"
		for try in $(seq 1200); do
			[ "$(ls "$STANDIN_DIR/at-work" | wc -l)" -lt 3 ] || break
			sleep 0.1
		done
		[ "$(ls "$STANDIN_DIR/at-work" | wc -l)" -eq 3 ]
	`)
	log := runIn(t, environment)
	document, err := w.Repo.ReadFile(standin.SampleBranch, "docs/post-mortems/2026-01-01-several.md")
	if err != nil {
		t.Fatal(err)
	}
	if done := strings.Count(document, "| Done |"); done != 3 {
		t.Errorf("%d of 3 are done:\n%s\n%s", done, document, log)
	}
	if !strings.Contains(log, "so many agents may work at the same time agents=3") || !strings.Contains(log, `nth=2/3 stack=stacks/s2 title="Raise the s2 threads from 8 to 16"`) {
		t.Errorf("the log does not tell them apart:\n%s", log)
	}
}

// BenchmarkParallel is the wall time of five items on five stacks whose agents take
// two seconds each.
func BenchmarkParallel(b *testing.B) {
	for _, parallel := range []int{1, 3, 5} {
		b.Run(fmt.Sprint(parallel), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				_, environment := severalStacks(b, 5, "sleep ${AGENT_TAKES:-2}")
				environment["PLUGIN_PARALLEL"] = fmt.Sprint(parallel)
				b.StartTimer()
				runIn(b, environment)
			}
		})
	}
}
