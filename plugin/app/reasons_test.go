package app

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

func TestAutomaticPageIsUpToDate(t *testing.T) {
	want, err := docsPage("automatic")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "what-is-automatic.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(page)); diff != "" {
		t.Errorf("docs/what-is-automatic.md is stale, run go generate (-want +got):\n%s", diff)
	}
}

func TestOperationsTellOfEveryExitCode(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []fault.Kind{fault.None, fault.Failed, fault.Settings, fault.Person, fault.Temporary} {
		if !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", kind.ExitCode())) {
			t.Errorf("docs/operations.md does not tell of exit code %d", kind.ExitCode())
		}
	}
}

// sources are the program's own files below plugin.
func sources(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	err := filepath.WalkDir("..", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") || strings.Contains(file, "standin") {
			return err
		}
		found[file], err = os.ReadFile(file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestHowItWorksTellsOfEveryStage collects the stages that the log names from
// the source.
func TestHowItWorksTellsOfEveryStage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "how-it-works.md"))
	if err != nil {
		t.Fatal(err)
	}
	stages := 0
	for file, source := range sources(t) {
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
