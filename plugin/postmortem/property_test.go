package postmortem

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"pgregory.net/rapid"
)

// fragment draws pieces that documents are made of, sound ones and others.
func fragment() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"# Title\n", "## Action items\n", "### P1 — Prevention\n", "## Timeline\n", "## Follow-up Implementation\n", "**Action items**:\n",
			"\n", "\n\n\n", "text\n", "text #1 was superseded\n", "> quote\n", "```\n", "~~~\n", "<!--\n", "-->\n", "<details>\n\n", "</details>\n\n", "---\n", "===\n",
			"| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n", "| Action | Owner | Status |\n|---|---|---|\n",
			"Action | Status\n-|-\n", "| Date | Action | Priority | Type | Commit | Implemented By |\n|------|--------|----------|------|--------|----------------|\n", "\r\n", "\ufeff", "\xff", "\x00", "|", "  ", "\t", "\\",
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
		if item.Row.Start < last || item.Row.End > len(src) || item.Row.Empty() {
			t.Errorf("row %v of line %d is out of order or of the document", item.Row, item.Line)
		}
		last = item.Row.Start
		if item.Line < 1 || item.Line > lineCount || item.Column < 1 {
			t.Errorf("place %d:%d is not in the document", item.Line, item.Column)
		}
		if item.Token != (markdown.Span{}) && (item.Token.Start < item.Row.Start || item.Token.End > item.Row.End || item.Token.Empty()) {
			t.Errorf("token %v is not in row %v", item.Token, item.Row)
		}
		switch item.Class {
		case ClassSafe:
			if len(item.Reasons) > 0 || item.Token.Empty() || item.state != term.StateOpen || !term.SafeByNature(term.Type(item.Type)) {
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
