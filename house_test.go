package main

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the path that every import of the project's own rooms begins with.
const module = "github.com/pm-todos/pm-todos/"

// rooms says which rooms each room may import, besides the leaves below. The
// arrows point one way and never between siblings.
var rooms = map[string][]string{
	".":                       {"plugin/app", "plugin/standin"},
	"plugin/app":              {"plugin/access", "plugin/audit", "plugin/console", "plugin/dashboard", "plugin/dashboard/localgit", "plugin/demo", "plugin/doctor", "plugin/evidence", "plugin/gate/card", "plugin/gate/promql", "plugin/gitrepo", "plugin/gitrepo/refname", "plugin/host", "plugin/judge", "plugin/lint", "plugin/outlet", "plugin/report", "plugin/resolve/journal", "plugin/resolve/policy", "plugin/resolve/proposal", "plugin/run", "plugin/scaffold", "plugin/settings", "plugin/usage"},
	"plugin/usage":            {"plugin/settings"},
	"plugin/metrics":          {"plugin/backlog"},
	"plugin/note":             {"plugin/gitrepo"},
	"plugin/tracker":          {"plugin/forge", "plugin/note", "plugin/record"},
	"plugin/digest":           {"plugin/backlog", "plugin/report"},
	"plugin/run":              {"plugin/access", "plugin/agent", "plugin/backlog", "plugin/console", "plugin/dashboard", "plugin/digest", "plugin/evidence", "plugin/forge", "plugin/gitrepo", "plugin/gitrepo/refname", "plugin/host", "plugin/host/sshclient", "plugin/metrics", "plugin/note", "plugin/notify", "plugin/outlet", "plugin/record", "plugin/report", "plugin/resolve", "plugin/resolve/journal", "plugin/resolve/life", "plugin/resolve/onhost", "plugin/resolve/proposal", "plugin/resolve/schedule", "plugin/resolve/seam", "plugin/resolve/shard", "plugin/settings", "plugin/tracker"},
	"plugin/console":          {"plugin/access", "plugin/report", "plugin/settings"},
	"plugin/outlet":           {},
	"plugin/evidence":         {"plugin/gate/promql"},
	"plugin/resolve/seam":     {"plugin/agent", "plugin/evidence", "plugin/gitrepo", "plugin/host"},
	"plugin/resolve/policy":   {"plugin/gate", "plugin/gate/card", "plugin/gate/place", "plugin/gitrepo", "plugin/resolve/seam"},
	"plugin/resolve/journal":  {"plugin/resolve/seam", "plugin/resolve/policy", "plugin/record", "plugin/gitrepo", "plugin/gate"},
	"plugin/resolve/approval": {"plugin/gate", "plugin/gate/card", "plugin/gate/place", "plugin/gitrepo", "plugin/record", "plugin/resolve/policy", "plugin/resolve/proposal", "plugin/resolve/seam", "plugin/resolve/stack"},
	"plugin/resolve/change":   {"plugin/gate", "plugin/gate/card", "plugin/gate/place", "plugin/gitrepo", "plugin/host", "plugin/resolve/policy", "plugin/resolve/seam", "plugin/resolve/stack"},
	"plugin/resolve/rundir":   {"plugin/host", "plugin/record", "plugin/resolve/journal", "plugin/resolve/seam"},
	"plugin/resolve/stack":    {"plugin/gate", "plugin/host", "plugin/resolve/life", "plugin/resolve/seam"},
	"plugin/resolve/proposal": {"plugin/forge", "plugin/resolve/journal", "plugin/resolve/seam", "plugin/record", "plugin/gitrepo"},
	"plugin/resolve/fake":     {"plugin/agent", "plugin/evidence", "plugin/gate/promql", "plugin/gitrepo", "plugin/host", "plugin/resolve/seam"},
	"plugin/resolve/onhost":   {"plugin/resolve/seam", "plugin/gitrepo", "plugin/host", "plugin/host/egressproxy", "plugin/agent", "plugin/sandbox"},
	"plugin/audit":            {"plugin/record", "plugin/resolve/journal", "plugin/resolve/proposal", "plugin/gitrepo", "plugin/gate/place"},
	"plugin/record":           {},
	"plugin/resolve":          {"plugin/agent", "plugin/gate", "plugin/gate/card", "plugin/gitrepo", "plugin/host", "plugin/record", "plugin/resolve/approval", "plugin/resolve/change", "plugin/resolve/journal", "plugin/resolve/life", "plugin/resolve/observe", "plugin/resolve/policy", "plugin/resolve/proposal", "plugin/resolve/rundir", "plugin/resolve/schedule", "plugin/resolve/seam", "plugin/resolve/shard", "plugin/resolve/stack"},
	"plugin/resolve/schedule": {},
	"plugin/resolve/shard":    {"plugin/gate/place", "plugin/gitrepo", "plugin/record", "plugin/resolve/policy", "plugin/resolve/proposal", "plugin/resolve/seam"},
	"plugin/resolve/observe":  {"plugin/evidence", "plugin/resolve/seam"},
	"plugin/resolve/life":     {"plugin/agent", "plugin/host", "plugin/resolve/seam"},
	"plugin/gitrepo":          {"plugin/gitrepo/attributes", "plugin/gitrepo/linelog", "plugin/gitrepo/objects", "plugin/gitrepo/pack", "plugin/gitrepo/refname", "plugin/gitrepo/wire"},
	"plugin/host":             {"plugin/host/egressproxy", "plugin/host/script", "plugin/host/sshclient", "plugin/sandbox"},
	"plugin/agent":            {"plugin/sandbox"},
	"plugin/agent/agenttest":  {},
	"plugin/sandbox":          {},

	"plugin/gitrepo/linelog":    {"plugin/gitrepo/objects", "plugin/gitrepo/wire"},
	"plugin/gitrepo/objects":    {"plugin/gitrepo/pack", "plugin/gitrepo/wire"},
	"plugin/gitrepo/wire":       {"plugin/gitrepo/pack"},
	"plugin/gitrepo/pack":       {},
	"plugin/gitrepo/refname":    {"plugin/gitrepo/wire"},
	"plugin/gitrepo/attributes": {},
	"plugin/gitrepo/gittest":    {},

	"plugin/access":   {"plugin/agent", "plugin/evidence", "plugin/gitrepo", "plugin/host", "plugin/host/sshclient", "plugin/notify", "plugin/record", "plugin/sandbox", "plugin/settings", "plugin/vault"},
	"plugin/settings": {"plugin/agent", "plugin/evidence", "plugin/forge", "plugin/gitrepo", "plugin/gitrepo/refname", "plugin/host", "plugin/host/egressproxy", "plugin/host/sshclient", "plugin/metrics", "plugin/notify", "plugin/resolve/policy", "plugin/resolve/shard", "plugin/sandbox", "plugin/settings/argv", "plugin/vault"},

	"plugin/settings/argv": {},
	"plugin/vault":         {},
	"plugin/workflow":      {},
	"plugin/forge":         {},
	"plugin/backlog":       {},
	"plugin/report":        {"plugin/jsonschema"},
	"plugin/jsonschema":    {},
	"plugin/dashboard":     {"plugin/jsonschema", "plugin/record"},
	"plugin/judge":         {"plugin/gate", "plugin/gate/card", "plugin/gitrepo", "plugin/resolve/policy", "plugin/settings"},
	"plugin/lint":          {"plugin/gate/promql"},
	"plugin/notify":        {"plugin/report"},
	"plugin/scaffold":      {},
	"plugin/demo":          {"plugin/standin"},
	"plugin/doctor":        {"plugin/access", "plugin/agent", "plugin/evidence", "plugin/gate", "plugin/gate/place", "plugin/gitrepo", "plugin/host", "plugin/host/sshclient", "plugin/judge", "plugin/notify", "plugin/record", "plugin/resolve/proposal", "plugin/resolve/stack", "plugin/sandbox", "plugin/settings", "plugin/settings/argv", "plugin/vault", "plugin/workflow"},
	"plugin/standin":       {"plugin/standin/agent", "plugin/standin/git", "plugin/standin/program", "plugin/standin/prometheus", "plugin/standin/slack", "plugin/standin/ssh", "plugin/standin/terraform", "plugin/standin/vault"},
	"plugin/postmortem":    {"plugin/postmortem/classify", "plugin/postmortem/incident", "plugin/postmortem/markdown", "plugin/postmortem/term", "plugin/postmortem/words"},
	"plugin/item":          {},
	"plugin/secret":        {},
	"plugin/fault":         {},
	"plugin/text":          {},
	"plugin/reason":        {},
	"plugin/pattern":       {},
	"plugin/sshkey":        {},
	"plugin/egress":        {},
	"plugin/target":        {},
	"docs/benchmark":       {"plugin/standin", "plugin/standin/git"}, // a program of its own
	".ci/vault":            {},                                       // a module of its own

	"plugin/gate":         {"plugin/gate/account", "plugin/gate/card", "plugin/gate/fact", "plugin/gate/hclfile", "plugin/gate/leak", "plugin/gate/place", "plugin/gate/program"},
	"plugin/gate/leak":    {},
	"plugin/gate/place":   {},
	"plugin/gate/account": {"plugin/gate/fact", "plugin/gate/hclfile"},
	"plugin/gate/card":    {"plugin/gate/fact", "plugin/gate/promql", "plugin/gate/said"},
	"plugin/gate/fact":    {},
	"plugin/gate/hclfile": {},
	"plugin/gate/program": {"plugin/gate/hclfile", "plugin/gate/place"},
	"plugin/gate/promql":  {},
	"plugin/gate/said":    {"plugin/gate/promql"},

	"plugin/postmortem/classify": {"plugin/postmortem/markdown", "plugin/postmortem/term", "plugin/postmortem/words"},
	"plugin/postmortem/edit":     {"plugin/postmortem", "plugin/postmortem/markdown", "plugin/postmortem/term"},
	"plugin/postmortem/incident": {"plugin/postmortem/markdown"},
	"plugin/postmortem/markdown": {},
	"plugin/postmortem/term":     {"plugin/postmortem/markdown", "plugin/postmortem/words"},
	"plugin/postmortem/words":    {},

	"plugin/standin/agent":      {"plugin/standin/program"},
	"plugin/standin/forge":      {},
	"plugin/standin/git":        {"plugin/standin/forge", "plugin/standin/program"},
	"plugin/standin/program":    {},
	"plugin/standin/prometheus": {},
	"plugin/standin/slack":      {},
	"plugin/standin/ssh":        {},
	"plugin/standin/terraform":  {"plugin/standin/program"},
	"plugin/standin/vault":      {},

	"plugin/evidence/prometheustest": {"plugin/freeport"},

	"plugin/dashboard/localgit":    {"plugin/dashboard"},
	"plugin/jsonschema/schematest": {"plugin/jsonschema"},

	"plugin/freeport":          {},
	"plugin/relay":             {},
	"plugin/vault/vaulttest":   {},
	"plugin/egress/proxytest":  {},
	"plugin/host/sshdtest":     {"plugin/freeport"},
	"plugin/host/egressproxy":  {},
	"plugin/host/script":       {},
	"plugin/host/sshclient":    {},
	"plugin/gitrepo/giteatest": {"plugin/freeport"},
}

