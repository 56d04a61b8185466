package postmortem

import (
	"cmp"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// TestPhrases reads each line of testdata/phrases, which says what is to be
// made of it: a reason, safe, or a type. The form of the lines is told at the head of
// english.txt.
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
				expected, text, _ := strings.Cut(line, ": ")
				kind, want, found := strings.Cut(expected, ", ")
				if !found || text == "" {
					t.Fatalf("%q is no line of this table", line)
				}
				for _, form := range forms(text, kind) {
					if got := phrase(form, kind); got != want {
						t.Errorf("%q: %q is %s, want %s", line, form, got, want)
					}
				}
			}
		})
	}
}

// forms are the ways to write a text that say the same; other cells than the action,
// and boxes with tags, have one.
func forms(text, kind string) []string {
	if kind == "owner" || kind == "due" || kind == "table" || kind == "tagged" {
		return []string{text}
	}
	first, size := utf8.DecodeRuneInString(text)
	return []string{
		text, text + ".", "**" + text + "**", "[P2] " + text, strings.ReplaceAll(text, " ", "  "), strings.ReplaceAll(text, "'", "’"), strings.ReplaceAll(text, " ", "\u00a0"), norm.NFD.String(text), width.Widen.String(text),
		string(unicode.ToLower(first)) + text[size:],
	}
}

// phrase is what is made of an action in a document of its own, or of another part of
// a row.
func phrase(text, kind string) string {
	const header, delimiter = "| Action | Type | Owner | Due | Status |", "|---|---|---|---|---|"
	src := lines("## Action items", "", header, delimiter, "| "+text+" | "+kind+" | | | TODO |")
	switch kind {
	case "row":
		src = lines("## Action items", "", "| Action | Status |", "|---|---|", "| "+text+" | TODO |")
	case "box", "tagged":
		src = lines("## Action items", "", "- [ ] "+text)
	case "owner":
		src = lines(header, delimiter, "| Add alert | Alert | "+text+" | | TODO |")
	case "due":
		src = lines(header, delimiter, "| Add alert | Alert | | "+text+" | TODO |")
	case "table":
		cells := strings.Split(text, " | ")
		src = lines("## Action items", "", "| "+strings.Join(cells[:3], " | ")+" |", "|---|---|---|", "| Add the disk limit alert | "+strings.Join(cells[3:], " | ")+" |")
	}
	switch doc := Parse("d.md", src, defaultPolicy); {
	case len(doc.Items) != 1:
		return "no item"
	case kind == "table" && !doc.Items[0].Safe():
		return "none"
	case kind == "row", kind == "box", kind == "table":
		return cmp.Or(doc.Items[0].Type, "none")
	default:
		return cmp.Or(string(doc.Items[0].Reason()), "safe")
	}
}
