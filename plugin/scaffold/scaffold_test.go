package scaffold

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"go.yaml.in/yaml/v3"
)

// examples are values as an owner would give them.
func examples() map[string]string {
	values := map[string]string{}
	for _, v := range Values() {
		values[v.Name] = v.Example
	}
	return values
}

func mustFiles(t *testing.T, values map[string]string) map[string]string {
	t.Helper()
	files, err := Files(values)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, file := range files {
		contents[file.Path] = string(file.Content)
	}
	return contents
}

func TestEveryEmbeddedFileIsWritten(t *testing.T) {
	files := map[string]string{}
	for publisher := range pages {
		maps.Copy(files, mustFiles(t, map[string]string{"pages": publisher}))
	}
	var found int
	entries := []string{"template"}
	for len(entries) > 0 {
		dir := entries[0]
		entries = entries[1:]
		list, err := embedded.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range list {
			name := dir + "/" + entry.Name()
			if entry.IsDir() {
				entries = append(entries, name)
				continue
			}
			found++
			if _, ok := files[strings.TrimPrefix(name, "template/")]; !ok {
				t.Errorf("%s is written nowhere", name)
			}
		}
	}
	if found != len(files) {
		t.Errorf("%d files are written, %d are embedded", len(files), found)
	}
}

func TestValuesGoIntoTheFilesOrStayAsPlaceholders(t *testing.T) {
	left := map[string]bool{}
	for name, content := range mustFiles(t, nil) {
		for _, blank := range Blanks([]byte(content)) {
			left[blank.Name] = true
			line := strings.Split(content, "\n")[blank.Line-1]
			if !strings.Contains(line, blank.Text) {
				t.Errorf("%s:%d does not hold %s: %s", name, blank.Line, blank.Text, line)
			}
		}
	}
	for _, v := range Values() {
		if left[v.Name] != (v.Default == "") {
			t.Errorf("%s: left to fill in is %t, its default is %q", v.Name, left[v.Name], v.Default)
		}
		delete(left, v.Name)
	}
	if len(left) > 0 {
		t.Errorf("placeholders of no value: %v", left)
	}
	all := ""
	for name, content := range mustFiles(t, examples()) {
		all += content
		if blanks := Blanks([]byte(content)); len(blanks) > 0 || strings.Contains(content, "[[") || strings.Contains(content, "<no value>") {
			t.Errorf("%s is not filled in: %v", name, blanks)
		}
		if strings.Contains(content, "\r") || !strings.HasSuffix(content, "\n") || strings.HasSuffix(content, "\n\n") {
			t.Errorf("%s does not end with one line end", name)
		}
	}
	for _, v := range Values() {
		if v.Name != "pages" && !strings.Contains(all, v.Example) { // that one chooses among files
			t.Errorf("%s %q stands nowhere", v.Name, v.Example)
		}
	}
}

