package postmortem

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Logged is a row of the Follow-up Implementation table.
type Logged struct {
	Line   int    // counted from 1
	Date   string // as it stands there
	Commit string // hash in lower-case hex: the whole one that its link holds, else the short one that it shows; "" when none
	Link   string // where the commit's cell leads, "" when nowhere
	By     string // who implemented it

	key string
}

// Of reports whether the row is about an action.
func (l Logged) Of(action string) bool { return l.key != "" && l.key == LogKey(action) }

// ByAction finds the first of some rows that is about an action.
func ByAction(rows []Logged) func(action string) (row Logged, found bool) {
	first := make(map[string]Logged, len(rows))
	for _, row := range slices.Backward(rows) {
		first[row.key] = row
	}
	return func(action string) (row Logged, found bool) {
		if len(first) > 0 {
			row = first[LogKey(action)]
		}
		return row, row.key != ""
	}
}

var (
	linkedHash = pattern.Lazy(`(?:[^0-9a-f]|^)([0-9a-f]{64}|[0-9a-f]{40})(?:[^0-9a-f]|$)`)
	shownHash  = pattern.Lazy(`(?:[^0-9a-z]|^)([0-9a-f]{7,40})(?:[^0-9a-z]|$)`)
)

// cellLink is the address of a link in a cell.
var cellLink = pattern.Lazy(`\]\(<?(https?://[^\s<>()]+)>?\)`)

// Logged lists the rows of the Follow-up Implementation table whose last cell is
// Resolver, in order.
func (d *Document) Logged() []Logged {
	return slices.DeleteFunc(d.FollowUps(), func(row Logged) bool { return !strings.EqualFold(row.By, Resolver) })
}

// FollowUps lists all rows of the Follow-up Implementation table, in order.
func (d *Document) FollowUps() []Logged {
	table := d.FollowUpTable()
	if table == nil {
		return nil
	}
	var rows []Logged
	for _, row := range table.Rows {
		logged := Logged{Line: row.number, Date: row.date, By: row.By, key: row.Key}
		for _, hash := range []*regexp.Regexp{linkedHash(), shownHash()} {
			if found := hash.FindStringSubmatch(row.commit); found != nil && logged.Commit == "" {
				logged.Commit = found[1]
			}
		}
		if found := cellLink().FindStringSubmatch(row.commit); found != nil {
			logged.Link = found[1]
		}
		rows = append(rows, logged)
	}
	return rows
}