// leaves are values that every room above them may use. They import at most
// each other.
var leaves = []string{"plugin/postmortem", "plugin/postmortem/classify", "plugin/postmortem/edit", "plugin/postmortem/incident", "plugin/postmortem/markdown", "plugin/postmortem/term", "plugin/postmortem/words", "plugin/item", "plugin/secret", "plugin/fault", "plugin/text", "plugin/reason", "plugin/pattern", "plugin/sshkey", "plugin/egress", "plugin/target"}

// parsedFiles are the Go files of the project.
var parsedFiles = sync.OnceValues(func() (files map[string]*ast.File, err error) {
	files = map[string]*ast.File{}
	err = filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".go" {
			return err
		}
		files[filepath.ToSlash(file)], err = parser.ParseFile(fileSet, file, nil, parser.ParseComments)
		return err
	})
	return files, err
})

var fileSet = token.NewFileSet()

// goFiles goes through every Go file of the project.
func goFiles(t *testing.T, visit func(file string, set *token.FileSet, parsed *ast.File)) {
	t.Helper()
	files, err := parsedFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		visit(file, fileSet, files[file])
	}
}

// pure are the rooms that touch nothing outside themselves.
var pure = []string{"plugin/agent", "plugin/lint", "plugin/sandbox", "plugin/record", "plugin/gate", "plugin/postmortem", "plugin/item", "plugin/fault"}

