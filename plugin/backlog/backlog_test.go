package backlog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/target"
)

const rows = `# Outage

| Priority | Action | Type | Owner | Due | Status |
|---|---|---|---|---|---|
| P2 | Add an alert on NFS errors | Alert | ana | 2026-04-20 | TODO |
| P0 | Migrate the registry | Migration | | | TODO |
| P1 | Add an alert on disks | Alert | | | Done |
| P1 | Add an alert on memory | Alert | | 2026-06-01 | TODO |
`

func TestOpenItemsKnowHowLongTheyWaitAndWhatTheyPassed(t *testing.T) {
	policy := classify.Policy{SafeTypes: []term.Type{term.Alert}, Inferred: classify.Tables, AllowPaths: []string{"stacks/**"}}
	var documents []*postmortem.Document
	for _, name := range []string{"2026-04-01-a.md", "2026-03-01-b.md", "undated.md", "2027-01-01-c.md"} {
		documents = append(documents, postmortem.Parse(name, []byte(rows), policy))
	}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	var got []string
	for _, o := range backlog.Of(documents, target.Targets{"P1": 40 * 24 * time.Hour}, at) {
		got = append(got, fmt.Sprintf("%s %s %s %dd overdue=%t late=%t", o.Priority, o.Document, o.Lane, o.Age/(24*time.Hour), o.Overdue, o.Late))
	}
	want := []string{
		"P0 2026-03-01-b.md person 61d overdue=false late=false",
		"P0 2026-04-01-a.md person 30d overdue=false late=false",
		"P0 2027-01-01-c.md person 0d overdue=false late=false",
		"P0 undated.md person 0d overdue=false late=false",
		"P1 2026-03-01-b.md automatic 61d overdue=false late=true",
		"P1 2026-04-01-a.md automatic 30d overdue=false late=false",
		"P1 2027-01-01-c.md automatic 0d overdue=false late=false",
		"P1 undated.md automatic 0d overdue=false late=false",
		"P2 2026-03-01-b.md automatic 61d overdue=true late=false",
		"P2 2026-04-01-a.md automatic 30d overdue=true late=false",
		"P2 2027-01-01-c.md automatic 0d overdue=true late=false",
		"P2 undated.md automatic 0d overdue=true late=false",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
