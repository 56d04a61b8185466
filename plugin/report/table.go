package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Widths of the closing table in columns.
const (
	usualWidth = 100
	leastWidth = 60
	mostWidth  = 200
)

// maxList is how many lines the log spends on a list that only informs.
const maxList = 30

// Look is how the closing table is shown. Its zero value is plain text, 100
// columns wide.
type Look struct {
	Width  int  // in columns, from 60 to 200; 0 for 100
	Colour bool // by the ANSI sequences that terminals and CI logs know
}

// Table writes the closing table for the CI log: what became of each item, what
// needs a person, what could not be read, and the sums. When a person must
// look, the last lines say at what, and what to run. Links and commands may be
// longer than the table is wide: cut, they would be of no use.
func (v View) Table(w io.Writer, look Look) error {
	t := table{colour: look.Colour, width: usualWidth}
	if look.Width != 0 {
		t.width = min(max(look.Width, leastWidth), mostWidth)
	}
	t.rule(strings.TrimSpace("pm-todos "+v.Version), strings.Join(filled(v.Mode, v.confinement()), ", "))
	t.items(v.Items)
	if more := len(v.of.Outcomes) - len(v.Items); more > 0 {
		t.line("… and %s more; of each state, the first %d are listed", text.Counted(more, "item"), maxListed)
	}
	t.left("Needs a person", v.Skipped, len(v.of.Skipped))
	t.left("Unclear, not acted on", v.Unclear, v.Totals.Unclear)
	t.problems(v.Problems, v.Totals.Problems)
	for _, note := range v.Notes {
		t.wrapped("note: ", note)
	}
	for _, warning := range v.Warnings {
		t.paint(yellow).wrapped("WARNING ", warning)
	}
	t.failure(v.Error)
	t.sums(v)
	t.alarm(v)
	_, err := io.WriteString(w, t.String())
	if err != nil {
		return fmt.Errorf("write the closing table: %w", err)
	}
	return nil
}

// Colours as ANSI sequences have them.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
	alarm  = "1;37;41" // white on red
)

type table struct {
	strings.Builder
	width  int
	colour bool
	next   string // colour of the next lines, see paint
}

// paint gives the lines of the next call a colour.
func (t *table) paint(colour string) *table {
	t.next = colour
	return t
}