var update = flag.Bool("update", false, "write the walls of the linter anew")

func TestEveryRoomIsInThePicture(t *testing.T) {
	used := map[string]bool{}
	goFiles(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		room := path.Dir(file)
		if rooms[room] == nil {
			t.Errorf("%s is in a room that the picture of imports does not have", file)
		}
		for _, one := range parsed.Imports {
			if other, ok := strings.CutPrefix(strings.Trim(one.Path.Value, `"`), module); ok && !strings.HasSuffix(file, "_test.go") {
				used[room+" → "+other] = true
			}
		}
	})
	for room, others := range rooms {
		for _, other := range others {
			if arrow := room + " → " + other; !used[arrow] {
				t.Errorf("the picture of imports has an arrow that no file uses: %s", arrow)
			}
		}
	}
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for room := range rooms {
		if name, ok := strings.CutPrefix(room, "plugin/"); ok && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/architecture.md does not name the room %s", name)
		}
		if _, err := os.Stat(room); err != nil {
			t.Errorf("the picture of imports has a room that is gone: %v", err)
		}
	}
}

// TestWallsOfTheLinterAreThePicture keeps the linter to the rooms above.
func TestWallsOfTheLinterAreThePicture(t *testing.T) {
	const file, begin, end = ".golangci.yml", "-run Walls -update\n", "        # end of the walls\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s does not say where its walls are", file)
	}
	want := before + begin + walls() + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatalf("the walls in %s are stale: go test . -run Walls -update", file)
	}
	if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

