package postmortem

import (
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// TestStruckOutIsWithdrawn strikes through one cell after another, in each of the
// forms that renderers know.
func TestStruckOutIsWithdrawn(t *testing.T) {
	for name, test := range map[string]struct {
		row    string
		class  Class
		reason reason.Code
	}{
		"nothing":               {"| P2 | Add alert | Alert | x | TODO |", ClassSafe, ""},
		"action":                {"| P2 | ~~Add alert~~ | Alert | x | TODO |", ClassDeclined, ""},
		"action, one tilde":     {"| P2 | ~Add alert~ | Alert | x | TODO |", ClassDeclined, ""},
		"action, del":           {"| P2 | <del>Add alert</del> | Alert | x | TODO |", ClassDeclined, ""},
		"action, s":             {"| P2 | <S>Add alert</S> (by bob) | Alert | x | TODO |", ClassDeclined, ""},
		"action with code":      {"| P2 | ~~`Up` alert~~ | Alert | x | TODO |", ClassDeclined, ""},
		"status":                {"| P2 | Add alert | Alert | x | ~~TODO~~ |", ClassDeclined, ""},
		"status, one tilde":     {"| P2 | Add alert | Alert | x | ~Open~ |", ClassDeclined, ""},
		"status, del":           {"| P2 | Add alert | Alert | x | <del>TODO</del> |", ClassDeclined, ""},
		"status struck, Done":   {"| P2 | Add alert | Alert | x | ~~TODO~~ Done |", ClassDone, ""},
		"action struck, Done":   {"| P2 | ~~Add alert~~ | Alert | x | Done |", ClassDone, ""},
		"type":                  {"| P2 | Add alert | ~~Alert~~ | x | TODO |", ClassSkipped, reason.StruckOut},
		"details":               {"| P2 | Add alert | Alert | ~~x~~ y | TODO |", ClassSkipped, reason.StruckOut},
		"priority":              {"| ~~P1~~ P2 | Add alert | Alert | x | TODO |", ClassSkipped, reason.StruckOut},
		"part of the action":    {"| P2 | Add ~~two~~ alert | Alert | x | TODO |", ClassSkipped, reason.StruckOut},
		"element never closed":  {"| P2 | Add alert | Alert | <s>x | TODO |", ClassSkipped, reason.StruckOut},
		"tilde for about":       {"| P2 | Add alert | Alert | ~5 minutes, then ~10 | TODO |", ClassSafe, ""},
		"tildes in two cells":   {"| P2 | Add alert ~a | Alert | b~ | TODO |", ClassSafe, ""},
		"tildes in a code span": {"| P2 | Add alert | Alert | `~~x~~` | TODO |", ClassSafe, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if item := one(t, test.row, defaultPolicy); item.Class != test.class || item.Reason() != test.reason {
				t.Errorf("%s, %v; want %s, %s", item.Class, item.Reasons, test.class, test.reason)
			}
		})
	}
}

func TestACellOpensNothingBeyondItsRow(t *testing.T) {
	for _, opening := range []string{"<details>", "<!-- x", "</details>"} {
		doc := Parse("d.md", lines("| Action | Type | Details | Status |", "|---|---|---|---|", "| Add alert A | Alert | "+opening+" | TODO |", "| Add alert B | Alert | x | TODO |",
			"", "## Action items", "", "- [ ] [Alert] Add alert C"), defaultPolicy)
		if len(doc.Items) != 3 || !doc.Items[0].Safe() || !doc.Items[1].Safe() || !doc.Items[2].Safe() {
			t.Errorf("%s: %+v", opening, doc.Items)
		}
	}
}

func TestTwoActionColumnsMakeTheirRowsUnclear(t *testing.T) {
	for header, want := range map[string]Class{
		"| Action | Task | Type | Status |":                  ClassUnclear,
		"| Task | Action | Type | Status |":                  ClassUnclear,
		"| Short-term action | Next action | Type | State |": ClassUnclear,
		"| Action | Description | Type | Status |":           ClassSafe, // the details
		"| Action | Owner | Type | Status |":                 ClassSafe,
	} {
		doc := Parse("d.md", lines(header, "|---|---|---|---|", "| Add alert A | Add alert B | Alert | TODO |"), defaultPolicy)
		if len(doc.Items) != 1 || doc.Items[0].Class != want || want == ClassUnclear && doc.Items[0].Reason() != reason.AmbiguousAction {
			t.Errorf("%s: %+v", header, doc.Items)
		}
	}
	doc := Parse("d.md", lines("| Action | Description | Type | Status |", "|---|---|---|---|", "| Set a timeout | in the vault | Config | TODO |"), defaultPolicy)
	if doc.Items[0].Details != "in the vault" || doc.Items[0].Safe() {
		t.Errorf("the rules do not see a description: %+v", doc.Items[0])
	}
}

func TestPlaceholderInOwnerOrDue(t *testing.T) {
	for cells, want := range map[string]bool{
		"[Name] | 2026-05-01": true, "alice | DD/MM/YYYY": true, "alice | MM/DD/YYYY": true, "alice | TT.MM.JJJJ": true, "alice | JJ/MM/AAAA": true,
		"alice | AAAA-MM-DD": true, "<owner> | ": true, "[@alice](https://x.example) | 2026-05-01": false, "alice | 01/05/2026": false,
		"TBD | ": true, "tbd (SRE) | ": true, "alice | TBD": true, "alice | tbc": true, "@tbd | ": true, "?? | ": true, "alice | ???": true, "alice | 20XX-XX-XX": true,
		"none | ": false, "n/a | -": false, "alice | Q3": false, "team tbdev | ": false, "[SRE] | ": false,
	} {
		doc := Parse("d.md", lines("| Action | Type | Owner | Due | Status |", "|---|---|---|---|---|", "| Add alert | Alert | "+cells+" | TODO |"), defaultPolicy)
		if got := doc.Items[0].Reason() == reason.Placeholder; got != want {
			t.Errorf("%s: %v", cells, doc.Items[0].Reasons)
		}
	}
}

