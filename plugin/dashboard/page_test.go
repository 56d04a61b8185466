package dashboard

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"flag"
	"html"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/jsonschema"
	"github.com/pm-todos/pm-todos/plugin/jsonschema/schematest"
)

var update = flag.Bool("update", false, "write the golden files and the pictures of the docs anew")

const evil = "<!channel> <script>alert(1)</script> & \"'`{{ }}` \u202etxt"

// payloads try to become something else in HTML, JSON or XML.
var payloads = map[string]string{
	"html": "<script>alert('x')</script><!-- --><img src=x onerror=1>&#x3c;b&gt;", "quotes": `"'` + "` onload=x \\", "log": "\x1b[31mx\x1b]0;t\x07\r\n\u2028 \u202etxt.exe\u2066 \x00\u200b\ufeff",
	"invalid": "\xff\xfex\xc3", "xml": "]]> <![CDATA[ <?xml ?> &amp;", "wide": strings.Repeat("日本", 400), "script": "</script><style>x</style>javascript:alert(1)",
}

var written = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

const indexPath = "docs/post-mortems/index.html"

// hostile are post-mortems of every kind, with hostile texts in the places that authors
// fill.
func hostile(text string) []Document {
	d := Document{File: text, Title: text, Date: text, Severity: text, Services: []string{text}, Items: []Item{}}
	for _, known := range stateNames {
		d.Items = append(d.Items, Item{
			ID: text, Action: text, Type: text, Priority: text, State: known.State, Changed: "2026-01-02", Owner: text, Due: text, Opened: text, Target: text,
			Closed: text, By: text, Reason: text, Why: text, Way: text, Commit: text, Link: text, Branch: text, Evidence: text,
		})
	}
	return []Document{d}
}

func mustWrite(t testing.TB, page string, documents []Document) Files {
	t.Helper()
	files, err := Write(page, documents, sampleTargets, Files{}, written)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestIndexGolden(t *testing.T) {
	documents := append(sample(12, written), Document{File: "docs/other/2999-01-01-ahead.md", Title: "認証サービスの停止", Date: "2999-01-01", Severity: "Critical", Services: []string{}, Items: []Item{}})
	for name, documents := range map[string][]Document{"index": documents, "empty": nil, "hostile": hostile(evil)} {
		files := mustWrite(t, indexPath, documents)
		for ext, got := range map[string][]byte{".html": files.Page, ".json": files.JSON, ".atom": files.Feed} {
			golden := filepath.Join("testdata", name+ext)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; write it with go test -update", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s differs (-golden +now):\n%s", golden, diff)
			}
		}
	}
}

func TestIndexIsTheSameWhateverTheOrder(t *testing.T) {
	want := mustWrite(t, indexPath, sample(6, written))
	for turn := range 12 {
		documents := sample(6, written)
		documents = append(documents[turn%6:], documents[:turn%6]...)
		if turn >= 6 {
			slices.Reverse(documents)
		}
		if got := mustWrite(t, indexPath, documents); !cmp.Equal(got, want) {
			t.Fatal("the order of the documents shows")
		}
	}
}

