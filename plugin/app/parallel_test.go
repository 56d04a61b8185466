package app

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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

// severalStacks is a world with one item for each of so many stacks, and hosts of their
// own for the agents, with so many sessions each, whose script does something before
// the work.
func severalStacks(tb testing.TB, n int, first string, sessions ...int64) (*standin.World, map[string]string) {
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
	tb.Cleanup(func() {
		if err := w.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := os.Remove(w.Agent.Program); err != nil {
		tb.Fatal(err)
	}
	known, key := w.SSH.KnownHosts(), ""
	var targets []string
	for _, most := range sessions {
		host, err := ssh.Start(ssh.Options{User: "agent", Home: tb.TempDir(), Key: key, MaxSessions: most})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := host.Close(); err != nil {
				tb.Error(err)
			}
		})
		claude, err := agent.Install(host.Home(), "")
		if err == nil {
			err = claude.SetScript(first + raises)
		}
		if err != nil {
			tb.Fatal(err)
		}
		key, known, targets = host.PrivateKey(), known+"\n"+host.KnownHosts(), append(targets, host.Target())
	}
	w.Vault.SetSecret("ci/infra", map[string]string{"devvm_ssh_key": w.SSH.PrivateKey(), "agent_key": key, "known_hosts": known + "\n"})
	environment := w.Settings()
	maps.Copy(environment, map[string]string{
		"PLUGIN_AGENT_HOSTS": strings.Join(targets, ","), "PLUGIN_VAULT_AGENT_FIELD": "agent_key", "PLUGIN_SLACK_WEBHOOK": "", "PLUGIN_MAX_ITEMS": fmt.Sprint(n),
	})
	return w, environment
}

// runIn is one run, with its log, which others may watch.
func runIn(tb testing.TB, environment map[string]string, watching ...io.Writer) string {
	tb.Helper()
	s, err := settings.FromEnvironment(environment)
	if err != nil {
		tb.Fatal(err)
	}
	var log bytes.Buffer
	c, done := console.New("test", s, io.MultiWriter(append(watching, &log)...), false)
	if err := run.Run(tb.Context(), s, c); err != nil {
		tb.Errorf("%v\n%s", err, log.String())
	}
	if err := done(); err != nil {
		tb.Error(err)
	}
	return log.String()
}

// bears writes to a file how many agents may be at work at the same time, as the log
// of a run says: so many, and not more than it was made with.
type bears struct {
	file   string
	most   int
	agents int
}

var agentsThere = regexp.MustCompile(`work there at the same time.* agents=(\d+)`)

func (b *bears) Write(line []byte) (int, error) {
	for _, found := range agentsThere.FindAllSubmatch(line, -1) {
		agents, err := strconv.Atoi(string(found[1]))
		if err != nil {
			return 0, err
		}
		b.agents += agents
		if err := os.WriteFile(b.file, fmt.Append(nil, min(b.agents, b.most)), 0o600); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

// TestAgentsOfSeveralItemsAreAtWorkAtTheSameTime has each agent wait until it sees
// the others: on one host, and where the first bears one of them and the second
// the rest. A machine with little memory bears two.
func TestAgentsOfSeveralItemsAreAtWorkAtTheSameTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sessions []int64
		says     []string
	}{
		"one host":  {[]int64{10}, []string{"so many agents may work there at the same time agents=3"}},
		"two hosts": {[]int64{4, 0}, []string{"(MaxSessions), and 3 are spared for plans agents=1", "so many agents may work there at the same time agents=2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "one host" {
				longAndAlike(t)
			}
			borne := &bears{file: filepath.Join(t.TempDir(), "agents"), most: 3}
			w, environment := severalStacks(t, 3, `
				here='`+t.TempDir()+`'
				agents=$(cat '`+borne.file+`')
				: >"$here/$$"
				for try in $(seq 1200); do
					[ "$(ls "$here" | wc -l)" -lt "$agents" ] || break
					sleep 0.1
				done
				[ "$(ls "$here" | wc -l)" -ge "$agents" ]
			`, test.sessions...)
			log := runIn(t, environment, borne)
			if strings.Contains(log, "MiB of memory left") {
				test.says = nil
			}
			if borne.agents < 2 {
				t.Errorf("%d agents: this shows nothing\n%s", borne.agents, log)
			}
			document, err := w.Repo.ReadFile(standin.SampleBranch, "docs/post-mortems/2026-01-01-several.md")
			if err != nil {
				t.Fatal(err)
			}
			if done := strings.Count(document, "| Done |"); done != 3 {
				t.Errorf("%d of 3 are done:\n%s\n%s", done, document, log)
			}
			for _, want := range append(test.says, `nth=2/3 stack=stacks/s2 title="Raise the s2 threads from 8 to 16"`) {
				if !strings.Contains(log, want) {
					t.Errorf("the log does not say %s:\n%s", want, log)
				}
			}
		})
	}
}

// BenchmarkParallel is the wall time of five items on five stacks, and of one, whose
// agents take AGENT_SECONDS each, or two. With -short it is three agents alone.
func BenchmarkParallel(b *testing.B) {
	seconds := cmp.Or(os.Getenv("AGENT_SECONDS"), "2")
	for _, size := range []struct {
		items, parallel int
		sessions        []int64 // of each host of agents
	}{{1, 1, []int64{10}}, {5, 1, []int64{10}}, {5, 3, []int64{10}}, {5, 5, []int64{10}}, {5, 3, []int64{5, 10}}, {5, 5, []int64{6, 10}}} {
		if testing.Short() && size.parallel != 3 {
			continue
		}
		b.Run(fmt.Sprintf("items=%d/parallel=%d/hosts=%d", size.items, size.parallel, len(size.sessions)), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				_, environment := severalStacks(b, size.items, "sleep "+seconds, size.sessions...)
				environment["PLUGIN_PARALLEL"] = fmt.Sprint(size.parallel)
				b.StartTimer()
				runIn(b, environment)
			}
		})
	}
}
