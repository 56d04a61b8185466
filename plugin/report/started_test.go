package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestTheStartTellsOfNeitherTimeNorCost(t *testing.T) {
	content, err := json.Marshal(Started(Summary{Duration: 90 * time.Second, BudgetUSD: 5}, Start{Items: []item.Item{{Action: "Add an alert"}}}))
	if err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"$", "1m"} {
		if strings.Contains(string(content), told) {
			t.Errorf("%s is in %s", told, content)
		}
	}
}

// TestTheStartPromisesWhatTheModeDoes has a message for each of them.
func TestTheStartPromisesWhatTheModeDoes(t *testing.T) {
	items := []item.Item{{Action: "Add an alert"}, {Action: "Move a volume", Approval: true}}
	merged := []item.Item{{Action: "Widen the network"}}
	for name, test := range map[string]struct {
		start      Start
		want, none []string
	}{
		"apply": {
			Start{Items: items, Doubtful: true, Applies: true},
			[]string{"Working on 2 follow-up items", "Otherwise it becomes a proposal, or is refused.", "Move a volume (proposal)"},
			[]string{"Add an alert (proposal)", "merged", "waits"},
		},
		"apply, and leave doubts": {Start{Items: items[:1], Applies: true}, []string{"Otherwise it needs a person."}, []string{"becomes a proposal"}},
		"propose": {
			Start{Items: items, Proposes: true, Doubtful: true, Applies: true, Waiting: 2},
			[]string{"Each fix becomes a proposal; it is not applied before", "2 proposals wait for a person."},
			[]string{"(proposal)", "is applied when the rules prove"},
		},
		"merged alone": {
			Start{Merged: merged, Doubtful: true, Applies: true, Waiting: 1},
			[]string{"Working on 1 follow-up item", "Widen the network (merged)", "What was merged is applied when", "1 proposal waits"},
			[]string{"becomes a proposal", "recorded"},
		},
		"merged, and applied elsewhere": {Start{Merged: merged}, []string{"is applied by somebody else"}, []string{"is applied when"}},
		"merged beside the limit":       {Start{Items: items, Limit: 1, Merged: merged}, []string{"Working on 2 of 3 follow-up items"}, nil},
	} {
		said, err := json.Marshal(Started(Summary{}, test.start))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if !strings.Contains(string(said), want) {
				t.Errorf("%s: %q is missing in %s", name, want, said)
			}
		}
		for _, none := range test.none {
			if strings.Contains(string(said), none) {
				t.Errorf("%s: %q is in %s", name, none, said)
			}
		}
	}
}
