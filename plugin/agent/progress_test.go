package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const worked = `a login greets
{"type":"system","subtype":"init","cwd":"/home/x/ws/agent-1/tree","tools":["Read"]}
{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"I look."}]}}
{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","name":"Grep","input":{"pattern":"nfs","path":"/home/x/ws/agent-1/tree/stacks"}}]}}
{"type":"user","message":{"content":[{"type":"tool_result","content":"{\"type\":\"assistant\"}"}]}}
{"type":"assistant","message":{"id":"m2","content":[{"type":"tool_use","name":"Edit","input":{"file_path":"/home/x/ws/agent-1/tree/stacks/a.tf"}},{"type":"tool_use","name":"Read","input":{"file_path":"/etc/hosts"}}]}}
{"type":"assistant","message":{"id":"m3","content":[{"type":"tool_use","name":"Write","input":{"file_path":"/home/x/ws/agent-1/tree/stacks/a.tf"}},{"type":"tool_use","name":"Bash","input":{"command":"ls\u001b[31m\nINF forged"}}]}}
{"type":"assistant","message":{"id":"m4","content":"of another shape"}}
`

func TestProgressIsReadAsItComes(t *testing.T) {
	want := Progress{Turns: 3, Files: []string{"stacks/a.tf"}, Steps: []string{"Grep nfs stacks", "Edit stacks/a.tf", "Read /etc/hosts", "Write stacks/a.tf", "Bash ls INF forged"}}
	for _, size := range []int{1, 7, 100, len(worked)} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			f := claude.Follow()
			var got Progress
			var steps []string
			for rest := worked; rest != ""; {
				n := min(size, len(rest))
				got = f.Next([]byte(rest[:n]))
				steps, rest = append(steps, got.Steps...), rest[n:]
			}
			got.Steps = steps
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnEventWithoutEndIsPassedOver(t *testing.T) {
	f := claude.Follow()
	for range 40 {
		f.Next([]byte(strings.Repeat("x", longestEvent/20)))
	}
	if len(f.line) > longestEvent {
		t.Errorf("%d bytes are kept", len(f.line))
	}
	if got := f.Next([]byte("\n" + worked)); got.Turns != 3 {
		t.Errorf("%+v", got)
	}
}