// TestHeadingsThatTeamsWrite opens a section by each heading, with a box below it.
func TestHeadingsThatTeamsWrite(t *testing.T) {
	for _, title := range []string{
		"Post-Mortem Action Items", "Post Mortem Action Items", "Follow-Up-Items", "Action items [open]", "Action items（未完了）", "Proposal improvements", "Proposed improvements",
		"Actionable items", "Known follow-ups", "Follow-up tasks", "Deferred work", "Process improvements",
		"Acciones preventivas", "Acciones", "Seguimiento", "Pendientes", "待办", "后续行动", "Actions à mener", "Plan d'action", "Plan d’action", "Maßnahmen",
		"Offene Punkte", "OFFENE PUNKTE", "アクションアイテム", "ações corretivas e preventivas", "Próximos passos", "2. Acciones preventivas",
		"Weitere Schritte", "Folgemaßnahmen", "Vorbeugende Maßnahmen", "Actions de suivi", "Suites à donner", "Mesures correctives", "Acciones de seguimiento",
		"Ações de acompanhamento", "後続対応", "改进项", "后续步骤", "整改措施", "行動項目", "후속 조치", "액션 아이템", "조치 사항",
	} {
		doc := Parse("d.md", lines("# X", "", "## "+title, "", "- [ ] [Alert] Add alert"), defaultPolicy)
		if len(doc.Items) != 1 {
			t.Errorf("%q opens no section", title)
		}
	}
}

// TestOnlyHeadingsOfFollowUpsBear gives each heading a box that is safe unless the
// heading says that it is settled.
func TestOnlyHeadingsOfFollowUpsBear(t *testing.T) {
	for _, test := range []struct {
		title, below string
		want         reason.Code
	}{
		{"# Postmortem: complete outage of the shop", "## Action items", ""},
		{"# Completed", "## Action items", ""},
		{"# X", "## Action items: complete outage of the shop", ""},
		{"## Rejected writes: cause", "### Action items", ""},
		{"## The optional field (rejected writes)", "### Action items", ""},
		{"# X", "## Action items (optional field)", ""},
		{"# X", "## Action items (not yet done)", ""},
		{"# X", "## Completed action items", reason.Overtaken},
		{"# X", "## Action items [done]", reason.Overtaken},
		{"# X", "## Action items — completed by SRE", reason.Overtaken},
		{"## Monitoring (done)", "### Action items", reason.Overtaken},
		{"# X", "## Optional improvements", reason.Hedged},
		{"## Deferred", "### Action items", reason.Hedged},
	} {
		doc := Parse("d.md", lines(test.title, "", test.below, "", "- [ ] [Alert] Add alert"), defaultPolicy)
		if len(doc.Items) != 1 || doc.Items[0].Reason() != test.want {
			t.Errorf("%s, %s: %v, want %q", test.title, test.below, doc.Items, test.want)
		}
	}
}

func TestBulletsBelowABoldLabelAreReported(t *testing.T) {
	doc := Parse("d.md", lines("- **Action items**:", "  - Add an alert on a", "  - Add an alert on b", "- other", "  - Add an alert on c"), defaultPolicy)
	if len(doc.Unclear()) != 2 {
		t.Errorf("%+v", doc.Items)
	}
}

func TestSeveralTagsOfABoxAllCount(t *testing.T) {
	for text, safe := range map[string]bool{
		"[Alert] Add alert": true, "[Alert] [Runbook] Add alert": false, "[Runbook] [Alert] Add alert": false, "[P1] [Alert] [SRE] Add alert": true,
		"[Alert] Add alert (Runbook)": false, "[Alert] [WIP] Add alert": false, "[Alert] [Approved] Add alert": true, "[Alert] Add alert (alert)": true,
	} {
		doc := Parse("d.md", lines("## Action items", "", "- [ ] "+text), defaultPolicy)
		if doc.Items[0].Safe() != safe {
			t.Errorf("%s: %v", text, doc.Items[0].Reasons)
		}
	}
}

func TestBoxesOutsideFollowUpHeadingsAreNoted(t *testing.T) {
	in := Inspect("d.md", lines("# X", "", "## Ideas", "", "- [ ] a", "- [x] b", "- [ ] c", "", "## Deployment checklist", "", "- [ ] d", "", "## Action items", "", "- [ ] Add alert"), defaultPolicy)
	for line, want := range map[int]Why{5: WhyOutside, 6: WhyOutside, 7: WhyOutside, 11: WhyOtherTopic} {
		if !slices.ContainsFunc(in.Passed, func(p Passed) bool { return p.Line == line && p.Why == want }) {
			t.Errorf("the box in line %d is not noted as %s: %+v", line, want, in.Passed)
		}
	}
}

func TestTemplatesAndIndexesAreNoDocuments(t *testing.T) {
	for _, name := range []string{"incident-template.md", "000-Template.md", "YYYY-MM-DD-TEMPLATE.md", "README.ja.md", "readme-first.md", "index.de.md", "_index.md"} {
		if IsDocument("docs/" + name) {
			t.Errorf("%s is a document", name)
		}
	}
	if !IsDocument(strings.ToUpper("docs/2026-04-14-index-outage.md")) {
		t.Error("an outage of an index is none")
	}
}
