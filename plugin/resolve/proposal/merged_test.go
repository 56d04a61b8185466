package proposal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

const rules = "stacks/monitoring/rules.yaml"

// TestProposalIsRecognisedByItsContents has two proposals change one file, and
// people bring them to the branch in whichever way.
func TestProposalIsRecognisedByItsContents(t *testing.T) {
	const before = "rules:\n  - a\n  - b\n  - c\n"
	first := strings.Replace(before, "  - a\n", "  - a\n  - first\n", 1)
	second := strings.Replace(before, "  - c\n", "  - c\n  - second\n", 1)
	both := strings.Replace(first, "  - c\n", "  - c\n  - second\n", 1)
	const moved = "rules:\n  - b\n  - a\n  - c\n"
	type pushes = []map[string]string
	for name, tc := range map[string]struct {
		pushes pushes
		want   []string
		undone []string
	}{
		"neither":                           {pushes{{"README.md": "theirs\n"}}, nil, nil},
		"one":                               {pushes{{rules: first}}, []string{"first"}, nil},
		"both, one after the other":         {pushes{{rules: first}, {rules: both}}, []string{"first", "second"}, nil},
		"both at once":                      {pushes{{rules: both}}, []string{"first", "second"}, nil},
		"one, after theirs in the file":     {pushes{{rules: "# theirs\n" + before}, {rules: "# theirs\n" + first}}, []string{"first"}, nil},
		"one, before theirs in the file":    {pushes{{rules: second}, {rules: second + "# theirs\n"}}, []string{"second"}, nil},
		"one with more in the file":         {pushes{{rules: first + "# theirs\n"}}, nil, nil},
		"one with another file":             {pushes{{rules: first, "README.md": "theirs\n"}}, nil, nil},
		"one, and taken back":               {pushes{{rules: first}, {rules: before}}, []string{"first"}, []string{"first"}},
		"both, and both taken back":         {pushes{{rules: both}, {rules: "# theirs\n" + both}, {rules: "# theirs\n" + before}}, []string{"first", "second"}, []string{"first", "second"}},
		"taken back and brought once more":  {pushes{{rules: first}, {rules: before}, {rules: first}}, []string{"first"}, nil},
		"lines that only moved":             {pushes{{rules: moved}}, []string{"moved"}, nil},
		"lines that moved, in another file": {pushes{{rules: moved + "# theirs\n"}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := fake.New(t, map[string]string{rules: before})
			clone := w.Clone("run-1")
			var records []*proposal.Record
			of := map[*proposal.Record]string{}
			for content, name := range map[string]string{first: "first", second: "second", moved: "moved"} {
				fix, err := clone.WithFiles(clone.Tip(), map[string]string{rules: content}, "fix\n")
				if err != nil {
					t.Fatal(err)
				}
				r := &proposal.Record{Item: name, Fix: fix}
				records, of[r] = append(records, r), name
			}
			for _, files := range tc.pushes {
				w.Push("merged\n", files)
			}
			if _, err := clone.Fetch(t.Context()); err != nil {
				t.Fatal(err)
			}
			found, unread, err := proposal.Merged(clone, records)
			if err != nil || len(unread) > 0 {
				t.Fatalf("%v, %v", unread, err)
			}
			var got, undone []string
			for r, merge := range found {
				got = append(got, of[r])
				if merge.Reverted {
					undone = append(undone, of[r])
				}
			}
			slices.Sort(got)
			slices.Sort(undone)
			if !slices.Equal(got, tc.want) || !slices.Equal(undone, tc.undone) {
				t.Errorf("found %v, and %v taken back", got, undone)
			}
		})
	}
}

// TestProposalThatCannotBeComparedHoldsUpNoOther has records of what is no change,
// and of what the clone does not have.
func TestProposalThatCannotBeComparedHoldsUpNoOther(t *testing.T) {
	w := fake.New(t, map[string]string{rules: "a\n"})
	clone := w.Clone("run-1")
	fix, err := clone.WithFiles(clone.Tip(), map[string]string{rules: "b\n"}, "fix\n")
	if err != nil {
		t.Fatal(err)
	}
	honest := &proposal.Record{Fix: fix}
	records := []*proposal.Record{{Fix: clone.Tip()}, {Fix: strings.Repeat("0", 40)}, honest}
	w.Push("merged\n", map[string]string{rules: "b\n"})
	if _, err := clone.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, unread, err := proposal.Merged(clone, records)
	if _, ok := found[honest]; err != nil || !ok || len(found) != 1 || len(unread) != 2 {
		t.Errorf("found %v, unread %v, %v", found, unread, err)
	}
}

// TestMergeIsTakenBackByItsLines has people change the file of a merge afterwards.
func TestMergeIsTakenBackByItsLines(t *testing.T) {
	const before = "rules:\n  - a: 5m\n  - b\n"
	merged := strings.Replace(before, "a: 5m", "a: 10m", 1)
	for name, tc := range map[string]struct {
		now  string
		want bool
	}{
		"nobody did":                     {merged, false},
		"beside it":                      {"# theirs\n" + merged, false},
		"tuned on":                       {strings.Replace(before, "a: 5m", "a: 20m", 1), false},
		"taken back":                     {before, true},
		"taken back with more":           {"# theirs\n" + before + "  - c\n", true},
		"taken back, and the rest moved": {"rules:\n  - b\n  - a: 5m\n", true},
	} {
		w := fake.New(t, map[string]string{rules: before})
		w.Push("merged\n", map[string]string{rules: merged})
		clone := w.Clone("run-1")
		commit, err := clone.Lookup(clone.Tip())
		if err != nil {
			t.Fatal(err)
		}
		merge, err := proposal.MergeOf(clone, commit)
		if err != nil {
			t.Fatal(err)
		}
		w.Push("theirs\n", map[string]string{rules: tc.now})
		if _, err := clone.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if back, err := merge.TakenBack(clone, clone.Tip()); back != tc.want || err != nil {
			t.Errorf("%s: taken back %v, %v", name, back, err)
		}
	}
}
