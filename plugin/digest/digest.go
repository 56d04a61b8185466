// Package digest says once a week, in one message, what of the follow-ups is still
// open, what was closed, and who is waited for.
package digest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/target"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Week names the calendar week of a time, in UTC, as ISO 8601 counts weeks: of the
// digests of one, one is sent.
func Week(at time.Time) string {
	year, week := at.UTC().ISOWeek()
	return fmt.Sprintf("%d-W%02d", year, week)
}

// Digest is what there is to say.
type Digest struct {
	Repository, Branch, PipelineURL string

	Open    []backlog.Open // the most urgent first, of those the oldest
	Closed  []item.Item    // since the last digest
	Since   time.Time      // when that was; zero when there is none to compare with
	Targets target.Targets

	Redactor *secret.Redactor
}

// Empty reports whether there is nothing to say.
func (d Digest) Empty() bool { return len(d.Open)+len(d.Closed) == 0 }

// Bounds of a message. A line of a list is two texts at most, so that a part with all
// its lines fits every chat, whatever its characters.
const (
	mostLines   = 8
	longestLine = 100 // characters of an action
)

// Message is the digest for chats.
func (d Digest) Message() report.Message {
	late := count(d.Open, func(o backlog.Open) bool { return o.Late })
	overdue := count(d.Open, func(o backlog.Open) bool { return o.Overdue })
	said := []string{fmt.Sprintf("%d open", len(d.Open))}
	for _, more := range []struct {
		n    int
		what string
	}{{late, "past their target"}, {overdue, "overdue"}, {len(d.Closed), "closed"}} {
		if more.n > 0 {
			said = append(said, fmt.Sprintf("%d %s", more.n, more.what))
		}
	}
	headline := "follow-ups of the week: " + strings.Join(said, ", ")
	m := report.Message{Text: "pm-todos: " + headline, Parts: []report.Part{{Kind: report.Headline, Text: "📋 " + text.Capital(headline)}}}
	about := []report.Span{{Text: d.clean("pm-todos · "+d.Repository+" · "+d.Branch, 2*longestLine)}}
	if d.PipelineURL != "" {
		about = append(about, report.Span{Text: "pipeline", URL: d.PipelineURL, Own: true})
	}
	m.Parts = append(m.Parts, report.Part{Kind: report.Small, Spans: about})
	add := func(title string, all int, lines []string) {
		if all == 0 {
			return
		}
		if more := all - len(lines); more > 0 {
			lines = append(lines, fmt.Sprintf("… and %d more", more))
		}
		m.Parts = append(m.Parts, report.Part{Kind: report.Title, Text: title}, report.Part{Kind: report.Body, Text: "• " + strings.Join(lines, "\n• ")})
	}
	priorities, owners := d.byPriority(), d.owners()
	add("Open, by priority", len(priorities), priorities)
	add("To be done first", len(d.Open), d.first())
	add("Who is waited for", len(owners), d.byOwner(owners))
	add(fmt.Sprintf("Closed since %s (%d)", d.Since.UTC().Format(time.DateOnly), len(d.Closed)), len(d.Closed), d.closed())
	return m
}

// clean is text from outside as one short line, without secrets.
func (d Digest) clean(raw string, limit int) string {
	return text.Cut(d.Redactor.Redact(text.Line(d.Redactor.Redact(raw), 0)), limit)
}

func count(open []backlog.Open, is func(backlog.Open) bool) (n int) {
	for _, o := range open {
		if is(o) {
			n++
		}
	}
	return n
}

func passed(o backlog.Open) bool { return o.Late || o.Overdue }

// byPriority is a line for each priority that has open items.
func (d Digest) byPriority() (lines []string) {
	for _, priority := range []string{"P0", "P1", "P2", "P3"} {
		open := slices.DeleteFunc(slices.Clone(d.Open), func(o backlog.Open) bool { return o.Priority != priority })
		if len(open) == 0 {
			continue
		}
		oldest := slices.MaxFunc(open, func(a, b backlog.Open) int { return cmp.Compare(a.Age, b.Age) })
		line := fmt.Sprintf("%s: %d, the oldest for %s", priority, len(open), days(oldest.Age))
		if limit, ok := d.Targets[priority]; ok {
			late := count(open, func(o backlog.Open) bool { return o.Late })
			line += fmt.Sprintf(" (target %s, %d past it)", target.Length(limit), late)
		}
		lines = append(lines, line)
	}
	return lines
}

func days(age time.Duration) string { return text.Counted(int(age/(24*time.Hour)), "day") }

// first are the open items: what passed its target or due date before what did not.
func (d Digest) first() (lines []string) {
	open := slices.Clone(d.Open)
	slices.SortStableFunc(open, func(a, b backlog.Open) int {
		switch {
		case passed(a) == passed(b):
			return 0
		case passed(a):
			return -1
		}
		return 1
	})
	for _, o := range open[:min(len(open), mostLines)] {
		said := []string{days(o.Age)}
		if o.Late {
			said = append(said, "past its target")
		}
		if o.Overdue {
			said = append(said, "due "+d.clean(o.Due, 20))
		}
		if o.Owner != "" {
			said = append(said, "owner "+d.clean(o.Owner, 30))
		}
		lines = append(lines, d.named(o.Item)+" — "+strings.Join(said, ", "))
	}
	return lines
}

// named is an item by what kind it is and what it says.
func (d Digest) named(i item.Item) string {
	return strings.TrimSpace(i.Priority+" "+d.clean(i.Type, 20)) + ": " + d.clean(i.Action, longestLine)
}

// waiting is the open items of an owner.
type waiting struct {
	owner string
	items []backlog.Open
}

// owners are those who are waited for, of whom the most is past its time first.
func (d Digest) owners() (all []waiting) {
	place := map[string]int{}
	for _, o := range d.Open {
		at, known := place[o.Owner]
		if !known {
			at = len(all)
			place[o.Owner], all = at, append(all, waiting{owner: o.Owner})
		}
		all[at].items = append(all[at].items, o)
	}
	slices.SortFunc(all, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(count(b.items, passed), count(a.items, passed)), cmp.Compare(len(b.items), len(a.items)), cmp.Compare(a.owner, b.owner))
	})
	return all
}

func (d Digest) byOwner(owners []waiting) (lines []string) {
	for _, w := range owners[:min(len(owners), mostLines)] {
		line := fmt.Sprintf("%s: %d", cmp.Or(d.clean(w.owner, 60), "nobody is named"), len(w.items))
		if late := count(w.items, passed); late > 0 {
			line += fmt.Sprintf(", %d past target or due date", late)
		}
		lines = append(lines, line)
	}
	return lines
}

func (d Digest) closed() (lines []string) {
	for _, i := range d.Closed[:min(len(d.Closed), mostLines)] {
		lines = append(lines, d.named(i))
	}
	return lines
}
