package postmortem

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fragment draws pieces that documents are made of, sound ones and others.
func fragment() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"# Title\n", "## Action items\n", "### P1 — Prevention\n", "## Timeline\n", "## Follow-up Implementation\n", "**Action items**:\n",
			"\n", "\n\n\n", "text\n", "text #1 was superseded\n", "> quote\n", "```\n", "~~~\n", "<!--\n", "-->\n", "<details>\n\n", "</details>\n\n", "---\n", "===\n",
			"| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n", "| Action | Owner | Status |\n|---|---|---|\n",
			"Action | Status\n-|-\n", logHead, "\r\n", "\ufeff", "\xff", "\x00", "|", "  ", "\t", "\\",
		}),
		rapid.Custom(func(t *rapid.T) string {
			cells := rapid.SliceOfN(cell(), 2, 6).Draw(t, "cells")
			return "| " + strings.Join(cells, " | ") + " |\n"
		}),
		rapid.Custom(func(t *rapid.T) string {
			indent := strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent"))
			box := rapid.SampledFrom([]string{"- [ ] ", "* [x] ", "1. [ ] ", "- [~] ", "- ", "- [] "}).Draw(t, "box")
			return indent + box + cell().Draw(t, "action") + "\n"
		}),
		rapid.StringN(0, 20, 40),
	)
}

func cell() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"TODO", "**TODO**", "todo", "Done", "未着手", "wip", "TODO (x)", "", "P1", "Alert", "Config", "Add alert A", "Add alert B", "Set timeout",
			"Add PrometheusRule for x", "Delete x", "[Alert] Add alert", "`a \\| b`", "☐", "viktor", "~~Add alert~~", "<x>", "…", "a\\|b", "`x",
		}),
		rapid.StringMatching(`[ -~]{0,20}`),
	)
}

func document() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		return []byte(strings.Join(rapid.SliceOfN(fragment(), 0, 40).Draw(t, "fragments"), ""))
	})
}

// checkDocument holds for every document whatsoever.
func checkDocument(t interface {
	Errorf(string, ...any)
}, src []byte, doc *Document,
) {
	ids, last := map[string]bool{}, 0
	lineCount := bytes.Count(src, []byte{'\n'}) + 1
	for _, item := range doc.Items {
		if len(item.ID) != 12 || ids[item.ID] {
			t.Errorf("id %q of line %d is not unique", item.ID, item.Line)
		}
		ids[item.ID] = true
		if item.row.start < last || item.row.end > len(src) || item.row.empty() {
			t.Errorf("row %v of line %d is out of order or of the document", item.row, item.Line)
		}
		last = item.row.start
		if item.Line < 1 || item.Line > lineCount || item.Column < 1 {
			t.Errorf("place %d:%d is not in the document", item.Line, item.Column)
		}
		if item.token != (span{}) && (item.token.start < item.row.start || item.token.end > item.row.end || item.token.empty()) {
			t.Errorf("token %v is not in row %v", item.token, item.row)
		}
		switch item.Class {
		case ClassSafe:
			if len(item.Reasons) > 0 || item.token.empty() || item.state != stateOpen || !safeByNature(Type(item.Type)) {
				t.Errorf("safe item %+v", item)
			}
		case ClassSkipped, ClassUnclear:
			if len(item.Reasons) == 0 {
				t.Errorf("item of line %d has no reason", item.Line)
			}
		case ClassDone, ClassDeclined:
			if len(item.Reasons) > 0 {
				t.Errorf("closed item of line %d has reasons %v", item.Line, item.Reasons)
			}
		default:
			t.Errorf("class %q", item.Class)
		}
	}
	for _, p := range doc.Problems {
		if p.Line < 1 || p.Line > lineCount || p.Column < 1 || p.Reason == "" || p.Detail == "" {
			t.Errorf("problem %+v", p)
		}
	}
}

func TestParseIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.OneOf(document(), rapid.SliceOf(rapid.Byte())).Draw(t, "document")
		doc := Inspect("d.md", src, defaultPolicy)
		checkDocument(t, src, doc.Document)
		for _, p := range doc.Passed {
			if p.Line < 1 || p.End < p.Line || p.Column < 1 {
				t.Errorf("what is no item stands nowhere: %+v", p)
			}
		}
		for _, item := range doc.Items {
			doc.Evidence(item)
		}
	})
}

func TestEditChangesOneStateOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := document().Draw(t, "document")
		before := Parse("d.md", src, defaultPolicy)
		if len(before.Items) == 0 {
			return
		}
		index := rapid.IntRange(0, len(before.Items)-1).Draw(t, "item")
		item := before.Items[index]
		result, err := Update("d.md", src, []Edit{{Item: item, Done: true}})
		if err != nil {
			t.Fatalf("%v", err)
		}
		checkOneState(t, src, before, index, result)
	})
}

// checkOneState checks an edit of one item against the document before it.
func checkOneState(t interface{ Errorf(string, ...any) }, src []byte, before *Document, index int, result Result) {
	item := before.Items[index]
	if item.token.empty() || item.state != stateOpen {
		if result.Changed || !bytes.Equal(result.Content, src) {
			t.Errorf("an item that is not exactly open was changed")
		}
		return
	}
	if item.Safe() && !result.Changed {
		t.Errorf("a safe item was not marked: %v", result.Refused)
	}
	if !result.Changed {
		return
	}
	grown := len(result.Content) - len(src)
	if !bytes.Equal(result.Content[:item.token.start], src[:item.token.start]) ||
		!bytes.Equal(result.Content[item.token.end+grown:], src[item.token.end:]) {
		t.Errorf("bytes beside the token were changed")
	}
	after := Parse("d.md", result.Content, defaultPolicy)
	for i := range after.Items {
		want := before.Items[i].state
		if i == index {
			want = stateDone
		}
		if after.Items[i].state != want || after.Items[i].ID != before.Items[i].ID {
			t.Errorf("item %d has state %d, want %d", i, after.Items[i].state, want)
		}
	}
}

func TestFollowUpIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := document().Draw(t, "document")
		var edits []Edit
		for _, action := range rapid.SliceOfN(rapid.OneOf(cell(), rapid.String()), 1, 5).Draw(t, "actions") {
			row := Row{Action: action, Priority: "P1", Type: rapid.String().Draw(t, "type")}
			if rapid.Bool().Draw(t, "done") {
				row.Commit = hash
			}
			edits = append(edits, Edit{Row: &row})
		}
		checkIdempotent(t, src, edits)
	})
}

// checkIdempotent checks that writing rows keeps every other byte, and that
// writing them again changes nothing.
func checkIdempotent(t interface{ Errorf(string, ...any) }, src []byte, edits []Edit) {
	first, err := Update("d.md", src, edits)
	if err != nil {
		if !bytes.Equal(first.Content, src) {
			t.Errorf("changed in spite of %v", err)
		}
		return
	}
	if !keepsLines(src, first.Content) {
		t.Errorf("lines of the document were changed:\n%q\nbecame\n%q", src, first.Content)
	}
	again, err := Update("d.md", first.Content, edits)
	if err != nil || again.Changed {
		t.Errorf("the second time: changed %v, error %v\n%s\n---\n%s", again.Changed, err, first.Content, again.Content)
	}
}

// keepsLines reports whether every line of before, but for our own rows, is left
// in after in its order.
func keepsLines(before, after []byte) bool {
	rest := string(after)
	for line := range strings.Lines(string(before)) {
		line = strings.TrimRight(line, "\r\n")
		if strings.Contains(line, HumanReview) || strings.TrimSpace(line) == "" {
			continue
		}
		at := strings.Index(rest, line)
		if at < 0 {
			return false
		}
		rest = rest[at+len(line):]
	}
	return true
}

func TestCellsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(cell(), rapid.String(), rapid.StringMatching("[|\\\\`<a&;lt> -]{0,30}")).Draw(t, "text")
		clean := cellText(text)
		escaped := escapeCell(text)
		if strings.ContainsAny(escaped, "\n\r\x00") {
			t.Fatalf("%q holds a line end or control character", escaped)
		}
		count := 0
		eachCell("| "+escaped+" |", func(span) bool { count++; return true })
		if count != 1 {
			t.Fatalf("%q is %d cells", escaped, count)
		}
		if got := cellText(unescapePipes(escaped)); key(got) != key(clean) {
			t.Fatalf("%q came back as %q", clean, got)
		}
		if again := cellText(clean); key(again) != key(clean) {
			t.Fatalf("%q is cleaned again to %q", clean, again)
		}
	})
}

func TestPipesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.TrimSpace(rapid.StringMatching("[a|\\\\` -]{1,20}[a|]").Draw(t, "text"))
		if got := unescapePipes(strings.ReplaceAll(text, "|", `\|`)); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}