// in is text in a colour.
func (t *table) in(colour, text string) string {
	if !t.colour || colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// line writes one line in the colour that was asked for.
func (t *table) line(format string, args ...any) {
	t.WriteString(t.in(t.next, strings.TrimRight(fmt.Sprintf(format, args...), " ")) + "\n")
	t.next = ""
}

// rule is a line across the table with words in it.
func (t *table) rule(words ...string) {
	title := ""
	if all := filled(words...); len(all) > 0 {
		title = text.Narrow("── "+strings.Join(all, " ── ")+" ", t.width)
	}
	t.line("%s", title+strings.Repeat("─", t.width-text.Columns(title)))
}

// wrapped writes text behind a prefix, broken at blanks, its further lines
// indented as far.
func (t *table) wrapped(prefix, raw string) {
	colour := t.next
	indent := strings.Repeat(" ", text.Columns(prefix))
	for n, line := range text.Wrap(raw, t.width-text.Columns(prefix)) {
		if n > 0 {
			prefix = indent
		}
		t.paint(colour).line("%s", prefix+line)
	}
}

// Columns of the table of items: priority, type, state, action, cost and time,
// with a blank between them. The action gets what the others leave.
const (
	priorityWidth = 2
	typeWidth     = 8
	stateWidth    = 9
	costWidth     = 7
	timeWidth     = 8
	othersWidth   = priorityWidth + typeWidth + stateWidth + costWidth + timeWidth + 5
	actionLines   = 3
)

func (t *table) items(items []itemView) {
	if len(items) == 0 {
		return
	}
	actionWidth := t.width - othersWidth
	t.paint(bold).line("%s %s %s %s %s %s", text.Fit("P", priorityWidth), text.Fit("TYPE", typeWidth), text.Fit("STATE", stateWidth),
		text.Fit("ACTION", actionWidth), right("COST", costWidth), right("TIME", timeWidth))
	for _, i := range items {
		action := text.Wrap(i.Action, actionWidth)
		if len(action) > actionLines {
			action = append(action[:actionLines-1], text.Narrow(strings.Join(action[actionLines-1:], " "), actionWidth))
		}
		state := text.Fit(i.State, stateWidth)
		if row := rowOf(item.State(i.State)); row != nil {
			state = t.in(row.colour, text.Fit(cmp.Or(row.word, i.State), stateWidth))
		}
		t.line("%s %s %s %s %s %s", text.Fit(i.Priority, priorityWidth), text.Fit(i.Type, typeWidth), state,
			text.Fit(action[0], actionWidth), right(i.cost(), costWidth), right(took(i.Seconds), timeWidth))
		for _, more := range action[1:] {
			t.line("%s%s", strings.Repeat(" ", priorityWidth+typeWidth+stateWidth+3), more)
		}
		t.detail(i)
	}
}

// detail is what there is to say of an item besides its row.
func (t *table) detail(i itemView) {
	t.wrapped(indent, strings.Join(filled(i.place(), i.Stack, i.plan(), i.approved(), i.whose()), " · "))
	if i.CommitURL != "" || i.Commit != "" {
		t.line("%scommit %s", indent, cmp.Or(i.CommitURL, i.Commit))
	}
	if i.Kept != "" {
		t.line("%sbranch %s", indent, cmp.Or(i.KeptURL, i.Kept))
	}
	if i.PullURL != "" {
		t.line("%spull request %s", indent, i.PullURL)
	}
	if i.IssueURL != "" {
		t.line("%sissue %s", indent, i.IssueURL)
	}
	if i.Journal != "" {
		t.line("%sjournal %s", indent, i.Journal)
	}
	if i.Observed != "" {
		t.wrapped(indent+"🔎 ", i.Observed)
	}
	for _, why := range i.why() {
		t.wrapped(indent+"- ", why)
	}
	t.tail(i.Error)
	if i.Fix != "" && i.State != string(item.NotAttempted) && i.State != string(item.NeedsPerson) { // those are told below
		t.wrapped(indent+"→ ", i.Fix)
	}
}

const indent = "   "

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

func (t *table) left(title string, items []leftView, count int) {
	if count == 0 {
		return
	}
	t.paint(bold).line("%s (%d)", title, count)
	for n, i := range items {
		if n == maxList {
			t.line("  … and %d more; summary.json has the first %d", count-n, maxListed)
			return
		}
		t.line("  %s %s %s", text.Fit(i.Priority, 2), text.Fit(i.Type, 14), text.Narrow(i.Action, t.width-20))
		t.wrapped("     ", strings.Join(filled(i.place(), i.whose(), string(i.Reason)+": "+i.Sentence), " · "))
		if i.IssueURL != "" {
			t.line("     issue %s", i.IssueURL)
		}
	}
}

func (t *table) problems(problems []problemView, count int) {
	if count == 0 {
		return
	}
	t.paint(bold).line("Rows that cannot be read (%d)", count)
	for n, p := range problems {
		if n == maxList {
			t.line("  … and %d more; summary.json has the first %d", count-n, maxListed)
			return
		}
		t.wrapped("  ", fmt.Sprintf("%s:%d:%d %s: %s", p.File, p.Line, p.Column, p.Reason, p.Detail))
	}
}

// failure is why the run ended early.
func (t *table) failure(text string) {
	prefix := "ERROR "
	for line := range strings.Lines(text) {
		t.paint(red).wrapped(prefix, line)
		prefix = strings.Repeat(" ", len(prefix))
	}
}

func (t *table) sums(v View) {
	t.rule()
	t.paint(bold).wrapped(v.mark()+" ", v.headline())
	t.line("%s", strings.Join(filled(
		text.Counted(v.Totals.Documents, "document"), "cost "+v.cost(), took(v.Seconds), fmt.Sprintf("exit %d", v.ExitCode)), " · "))
	if v.DocsCommit != "" {
		t.line("docs commit %s", cmp.Or(v.DocsCommitURL, v.DocsCommit))
	}
}

// alarm is the last that a run says when a person must look: at which items,
// and what closes them, in lines to be copied.
func (t *table) alarm(v View) {
	if v.ExitCode != fault.Person.ExitCode() {
		return
	}
	bar := strings.Repeat("█", t.width)
	t.line("")
	t.paint(red).line("%s", bar)
	t.paint(alarm).line("%s", text.Fit("  A PERSON MUST LOOK NOW (exit 3)", t.width))
	t.paint(red).line("%s", bar)
	items, commands := v.in(item.NeedsPerson), false
	if len(items) == 0 {
		t.wrapped("  ", "No item of this run tells why; the error above does.")
	}
	for _, i := range items {
		t.line("")
		t.paint(bold).wrapped("  ", strings.TrimSpace(i.label()+"  "+i.Action))
		t.wrapped("  ", strings.Join(filled(i.Stack, i.Sentence), ": "))
		t.wrapped("  ", i.Fix)
		if fetch := i.fetch(); fetch != "" {
			t.line("      %s", fetch)
		}
		for _, command := range i.commands() {
			commands = commands || !strings.HasSuffix(command, "--abandon")
			t.paint(bold).line("      %s", command)
		}
	}
	if commands {
		t.line("")
		t.wrapped("  ", "--landed says that production is as the fix says, and the row becomes Done. --abandon says that it is not, and that you took care of it. Until then, or until a run finds nothing left to do, every run ends with exit 3.")
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

// right is fit for numbers, which stand at the right.
func right(s string, limit int) string {
	s = text.Narrow(s, limit)
	return strings.Repeat(" ", limit-text.Columns(s)) + s
}
