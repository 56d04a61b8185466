package postmortem

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"
)

// TestPhrases reads each action of testdata/phrases, whose lines say what is to be
// made of it: a reason, safe, or the type that is inferred where none is stated. The
// form of the lines is told at the head of english.txt.
func TestPhrases(t *testing.T) {
	files, err := filepath.Glob("../../testdata/phrases/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			for line := range strings.Lines(string(readFile(t, file))) {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				expected, action, _ := strings.Cut(line, ": ")
				kind, want, found := strings.Cut(expected, ", ")
				if !found || action == "" {
					t.Fatalf("%q is no line of this table", line)
				}
				if got := phrase(action, kind); got != want {
					t.Errorf("%q: %s, want %s", line, got, want)
				}
			}
		})
	}
}

// phrase is what is made of an action in a document of its own.
func phrase(action, kind string) string {
	src := lines("## Action items", "", "| Action | Type | Status |", "|---|---|---|", "| "+action+" | "+kind+" | TODO |")
	switch kind {
	case "row":
		src = lines("## Action items", "", "| Action | Status |", "|---|---|", "| "+action+" | TODO |")
	case "box":
		src = lines("## Action items", "", "- [ ] "+action)
	}
	switch doc := Parse("d.md", src, defaultPolicy); {
	case len(doc.Items) != 1:
		return "no item"
	case kind == "row", kind == "box":
		return cmp.Or(doc.Items[0].Type, "none")
	default:
		return cmp.Or(string(doc.Items[0].Reason()), "safe")
	}
}