// walls are the rules of depguard: for each room who may import it, and what
// the leaves and the pure rooms may not.
func walls() string {
	var b strings.Builder
	rule := func(name string, files []string, allow []string, deny ...[2]string) {
		fmt.Fprintf(&b, "        %s:\n          files: [%s, \"!$test\"]\n          list-mode: lax\n", strings.TrimPrefix(name, "."), strings.Join(files, ", "))
		for i, pkg := range allow {
			if i == 0 {
				b.WriteString("          allow:\n")
			}
			fmt.Fprintf(&b, "            - %s%s$\n", module, pkg)
		}
		b.WriteString("          deny:\n")
		for _, denied := range deny {
			fmt.Fprintf(&b, "            - pkg: %s\n              desc: %s\n", denied[0], denied[1])
		}
	}
	const arrow = "the picture of imports in house_test.go does not have this arrow"
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		if room == "." || slices.Contains(leaves, room) {
			continue
		}
		files := []string{`"$all"`}
		for _, other := range slices.Sorted(maps.Keys(rooms)) {
			if other == room || slices.Contains(rooms[other], room) {
				files = append(files, fmt.Sprintf(`"!%s"`, inRoom(other)))
			}
		}
		rule(room, files, nil, [2]string{module + room + "$", arrow})
	}
	rule("leaves", inRooms(leaves), leaves, [2]string{strings.TrimSuffix(module, "/"), arrow})
	rule("pure", append(inRooms(pure), `"**/plugin/gate/*/*.go"`), nil,
		[2]string{"os$", "a pure room reads and writes nothing"}, [2]string{"net$", "a pure room contacts nothing"},
		[2]string{"net/http", "a pure room contacts nothing"}, [2]string{"github.com/rs/zerolog", "a pure room returns values and does not log"})
	return b.String()
}

func inRooms(rooms []string) (files []string) {
	for _, room := range rooms {
		files = append(files, fmt.Sprintf("%q", inRoom(room)))
	}
	return files
}

func inRoom(room string) string {
	if room == "." {
		return "**/main.go"
	}
	return "**/" + room + "/*.go"
}

func TestFilesAndFunctionsCanBeRead(t *testing.T) {
	const longestFile, longestFunction = 500, 80
	goFiles(t, func(file string, set *token.FileSet, parsed *ast.File) {
		if lines := set.File(parsed.Pos()).LineCount(); lines > longestFile {
			t.Errorf("%s has %d lines, more than %d", file, lines, longestFile)
		}
		for _, declared := range parsed.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(file, "_test.go") {
				continue
			}
			first, last := set.Position(function.Pos()).Line, set.Position(function.End()).Line
			if last-first > longestFunction {
				t.Errorf("%s: %s has %d lines, more than fit a screen", file, function.Name.Name, last-first)
			}
		}
	})
}

