package report

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// TestThreat13_PullRequestHoldsNoMarkupFromOutside has document and finding say
// what a forge would make a mention, a link, an image or HTML of.
func TestThreat13_PullRequestHoldsNoMarkupFromOutside(t *testing.T) {
	const evil = "@everyone closes #1 ![x](https://evil.example/p) <img src=x> `code` | **bold** [a](b)\n# title"
	one := item.Outcome{
		Item:  item.Item{Document: "docs/post-mortems/2026-01-01-`nfs`.md", Line: 7, Priority: "P2", Type: "Alert", Action: evil, Details: evil},
		State: item.Proposed, Branch: "pm-todos/propose/nfs/27", Stack: "stacks/monitoring", Counts: item.Counts{Update: 1}, CostUSD: 0.4,
		Findings: []item.Finding{{Code: "value-not-stated", Place: "x`y", Detail: evil}},
	}
	again := one
	again.Attempt = 0 // found waiting beside
	left := one
	left.State = item.Refused
	all := Render(Summary{Outcomes: []item.Outcome{one, again, left}, PipelineURL: "https://ci.example.org/7"}).PullRequests(true)
	if len(all) != 1 || all[0].Branch != one.Branch || strings.ContainsAny(all[0].Title, "\n") || len(all[0].Title) > 255 {
		t.Fatalf("%+v", all)
	}
	for _, markup := range []string{"@everyone", "#1", "![", "<img", "**bold", "](b", "\n# "} {
		if strings.Contains(all[0].Body, markup) {
			t.Errorf("the body has %q:\n%s", markup, all[0].Body)
		}
	}
	for _, want := range []string{"**Plan** of `stacks/monitoring`: 1 to update.", "Not proved", "To decline", "[pipeline](https://ci.example.org/7)", `cost \$0.40`} {
		if !strings.Contains(all[0].Body, want) {
			t.Errorf("the body lacks %q:\n%s", want, all[0].Body)
		}
	}
}

// TestPullRequestSaysWhoAppliesIt has what runs apply, what the owner left to another
// pipeline, what several stacks share, and what nothing here plans.
func TestPullRequestSaysWhoAppliesIt(t *testing.T) {
	for name, test := range map[string]struct {
		applies bool
		finding item.Finding
		want    string
	}{
		"applied by the next run":    {true, item.Finding{Code: reason.Unproved}, "applies it if the plan does nothing else"},
		"applied by another program": {false, item.Finding{Code: reason.Unproved}, "and apply the stack"},
		"several stacks":             {true, item.Finding{Code: reason.AppliedByHand}, "and apply the stack"},
		"not planned":                {true, item.Finding{Code: reason.NotPlanned}, "that hands the change over"},
	} {
		out := item.Outcome{State: item.Proposed, Branch: "pm-todos/propose/nfs/27", Stack: "stacks/nfs", Findings: []item.Finding{test.finding}}
		all := Render(Summary{Outcomes: []item.Outcome{out}}).PullRequests(test.applies)
		if len(all) != 1 || !strings.Contains(all[0].Body, test.want) || strings.Count(all[0].Body, "To approve") != 1 {
			t.Errorf("%s: %+v", name, all)
		}
	}
}