func TestIndexKnowsItsOwn(t *testing.T) {
	files := mustWrite(t, indexPath, nil)
	page := string(files.Page)
	for name, test := range map[string]struct {
		content string
		want    bool
	}{
		"its own":             {page, true},
		"its JSON":            {string(files.JSON), true},
		"its feed":            {string(files.Feed), true},
		"checked out as CRLF": {"\ufeff" + strings.ReplaceAll(page, "\n", "\r\n"), true},
		"another version":     {"<!DOCTYPE html>\n<!-- generator: pm-todos index v0 -->", true},
		"a person's":          {"<!doctype html>\n<html><!-- generator: pm-todos index --></html>", false},
		"without doctype":     {"<!-- generator: pm-todos index -->", false},
		"in a quote":          {"<pre>" + page, false},
		"another JSON":        {`{"generator": "x"}`, false},
		"another feed":        {`<feed><generator>x</generator></feed>`, false},
		"nothing":             {"", false},
	} {
		if got := IsOwn([]byte(test.content)); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

// TestIndexIsSelfContained looks for everything that would be fetched, and
// checks that the policy lets exactly the page's own style and script through.
func TestIndexIsSelfContained(t *testing.T) {
	page := string(mustWrite(t, indexPath, sample(3, written)).Page)
	if found := regexp.MustCompile(`(?i)\bsrc=|@import|url\([^#]|\sstyle=|\son[a-z]+=`).FindString(page); found != "" {
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
	want := tags.FindAllString(string(mustWrite(t, indexPath, hostile("x")).Page), -1)
	for name, payload := range payloads {
		for _, page := range []string{indexPath, "docs/" + strings.ReplaceAll(payload, "\x00", "")} {
			files := mustWrite(t, page, hostile(payload))
			if diff := cmp.Diff(want, tags.FindAllString(string(files.Page), -1)); diff != "" {
				t.Errorf("%s: the page has other tags (-harmless +payload):\n%s", name, diff)
			}
			if err := readFeed(files.Feed, &atomFeed{}); err != nil {
				t.Errorf("%s: the feed is no XML: %v", name, err)
			}
			if !json.Valid(files.JSON) {
				t.Errorf("%s: the JSON is none", name)
			}
		}
	}
	page := string(mustWrite(t, indexPath, hostile("javascript:alert(1)")).Page)
	if found := regexp.MustCompile(`href="javascript:[^"]*"`).FindString(page); found != "" {
		t.Errorf("a link runs a script: %s", found)
	}
}

func readFeed(content []byte, into any) error {
	decoder := xml.NewDecoder(bytes.NewReader(content))
	decoder.Strict = true
	return decoder.Decode(into)
}

// TestFeedIsAtom reads the feed again, and holds it to what RFC 4287 requires.
func TestFeedIsAtom(t *testing.T) {
	documents := sample(40, written)
	files := mustWrite(t, indexPath, documents)
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"http://www.w3.org/2005/Atom id"`
		Title   string   `xml:"http://www.w3.org/2005/Atom title"`
		Updated string   `xml:"http://www.w3.org/2005/Atom updated"`
		Author  string   `xml:"author>name"`
		Entries []struct {
			ID      string `xml:"http://www.w3.org/2005/Atom id"`
			Title   string `xml:"http://www.w3.org/2005/Atom title"`
			Updated string `xml:"http://www.w3.org/2005/Atom updated"`
			Link    struct {
				Href string `xml:"href,attr"`
			} `xml:"http://www.w3.org/2005/Atom link"`
		} `xml:"http://www.w3.org/2005/Atom entry"`
	}
	if err := readFeed(files.Feed, &feed); err != nil {
		t.Fatal(err)
	}
	urn := regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	if !urn.MatchString(feed.ID) || feed.Title == "" || feed.Author == "" || feed.Updated != "2026-11-27T08:00:00Z" || len(feed.Entries) != mostEntries {
		t.Errorf("id %q, title %q, author %q, updated %q, %d entries", feed.ID, feed.Title, feed.Author, feed.Updated, len(feed.Entries))
	}
	ids, last := map[string]bool{}, "9999"
	for _, e := range feed.Entries {
		if _, err := time.Parse(time.RFC3339, e.Updated); err != nil || e.Updated > last || ids[e.ID] || !urn.MatchString(e.ID) || e.Title == "" || !strings.HasSuffix(e.Link.Href, ".md") {
			t.Errorf("entry %+v, %v", e, err)
		}
		ids[e.ID], last = true, e.Updated
	}
	// Who reads it again later finds the same entries by the same names.
	again, err := Write(indexPath, append(documents, Document{File: "docs/post-mortems/2020-01-01-older.md", Date: "2020-01-01"}), sampleTargets, files, written.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	for id := range ids {
		if !bytes.Contains(again.Feed, []byte(id)) {
			t.Errorf("%s has another name now", id)
		}
	}
	if !bytes.Contains(again.Feed, []byte("<id>"+feed.ID+"</id>")) {
		t.Error("the feed has another name now")
	}
}

func TestJSONFitsItsSchema(t *testing.T) {
	published, err := os.ReadFile(filepath.Join("..", "..", "docs", "index.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(published)); diff != "" {
		t.Errorf("docs/index.schema.json is stale, run go generate (-want +got):\n%s", diff)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(published, &schema); err != nil {
		t.Fatal(err)
	}
	for name, documents := range map[string][]Document{"a team's": sample(24, written), "none": {}} {
		var value any
		if err := json.Unmarshal(mustWrite(t, indexPath, documents).JSON, &value); err != nil {
			t.Fatal(err)
		}
		if found := schematest.Violations(&schema, value, "$"); len(found) > 0 {
			t.Errorf("%s: %s", name, strings.Join(found, "\n"))
		}
	}
}

func TestIndexIsAccessible(t *testing.T) {
	page := string(mustWrite(t, indexPath, sample(8, written)).Page)
	for _, want := range []string{
		`<html lang="en">`, `<title>Post-mortems</title>`, `<header>`, `<main>`, `<h1>`, `name="viewport"`, `role="search"`,
		`<label for="q">`, `<label for="severity">`, `<label for="state">`, `role="status" aria-live="polite"`, `prefers-color-scheme: dark`, `:focus-visible`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	ids := map[string]int{}
	for _, id := range regexp.MustCompile(`\sid="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		ids[id[1]]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %s is there %d times", id, n)
		}
	}
	for _, named := range regexp.MustCompile(`aria-labelledby="([^"]*)"|\sfor="([^"]*)"|href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		for id := range strings.FieldsSeq(named[1] + named[2] + named[3]) {
			if ids[id] == 0 {
				t.Errorf("nothing has the id %s", id)
			}
		}
	}
	if charts, tables := strings.Count(page, `<svg viewBox="0 0 360`), strings.Count(page, "<table>"); charts != 3 || tables != charts || strings.Count(page, `role="img" aria-labelledby`) != charts {
		t.Errorf("%d charts, %d tables that say the same", charts, tables)
	}
}

