package plugin

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pm-todos/plugin/postmortem"
	"pm-todos/plugin/report"
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
