package app

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
)

// TestIndexShowsWhatPrometheusSaid has commits say it of an item that is done, of one
// that is open again, and of one of another document.
func TestIndexShowsWhatPrometheusSaid(t *testing.T) {
	const file = "docs/post-mortems/2026-04-14-nfs.md"
	document := []byte("# NFS\n\n## Action items\n\n| Action | Type | Status |\n|---|---|---|\n| Add alert A | Alert | Done |\n| Add alert B | Alert | TODO |\n")
	dir := t.TempDir()
	t.Chdir(dir)
	gittest.Git(t, dir, "init", "-q", "--template=", "-b", "main")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	items := postmortem.Parse(file, document, classify.Policy{}).Items
	fix := func(file, id, said string) {
		gittest.Git(t, dir, "commit", "-q", "--allow-empty", "-m", fmt.Sprintf(
			"fix(post-mortem): Add alert\n\nPost-Mortem-Document: %s\nPost-Mortem-Item: %s\nPost-Mortem-Plan: sha256:%s\nPost-Mortem-Evidence: %s", file, id, strings.Repeat("0", 64), said))
	}
	fix(file, items[0].ID, "would not have fired")
	fix(file, items[0].ID, "would have fired at 05:41 UTC, <b>4</b> minutes after the start (05:37)")
	fix(file, items[1].ID, "of one that is open")
	fix("docs/post-mortems/other.md", items[0].ID, "of another document")
	stdout, stderr, err := runApp(t, "", "index", "--output", "-")
	if err != nil {
		t.Fatal(err, stderr)
	}
	if n := strings.Count(stdout, "Prometheus: "); n != 1 || !strings.Contains(stdout, "Prometheus: would have fired at 05:41 UTC, &lt;b&gt;4&lt;/b&gt; minutes after the start (05:37)</small>") {
		t.Errorf("it is said %d times in\n%s", n, stdout[strings.Index(stdout, "<ol"):])
	}
}
