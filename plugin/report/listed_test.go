package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// crowded is a run over 500 items that need a person, of which each tenth is new,
// and 500 of each of three states.
func crowded() Summary {
	s := Summary{Known: map[string]reason.Code{}}
	for i := range 500 {
		id := fmt.Sprint("left-", i)
		if i%10 != 9 {
			s.Known[id] = reason.TypeNotSafe
		}
		s.Skipped = append(s.Skipped, Left{Item: item.Item{Document: "a.md", ID: id, Line: i + 1, Due: "2020-01-01"}, Reason: reason.TypeNotSafe})
		for _, state := range []item.State{item.Proposed, item.Skipped, item.NotAttempted} {
			of := item.Item{Document: "a.md", ID: fmt.Sprint(state, i), Line: i + 1, Action: fmt.Sprint("action ", i), Due: "2020-01-01"}
			s.Outcomes = append(s.Outcomes, item.Outcome{Item: of, State: state, Reason: reason.MaxAttempts, Branch: fmt.Sprint("branch-", i)})
		}
		s.Problems = append(s.Problems, Problem{File: "a.md"})
		s.Unclear = append(s.Unclear, Left{Item: item.Item{Document: "a.md", ID: fmt.Sprint("unclear-", i), Line: i + 1}})
	}
	return s
}

func TestRender_ListsNewsFirstInTheOldOrder(t *testing.T) {
	v := Render(crowded())
	fresh, last := 0, 0
	for _, i := range v.Skipped {
		if i.New {
			fresh++
		}
		if i.Line <= last {
			t.Errorf("line %d stands after line %d", i.Line, last)
		}
		last = i.Line
	}
	if fresh != 50 || len(v.Skipped) != maxListed || len(v.Items) != 3*maxListed || len(v.Problems) != maxListed || len(v.Unclear) != maxListed {
		t.Errorf("%d new ones of %d, %d items", fresh, len(v.Skipped), len(v.Items))
	}
	if v.Totals.Skipped != 1000 || v.Totals.Proposed != 500 || v.Totals.NotAttempted != 500 || v.Totals.Problems != 500 || v.Totals.Unclear != 500 {
		t.Errorf("totals: %+v", v.Totals)
	}
}

func TestReportsOfManyItemsSayHowManyAreNotListed(t *testing.T) {
	v := Render(crowded())
	var table strings.Builder
	if err := v.Table(&table, Look{}); err != nil {
		t.Fatal(err)
	}
	said := func(in, text string) {
		t.Helper()
		if !strings.Contains(in, text) {
			t.Errorf("%q is not said", text)
		}
	}
	said(table.String(), "… and 1200 items more; of each state, the first 100 are listed")
	said(table.String(), "Needs a person (500)")
	said(table.String(), "… and 470 more; summary.json has the first 100")
	m := string(v.Markdown())
	said(m, "#### Proposed, to be merged (500)")
	said(m, "| | … and 400 more | | |")
	said(m, "#### Needs a person (1000)")
	said(m, "- … and 950 more")
	said(m, "Unclear, not acted on (500)")
	said(m, "#### Rows that cannot be read (500)")
	plain := v.Result().Plain()
	said(plain, "Waiting for the next run (500)")
	said(plain, "… and 490 more")
}

func TestEveryProposalHasItsPullRequestAndEveryItemItsIssue(t *testing.T) {
	v := Render(crowded())
	if n := len(v.PullRequests(true)); n != 500 {
		t.Errorf("%d pull requests of 500 proposals", n)
	}
	issueOf := v.Issues()
	for _, id := range []string{"skipped499", "left-498"} {
		if issueOf(ItemKey{"a.md", id}).Body == "" {
			t.Errorf("%s has no issue", id)
		}
	}
	if found := issueOf(ItemKey{"a.md", "other"}); found != (Issue{}) {
		t.Errorf("an item that the run did not come to has an issue: %+v", found)
	}
}

func TestWhatIsNotListedIsNotRendered(t *testing.T) {
	some, more := crowded(), crowded()
	for range 20 {
		more.Skipped, more.Outcomes = append(more.Skipped, some.Skipped...), append(more.Outcomes, some.Outcomes...)
	}
	few := testing.AllocsPerRun(3, func() { Render(some) })
	if many := testing.AllocsPerRun(3, func() { Render(more) }); many > few+100 {
		t.Errorf("%d items take %.0f allocations, %d items take %.0f", len(some.Outcomes), few, len(more.Outcomes), many)
	}
}
