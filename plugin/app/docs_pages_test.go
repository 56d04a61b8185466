package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

func readPage(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// TestPluginPageIsWhatTheIndexReads holds the page to the conventions of
// Woodpecker's plugin index.
func TestPluginPageIsWhatTheIndexReads(t *testing.T) {
	content := readPage(t, "docs/plugin.md")
	rest, ok := strings.CutPrefix(content, "---\n")
	head, body, closed := strings.Cut(rest, "\n---\n")
	if !ok || !closed || strings.Contains(head, "---") {
		t.Fatal("the front matter does not stand alone at the very beginning")
	}
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(head), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"name", "description", "author", "tags", "icon", "containerImage", "containerImageUrl", "url"} {
		if fields[name] == nil || fields[name] == "" {
			t.Errorf("the front matter lacks %s", name)
		}
	}
	// The index shows the page elsewhere, where relative links lead nowhere.
	here := fmt.Sprintf("%v/blob/main/", fields["url"])
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(body, -1) {
		if file, ours := strings.CutPrefix(m[1], here); ours {
			readPage(t, file)
		} else if !strings.HasPrefix(m[1], "https://") {
			t.Errorf("%s is no absolute link", m[1])
		}
	}
	if _, file, ok := strings.Cut(fmt.Sprint(fields["icon"]), "/main/"); !ok || !strings.HasPrefix(readPage(t, file), "<svg ") {
		t.Errorf("the icon %v is no picture of the repository", fields["icon"])
	}
	if !strings.Contains(body, "from_secret:") || !strings.Contains(body, "| Settings name | Default | Description |") {
		t.Error("it lacks an example with from_secret, or the table of settings")
	}
	if reference := readPage(t, "docs/settings.md"); !strings.HasPrefix(reference, "---\n"+head+"\n---\n") {
		t.Error("the front matter of docs/settings.md is another one")
	}
	defaults := map[string]string{}
	for _, e := range settings.All() {
		defaults[e.Name] = cmp.Or(e.DefaultText(), "*none*")
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (.*?) \\|").FindAllStringSubmatch(body, -1)
	for _, row := range rows {
		if want, known := defaults[row[1]]; !known || row[2] != want {
			t.Errorf("%s has the default %s, the page says %s", row[1], want, row[2])
		}
	}
	if len(rows) < 5 {
		t.Errorf("only %d settings are in the table", len(rows))
	}
}

// TestGettingStartedFitsTheDefaults: what it prepares is what the settings look
// for when they are not set.
func TestGettingStartedFitsTheDefaults(t *testing.T) {
	content := readPage(t, "docs/getting-started.md")
	defaults := map[string]string{}
	for _, e := range settings.All() {
		defaults[e.Name] = e.Default
	}
	mount, name, _ := strings.Cut(defaults["vault_secret"], "/data/")
	for what, want := range map[string]string{
		"the policy":          `path "` + defaults["vault_secret"] + `"`,
		"the role":            "auth/" + defaults["vault_auth"] + "/role/" + defaults["vault_role"] + " ",
		"the secret":          "vault kv put -mount=" + mount + " " + name + " ",
		"the key's field":     " " + defaults["vault_field"] + "=@",
		"the host keys":       " known_hosts=@",
		"the webhook":         " slack_webhook=-",
		"the cron job":        "`postmortem-todos`",
		"the token":           "`git_token`",
		"the login's options": authorizedOptions[:strings.Index(authorizedOptions, "=")],
	} {
		if !strings.Contains(content, want) {
			t.Errorf("%s: %q is missing", what, want)
		}
	}
}

// TestEveryFileOfInitIsInGettingStarted keeps its list whole.
func TestEveryFileOfInitIsInGettingStarted(t *testing.T) {
	content := readPage(t, "docs/getting-started.md")
	var named []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(content, -1) {
		named = append(named, m[1])
	}
	names := []string{settings.DefaultIndex}
	for name := range initFiles(t, nil) {
		names = append(names, name)
	}
	for _, name := range names {
		if !slices.ContainsFunc(named, func(n string) bool { return n == name || strings.HasSuffix(n, "/") && strings.HasPrefix(name, n) }) {
			t.Errorf("%s is not in the list of files", name)
		}
	}
}

// TestHeadingsThatTheDocsLinkToExist follows the part of a link behind #.
func TestHeadingsThatTheDocsLinkToExist(t *testing.T) {
	link := regexp.MustCompile(`\]\(([A-Za-z0-9_./-]*)#([^)]+)\)`)
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(string(p.content), -1) {
			target := p.content
			if m[1] != "" {
				target = []byte(readPage(t, pathBeside(p.name, m[1])))
			}
			if !slices.Contains(anchors(target), m[2]) {
				t.Errorf("%s links to %s#%s, which has no such heading", p.name, m[1], m[2])
			}
		}
	}
}

