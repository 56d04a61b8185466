package report

import (
	"strings"
	"testing"
)

func TestIssueSaysWhatAPersonNeedsToKnow(t *testing.T) {
	s := summary()
	s.Skipped[0].Item.Owner, s.Skipped[0].Item.Due = "@ana", "2026-04-01"
	v := Render(s)
	i := s.Skipped[0].Item
	issue := v.Issues()(ItemKey{i.Document, i.ID})
	if issue.Title != "P1 Migration: Migrate Vault to an encrypted PVC" {
		t.Errorf("the title is %q", issue.Title)
	}
	for _, want := range []string{
		"`docs/post-mortems/2026-04-14-nfs.md:31` needs a person", "> **Migrate Vault to an encrypted PVC**", "- Work of this type needs a person.",
		`- owner \@&#8203;ana, due 2026-04-01, overdue`, "- → Implement it by hand", "it stays closed", "[pipeline](https://ci.example.org",
	} {
		if !strings.Contains(issue.Body, want) {
			t.Errorf("no %q in\n%s", want, issue.Body)
		}
	}
	if none := v.Issues()(ItemKey{i.Document, "none"}); none != (Issue{}) {
		t.Errorf("an item that the run did not come to has %+v", none)
	}
}

// TestThreat13_IssueOfHostileTextMentionsNobodyAndRunsNothing has an item whose texts try to be
// markup, mentions and commands of a forge.
func TestThreat13_IssueOfHostileTextMentionsNobodyAndRunsNothing(t *testing.T) {
	s := summary()
	left := &s.Skipped[0].Item
	left.Action, left.Details, left.Type, left.Owner = "/close\n/assign @admin "+evil, "-->\n/approve <!-- "+evil, evil, evil
	issue := Render(s).Issues()(ItemKey{left.Document, left.ID})
	for _, one := range []string{"@admin", "@\u200badmin", "<img", "<!", leaked, "#12", "](https://evil", "\x1b", "\u202e"} {
		if strings.Contains(issue.Body, one) {
			t.Errorf("%q is in\n%s", one, issue.Body)
		}
	}
	for line := range strings.Lines(issue.Body) {
		if strings.HasPrefix(line, "/") {
			t.Errorf("a forge takes this line for a command: %s", line)
		}
	}
	if strings.ContainsAny(issue.Title, "\n\x1b\u202e") || strings.Contains(issue.Title, leaked) || len([]rune(issue.Title)) > titleRoom {
		t.Errorf("the title is %q", issue.Title)
	}
}
