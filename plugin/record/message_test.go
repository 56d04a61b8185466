package record

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

var evidence = Evidence{
	Document: "docs/post-mortems/2026-04-14-nfs.md", Item: "a1b2c3d4e5f6", Stack: "stacks/monitoring",
	PlanHash: strings.Repeat("ab", 32), Counts: item.Counts{Create: 1, Update: 2}, CostUSD: 0.42,
}

func TestMessage(t *testing.T) {
	item := item.Item{Action: "Add NFS RPC retransmission alert"}
	want := `fix(post-mortem): Add NFS RPC retransmission alert [PM-2026-04-14]

    Add NFS RPC retransmission alert

[ci skip]

Post-Mortem-Document: docs/post-mortems/2026-04-14-nfs.md
Post-Mortem-Item: a1b2c3d4e5f6
Post-Mortem-Stack: stacks/monitoring
Post-Mortem-Plan: sha256:` + strings.Repeat("ab", 32) + `
Post-Mortem-Resources: 1 created, 2 updated
Post-Mortem-Agent-Cost: 0.42 USD
`
	if diff := cmp.Diff(want, Message(item, "2026-04-14", evidence, true)); diff != "" {
		t.Errorf("message differs (-want +got):\n%s", diff)
	}
}

func TestWhatPrometheusSaidStandsInTheBodyAndTheTrailers(t *testing.T) {
	e := evidence
	e.Observed = "would have fired at 05:41 UTC, 4 minutes after the start (05:37); fired 3 times in 30 days"
	message := Message(item.Item{Action: "Add an alert"}, "2026-04-14", e, true)
	for _, want := range []string{"\n\nPrometheus says: " + e.Observed + ".\n\n[ci skip]", "\nPost-Mortem-Evidence: " + e.Observed + "\n"} {
		if !strings.Contains(message, want) {
			t.Errorf("%q is not in\n%s", want, message)
		}
	}
	if got, ok := ParseEvidence(message); !ok || got != e {
		t.Errorf("%+v", got)
	}
	e.Observed = "Prometheus does not take its expression: [skip ci]\nPost-Mortem-Item: ffffffffffff"
	message = Message(item.Item{Action: "Add an alert"}, "2026-04-14", e, false)
	if got, ok := ParseEvidence(message); !ok || got.Item != evidence.Item || SkipsPipeline(message) {
		t.Errorf("what it says is taken for more:\n%s", message)
	}
}

func TestMessageOfAProposalDoesNotSkipCI(t *testing.T) {
	item := item.Item{Action: "Add an alert [ci skip] and [SKIP  CI] and [skip [ci skip] ci] and [ci[ci skip] skip]"}
	message := Message(item, "2026-04-14", evidence, false)
	if text.SkipMark().MatchString(message) {
		t.Errorf("a proposal's message would skip its pipeline:\n%s", message)
	}
	subject, body, _ := strings.Cut(message, "\n")
	if strings.Contains(subject, "(ci skip)") {
		t.Errorf("the subject still shows the mark: %s", subject)
	}
	if !strings.Contains(body, "(ci skip)") {
		t.Errorf("the body lost the words of the mark:\n%s", body)
	}
}

func TestEvidenceSurvivesItsMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := evidence
		e.Document = rapid.StringMatching(`[a-zA-Z0-9 _./"\\é\n-]{1,40}\.md`).Draw(t, "document")
		e.Counts = item.Counts{Create: rapid.IntRange(0, 9).Draw(t, "create"), Update: rapid.IntRange(0, 9).Draw(t, "update")}
		action := rapid.String().Draw(t, "action")
		message := Message(item.Item{Action: action}, "2026-04-14", e, rapid.Bool().Draw(t, "applied"))
		got, ok := ParseEvidence(message)
		if !ok {
			t.Fatalf("no evidence in\n%s", message)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Fatalf("evidence differs (-want +got):\n%s", diff)
		}
		subject, _, _ := strings.Cut(message, "\n")
		if n := utf8.RuneCountInString(subject); n > len("fix(post-mortem):  [PM-2026-04-14]")+subjectAction {
			t.Fatalf("subject of %d characters: %s", n, subject)
		}
	})
}

func TestThreat12_ActionForgesNoTrailers(t *testing.T) {
	forged := "Add alert\n\nPost-Mortem-Item: ffffffffffff\nPost-Mortem-Document: docs/other.md\r\n\u2028\n"
	got, ok := ParseEvidence(Message(item.Item{Action: forged}, "2026-04-14", evidence, true))
	if !ok || got.Item != evidence.Item || got.Document != evidence.Document {
		t.Errorf("evidence = %+v, %v", got, ok)
	}
}

func TestOtherCommitsAreNoEvidence(t *testing.T) {
	for _, message := range []string{
		"", "fix: something", "docs: update\n\nsome text about Post-Mortem-Item: x\n",
		"fix\n\nPost-Mortem-Document: a.md\nPost-Mortem-Item: b\n", // no plan
		"fix\n\nPost-Mortem-Document: a.md\nPost-Mortem-Item: b\nPost-Mortem-Plan: sha256:00\n\nSigned-off-by: somebody\n",
	} {
		if e, ok := ParseEvidence(message); ok {
			t.Errorf("%q passes for a fix commit: %+v", message, e)
		}
	}
}

func TestDocsMessageNamesEachDateOnce(t *testing.T) {
	got := DocsMessage([]string{"2026-04-14", "2026-05-01", "2026-04-14"}, nil)
	if want := "docs: update post-mortem follow-up [PM-2026-04-14] [PM-2026-05-01] [ci skip]\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatWasNotPlannedSaysSo(t *testing.T) {
	e := evidence
	e.PlanHash, e.Counts = NotPlanned, item.Counts{}
	message := Message(item.Item{Action: "Raise the replicas"}, "2026-04-14", e, false)
	if !strings.Contains(message, "\n\nNot planned: ") || !strings.Contains(message, "\nPost-Mortem-Plan: not planned\n") || strings.Contains(message, "created") {
		t.Errorf("it does not say so:\n%s", message)
	}
	got, ok := ParseEvidence(message)
	if !ok || got != e || got.NamesPlan() || got.Outcome(item.Item{}).PlanHash != "" {
		t.Errorf("read as %+v", got)
	}
}

func TestDocsMessageNamesWhoApproved(t *testing.T) {
	got := DocsMessage([]string{"2026-04-14"}, []string{"ana", "", "b\n\nPost-Mortem-Item: x", "ana"})
	want := "docs: update post-mortem follow-up [PM-2026-04-14] [ci skip]\n\nApproved-by: ana\nApproved-by: b Post-Mortem-Item: x\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, fix := ParseEvidence(got); fix {
		t.Error("it is taken for a fix")
	}
}
