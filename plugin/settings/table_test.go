package settings

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All() {
		if seen[e.Name] {
			t.Errorf("%s is there twice", e.Name)
		}
		seen[e.Name] = true
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(e.Name) {
			t.Errorf("%s is not in snake case", e.Name)
		}
		if e.Usage == "" || !strings.HasSuffix(e.Usage, ".") {
			t.Errorf("%s has no sentence that explains it", e.Name)
		}
		if e.Default != "" {
			if err := e.set(e.Default); err != nil {
				t.Errorf("the default of %s is wrong: %v", e.Name, err)
			}
		}
	}
}

func TestSettingsPageIsUpToDate(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Page(), string(page)); diff != "" {
		t.Errorf("docs/settings.md is stale, run go generate (-want +got):\n%s", diff)
	}
	front, _, ok := strings.Cut(strings.TrimPrefix(string(page), "---\n"), "\n---\n")
	if !ok || strings.Contains(front, "---") {
		t.Error("the page does not begin with front matter")
	}
	for _, name := range names() {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestExamplesHoldRealSettings reads the settings blocks of the examples.
func TestExamplesHoldRealSettings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "docs", "examples", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	line := regexp.MustCompile(`^      (?:# )?([a-z_]+):`)
	read := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, block, found := strings.Cut(string(text), "\n    settings:\n")
		if !found {
			continue // a pipeline without a step of ours
		}
		count := 0
		for text := range strings.Lines(block) {
			if m := line.FindStringSubmatch(text); m != nil {
				count++
				if !slices.Contains(names(), m[1]) {
					t.Errorf("%s: %s is no setting", file, m[1])
				}
			}
		}
		if count == 0 {
			t.Errorf("%s has no settings", file)
		}
		read++
	}
	if read == 0 {
		t.Error("no example has a step of ours")
	}
}
