package reason_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// sources parses the program's own files below dir.
func sources(t *testing.T, dir string, visit func(file string, parsed *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err == nil {
			visit(file, parsed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// constants are the codes by the names of their constants.
func constants(t *testing.T) map[string]reason.Code {
	named := map[string]reason.Code{}
	sources(t, ".", func(_ string, parsed *ast.File) {
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
				return true
			}
			code, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			named[spec.Names[0].Name] = reason.Code(code)
			return false
		})
	})
	if len(named) < 100 {
		t.Fatalf("only %d codes were found in the source", len(named))
	}
	return named
}

func TestEveryCodeIsExplainedOnce(t *testing.T) {
	left := map[reason.Code]bool{}
	for name, code := range constants(t) {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(string(code)) {
			t.Errorf("%s is not in kebab-case", code)
		}
		if spelled := strings.ReplaceAll(string(code), "-", ""); !strings.EqualFold(name, spelled) {
			t.Errorf("%s is the constant of %s", name, code)
		}
		left[code] = true
	}
	for _, group := range reason.Groups() {
		if group.Title == "" || group.Turn == "" {
			t.Errorf("the group %q does not say what it is, or who acts next", group.Title)
		}
		for _, one := range group.Reasons {
			if !left[one.Code] {
				t.Errorf("%s is explained twice, or no code", one.Code)
			}
			delete(left, one.Code)
			if first := rune(one.Clause[0]); unicode.IsUpper(first) || strings.HasSuffix(one.Clause, ".") || !strings.HasSuffix(one.Fix, ".") {
				t.Errorf("%s: a clause without a capital and a full stop, and full sentences as the way out are wanted: %q, %q", one.Code, one.Clause, one.Fix)
			}
		}
	}
	for code := range left {
		t.Errorf("%s is not in table.go", code)
	}
}

// TestEveryCodeHasAMaker looks for the rooms that give a code: those that do
// more than compare with it.
func TestEveryCodeHasAMaker(t *testing.T) {
	given := map[string]bool{}
	sources(t, "..", func(file string, parsed *ast.File) {
		compared := map[ast.Expr]bool{}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				compared[n.X], compared[n.Y] = n.Op == token.EQL || n.Op == token.NEQ, n.Op == token.EQL || n.Op == token.NEQ
			case *ast.CaseClause:
				for _, one := range n.List {
					compared[one] = true
				}
			case *ast.SelectorExpr:
				if room, ok := n.X.(*ast.Ident); ok && room.Name == "reason" && !compared[n] {
					given[n.Sel.Name] = true
				}
			case *ast.KeyValueExpr:
				key, _ := n.Key.(*ast.Ident)
				text, literal := n.Value.(*ast.BasicLit)
				if key != nil && strings.EqualFold(key.Name, "reason") && !strings.Contains(file, "standin") && literal && text.Kind == token.STRING {
					t.Errorf("%s gives the code %s past the leaf", file, text.Value)
				}
			case *ast.CallExpr:
				if kind, ok := n.Fun.(*ast.SelectorExpr); ok && kind.Sel.Name == "Code" && len(n.Args) == 1 {
					if _, literal := n.Args[0].(*ast.BasicLit); literal {
						t.Errorf("%s makes a code past the leaf", file)
					}
				}
			}
			return true
		})
	})
	for name, code := range constants(t) {
		if !given[name] {
			t.Errorf("nothing gives %s", code)
		}
	}
}

func TestPageIsUpToDate(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reasons.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(reason.Page(), string(page)); diff != "" {
		t.Errorf("docs/reasons.md is stale, run go generate (-want +got):\n%s", diff)
	}
}

// TestOperationsTellOfEveryReasonForAPerson holds the page that a person opens
// in a hurry to the codes that may have brought them there.
func TestOperationsTellOfEveryReasonForAPerson(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, group := range reason.Groups() {
		if group.Turn != reason.PersonNow {
			continue
		}
		for _, one := range group.Reasons {
			told++
			if !strings.Contains(string(page), "\n| `"+string(one.Code)+"` | ") {
				t.Errorf("docs/operations.md does not tell of %s", one.Code)
			}
		}
	}
	if told < 5 {
		t.Errorf("only %d reasons", told)
	}
}