var unfinished = regexp.MustCompile(`(?i)^//\s*(todo|fixme|xxx|hack)\b[:(]`)

func TestNothingIsLeftForLater(t *testing.T) {
	goFiles(t, func(file string, set *token.FileSet, parsed *ast.File) {
		for _, group := range parsed.Comments {
			for _, comment := range group.List {
				if unfinished.MatchString(comment.Text) {
					t.Errorf("%s: %s", set.Position(comment.Pos()), comment.Text)
				}
			}
		}
	})
}

// deviceAsTarget is a device where git, which writes by renaming, would put a
// file in its place.
var deviceAsTarget = regexp.MustCompile(`GIT_CONFIG(_GLOBAL|_SYSTEM)?"?[=:, +"]+ *(/dev/|os\.DevNull)`)

func TestThreat27_NoDeviceIsAConfigurationOfGit(t *testing.T) {
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !slices.Contains([]string{".go", ".sh", ".md", ".yml", ""}, path.Ext(file)) || strings.HasPrefix(file, ".git/") {
			return err
		}
		text, err := os.ReadFile(file)
		if found := deviceAsTarget.Find(text); found != nil {
			t.Errorf("%s: %s", file, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPackagesAreNamedByWhatTheyHold(t *testing.T) {
	goFiles(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "misc"}, parsed.Name.Name) {
			t.Errorf("%s: package %s says nothing of what it holds", file, parsed.Name.Name)
		}
	})
}

func TestNothingIsCompiledAtTheStart(t *testing.T) {
	goFiles(t, func(file string, set *token.FileSet, parsed *ast.File) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, declared := range parsed.Decls {
			group, ok := declared.(*ast.GenDecl)
			if !ok || group.Tok != token.VAR {
				continue
			}
			ast.Inspect(group, func(n ast.Node) bool {
				if _, later := n.(*ast.FuncLit); later {
					return false
				}
				if called, ok := n.(*ast.SelectorExpr); ok && strings.HasPrefix(called.Sel.Name, "MustCompile") {
					t.Errorf("%s: a regular expression of a package belongs into pattern.Lazy", set.Position(n.Pos()))
				}
				return true
			})
		}
	})
}

var testName = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9_]*`)

func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	goFiles(t, func(file string, _ *token.FileSet, parsed *ast.File) {
		for _, decl := range parsed.Decls {
			if function, ok := decl.(*ast.FuncDecl); ok && function.Recv == nil && strings.HasSuffix(file, "_test.go") {
				declared[function.Name.Name] = true
			}
		}
	})
	return declared
}

// placeName is a file or folder below a room, as pages write it.
var placeName = regexp.MustCompile("`(?:plugin/)?(([a-z]+)/[a-z/_]+(?:\\.go)?)`")

func TestPagesNameWhatIsThere(t *testing.T) {
	declared := declaredTests(t)
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range testName.FindAllString(string(text), -1) {
			pattern := strings.HasSuffix(name, "_") // and * or N for the rest
			if !pattern && !declared[name] {
				t.Errorf("%s names %s, and there is no such test", page, name)
			}
		}
		for _, found := range placeName.FindAllStringSubmatch(string(text), -1) {
			if _, room := rooms["plugin/"+found[2]]; !room || found[2] == "secret" { // a path in Vault
				continue
			}
			if _, err := os.Stat(filepath.Join("plugin", found[1])); err != nil {
				t.Errorf("%s names %s, and there is no such file or folder", page, found[1])
			}
		}
	}
}

func TestSecurityPageNamesEveryThreatTest(t *testing.T) {
	declared := declaredTests(t)
	page, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		found := testName.FindAllString(line, -1)
		for _, name := range found {
			named[name] = true
		}
		if cells := strings.Split(line, "|"); len(cells) > 4 && len(found) == 0 && regexp.MustCompile(`^ \d+ $`).MatchString(cells[1]) {
			t.Errorf("threat%sis without a test", cells[1])
		}
	}
	for name := range declared {
		if strings.HasPrefix(name, "TestThreat") && !named[name] {
			t.Errorf("docs/security.md does not name %s", name)
		}
	}
}
