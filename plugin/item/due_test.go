package item

import (
	"testing"
	"time"
)

func TestOnlyADateOfISO8601IsEverOverdue(t *testing.T) {
	at := time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	for due, want := range map[string]bool{
		"2026-05-01": true, " 2026-05-01 ": true, "2025-12-31": true,
		"2026-05-02": false, "2026-06-01": false, // the day itself is not over
		"": false, "01/05/2026": false, "2026/05/01": false, "2026-5-1": false, "Q1": false, "2026-02-30": false, "**2026-05-01**": false, "2026-05-01 or later": false,
	} {
		if got := (Item{Due: due}).Overdue(at); got != want {
			t.Errorf("%q: overdue %t", due, got)
		}
	}
}