func TestValuesThatCannotBeUsedAreNamedTogether(t *testing.T) {
	_, err := Files(map[string]string{"owner": "us\nand them", "contact": "a\u202eb", "onwer": "x"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"owner: holds a line break", "contact: holds", "onwer is nothing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// TestPagesArePublishedByOne: by Woodpecker, by GitHub or by nobody.
func TestPagesArePublishedByOne(t *testing.T) {
	for publisher, want := range map[string]string{"": ".woodpecker/pages.yml", "woodpecker": ".woodpecker/pages.yml", "actions": ".github/workflows/post-mortem-pages.yml", "none": ""} {
		files := mustFiles(t, map[string]string{"pages": publisher})
		for _, file := range pages {
			if _, written := files[file]; written != (file == want) {
				t.Errorf("with pages %q %s is written: %t", publisher, file, written)
			}
		}
	}
	if _, err := Files(map[string]string{"pages": "nobody"}); err == nil || !strings.Contains(err.Error(), "is not one of woodpecker, actions or none") {
		t.Errorf("no publisher of pages: %v", err)
	}
}

// TestAnIgnoreFileIsMissedByItsLines: one that is there is left as it is, and
// only what it lacks is told.
func TestAnIgnoreFileIsMissedByItsLines(t *testing.T) {
	ours := File{Path: ignoreFile, Content: []byte("# ours\n/.pm-todos/\n.terraform/\n/known_hosts\n")}
	for present, want := range map[string]string{
		"*.o\n.terraform/\n":                          "left as it is; it lacks /.pm-todos/, /known_hosts",
		"known_hosts\n**\n.terraform\n.pm-todos/\r\n": "unchanged",
	} {
		if got := (Done{}).became(Target{File: ours, Standing: Differs, Present: []byte(present)}); got != want {
			t.Errorf("%q: %s, want %s", present, got, want)
		}
	}
}

// TestHostileValuesStayValues reads back from the YAML what was put into it.
func TestHostileValuesStayValues(t *testing.T) {
	for _, text := range []string{
		"plain", "wizard@10.0.10.10", "a: b", "x # y", "yes", "null", "007", "1.5", "- x", "&a", "*a", "!t", "%x", "@x", "`x", `"q"`, "'q'", `back\slash`,
		"{x}", "[x]", "a,b", "x:", "${CI_REPO_DEFAULT_BRANCH}", "https://pages.example.org/infra/{name}.html", "ends ", "?", "|", ">", "ünïcode", "<b>&",
	} {
		values := examples()
		for _, name := range []string{"image", "branch", "hosts", "agent-hosts", "vault-addr", "pages-url"} {
			values[name] = text
		}
		var file struct {
			When  []struct{ Branch string }
			Steps []struct {
				Image    string
				Settings struct {
					Hosts      string
					AgentHosts string `yaml:"agent_hosts"`
					VaultAddr  string `yaml:"vault_addr"`
					PagesURL   string `yaml:"pages_url"`
				}
			}
		}
		if err := yaml.Unmarshal([]byte(mustFiles(t, values)[".woodpecker/postmortem-todos.yml"]), &file); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		s := file.Steps[0]
		for _, got := range []string{file.When[0].Branch, s.Image, s.Settings.Hosts, s.Settings.AgentHosts, s.Settings.VaultAddr, s.Settings.PagesURL} {
			if got != text {
				t.Errorf("%q is read as %q", text, got)
			}
		}
	}
	guide := mustFiles(t, map[string]string{"contact": "a | b"})["docs/reporting-an-issue.md"]
	if !strings.Contains(guide, `| a \| b |`) {
		t.Error("a pipe in a value divides the table")
	}
}

// TestTemplateHasExactlyItsParts is the contract with its readers.
func TestTemplateHasExactlyItsParts(t *testing.T) {
	var headings, fields []string
	for line := range strings.Lines(string(Template())) {
		if strings.HasPrefix(line, "#") {
			headings = append(headings, strings.TrimSpace(line))
		}
		if m := regexp.MustCompile(`^\| ([A-Z][A-Za-z ]+) \| [{A-Z][a-zD]*}? \|$`).FindStringSubmatch(strings.TrimSpace(line)); m != nil && len(headings) == 1 && m[1] != "Field" {
			fields = append(fields, m[1])
		}
	}
	wantHeadings := []string{
		"# Post-mortem: {title}", "## Summary", "## Impact", "## Timeline", "## Root Cause Chain", "## Contributing Factors", "## Detection Gaps",
		"## Prevention Plan", "### P0", "### P1", "### P2", "### P3", "## Lessons Learned", "## Follow-up Implementation",
	}
	if diff := cmp.Diff(wantHeadings, headings); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Date", "Duration", "Severity", "Affected services", "Issue", "Status"}, fields); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	for _, want := range []string{"| Priority | Action | Type | Details | Status |", "| Date | Action | Priority | Type | Commit | Implemented By |", "docs: post-mortem for <date> <title>", "without [ci skip]"} {
		if !strings.Contains(string(Template()), want) {
			t.Errorf("it lacks %q", want)
		}
	}
	skill := mustFiles(t, nil)[".claude/skills/post-mortem/SKILL.md"]
	for _, want := range []string{"docs: post-mortem for <date> <title>", "**Never add `[ci skip]`.**"} {
		if !strings.Contains(skill, want) {
			t.Errorf("the skill lacks %q", want)
		}
	}
	if health := mustFiles(t, nil)[".claude/skills/cluster-health/SKILL.md"]; !strings.Contains(health, "> The cluster has recovered. Would you like me to write a post-mortem?\n") {
		t.Error("the cluster-health skill does not suggest a post-mortem")
	}
}

func parse(t *testing.T, content []byte) *postmortem.Document {
	t.Helper()
	doc := postmortem.Parse("docs/post-mortems/2026-04-14-x.md", content, classify.Policy{
		SafeTypes: []term.Type{term.Alert, term.Config, term.Monitor}, AllowPaths: []string{"stacks/**"},
	})
	return doc
}

// TestTemplateIsReadAsItIsMeant puts a row under every priority, has one done,
// and looks at what becomes of the document.
func TestTemplateIsReadAsItIsMeant(t *testing.T) {
	fields := Fields{Title: "NFS mounts hung", Date: "2026-04-14", Severity: "SEV2", Services: "wiki, registry", Issue: "#123"}
	content := Document(Template(), fields)
	empty := parse(t, content)
	if len(empty.Problems) > 0 || len(empty.Items) > 0 {
		t.Fatalf("the template itself has problems %v and items %v", empty.Problems, empty.Items)
	}
	if empty.Title != "Post-mortem: NFS mounts hung" || empty.Date != "2026-04-14" {
		t.Errorf("title %q, date %q", empty.Title, empty.Date)
	}
	delimiter := "|----------|--------|------|---------|--------|\n"
	for _, p := range []string{"P3", "P2", "P1", "P0"} {
		at := bytes.Index(content, []byte("### "+p))
		at += bytes.Index(content[at:], []byte(delimiter)) + len(delimiter)
		content = slices.Insert(content, at, []byte("| "+p+" | Add an alert on NFS retransmissions of class "+p+" | Alert | over 5 per second | TODO |\n")...)
	}
	doc := parse(t, content)
	if safe := doc.Safe(); len(safe) != 4 || len(doc.Items) != 4 || safe[0].Priority != "P0" || safe[3].Priority != "P3" {
		t.Fatalf("items: %+v, problems %v", doc.Items, doc.Problems)
	}
	result, err := edit.Update(doc.File, content, []edit.Edit{{
		Item: doc.Safe()[1], Done: true,
		Row: &edit.Row{Date: "2026-04-15", Priority: "P1", Type: "Alert", Commit: strings.Repeat("ab", 20), URL: "https://git.example.org/c"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(result.Content), "## Follow-up Implementation"); n != 1 {
		t.Errorf("%d follow-up sections", n)
	}
	want := "|------|--------|----------|------|--------|----------------|\n| 2026-04-15 | Add an alert on NFS retransmissions of class P1 | P1 | Alert | [`abababa`]"
	if !strings.Contains(string(result.Content), want) || !strings.Contains(string(result.Content), "over 5 per second | Done |") {
		t.Errorf("the document became\n%s", result.Content)
	}
}

// tableOf are the rows of the table with that header, markup removed.
func tableOf(t *testing.T, text, header string) [][]string {
	t.Helper()
	_, rest, found := strings.Cut(text, header+"\n")
	if !found {
		t.Fatalf("no table %s", header)
	}
	var rows [][]string
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "|--") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(strings.TrimSpace(line), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		rows = append(rows, cells)
	}
	return rows
}

// row is a document with one item; its action fits the type, as far as that
// matters to the parser.
func row(typed, status string) []byte {
	action, details := "Add an alert on NFS retransmissions", "over 5 per second"
	if typed == "Config" {
		action, details = "Raise the memory limit of the registry to 2Gi", "512Mi today, in stacks/registry"
	}
	return []byte("# X\n\n## Prevention Plan\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n" +
		"| P2 | " + action + " | " + typed + " | " + details + " | " + status + " |\n")
}

// TestWhatTheTextsPromiseHolds asks the parser about every type, status and row
// that the skill and the template mention.
func TestWhatTheTextsPromiseHolds(t *testing.T) {
	skill := mustFiles(t, nil)[".claude/skills/post-mortem/SKILL.md"]
	const types = "| Type | What it is | Done by |"
	if diff := cmp.Diff(tableOf(t, skill, types), tableOf(t, string(Template()), types)); diff != "" {
		t.Errorf("skill and template explain types differently:\n%s", diff)
	}
	for _, cells := range tableOf(t, skill, types) {
		doc := parse(t, row(cells[0], "TODO"))
		if safe := len(doc.Safe()) == 1; len(doc.Items) != 1 || doc.Items[0].Type != cells[0] || safe != (cells[2] == "pm-todos") {
			t.Errorf("the type %s is read as %+v", cells[0], doc.Items)
		}
	}
	for _, cells := range tableOf(t, skill, "| Status | Meaning | Touched by pm-todos |") {
		doc := parse(t, row("Alert", cells[0]))
		if len(doc.Items) != 1 || len(doc.Safe()) == 1 != (cells[2] == "yes") || slices.Contains(doc.Items[0].Reasons, reason.StatusUnknown) {
			t.Errorf("the status %s is read as %+v", cells[0], doc.Items)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^ *(\| P[0-3] \| .*\|)(?: -->)?$`).FindAllStringSubmatch(skill+"\n"+string(Template()), -1) {
		content := "## Prevention Plan\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n" + m[1] + "\n"
		if doc := parse(t, []byte(content)); len(doc.Safe()) != 1 {
			t.Errorf("the row to copy is not safe: %s: %v", m[1], doc.Items)
		}
	}
	// Those that are shown as bad are left to people.
	for action, typed := range map[string]string{
		"Consider raising the memory limit": "Config", "Delete the old volume and restart the registry": "Config",
	} {
		if !strings.Contains(skill, "*"+action+"*") {
			t.Errorf("the skill does not show %q", action)
		}
		content := strings.Replace(string(row(typed, "TODO")), "Raise the memory limit of the registry to 2Gi", action, 1)
		if !strings.Contains(content, action) {
			t.Fatalf("%q did not get into the row", action)
		}
		if doc := parse(t, []byte(content)); len(doc.Skipped()) != 1 {
			t.Errorf("%q is read as %+v", action, doc.Items)
		}
	}
	if doc := parse(t, row("Alert", "TODO (after the migration)")); len(doc.Skipped()) != 1 {
		t.Error("a status with a note is acted on")
	}
}
