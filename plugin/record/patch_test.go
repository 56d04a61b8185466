package record

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestProposalIsRecognisedByItsContents(t *testing.T) {
	first := Patch{Files: []Step{{"a.tf", "0", "1"}, {"new.tf", "", "n"}}}
	second := Patch{Files: []Step{{"a.tf", "1", "2"}}}
	var ledger Ledger
	ledger.Add(Entry{Kind: KindResult, Patch: &first}, Entry{Kind: KindResult, Patch: &second}, Entry{Kind: KindResult})
	for name, test := range map[string]struct {
		patch  Patch
		commit []Step
		want   bool
	}{
		"the same":                      {first, []Step{{"a.tf", "0", "1"}, {"new.tf", "", "n"}}, true},
		"with other files":              {first, []Step{{"a.tf", "0", "1"}, {"b.tf", "x", "y"}, {"new.tf", "", "n"}}, true},
		"one of its files only":         {first, []Step{{"a.tf", "0", "1"}}, false},
		"edited while it was merged":    {first, []Step{{"a.tf", "0", "1+"}, {"new.tf", "", "n"}}, false},
		"from another content":          {first, []Step{{"a.tf", "9", "1"}, {"new.tf", "", "n"}}, false},
		"taken back":                    {first, []Step{{"a.tf", "1", "0"}, {"new.tf", "n", ""}}, false},
		"both in one, the first of it":  {first, []Step{{"a.tf", "0", "2"}, {"new.tf", "", "n"}}, true},
		"both in one, the second of it": {second, []Step{{"a.tf", "0", "2"}, {"new.tf", "", "n"}}, true},
		"the second without the first":  {second, []Step{{"a.tf", "0", "1"}, {"new.tf", "", "n"}}, false},
		"nothing":                       {second, nil, false},
	} {
		if got := ledger.covers(test.commit, test.patch); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestStepsOfWhatCannotBeRead(t *testing.T) {
	if _, ok := StepsOf(item.Change{Files: []item.File{{Path: "a.tf", Kind: item.Added, NewMode: 0o100644, NewSize: 5}}}); ok {
		t.Error("a content that is not there was summed up")
	}
}