// TestChartsSayWhatTheirTablesSay holds the numbers against those of the board.
func TestChartsSayWhatTheirTablesSay(t *testing.T) {
	b := newBoard(indexPath, sample(24, written), "", written)
	c := b.charts(sampleTargets)
	last := c.Periods[len(c.Periods)-1]
	if last.Open != b.Totals.Open || c.Program != b.Totals.Program || c.Program+c.People+c.Undated != b.Totals.Done {
		t.Errorf("%d open of %+v, done by %d and %d, undated %d", last.Open, b.Totals, c.Program, c.People, c.Undated)
	}
	total, late := 0, 0
	for _, row := range c.Ages {
		sum := 0
		for _, part := range row.Parts {
			sum += part.Count
		}
		if sum != row.Total {
			t.Errorf("%s: %d in all ages, %d in all", row.Priority, sum, row.Total)
		}
		total, late = total+row.Total, late+row.Late
	}
	if total != b.Totals.Open || late != b.Totals.Late || late == 0 {
		t.Errorf("%d of %d by age, %d of %d late", total, b.Totals.Open, late, b.Totals.Late)
	}
}

func TestPeriodsAreFewAndCoverTheTime(t *testing.T) {
	since := time.Date(2024, 2, 14, 0, 0, 0, 0, time.UTC)
	for days, want := range map[int]string{0: "12 Feb 2024", 100: "12 Feb 2024", 400: "Feb 2024", 1500: "Q1 2024", 4000: "2024", 40_000: "2024"} {
		until := since.AddDate(0, 0, days)
		all := periods(since, until)
		if all[0].Name != want || len(all) > 2*mostPeriods || days < 10_000 && !all[len(all)-1].end.After(until) {
			t.Errorf("%d days: %d periods from %s to %v", days, len(all), all[0].Name, all[len(all)-1].end)
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
