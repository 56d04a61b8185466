package app

import (
	"strings"
	"testing"
)

// TestOneBrokenDocumentHoldsUpNoOther has one whose name is not UTF-8, beside old files
// of such names, and one that cannot take its rows.
func TestOneBrokenDocumentHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Files["docs/post-mortems/2026-01-02-open.md"] = document("| P2 | Add an alert on swap | Alert | over 50 % | TODO |") + "\n```\nnever closed\n"
	o.Files["docs/post-mortems/caf\xe9.md"] = document("| P2 | Add an alert on the coffee | Alert | over 80 % | TODO |")
	o.Files["stacks/monitoring/r\xe9sum\xe9.txt"] = "old\n"
	o.Files["r\xe9sum\xe9.txt"] = "old\n"
	s := newSite(t, o)
	s.wants(1, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.says("2026-01-02-open.md", "caf", "not UTF-8", "git mv")
	if strings.Contains(s.last, "\xe9") {
		t.Error("the name is in the log as it is")
	}
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the other document was not updated:\n%s", doc)
	}
}
