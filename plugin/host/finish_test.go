package host

import (
	"strings"
	"testing"
	"time"
)

func TestSuperviseEndsAProgramThatIsDoneAndStays(t *testing.T) {
	r := makeRepository(t, oneFile)
	const result = `{"a":"{","type":"result"}`
	for name, test := range map[string]struct {
		script string
		want   EndReason
	}{
		"after its last word":            {"printf '%s\\n' '{\"x\":1}' '" + result + "'; exec sleep 600", Finished},
		"without a line end":             {"printf '%s' '" + result + "'; exec sleep 600", Finished},
		"noise behind it":                {"printf '%s\\n' '" + result + "' 'a newer version is there'; printf '\\033[?25h'; exec sleep 600", Finished},
		"with a child that ignores TERM": {"(trap '' TERM; exec sleep 600) & printf '%s\\n' '" + result + "'; exec sleep 600", Finished},
		"another event behind it":        {"printf '%s\\n' '" + result + "' '{\"x\":1}'; exec sleep 600", TimedOut},
		"the words inside of a text":     {`printf '%s\n' '{"text":"{\"type\":\"result\"}"}'; exec sleep 600`, TimedOut},
		"it ends by itself":              {"printf '%s\\n' '" + result + "'; sleep 0.2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := localWorld(t)
			_, ws := space(t, w.Host, r, AgentTree, Prepare{})
			timeout := patience
			if test.want == TimedOut {
				timeout = 4 * time.Second // long after its last word
			}
			exit, err := ws.Supervise(t.Context(), Process{
				Argv: []string{"sh", "-c", test.script}, Final: `"type" *: *"result"`, Linger: time.Second, Timeout: timeout, Grace: time.Second,
			})
			if err != nil || exit.Reason != test.want || exit.Orphans {
				t.Errorf("ended as %q, want %q (%v)\n%s", exit.Reason, test.want, err, exit.Stdout)
			}
			if !strings.Contains(string(exit.Stdout), "result") {
				t.Errorf("its output is lost: %q", exit.Stdout)
			}
		})
	}
}

func TestThreat27_GitOfASupervisedProgramWritesIntoTheRun(t *testing.T) {
	r := makeRepository(t, oneFile)
	anywhere(t, func(t *testing.T, w *world) {
		run, ws := space(t, w.Host, r, AgentTree, Prepare{})
		for range 2 {
			exit, err := ws.Supervise(t.Context(), Process{
				Argv: []string{"sh", "-c", `git config --global --list; git config --global a.b c; printf %s "$GIT_CONFIG_GLOBAL"`},
			})
			if err != nil || !exit.OK() {
				t.Fatalf("%+v %v", exit, err)
			}
			if file := string(exit.Stdout); !strings.HasPrefix(file, run.dir+"/") {
				t.Errorf("git was configured by %q, want an empty file below %s", file, run.dir)
			}
		}
	})
}
