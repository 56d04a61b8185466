package report

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"
)

// columns is the width of the closing table. Links and commands may be longer:
// cut, they would be of no use.
const columns = 100

// maxList is how many lines the log spends on a list that only informs.
const maxList = 30

// Table writes the closing table for the CI log: what became of each item, what
// was left to people, what could not be read, and the sums.
func Table(w io.Writer, s Summary) error {
	v := s.view()
	var t table
	title := cut("── "+strings.Join(filled(strings.TrimSpace("pm-todos "+v.Version), v.Mode), " ── ")+" ", columns)
	t.line("%s", title+strings.Repeat("─", columns-cells(title)))
	t.items(v.Items)
	t.left("Left to people", v.Skipped)
	t.left("Unclear, not acted on", v.Unclear)
	t.problems(v.Problems)
	for _, warning := range v.Warnings {
		t.wrapped("WARNING ", warning)
	}
	for _, note := range v.Notes {
		t.wrapped("note: ", note)
	}
	for line := range strings.Lines(v.Error) {
		t.wrapped("ERROR ", line)
	}
	t.sums(v)
	_, err := io.WriteString(w, t.String())
	if err != nil {
		return fmt.Errorf("write the closing table: %w", err)
	}
	return nil
}

type table struct{ strings.Builder }

func (t *table) line(format string, args ...any) {
	t.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// wrapped writes text behind a prefix, broken at blanks, its further lines
// indented as far.
func (t *table) wrapped(prefix, text string) {
	indent := strings.Repeat(" ", cells(prefix))
	line := prefix
	for _, word := range strings.Fields(text) {
		if cells(line)+1+cells(word) > columns && line != prefix && line != indent {
			t.line("%s", line)
			line = indent
		}
		if line != prefix && line != indent {
			line += " "
		}
		line += cut(word, columns-cells(indent))
	}
	t.line("%s", line)
}

const row = "%s %s %s %s %s %s"

func (t *table) items(items []itemView) {
	if len(items) == 0 {
		return
	}
	t.line(row, fit("P", 2), fit("TYPE", 8), fit("STATE", 9), fit("ACTION", 60), fit("COST", 8), "TIME")
	for _, i := range items {
		t.line(row, fit(i.Priority, 2), fit(i.Type, 8), fit(stateWords(i.State), 9), fit(i.Action, 60), fit(i.cost(), 8), cut(took(i.Seconds), 8))
		t.wrapped(indent, strings.Join(filled(i.place(), i.Stack, i.plan()), " · "))
		if i.CommitURL != "" || i.Commit != "" {
			t.line("%scommit %s", indent, first(i.CommitURL, i.Commit))
		}
		if i.Kept != "" {
			t.line("%sbranch %s", indent, first(i.KeptURL, i.Kept))
		}
		for _, why := range i.why() {
			t.wrapped(indent+"- ", why)
		}
		t.tail(i.Error)
		if i.Command != "" {
			t.line("%sto close it: %s", indent, i.Command)
		}
	}
}

var indent = strings.Repeat(" ", 12)

// tail writes the end of an error that spans many lines: there it says what
// went wrong.
func (t *table) tail(text string) {
	const most = 12
	lines := strings.Split(text, "\n")
	if text == "" {
		return
	}
	if len(lines) > most {
		t.line("%s| … %d lines before", indent, len(lines)-most)
		lines = lines[len(lines)-most:]
	}
	for _, line := range lines {
		t.wrapped(indent+"| ", line)
	}
}

func (t *table) left(title string, items []itemView) {
	if len(items) == 0 {
		return
	}
	t.line("%s (%d)", title, len(items))
	for n, i := range items {
		if n == maxList {
			t.line("  … and %d more, see summary.json", len(items)-n)
			return
		}
		t.line("  %s %s %s", fit(i.Priority, 2), fit(i.Type, 14), cut(i.Action, columns-20))
		t.wrapped("     ", strings.Join(filled(i.place(), i.Reason+": "+i.Sentence), " · "))
	}
}

func (t *table) problems(problems []problemView) {
	if len(problems) == 0 {
		return
	}
	t.line("Rows that cannot be read (%d)", len(problems))
	for n, p := range problems {
		if n == maxList {
			t.line("  … and %d more, see summary.json", len(problems)-n)
			return
		}
		t.wrapped("  ", fmt.Sprintf("%s:%d:%d %s: %s", p.File, p.Line, p.Column, p.Reason, p.Detail))
	}
}

func (t *table) sums(v view) {
	t.line("%s", strings.Repeat("─", columns))
	t.wrapped("", v.headline())
	t.line("%s", strings.Join(filled(
		plural(v.Totals.Documents, "document"), "cost "+v.cost(), took(v.Seconds), fmt.Sprintf("exit %d", v.ExitCode)), " · "))
	if v.DocsCommit != "" {
		t.line("docs commit %s", first(v.DocsCommitURL, v.DocsCommit))
	}
}

// filled are the texts that are not empty.
func filled(texts ...string) []string {
	var all []string
	for _, text := range texts {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

func first(texts ...string) string {
	if all := filled(texts...); len(all) > 0 {
		return all[0]
	}
	return ""
}

// cells is how many columns of a terminal s takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += cell(r)
	}
	return n
}

func cell(r rune) int {
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// cut shortens s to so many columns.
func cut(s string, limit int) string {
	if cells(s) <= limit {
		return s
	}
	var b strings.Builder
	used := 0
	for _, r := range s {
		if used+cell(r) > limit-1 {
			break
		}
		used += cell(r)
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ") + "…"
}

// fit cuts or fills s to exactly so many columns.
func fit(s string, limit int) string {
	s = cut(s, limit)
	return s + strings.Repeat(" ", limit-cells(s))
}
