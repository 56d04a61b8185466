package app

import (
	"strings"
	"testing"
)

// TestDocumentsWithNamesThatAreNotUTF8AreReportedAlone: neither such a document
// nor an old file holds up the marking of other rows.
func TestDocumentsWithNamesThatAreNotUTF8AreReportedAlone(t *testing.T) {
	t.Parallel()
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Files["docs/post-mortems/caf\xe9.md"] = document("| P2 | Add an alert on the coffee | Alert | over 80 % | TODO |")
	o.Files["stacks/monitoring/r\xe9sum\xe9.txt"] = "old\n"
	o.Files["r\xe9sum\xe9.txt"] = "old\n"
	s := newSite(t, o)
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.says("caf", "not UTF-8", "git mv")
	if strings.Contains(s.last, "\xe9") {
		t.Error("the name is in the log as it is")
	}
	if doc := s.file("docs/post-mortems/2026-01-01-alert.md"); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
}
