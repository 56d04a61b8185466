package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// indexEntries are post-mortems of every kind, with hostile texts in the places
// that authors fill.
func indexEntries() []IndexEntry {
	return []IndexEntry{
		{File: "docs/post-mortems/2026-04-14-nfs.md", Title: "Post-mortem: NFS mounts hung", Date: "2026-04-14", Severity: "SEV2", Open: 3, Left: 1, Approval: 1, Done: 2, Oldest: "2026-04-14", Evidence: []string{"would have fired at 05:41 UTC, 4 minutes after the start (05:37); fired 3 times in 30 days"}},
		{File: "docs/post-mortems/2026-05-03-registry.md", Title: "Registry ran out of disk", Date: "2026-05-03", Severity: "low", Done: 4},
		{File: "docs/post-mortems/2001-01-01-a b#c?d.md", Title: evil, Date: "2001-01-01", Severity: evil, Open: 1, Unclear: 2, Oldest: "2001-01-01", Evidence: []string{evil, strings.Repeat("long ", 100), "3", "4", "5", "one too many"}},
		{File: "docs/post-mortems/javascript:alert(1).md", Open: 10, Left: 10},
		{File: "docs/other/2999-01-01-ahead.md", Title: "認証サービスの停止", Date: "2999-01-01", Severity: "Critical", Open: 2, Left: 2, Oldest: "2999-01-01"},
	}
}

const indexPath = "docs/post-mortems/index.html"

func mustIndex(t *testing.T, page string, entries []IndexEntry) string {
	t.Helper()
	content, err := Index(page, entries)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestIndexGolden(t *testing.T) {
	for name, entries := range map[string][]IndexEntry{"index.html": indexEntries(), "empty.html": nil} {
		t.Run(name, func(t *testing.T) {
			got := mustIndex(t, indexPath, entries)
			golden := filepath.Join("testdata", "index", name)
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; write it with go test -update", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (-golden +now):\n%s", golden, diff)
			}
		})
	}
}

func TestIndexIsTheSameWhateverTheOrder(t *testing.T) {
	want := mustIndex(t, indexPath, indexEntries())
	for turn := range 2 * len(indexEntries()) {
		entries := indexEntries()
		entries = append(entries[turn%len(entries):], entries[:turn%len(entries)]...)
		if turn >= len(entries) {
			slices.Reverse(entries)
		}
		before := slices.Clone(entries)
		if got := mustIndex(t, indexPath, entries); got != want {
			t.Fatal("the order of the entries shows in the page")
		}
		if diff := cmp.Diff(before, entries); diff != "" {
			t.Fatalf("the caller's entries were changed: %s", diff)
		}
	}
}

