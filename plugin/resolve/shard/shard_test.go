package shard

import (
	"fmt"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

func TestParse_TakesOnlyPartsOfAWhole(t *testing.T) {
	for _, good := range []string{"1/1", "1/2", "2/2", "2/5", "1000/1000"} {
		if s, err := Parse(good); err != nil || s.String() != good {
			t.Errorf("%s is %v, %v", good, s, err)
		}
	}
	for _, bad := range []string{"", "2", "0/2", "3/2", "-1/2", "1/0", "1/-1", "01/2", "+1/2", " 1/2", "1/2 ", "1/2/3", "a/b", "1/1001"} {
		if s, err := Parse(bad); err == nil {
			t.Errorf("%q is taken as %v", bad, s)
		}
	}
}

// TestShards_TakeEachLotOnceAndInLikeParts deals out the stacks of a repository.
func TestShards_TakeEachLotOnceAndInLikeParts(t *testing.T) {
	const lots = 80
	for _, of := range []int{1, 2, 4, 7} {
		taken := map[string]int{}
		for number := 1; number <= of; number++ {
			own := 0
			for i := range lots {
				lot := seam.StackLock(fmt.Sprintf("stacks/service-%d", i))
				if (Shard{number, of}).Has(lot) {
					taken[lot]++
					own++
				}
			}
			if own < lots/of/2 || own > lots*2/of {
				t.Errorf("%d/%d has %d of %d", number, of, own, lots)
			}
		}
		for lot, times := range taken {
			if times != 1 {
				t.Errorf("%s falls to %d shards of %d", lot, times, of)
			}
		}
		if len(taken) != lots {
			t.Errorf("%d of %d fall to none", lots-len(taken), of)
		}
	}
	if !(Shard{}).Has("anything") {
		t.Error("a run without a shard does not take all")
	}
}

// TestLots_AreThoseOfTheStackThatIsKnown names the lot of items: by what was proposed
// for them, by what they name, and else one of their own.
func TestLots_AreThoseOfTheStackThatIsKnown(t *testing.T) {
	named := item.Item{Document: "a.md", ID: "1", Action: "Raise the limit in `stacks/web`", Type: "Config"}
	typed := item.Item{Document: "a.md", ID: "2", Action: "Alert on 5xx", Type: "Alert"}
	none := item.Item{Document: "a.md", ID: "3", Action: "Raise the limit", Type: "Config"}
	d := Dealer{
		Scope:   policy.Scope{TypePaths: map[string][]string{"Alert": {"stacks/monitoring/**"}}},
		stacks:  []string{"stacks/monitoring", "stacks/web"},
		records: map[record.Ref]*proposal.Record{},
	}
	lots := func(want ...string) {
		t.Helper()
		for i, todo := range []item.Item{named, typed, none} {
			if got := d.Lot(todo); got != want[i] {
				t.Errorf("%q is of %q, want %q", todo.Action, got, want[i])
			}
		}
	}
	lots("stack stacks/web", "stack stacks/monitoring", "item a.md 3")
	d.records[record.RefOf(none)] = &proposal.Record{Stacks: []string{"stacks/nfs"}}
	lots("stack stacks/web", "stack stacks/monitoring", "stack stacks/nfs")
	mine, others := d.Split(Shard{1, 2}, []item.Item{named, typed, none})
	if len(mine)+len(others) != 3 {
		t.Errorf("of 3 items %v are taken and %v left", mine, others)
	}
	d.Scope.Unplanned = true
	lots("item a.md 1", "item a.md 2", "item a.md 3")
}
