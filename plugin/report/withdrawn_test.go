package report

import (
	"strings"
	"testing"
)

// TestWithdrawnProposalIsTold has a run that did nothing else: also who hears of news
// alone is told.
func TestWithdrawnProposalIsTold(t *testing.T) {
	v := Render(Summary{Withdrawn: []Withdrawal{{"docs/a.md", "Widen the network", "is gone from its document"}}})
	const want = `the proposal of "Widen the network" was withdrawn: its item in docs/a.md is gone from its document`
	if said := v.Result().Plain(); !strings.Contains(said, want) {
		t.Errorf("chats are told %q", said)
	}
	if said := string(v.Markdown()); !strings.Contains(said, "was withdrawn") {
		t.Errorf("summary.md says %q", said)
	}
	if !v.News() || Render(Summary{}).News() {
		t.Error("it is no news")
	}
}
