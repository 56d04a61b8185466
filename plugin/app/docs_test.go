package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/pm-todos/pm-todos/plugin/lint"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/scaffold"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// A page is Markdown that people read: what it tells them to type must work.
type page struct {
	name    string // path in the repository
	content []byte
}

// pages are the README, everything below docs, and what init writes.
func pages(t *testing.T) []page {
	t.Helper()
	list := []page{{name: "README.md"}}
	err := filepath.WalkDir("../../docs", func(file string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && filepath.Ext(file) == ".md" {
			list = append(list, page{name: strings.TrimPrefix(filepath.ToSlash(file), "../../")})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range list {
		if list[i].content, err = os.ReadFile(filepath.Join("..", "..", p.name)); err != nil {
			t.Fatal(err)
		}
	}
	files, err := scaffold.Files(exampleValues())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Ext(file.Path) == ".md" {
			list = append(list, page{name: "plugin/scaffold/template/" + file.Path, content: file.Content})
		}
	}
	return list
}

// exampleValues are those of an owner who gives all of them.
func exampleValues() map[string]string {
	values := map[string]string{}
	for _, v := range scaffold.Values() {
		values[v.Name] = v.Example
	}
	return values
}

// checkers judge the fenced blocks of the pages, by language. A language that
// is not here fails: nothing gets past unread.
var checkers = map[string]func(string) error{
	"yaml":     checkYAML,
	"sh":       checkShell,
	"console":  checkConsole,
	"hcl":      checkHCL,
	"json":     checkJSON,
	"markdown": checkMarkdown,
	"text":     nil, // output, commit messages
	"mermaid":  nil, // a picture
	"":         nil, // a picture in characters
}

func TestEveryBlockOfTheDocsHolds(t *testing.T) {
	blocks := 0
	for _, p := range pages(t) {
		walk(t, p, func(n ast.Node) {
			block, ok := n.(*ast.FencedCodeBlock)
			if !ok {
				return
			}
			blocks++
			language := string(block.Language(p.content))
			check, known := checkers[language]
			place := fmt.Sprintf("%s:%d", p.name, lineOf(p.content, block))
			switch {
			case !known:
				t.Errorf("%s: nobody checks blocks of %q; add a checker", place, language)
			case check != nil:
				if err := check(string(block.Lines().Value(p.content))); err != nil {
					t.Errorf("%s: %v", place, err)
				}
			}
		})
	}
	if blocks < 10 {
		t.Errorf("only %d blocks were found", blocks)
	}
}

// inlineCommand is a code span that names a command of the program.
var inlineCommand = regexp.MustCompile("`(?:pm-todos|go run \\.) ([a-z][a-z-]*)[^`]*`")

// TestCommandsInTheTextExist looks at what stands between the blocks.
func TestCommandsInTheTextExist(t *testing.T) {
	for _, p := range pages(t) {
		for _, m := range inlineCommand.FindAllStringSubmatch(string(p.content), -1) {
			if App("test", nil, nil, nil).Command(m[1]) == nil {
				t.Errorf("%s: %s is no command of pm-todos", p.name, m[0])
			}
		}
	}
}

// walk visits every node of a page, its front matter left out.
func walk(t *testing.T, p page, visit func(ast.Node)) {
	t.Helper()
	tree := goldmark.DefaultParser().Parse(text.NewReader(p.content))
	err := ast.Walk(tree, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(n)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func lineOf(content []byte, n ast.Node) int {
	if n.Lines().Len() == 0 {
		return 0
	}
	return 1 + strings.Count(string(content[:n.Lines().At(0).Start]), "\n")
}

// TestLinksOfTheDocsLeadSomewhere follows the links inside the repository.
func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	generated := []string{"post-mortems/index.html"} // init writes it beside the guide
	for _, p := range pages(t) {
		walk(t, p, func(n ast.Node) {
			link, ok := n.(*ast.Link)
			if !ok {
				return
			}
			to, _, _ := strings.Cut(string(link.Destination), "#")
			if to == "" || strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") || slices.Contains(generated, to) {
				return
			}
			if _, err := os.Stat(filepath.Join("..", "..", filepath.Dir(p.name), to)); err != nil {
				t.Errorf("%s links to %s, which is not there", p.name, to)
			}
		})
	}
}

func checkJSON(text string) error {
	if !json.Valid([]byte(text)) {
		return errors.New("is no JSON")
	}
	return nil
}

// checkMarkdown wants rows and documents that the parser accepts.
func checkMarkdown(text string) error {
	policy := classify.Policy{SafeTypes: []term.Type{term.Alert, term.Config, term.Monitor}}
	for _, finding := range lint.Findings(postmortem.Inspect("docs/post-mortems/example.md", []byte(text), policy)) {
		if finding.Level == lint.LevelError {
			return fmt.Errorf("%+v", finding)
		}
	}
	return nil
}

// capabilities are those that Vault's policies know.
var capabilities = []string{"create", "read", "update", "patch", "delete", "list", "sudo", "deny", "subscribe", "recover"}

// checkHCL wants HCL, and of Vault's policies known capabilities.
func checkHCL(text string) error {
	file, problems := hclsyntax.ParseConfig([]byte(text), "block", hcl.InitialPos)
	if problems.HasErrors() {
		return problems
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return errors.New("is no native HCL")
	}
	for _, block := range body.Blocks {
		if block.Type != "path" {
			continue
		}
		given := block.Body.Attributes["capabilities"]
		if given == nil || len(block.Labels) != 1 {
			return errors.New("a path of a policy needs one label and its capabilities")
		}
		value, problems := given.Expr.Value(nil)
		if problems.HasErrors() {
			return problems
		}
		for _, one := range value.AsValueSlice() {
			if !slices.Contains(capabilities, one.AsString()) {
				return fmt.Errorf("%s is no capability of Vault", one.AsString())
			}
		}
	}
	return nil
}

var consolePrompt = regexp.MustCompile(`^\$ (.*)$`)

// checkConsole checks the lines that begin with a prompt; the others are what
// they print.
func checkConsole(text string) error {
	var commands []string
	for line := range strings.Lines(text) {
		if m := consolePrompt.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			commands = append(commands, m[1])
		}
	}
	return checkShell(strings.Join(commands, "\n"))
}

// TestCheckersSeeWhatIsWrong keeps the checks above from going blind.
func TestCheckersSeeWhatIsWrong(t *testing.T) {
	for _, test := range []struct{ language, good, bad, want string }{
		{"sh", "pm-todos lint --post-mortems 'docs/*.md' docs", "pm-todos lnit", "lnit is no command"},
		{"sh", "PLUGIN_MODE=dry-run pm-todos --hosts local", "pm-todos --host local", "--host is no flag"},
		{"sh", "pm-todos settle abc --landed", "pm-todos lint docs --safe-types Alert", "stands behind"},
		{"sh", "export PLUGIN_HOSTS=local", "export PLUGIN_HSOTS=local", "hsots is no setting"},
		{"sh", "env PLUGIN_HOSTS=local go run . demo", "go run . dmeo", "dmeo is no command"},
		{"sh", "git add docs && git commit -m 'x'", "git comit", "git comit"},
		{"sh", "sudo useradd --create-home x", "usreadd x", "usreadd"},
		{"sh", "echo \"$(pm-todos parse x)\"", "echo $(pm-todos prase x)", "prase is no command"},
		{"sh", "ssh -l x host", "if", "if"},
		{"sh", "vault policy write x - <<'P'\npath \"a\" { capabilities = [\"read\"] }\nP", "vault policy write x - <<'P'\npath \"a\" { capabilities = [\"reed\"] }\nP", "reed"},
		{"sh", "kubectl apply -f - <<'P'\n{apiVersion: v1, kind: Secret, metadata: {name: x}}\nP", "kubectl apply -f - <<'P'\n{apiVersion: v1}\nP", "Kubernetes"},
		{"console", "$ pm-todos demo\nthis is printed", "$ pm-todos demmo", "demmo"},
		{"json", `{"a": 1}`, `{a: 1}`, "no JSON"},
		{"hcl", `path "a" { capabilities = ["read"] }`, `path "a" { capabilities = ["raed"] }`, "raed"},
		{"hcl", `resource "a" "b" {}`, `resource "a" {`, "block"},
		{"markdown", "## Action items\n\n| Action | Type | Status |\n|---|---|---|\n| Add an alert | Alert | TODO |\n", "## Action items\n\n| Action | Type | Status |\n|---|---|---|\n| Add an alert | TODO |\n", "malformed"},
		{"yaml", "settings:\n  hosts: a@b\n", "settings:\n  hsots: a@b\n", "hsots"},
		{"yaml", "settings: {budget_usd: 5}", "settings: {budget_usd: -5}", "negative"},
		{"yaml", "steps: [{name: x, image: y, commands: [z]}]", "steps: [{name: x, image: y, comands: [z]}]", "comands"},
		{"yaml", "when: [{event: push}]\nsteps: [{name: x, image: y}]", "when: [{event: psuh}]\nsteps: [{name: x, image: y}]", "psuh"},
		{"yaml", "steps:\n  x:\n    image: pm-todos\n    settings: {hosts: a@b, ssh_key: {from_secret: k}, host_fingerprints: SHA256:" + strings.Repeat("A", 43) + "}\n", "steps:\n  x:\n    image: pm-todos\n    settings: {vault_addr: 'http://v'}\n", "hosts"},
		{"yaml", "steps: [{name: x, image: y}]", "steps: [{name: x, image: pm-todos, commands: [z]}]", "no plugin"},
		{"yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ci}\n", "apiVersion: v1\nkind: ServiceAccount\n", "metadata"},
		{"yaml", "a: 1\n---\n", "a: 1\na: 2", "already defined"},
	} {
		check := checkers[test.language]
		if test.good != "a: 1\n---\n" {
			if err := check(test.good); err != nil {
				t.Errorf("%s %q: %v", test.language, test.good, err)
			}
		} else if err := check(test.good); err == nil {
			t.Errorf("YAML that is nothing passes")
		}
		if err := check(test.bad); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %q: %v, want %q", test.language, test.bad, err, test.want)
		}
	}
}