func pathBeside(page, link string) string { return page[:strings.LastIndexByte(page, '/')+1] + link }

var notInAnchors = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchors are those that forges give to headings.
func anchors(content []byte) []string {
	var found []string
	for line := range bytes.Lines(content) {
		if text := string(bytes.TrimSpace(bytes.TrimLeft(line, "#"))); bytes.HasPrefix(line, []byte("#")) {
			found = append(found, strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(text), ""), " ", "-"))
		}
	}
	return found
}

// TestReadmeListsEveryCommand keeps its table whole.
func TestReadmeListsEveryCommand(t *testing.T) {
	content := readPage(t, "README.md")
	for _, command := range App("test", nil, nil, nil).Commands {
		if !command.Hidden && !regexp.MustCompile("(?m)^\\| `"+command.Name+"[ `]").MatchString(content) {
			t.Errorf("%s is not in the table of commands", command.Name)
		}
	}
}

// TestEveryFieldOfAListingIsDocumented runs the commands that need nothing but
// files, and looks for the keys of what they print. Those of backtest, doctor and
// verify are looked for where these are tested.
func TestEveryFieldOfAListingIsDocumented(t *testing.T) {
	document := "# Post-mortem\n\n## Action items\n\n- [ ] Add an alert on disk usage\n"
	folder := t.TempDir()
	cmd := exec.Command("sh", "-ec", `git init -q "$1"; cd "$1"; export GIT_CONFIG_GLOBAL="$1/.git/nobody"; git config user.name x; git config user.email x@example.org
		git commit -qm Begin --allow-empty; echo 'x = 1' >main.tf; git add .; git commit -qm 'Add the wiki'`, "sh", folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	operations := readPage(t, "docs/operations.md")
	t.Chdir(folder)
	for command, arguments := range map[string][]string{
		"parse":   {"parse", "-"},
		"explain": {"explain", "--format", "json", "-"},
		"lint":    {"lint", "--format", "json", "-"},
		"init":    {"init", "--dry-run", "--format", "json"},
		"judge":   {"judge", "--type", "Config", "--format", "json", "HEAD"},
		"new":     {"new", "--format", "json", "It broke"},
	} {
		stdout, stderr, err := runApp(t, document, arguments...)
		if err != nil {
			t.Errorf("%s: %v %s", command, err, stderr)
		}
		documented(t, operations, command, stdout)
	}
}

// documented looks for the keys of the first object that a command printed in its
// row of docs/operations.md.
func documented(t *testing.T, operations, command, stdout string) {
	t.Helper()
	var keys map[string]any
	if err := json.NewDecoder(strings.NewReader(stdout)).Decode(&keys); err != nil || len(keys) == 0 {
		t.Errorf("%s: %v, %s", command, err, stdout)
	}
	_, row, _ := strings.Cut(operations, "\n| `"+command+" ")
	row, _, _ = strings.Cut(row, "\n")
	for key := range keys {
		if command != "parse" && !strings.Contains(row, "`"+key+"`") { // parse says "and more"
			t.Errorf("docs/operations.md does not name %s of %s", key, command)
		}
	}
}
