package dashboard

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/target"
)

var policy = classify.Policy{SafeTypes: []term.Type{"Alert", "Config", "Monitor"}, Inferred: classify.Tables, AllowPaths: []string{"stacks/**"}}

const nfs = "docs/post-mortems/2026-04-14-nfs.md"

// nfsDocument has an item of every state but Proposed.
const nfsDocument = `# Post-mortem: NFS

**Severity**: SEV2
**Services**: storage, web

## Action Items

| Priority | Action | Type | Details | Owner | Due | Status |
|---|---|---|---|---|---|---|
| P1 | Add an alert on NFS retransmissions | Alert | | **ann** | 2026-05-01 | TODO |
| P2 | Add an alert on stale handles | Alert | | | | TODO |
| P0 | Move the volumes | Migration | | | | TODO |
| P2 | Write down how NFS is mounted | Runbook | | | | Approved |
| P2 | Look at it | Investigation | | | | perhaps |
| P2 | Add a panel to the board | Config | | | | Done |
| P2 | Add an alert on the mount | Alert | | | | Done |
| P2 | Buy disks | | | | | Declined |

## Follow-up Implementation

| Date | Action | Priority | Type | Commit | Implemented By |
|---|---|---|---|---|---|
| — | Add an alert on stale handles | P2 | Alert | — | Needs human review |
| 2026-04-20 | Add an alert on the mount | P2 | Alert | [` + "`abc1234`" + `](https://forge.example/commit/abc1234abc1234abc1234abc1234abc1234abc12) | postmortem-todo-resolver |
`

func parsed(t *testing.T, name, src string) *postmortem.Document {
	t.Helper()
	doc := postmortem.Parse(name, []byte(src), policy)
	if len(doc.Items) == 0 {
		t.Fatalf("no items: %v", doc.Problems)
	}
	return doc
}

// find is the item of a document whose action has a text.
func find(t *testing.T, d Document, text string) Item {
	t.Helper()
	for _, one := range d.Items {
		if strings.Contains(one.Action, text) {
			return one
		}
	}
	t.Fatalf("no item %q in %+v", text, d.Items)
	return Item{}
}

