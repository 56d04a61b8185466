package postmortem

import (
	"regexp"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Logged is a row of the Follow-up Implementation table that names this program
// as the one who implemented an item.
type Logged struct {
	Line   int    // counted from 1
	Date   string // as it stands there
	Commit string // hash in lower-case hex: the whole one that its link holds, else the short one that it shows; "" when none

	key string
}

// Of reports whether the row is about an action.
func (l Logged) Of(action string) bool { return l.key != "" && l.key == LogKey(action) }

var (
	linkedHash = pattern.Lazy(`(?:[^0-9a-f]|^)([0-9a-f]{64}|[0-9a-f]{40})(?:[^0-9a-f]|$)`)
	shownHash  = pattern.Lazy(`(?:[^0-9a-z]|^)([0-9a-f]{7,40})(?:[^0-9a-z]|$)`)
)

// Logged lists the rows of the Follow-up Implementation table whose last cell is
// Resolver, in order.
func (d *Document) Logged() []Logged {
	table := d.FollowUpTable()
	if table == nil {
		return nil
	}
	var rows []Logged
	for _, row := range table.Rows {
		if !strings.EqualFold(row.By, Resolver) {
			continue
		}
		logged := Logged{Line: row.number, Date: row.date, key: row.Key}
		for _, hash := range []*regexp.Regexp{linkedHash(), shownHash()} {
			if found := hash.FindStringSubmatch(row.commit); found != nil && logged.Commit == "" {
				logged.Commit = found[1]
			}
		}
		rows = append(rows, logged)
	}
	return rows
}
