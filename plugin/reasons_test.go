package plugin

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/report"
)

// codesOf are the values of a room's constants with a prefix.
func codesOf(t *testing.T, room, prefix string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(room, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", room, err)
	}
	codes := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
				return true
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				code, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Error(err)
				}
				codes[code] = room + "." + spec.Names[0].Name
			}
			return true
		})
	}
	return codes
}

// TestEveryReasonCodeIsExplained holds the report's table against the codes
// that the rooms give.
func TestEveryReasonCodeIsExplained(t *testing.T) {
	given := codesOf(t, "resolve", "Reason")
	for code, name := range codesOf(t, "gate", "Code") {
		given[code] = name
	}
	if len(given) < 90 {
		t.Fatalf("only %d codes were found in the source", len(given))
	}
	explained := map[string]bool{}
	for _, group := range report.Reasons() {
		for _, one := range group.Reasons {
			if explained[one.Code] {
				t.Errorf("%s is explained twice", one.Code)
			}
			explained[one.Code] = true
			if given[one.Code] == "" {
				t.Errorf("%s is explained and nothing gives it", one.Code)
			}
			if one.Sentence == "" || strings.HasSuffix(one.Sentence, ".") || !strings.HasSuffix(one.Fix, ".") {
				t.Errorf("%s: a sentence without, a fix with a full stop is wanted: %q, %q", one.Code, one.Sentence, one.Fix)
			}
		}
	}
	for code, name := range given {
		if !explained[code] {
			t.Errorf("%s (%s) is not in plugin/report/reason_table.go", code, name)
		}
	}
	for _, code := range postmortem.Reasons() {
		if code.Sentence() == "" || code.Fix() == "" {
			t.Errorf("%s has no sentence or no fix", code)
		}
	}
}

func TestReasonsPageIsUpToDate(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "reasons.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reasonsPage(), string(page)); diff != "" {
		t.Errorf("docs/reasons.md is stale, run go generate (-want +got):\n%s", diff)
	}
}

func TestAutomaticPageIsUpToDate(t *testing.T) {
	want, err := docsPage("automatic")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "what-is-automatic.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(page)); diff != "" {
		t.Errorf("docs/what-is-automatic.md is stale, run go generate (-want +got):\n%s", diff)
	}
}

// TestOperationsTellOfEveryReasonForAPerson holds the page that a person opens
// in a hurry to the codes that may have brought them there.
func TestOperationsTellOfEveryReasonForAPerson(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range report.Reasons() {
		if !strings.Contains(group.Title, "exit 3") {
			continue
		}
		if len(group.Reasons) < 5 {
			t.Errorf("only %d reasons", len(group.Reasons))
		}
		for _, one := range group.Reasons {
			if !strings.Contains(string(page), "\n| `"+one.Code+"` | ") {
				t.Errorf("docs/operations.md does not tell of %s", one.Code)
			}
		}
	}
	for _, kind := range []fault.Kind{fault.None, fault.Failed, fault.Settings, fault.Person, fault.Temporary} {
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", kind.ExitCode())) {
			t.Errorf("docs/operations.md does not tell of exit code %d", kind.ExitCode())
		}
	}
}

// TestHowItWorksTellsOfEveryStage collects the stages that the log names from
// the source.
func TestHowItWorksTellsOfEveryStage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "how-it-works.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob(filepath.Join("resolve", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	stages := 0
	for _, file := range append(files, more...) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:"stage"|stageField)[,:] ?"([a-z]+)"`).FindAllSubmatch(source, -1) {
			stages++
			if !strings.Contains(string(page), "`"+string(m[1])+"`") {
				t.Errorf("docs/how-it-works.md does not tell of the stage %s of %s", m[1], file)
			}
		}
	}
	if stages < 30 {
		t.Errorf("only %d lines of the log were found in the source", stages)
	}
}
