package resolve_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/resolve"
)

// Two items of one file, of which neither names the stack.
const pair = "stacks/nfs/pair.tf"

func ofPair(id, name, setting string) todo {
	block := func(value int) string {
		return fmt.Sprintf("resource \"terraform_data\" \"nfs_%s\" {\n  input = {\n    %s = %d\n  }\n}\n", name, setting, value)
	}
	return todo{
		id: id, kind: "Config", action: "Raise the NFS " + setting + " from 10 to 20", details: "they were too few", file: pair, address: "terraform_data.nfs_" + name,
		content: block(10),
		edit:    func(s string) string { return strings.Replace(s, block(10), block(20), 1) },
	}
}

var workers, attempts = ofPair("eeee", "pool", "threads"), ofPair("ffff", "mount", "retries")

// lasting are items whose agents take these times.
func lasting(items []todo, takes ...time.Duration) []todo {
	lasting := append([]todo(nil), items...)
	for i := range lasting {
		lasting[i].takes = takes[i]
	}
	return lasting
}

// Times of agents; no two of them end at the same moment.
const (
	short = 61 * time.Second
	long  = 251 * time.Second
	most  = 1013 * time.Second
)

func atOnce(parallel int) func(*site) {
	return func(s *site) {
		s.tune = func(o *resolve.Options) { o.Parallel = parallel }
	}
}

var severalAtOnce = []scenario{
	{name: "the first item is ready first", items: lasting([]todo{alert, raise}, short, long), prepare: atOnce(3)},
	{name: "the last item is ready first", items: lasting([]todo{alert, raise}, long, short), prepare: atOnce(3)},
	{name: "two items name one stack", items: lasting([]todo{raise, retries, alert}, short, short, long), prepare: atOnce(3)},
	{name: "two items turn out to be of one stack", items: lasting([]todo{retries, workers}, long, short), prepare: atOnce(3)},
	{name: "two items turn out to change one file", items: lasting([]todo{workers, attempts}, short, long), prepare: atOnce(3)},
}

// TestEveryCallOfARunWithSeveralAgentsGoesWrong is the same table with the agents of
// all items at work at the same time: nothing is lost, nothing happens twice,
// and nothing is done that is not applied.
func TestEveryCallOfARunWithSeveralAgentsGoesWrong(t *testing.T) {
	t.Parallel()
	disturb(t, severalAtOnce, synctest.Test)
}
