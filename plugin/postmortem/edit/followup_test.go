package edit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
)

const (
	logTitle = "## Follow-up Implementation\n\n"
	logHead  = "| Date | Action | Priority | Type | Commit | Implemented By |\n|------|--------|----------|------|--------|----------------|\n"
)

func doneRow(action string) Edit {
	return Edit{Row: &Row{Date: "2026-04-14", Action: action, Priority: "P2", Type: "Alert", Commit: hash, URL: "https://git.example.com/o/r/commit/" + hash}}
}

func humanRow(action string) Edit {
	return Edit{Row: &Row{Action: action, Priority: "P1", Type: "Migration"}}
}

func renderedDone(action string) string {
	return "| 2026-04-14 | " + action + " | P2 | Alert | [`0123456`](https://git.example.com/o/r/commit/" + hash + ") | postmortem-todo-resolver |\n"
}

func renderedHuman(action string) string {
	return "| — | " + action + " | P1 | Migration | — | Needs human review |\n"
}

// followUpCases are documents before and after rows were written into them; an
// empty want is a document that stays as it is.
var followUpCases = map[string]struct {
	src   string
	edits []Edit
	want  string
}{
	"created": {
		"# x\n",
		[]Edit{doneRow("A"), humanRow("B")},
		"# x\n\n" + logTitle + logHead + renderedDone("A") + renderedHuman("B"),
	},
	"created in an empty document": {"", []Edit{doneRow("A")}, logTitle + logHead + renderedDone("A")},
	"created after a missing newline": {
		"# x\n\ntext",
		[]Edit{doneRow("A")},
		"# x\n\ntext\n\n" + logTitle + logHead + renderedDone("A"),
	},
	"created after a blank line": {"# x\n\n", []Edit{doneRow("A")}, "# x\n\n" + logTitle + logHead + renderedDone("A")},
	"created with CRLF": {
		"# x\r\ntext\r\n",
		[]Edit{doneRow("A")},
		"# x\r\ntext\r\n" + strings.ReplaceAll("\n"+logTitle+logHead+renderedDone("A"), "\n", "\r\n"),
	},
	"created under its heading": {
		"# x\n\n" + logTitle + "Some words.\n\n## Next\n\ntext\n",
		[]Edit{doneRow("A")},
		"# x\n\n" + logTitle + "Some words.\n\n" + logHead + renderedDone("A") + "\n## Next\n\ntext\n",
	},
	"created under a heading that is all": {"# x\n\n## Follow-up Implementation", []Edit{doneRow("A")}, "# x\n\n" + logTitle + logHead + renderedDone("A")},
	"created under a heading before another": {
		logTitle[:len(logTitle)-1] + "## Next\n",
		[]Edit{doneRow("A")},
		logTitle + logHead + renderedDone("A") + "\n## Next\n",
	},
	"appended": {
		logTitle + logHead + renderedDone("A") + "\n## Next\n",
		[]Edit{doneRow("B"), humanRow("C")},
		logTitle + logHead + renderedDone("A") + renderedDone("B") + renderedHuman("C") + "\n## Next\n",
	},
	"appended to an empty table": {logTitle + logHead, []Edit{doneRow("A")}, logTitle + logHead + renderedDone("A")},
	"appended without newline at the end": {
		logTitle + logHead + strings.TrimSuffix(renderedDone("A"), "\n"),
		[]Edit{doneRow("B")},
		logTitle + logHead + renderedDone("A") + strings.TrimSuffix(renderedDone("B"), "\n"),
	},
	"appended before text glued to the table": {
		logTitle + logHead + renderedDone("A") + "glued text\n",
		[]Edit{doneRow("B")},
		logTitle + logHead + renderedDone("A") + renderedDone("B") + "glued text\n",
	},
	"not duplicated": {logTitle + logHead + renderedDone("A") + renderedHuman("B"), []Edit{doneRow("A"), humanRow("B"), humanRow("A")}, ""},
	"own row replaced": {
		logTitle + logHead + renderedHuman("A") + renderedHuman("B"),
		[]Edit{doneRow("A")},
		logTitle + logHead + renderedDone("A") + renderedHuman("B"),
	},
	"a person's row stands": {
		logTitle + logHead + "| 2026-04-01 | A | P1 | Alert | — | Needs human review |\n", []Edit{humanRow("A")}, "",
	},
	"a person's row is not replaced": {
		logTitle + logHead + "| — | A | P1 | Alert | — | Needs human review (Jo) |\n",
		[]Edit{doneRow("A")},
		logTitle + logHead + "| — | A | P1 | Alert | — | Needs human review (Jo) |\n" + renderedDone("A"),
	},
	"one row for a refused and then implemented item": {"# x\n", []Edit{humanRow("A"), doneRow("A")}, "# x\n\n" + logTitle + logHead + renderedDone("A")},
	"other columns": {
		logTitle + "| Commit | Action | Note |\n|---|---|---|\n| abc | A | x |\n",
		[]Edit{humanRow("B")},
		logTitle + "| Commit | Action | Note |\n|---|---|---|\n| abc | A | x |\n| — | B | — |\n",
	},
	"no outer pipes": {
		logTitle + "Date | Action | Commit | Implemented By\n---|---|---|---\n2026-01-01 | A | abc | Jo\n",
		[]Edit{humanRow("B")},
		logTitle + "Date | Action | Commit | Implemented By\n---|---|---|---\n2026-01-01 | A | abc | Jo\n— | B | — | Needs human review\n",
	},
	"compact": {
		logTitle + "|Date|Action|Commit|Implemented By|\n|-|-|-|-|\n|2026-01-01|A|abc|Jo|\n",
		[]Edit{humanRow(`B\`)},
		logTitle + "|Date|Action|Commit|Implemented By|\n|-|-|-|-|\n|2026-01-01|A|abc|Jo|\n|—|B\\ |—|Needs human review|\n",
	},
	"indented": {
		logTitle + "  " + strings.ReplaceAll(logHead, "\n|-", "\n  |-") + "  " + renderedHuman("A"),
		[]Edit{humanRow("B")},
		logTitle + "  " + strings.ReplaceAll(logHead, "\n|-", "\n  |-") + "  " + renderedHuman("A") + "  " + renderedHuman("B"),
	},
	"another table of commits elsewhere": {
		"## Commits\n\n| Action | Commit |\n|---|---|\n| A | abc |\n",
		[]Edit{humanRow("A")},
		"## Commits\n\n| Action | Commit |\n|---|---|\n| A | abc |\n\n" + logTitle + logHead + renderedHuman("A"),
	},
	"heading in a fence is none": {
		"```\n" + logTitle + "```\n",
		[]Edit{humanRow("A")},
		"```\n" + logTitle + "```\n\n" + logTitle + logHead + renderedHuman("A"),
	},
}

func TestFollowUpTable(t *testing.T) {
	for name, test := range followUpCases {
		t.Run(name, func(t *testing.T) {
			want := test.want
			if want == "" {
				want = test.src
			}
			result, err := Update("d.md", []byte(test.src), test.edits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, string(result.Content)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if result.Changed != (want != test.src) {
				t.Errorf("changed is %v", result.Changed)
			}
			again, err := Update("d.md", result.Content, test.edits)
			if err != nil || again.Changed {
				t.Errorf("the second time: changed %v, error %v\n%s", again.Changed, err, again.Content)
			}
		})
	}
}

func TestFollowUpAtAnUnclosedEnd(t *testing.T) {
	for _, end := range []string{"```\ncode\n", "<!-- comment\n", "~~~\n", "<script>\n"} {
		src := "## Action items\n\n- [ ] [Alert] Add alert\n\n" + end
		item := postmortem.Parse("d.md", []byte(src), defaultPolicy).Safe()[0]
		result, err := Update("d.md", []byte(src), []Edit{{Item: item, Done: true, Row: &Row{Commit: hash}}})
		if err == nil || !strings.Contains(err.Error(), "d.md") {
			t.Fatalf("%q: error %v, want one that names the document", end, err)
		}
		if want := strings.Replace(src, "[ ]", "[x]", 1); string(result.Content) != want {
			t.Errorf("%q: the status is not marked:\n%s", end, result.Content)
		}
	}
}

func TestThreat12_NoTextBreaksTheTable(t *testing.T) {
	for _, action := range []string{
		"a | b", `a \| b`, `a \\| b`, "a || b |", "|", "a\nb\r\nc", "a\n\n# heading", "`a | b`", "`a", "``a` |", "<!-- a", "a --> b", "<script>alert(1)</script>",
		"[x](http://e.example \"|\")", "![x](y)", "- [ ] a", "# a", "> a", "```x", "~~~x", "--- x", "|---|---|", "a\\", "a\x00b", "a\u202eb", "a\u2028b", "\xff",
		"&lt;b> | &#124;", strings.Repeat("a|", 2000), "<br>", "=1+1", "$x$", "{{ x }}", "a\tb", "postmortem-todo-resolver | x",
	} {
		row := Row{Date: "2026-04-14 | x", Action: action, Priority: action, Type: action, Commit: hash, URL: "https://e.example/`|)" + action, By: postmortem.HumanReview}
		src := []byte("# x\n\n" + logTitle + logHead + renderedHuman("old") + "\nend\n")
		result, err := Update("d.md", src, []Edit{{Row: &row}})
		if err != nil {
			t.Errorf("%q: %v", action, err)
			continue
		}
		doc := postmortem.Parse("d.md", result.Content, defaultPolicy)
		table := doc.FollowUpTable()
		if table == nil || len(doc.Logs) != 1 || len(table.Rows) != 2 || !table.Rows[1].Whole || table.Rows[1].By != postmortem.HumanReview || len(doc.Items) != 0 {
			t.Errorf("%q breaks the table:\n%s", action, result.Content)
			continue
		}
		text := string(result.Content)
		if !strings.HasSuffix(text, "\n\nend\n") || !strings.HasPrefix(text, string(src[:len(src)-5])) || strings.Contains(table.Rows[1].Text, "e.example/`") {
			t.Errorf("%q changes other text:\n%s", action, text)
		}
	}
}

func TestRowWithoutWordsIsNotWritten(t *testing.T) {
	for _, action := range []string{"", "```", "~~~", " \u200b", "**"} {
		result, err := Update("d.md", []byte("# x\n"), []Edit{{Row: &Row{Action: action, Commit: hash}}})
		if err != nil || result.Changed {
			t.Errorf("%q: %v, content %q", action, err, result.Content)
		}
	}
}

func TestCommitIsLinkedOnlyWhenSound(t *testing.T) {
	for _, test := range []struct{ hash, url, want string }{
		{hash, "https://e.example/c/" + hash, "[`0123456`](https://e.example/c/" + hash + ")"},
		{hash, "", "`0123456`"},
		{hash, "javascript:alert(1)", "`0123456`"},
		{hash, "https://e.example/a b", "`0123456`"},
		{hash, "https://e.example/a)b", "`0123456`"},
		{"0123456", "https://e.example/c", "—"},
		{strings.ToUpper(hash), "https://e.example/c", "—"},
		{"", "https://e.example/c", "—"},
	} {
		if got := commitCell(test.hash, test.url); got != test.want {
			t.Errorf("commitCell(%q, %q) = %q, want %q", test.hash, test.url, got, test.want)
		}
	}
}