func TestIndexKnowsItsOwn(t *testing.T) {
	page := mustIndex(t, indexPath, nil)
	for name, test := range map[string]struct {
		content string
		want    bool
	}{
		"its own":             {page, true},
		"checked out as CRLF": {"\ufeff" + strings.ReplaceAll(page, "\n", "\r\n"), true},
		"another version":     {"<!DOCTYPE html>\n<!-- generator: pm-todos index v0 -->", true},
		"a person's":          {"<!doctype html>\n<html><!-- generator: pm-todos index --></html>", false},
		"without doctype":     {"<!-- generator: pm-todos index -->", false},
		"in a quote":          {"<pre>" + page, false},
		"nothing":             {"", false},
	} {
		if got := IsIndex([]byte(test.content)); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

// TestIndexIsSelfContained looks for everything that would be fetched, and
// checks that the policy lets exactly the page's own style and script through.
func TestIndexIsSelfContained(t *testing.T) {
	page := mustIndex(t, indexPath, []IndexEntry{{File: "a.md", Title: "A", Date: "2026-01-01"}})
	if found := regexp.MustCompile(`(?i)https?://|\bsrc=|<link|@import|url\(|\bstyle=|\son[a-z]+=`).FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	for _, tag := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(page, "<"+tag+">")
		content, _, found := strings.Cut(rest, "</"+tag+">")
		sum := sha256.Sum256([]byte(content))
		if want := tag + "-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !found || !strings.Contains(policy, want) {
			t.Errorf("the policy %q lacks %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") {
		t.Errorf("policy %q", policy)
	}
}

// TestIndexEscapesEverything puts every payload everywhere: the page must keep
// the tags that it has with harmless texts.
func TestIndexEscapesEverything(t *testing.T) {
	tags := regexp.MustCompile(`</?[a-zA-Z][a-z0-9]*`)
	entry := func(text string) []IndexEntry {
		return []IndexEntry{{File: text, Title: text, Date: text, Severity: text, Oldest: text, Open: 1, Unclear: 1}}
	}
	want := tags.FindAllString(mustIndex(t, indexPath, entry("x")), -1)
	for name, payload := range payloads {
		if strings.TrimSpace(payload) == "" || name == "hidden" {
			continue // no severity then, so no badge
		}
		for _, page := range []string{indexPath, payload} {
			got := tags.FindAllString(mustIndex(t, page, entry(payload)), -1)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: the page has other tags (-harmless +payload):\n%s", name, diff)
			}
		}
	}
	page := mustIndex(t, indexPath, entry("javascript:alert(1)"))
	if !strings.Contains(page, `href="../../javascript:alert%281%29"`) && !strings.Contains(page, `href="../../javascript:alert(1)"`) {
		t.Errorf("a link is no path: %s", regexp.MustCompile(`href="[^"]*"`).FindString(page))
	}
	if strings.ContainsRune(page, '\u202e') || strings.Contains(mustIndex(t, indexPath, entry(payloads["log"])), "\x1b") {
		t.Error("hidden characters are in the page")
	}
}

func TestIndexIsAccessible(t *testing.T) {
	page := mustIndex(t, indexPath, indexEntries())
	for _, want := range []string{
		`<html lang="en">`, `<title>Post-mortems</title>`, `<main>`, `<h1>`, `<caption>`, `name="viewport"`,
		`<label for="search">`, `<label for="severity">`, `<label for="open">`, `role="status"`,
		`aria-sort="descending"><button type="button"`, `prefers-color-scheme: dark`, `:focus-visible`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	head, body, _ := strings.Cut(page, "<tbody")
	if got := strings.Count(head, `scope="col"`); got != 7 || strings.Count(head, "<button") != got {
		t.Errorf("%d column headers with %d buttons, want 7 of each", got, strings.Count(head, "<button"))
	}
	if got := strings.Count(body, `scope="row"`); got != len(indexEntries()) {
		t.Errorf("%d row headers, want %d", got, len(indexEntries()))
	}
	if got := strings.Count(page, `aria-sort="descending"><`); got != 1 {
		t.Errorf("%d columns say that they are sorted, want 1", got)
	}
	for _, id := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if strings.Count(page, ` id="`+id[1]+`"`) != 1 {
			t.Errorf("the id %s is there twice", id[1])
		}
	}
}

func TestIndexLinks(t *testing.T) {
	for _, test := range []struct{ from, to, want string }{
		{"docs/post-mortems/index.html", "docs/post-mortems/a.md", "a.md"},
		{"docs/post-mortems/index.html", "docs/post-mortems/2026/a.md", "2026/a.md"},
		{"docs/index.html", "docs/post-mortems/a.md", "post-mortems/a.md"},
		{"site/pm/index.html", "docs/post-mortems/a.md", "../../docs/post-mortems/a.md"},
		{"index.html", "docs/a.md", "docs/a.md"},
		{"docs/index.html", "a.md", "../a.md"},
		{"./docs/x/../index.html", "docs/./a.md", "a.md"},
		{"/srv/r/docs/index.html", "/srv/r/docs/a.md", "a.md"},
		{"docs/a.md/index.html", "docs/a.md", "../a.md"},
		{"index.html", "javascript:alert.md", "./javascript:alert.md"},
		{"index.html", "a b#c?d%e.md", "a%20b%23c%3Fd%25e.md"},
	} {
		if got := relativeLink(test.from, test.to); got != test.want {
			t.Errorf("from %s to %s: %s, want %s", test.from, test.to, got, test.want)
		}
	}
}

func TestSeverityRank(t *testing.T) {
	for rank, spellings := range map[int][]string{
		0: {"SEV0", "P0", "Critical", "critical (all users)", "Blocker", "重大"},
		1: {"SEV1", "sev-1", "SEV 1 (critical)", "P1", "S1", "High", "Severity: 1", "Level 1", "**Major**"},
		2: {"SEV2", "Sev_2", "medium", "P2/High"},
		3: {"SEV3", "minor", "Low"},
		4: {"SEV4", "trivial"},
		9: {"", "bad", "1", "SEV12", "highly unlikely", "ps1", "2026-01-01"},
	} {
		for _, spelling := range spellings {
			if got := severityRank(spelling); got != rank {
				t.Errorf("%q has rank %d, want %d", spelling, got, rank)
			}
		}
	}
}

func TestIndexTotals(t *testing.T) {
	page := mustIndex(t, indexPath, indexEntries())
	totals := regexp.MustCompile(`<dd>(.*?)</dd>`).FindAllStringSubmatch(page, -1)
	var got []string
	for _, m := range totals {
		got = append(got, regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[1], ""))
	}
	if diff := cmp.Diff([]string{"5", "16", "13", "6", "since 2001-01-01"}, got); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	options := regexp.MustCompile(`<option value="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(options) != 4 || options[0][1] != "Critical" || options[1][1] != "SEV2" || options[2][1] != "low" {
		t.Errorf("severities to choose from: %q", options)
	}
	if !bytes.Contains([]byte(page), []byte(">NFS mounts hung</a>")) {
		t.Error("the title still says that it is a post-mortem")
	}
}
