package digest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/target"
)

const leaked = "hunter22-of-the-vault"

func digest() Digest {
	var redactor secret.Redactor
	redactor.Add(secret.New(leaked))
	const day = 24 * time.Hour
	open := func(priority, kind, action, owner string, days int, late, overdue bool) backlog.Open {
		return backlog.Open{Item: item.Item{Priority: priority, Type: kind, Action: action, Owner: owner, Due: " 2026-11-01 "}, Age: time.Duration(days) * day, Late: late, Overdue: overdue}
	}
	return Digest{
		Repository: "ops/infra", Branch: "main", PipelineURL: "https://ci.example.org/7", Redactor: &redactor,
		Open: []backlog.Open{
			open("P0", "Migration", "Migrate the registry", "ana", 3, false, false),
			open("P1", "Alert", "Add an alert on NFS errors", "", 40, true, false),
			open("P2", "Runbook", "Write a runbook", "ana", 1, false, true),
			open("P2", "Alert", "Add an alert on "+leaked, "bo", 61, false, false),
		},
		Closed: []item.Item{{Priority: "P3", Type: "Config", Action: "Raise the timeout"}}, Since: time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC),
		Targets: target.Targets{"P0": 7 * day, "P1": 30 * day},
	}
}

func TestDigestSaysWhatWaitsForWhom(t *testing.T) {
	got := digest().Message().Plain()
	want := strings.Join([]string{
		"pm-todos: follow-ups of the week: 4 open, 1 past their target, 1 overdue, 1 closed",
		"pm-todos · ops/infra · main · pipeline https://ci.example.org/7",
		"Open, by priority",
		"• P0: 1, the oldest for 3 days (target 7 days, 0 past it)", "• P1: 1, the oldest for 40 days (target 30 days, 1 past it)", "• P2: 2, the oldest for 61 days",
		"To be done first",
		"• P1 Alert: Add an alert on NFS errors — 40 days, past its target",
		"• P2 Runbook: Write a runbook — 1 day, due 2026-11-01, owner ana",
		"• P0 Migration: Migrate the registry — 3 days, owner ana",
		"• P2 Alert: Add an alert on *** — 61 days, owner bo",
		"Who is waited for",
		"• ana: 2, 1 past target or due date", "• nobody is named: 1, 1 past target or due date", "• bo: 1",
		"Closed since 2026-11-20 (1)",
		"• P3 Config: Raise the timeout",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestDigestIsShortHoweverMuchIsOpen has thousands of items whose texts are as long
// as they can be, in characters that take the most room.
func TestDigestIsShortHoweverMuchIsOpen(t *testing.T) {
	d := digest()
	for n := range 5000 {
		long := strings.Repeat("🔥", 200)
		o := backlog.Open{Item: item.Item{Priority: fmt.Sprintf("P%d", n%4), Type: long, Action: "<!channel> " + long, Owner: fmt.Sprint(n) + long, Due: long}, Late: n%2 == 0}
		d.Open, d.Closed = append(d.Open, o), append(d.Closed, o.Item)
	}
	m := d.Message()
	for _, part := range m.Parts {
		limit := map[report.PartKind]int{report.Headline: 150, report.Title: 150, report.Body: 3000, report.Small: 300}[part.Kind]
		for _, text := range append([]string{part.Text}, spans(part)...) {
			if units := len(utf16.Encode([]rune(text))); units > limit {
				t.Errorf("a %s of %d units", part.Kind, units)
			}
		}
	}
	whole, err := json.Marshal(m)
	if err != nil || len(whole) > 12000 || !strings.Contains(string(whole), "… and 4996 more") {
		t.Errorf("%d bytes, %v", len(whole), err)
	}
}

func spans(p report.Part) (texts []string) {
	for _, s := range p.Spans {
		texts = append(texts, s.Text)
	}
	return texts
}

func TestWeeksAreThoseOfTheCalendar(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-27T07:00:00Z": "2026-W48", "2026-11-30T00:00:00Z": "2026-W49", "2026-11-30T00:30:00+01:00": "2026-W48", "2027-01-03T12:00:00Z": "2026-W53",
	} {
		then, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := Week(then); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}
