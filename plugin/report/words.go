package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// The texts in this file are this program's own: numbers and fixed words,
// nothing from outside.

// headline is the whole run in a few words.
func (v View) headline() string {
	var parts []string
	for _, row := range states {
		said := row.said
		if count := *row.count(&v.Totals); count > 0 {
			if row.state == item.Skipped && count == 1 {
				said = "needs a person"
			}
			parts = append(parts, fmt.Sprintf("%d %s", count, said))
		}
	}
	switch {
	case v.ExitCode == fault.Temporary.ExitCode():
		parts = append(parts, "ended early, run again later")
	case v.ExitCode != 0 && v.Totals.Failed+v.Totals.NeedsPerson == 0:
		parts = append(parts, "the run failed")
	}
	if len(parts) == 0 {
		return "nothing to do"
	}
	return strings.Join(parts, ", ")
}

// mark is the sign that goes with the headline.
func (v View) mark() string {
	switch {
	case v.ExitCode == fault.Person.ExitCode() || v.Totals.NeedsPerson > 0:
		return "🚨"
	case v.ExitCode == fault.Temporary.ExitCode():
		return "⏳"
	case v.ExitCode != 0 || v.Totals.Failed > 0:
		return "❌"
	case v.Totals.Done+v.Totals.Proposed > 0:
		return "✅"
	default:
		return "📋"
	}
}

// money in words, what was spent and out of how much.
func (v View) cost() string {
	if v.BudgetUSD > 0 {
		return fmt.Sprintf("$%.2f of $%.2f", v.CostUSD, v.BudgetUSD)
	}
	return fmt.Sprintf("$%.2f", v.CostUSD)
}

func (i itemView) cost() string {
	if i.CostUSD == 0 {
		return ""
	}
	return fmt.Sprintf("$%.2f", i.CostUSD)
}

// took is a number of seconds as people say it, empty for none.
func took(seconds float64) string {
	if seconds <= 0 {
		return ""
	}
	d := max(time.Duration(seconds*float64(time.Second)).Round(time.Second), time.Second)
	text := strings.Replace(d.String()+" ", "m0s ", "m ", 1)
	return strings.TrimSpace(strings.Replace(text, "h0m ", "h ", 1))
}

// plan is what the plan of an item touches, empty for nothing. Only of an item
// that is done, or whose check failed after that, is it certain that it did.
func (i itemView) plan() string {
	if i.unplanned() {
		return "not planned"
	}
	created, updated := "to create", "to update"
	if i.State == string(item.Done) || i.State == string(item.Failed) && i.Commit != "" {
		created, updated = "created", "updated"
	}
	var parts []string
	if i.Create > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", i.Create, created))
	}
	if i.Update > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", i.Update, updated))
	}
	return strings.Join(parts, ", ")
}

// unplanned reports whether the change was proposed without a plan.
func (i itemView) unplanned() bool {
	return slices.ContainsFunc(i.Findings, func(f findingView) bool { return f.Code == reason.NotPlanned })
}

// approved says who merged the item's proposal, empty for nobody.
func (i itemView) approved() string {
	if i.Approver == "" {
		return ""
	}
	return "approved by " + i.Approver
}

// why is everything there is to say of an item that was not simply done: the
// reason first, then the findings. The error is not among them.
func (i itemView) why() []string {
	var lines []string
	if i.Sentence != "" && i.State != string(item.Done) {
		lines = append(lines, i.Sentence)
	}
	for _, finding := range i.Findings {
		if finding.Code == i.Reason && finding.Detail != "" {
			finding.Code = "" // the sentence has said it
		}
		lines = append(lines, strings.TrimSpace(finding.line()))
	}
	return lines
}

// commands are the lines that a person may paste, one for each choice that the
// command offers at its end: --landed|--abandon.
func (i itemView) commands() []string {
	at := strings.LastIndexByte(i.Command, ' ')
	if at < 0 {
		return filled(i.Command)
	}
	var all []string
	for _, choice := range strings.Split(i.Command[at+1:], "|") {
		all = append(all, i.Command[:at+1]+choice)
	}
	return all
}

// fetch is what shows the commit that a journal keeps, empty without one.
func (i itemView) fetch() string {
	if i.Journal == "" {
		return ""
	}
	return "git fetch origin " + i.Journal + " && git show FETCH_HEAD"
}

// place is where the item stands.
func (i leftView) place() string {
	if i.Line > 0 {
		return fmt.Sprintf("%s:%d", i.Document, i.Line)
	}
	return i.Document
}

// whose says who an item that is open waits for, and by when, empty when nobody says.
func (i leftView) whose() string {
	if i.State == string(item.Done) {
		return ""
	}
	owner, due := i.Owner, i.Due
	if owner != "" {
		owner = "owner " + owner
	}
	if due != "" {
		due = "due " + due
	}
	if i.Overdue {
		due += ", overdue"
	}
	return strings.Join(filled(owner, due), ", ")
}

// label is what kind of item it is.
func (i leftView) label() string { return strings.TrimSpace(i.Priority + " " + i.Type) }

// stateRow is how a state is counted and shown.
type stateRow struct {
	state        item.State
	count        func(*totals) *int
	said         string // behind its number in the headline
	word, colour string // in the closing table; no word for the state's own
	title, mark  string // of its list; none for what waits, which is listed apart
}

// states are in the order in which they matter to a reader.
var states = []stateRow{
	{item.NeedsPerson, func(t *totals) *int { return &t.NeedsPerson }, "for a person to look at now", "LOOK NOW", alarm, "A person must look now", "🚨"},
	{item.Done, func(t *totals) *int { return &t.Done }, "done", "", green, "Done", "✅"},
	{item.Proposed, func(t *totals) *int { return &t.Proposed }, "proposed", "", green, "Proposed, to be merged", "📬"},
	{item.Failed, func(t *totals) *int { return &t.Failed }, "failed", "FAILED", red, "Failed", "❌"},
	{item.Refused, func(t *totals) *int { return &t.Refused }, "refused", "", yellow, "Refused, needs review", "✋"},
	{item.Skipped, func(t *totals) *int { return &t.Skipped }, "need a person", "a person", "", "", ""},
	{item.NotAttempted, func(t *totals) *int { return &t.NotAttempted }, "waiting for the next run", "next run", "", "", ""},
}

// groups are the states with a list of their own.
var groups = states[:5]

// rowOf is the row of a state, nil for one that is not known.
func rowOf(state item.State) *stateRow {
	for n := range states {
		if states[n].state == state {
			return &states[n]
		}
	}
	return nil
}