var today = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func TestItemsSayWhatBecameOfThem(t *testing.T) {
	known := Known{Today: today, Targets: target.Targets{"P1": 30 * 24 * time.Hour}}
	read := known.Read(parsed(t, nfs, nfsDocument), nfs)
	if diff := cmp.Diff(Document{File: nfs, Title: "Post-mortem: NFS", Date: "2026-04-14", Severity: "SEV2", Services: []string{"storage", "web"}},
		read, cmpopts.IgnoreFields(Document{}, "Items"), cmpopts.IgnoreUnexported(Document{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const opened = "2026-04-14"
	for text, want := range map[string]Item{
		"retransmissions": {Priority: "P1", Type: "Alert", State: Automatic, Owner: "ann", Due: "2026-05-01", Opened: opened, Target: "2026-05-13", Changed: opened},
		"stale handles":   {Priority: "P2", Type: "Alert", State: Person, Why: "a run tried it, and left it to a person", Opened: opened, Changed: opened},
		"volumes":         {Priority: "P0", Type: "Migration", State: Person, Reason: "type-not-safe", Why: "work of this type needs a person", Opened: opened, Changed: opened},
		"Write down":      {Priority: "P2", Type: "Runbook", State: Approval, Reason: "type-not-safe", Why: "work of this type needs a person", Opened: opened, Changed: opened},
		"Look at it":      {Priority: "P2", Type: "Investigation", State: Unclear, Opened: opened, Changed: opened},
		"panel":           {Priority: "P2", Type: "Config", State: Done, By: ByPeople, Opened: opened, Changed: opened},
		"the mount":       {Priority: "P2", Type: "Alert", State: Done, By: ByProgram, Opened: opened, Closed: "2026-04-20", Changed: "2026-04-20", Commit: "abc1234abc1234abc1234abc1234abc1234abc12", Link: "https://forge.example/commit/abc1234abc1234abc1234abc1234abc1234abc12"},
		"Buy disks":       {Priority: "P2", State: Declined, Opened: opened, Changed: opened},
	} {
		if diff := cmp.Diff(want, find(t, read, text), cmpopts.IgnoreFields(Item{}, "ID", "Line", "Action", "Way")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	if way := find(t, read, "volumes").Way; way == "" || strings.Contains(way, "`") {
		t.Errorf("what to do: %q", way)
	}
}

// TestADateOfClosingIsTheBestThatIsKnown asks every source in turn.
func TestADateOfClosingIsTheBestThatIsKnown(t *testing.T) {
	doc := parsed(t, nfs, nfsDocument)
	panel := find(t, Known{}.Read(doc, nfs), "panel")
	ref := record.Ref{Document: nfs, Item: panel.ID}
	version := func(h *History, status, day string) {
		when, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		h.AddVersion(parsed(t, nfs, strings.Replace(nfsDocument, "| Add a panel to the board | Config | | | | Done |", "| Add a panel to the board | Config | | | | "+status+" |", 1)), when)
	}
	var history History
	version(&history, "TODO", "2026-04-15")
	version(&history, "Done", "2026-04-16")
	version(&history, "TODO", "2026-04-17") // it was opened again
	version(&history, "Done", "2026-04-18")
	version(&history, "Done", "2026-04-19")
	var fixed History
	fixed.AddCommit(strings.Repeat("ab", 20), "fix\n\nPost-Mortem-Document: "+nfs+"\nPost-Mortem-Item: "+panel.ID+"\nPost-Mortem-Plan: sha256:"+strings.Repeat("0", 64), time.Date(2026, 4, 21, 5, 0, 0, 0, time.UTC))
	recorded := func(one Item) Recorded { return Recorded{items: map[record.Ref]Item{ref: one}} }
	for name, test := range map[string]struct {
		known    Known
		closed   string
		by, link string
	}{
		"nobody knows":                 {Known{}, "", ByPeople, ""},
		"the versions of the document": {Known{History: history}, "2026-04-18", ByPeople, ""},
		"a fix commit":                 {Known{History: fixed, Commit: func(hash string) string { return "https://forge.example/" + hash[:4] }}, "2026-04-21", ByProgram, "https://forge.example/abab"},
		"an earlier index":             {Known{History: fixed, Recorded: recorded(Item{State: Done, Closed: "2026-05-05"})}, "2026-05-05", ByProgram, ""},
		"it was open in an earlier":    {Known{Today: today, Recorded: recorded(Item{State: Person})}, "2026-06-01", ByPeople, ""},
		"a date before the incident":   {Known{Recorded: recorded(Item{State: Done, Closed: "2020-01-01"})}, "2026-04-14", ByPeople, ""},
	} {
		got := find(t, test.known.Read(doc, nfs), "panel")
		if got.Closed != test.closed || got.By != test.by || got.Link != test.link {
			t.Errorf("%s: closed %q by %s, %q", name, got.Closed, got.By, got.Link)
		}
	}
}

func TestAProposalWaitsWhereItsBranchIs(t *testing.T) {
	known := Known{Proposal: func(ref record.Ref) (branch, link string) { return "pm-todos/x", "https://forge.example/pulls/3" }}
	read := known.Read(parsed(t, nfs, nfsDocument), nfs)
	if got := find(t, read, "volumes"); got.State != Proposed || got.Branch != "pm-todos/x" || got.Link != "https://forge.example/pulls/3" || got.Reason != "" {
		t.Errorf("%+v", got)
	}
	if got := find(t, read, "panel"); got.State != Done || got.Branch != "" {
		t.Errorf("what is done waits: %+v", got)
	}
}

// TestTheTimeOfWritingStaysWhileNothingElseDiffers writes on several days.
func TestTheTimeOfWritingStaysWhileNothingElseDiffers(t *testing.T) {
	write := func(src string, present Files, day int) Files {
		now := time.Date(2026, 6, day, 7, 0, 0, 123, time.FixedZone("", 3600))
		known := Known{Recorded: Recall(present.JSON), Today: now}
		files, err := Write("docs/post-mortems/index.html", []Document{known.Read(parsed(t, nfs, src), nfs)}, nil, present, now)
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	first := write(nfsDocument, Files{}, 1)
	if !strings.Contains(string(first.JSON), `"written": "2026-06-01T06:00:00Z"`) {
		t.Errorf("%s", first.JSON[:200])
	}
	if diff := cmp.Diff(first, write(nfsDocument, first, 2)); diff != "" {
		t.Errorf("the same on another day (-first +second):\n%s", diff)
	}
	closed := write(strings.Replace(nfsDocument, "| Move the volumes | Migration | | | | TODO |", "| Move the volumes | Migration | | | | Done |", 1), first, 3)
	if !strings.Contains(string(closed.JSON), `"written": "2026-06-03T06:00:00Z"`) || !strings.Contains(string(closed.JSON), `"closed": "2026-06-03"`) {
		t.Errorf("what changed is not of its day:\n%s", closed.JSON)
	}
	for name, spoilt := range map[string]Files{
		"a page of another version": {Page: []byte("x"), JSON: first.JSON, Feed: first.Feed},
		"a damaged JSON":            {Page: first.Page, JSON: []byte("{"), Feed: first.Feed},
	} {
		if again := write(nfsDocument, spoilt, 4); !strings.Contains(string(again.JSON), `"written": "2026-06-04T06:00:00Z"`) {
			t.Errorf("%s: it is not written again", name)
		}
	}
}
