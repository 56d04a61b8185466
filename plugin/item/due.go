package item

import (
	"strings"
	"time"
)

// DueDay is the day by which the item is to be done. Only a date of ISO 8601 is one:
// what others mean by 04/05 nobody knows, and their text is shown as it is.
func (i Item) DueDay() (day time.Time, ok bool) {
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(i.Due))
	return day, err == nil
}

// Overdue reports whether that day was over at a time, in UTC.
func (i Item) Overdue(at time.Time) bool {
	day, ok := i.DueDay()
	return ok && !at.Before(day.AddDate(0, 0, 1))
}
