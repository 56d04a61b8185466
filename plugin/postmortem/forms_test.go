package postmortem

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
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
		"[Nom] | ": true, "[Équipe] | ": true, "<équipe> | ": true, "[Responsable] | JJ/MM/AAAA": true, "à définir | ": true, "alice | à définir": true, "Zoé | ": false,
		"[Verantwortlicher] | ": true, "<Zuständig> | ": true, "[Name] | TT.MM.JJJJ": true, "noch offen | ": true, "zu klären | ": true, "Jörg | ": false,
		"[Nombre] | ": true, "[Responsable] | ": true, "por definir | ": true, "José | ": false,
		"[Responsável] | ": true, "<responsável> | ": true, "[Serviço] | ": true, "a definir | ": true, "João | ": false,
		"[担当者] | ": true, "［担当者］ | ": true, "【氏名】 | ": true, "<名前> | ": true, "[担当者名] | ": true, "未定 | ": true, "佐藤 | YYYY年MM月DD日": true, "佐藤 | 2026年5月1日": false,
		"[负责人] | ": true, "【负责人】 | ": true, "<姓名> | ": true, "待定 | ": true, "王伟 | ": false,
		"[담당자] | ": true, "<이름> | ": true, "[담당자명] | ": true, "미정 | ": true, "김철수 | ": false,
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
		if len(doc.Items) != 1 || len(doc.Outside) > 0 {
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

// TestTablesOfAllLanguages reads a table by the names of its columns, its type and its
// open status, as teams of each language write them.
func TestTablesOfAllLanguages(t *testing.T) {
	for row, want := range map[string]term.Type{
		"Maßnahme | Typ | Status | Alarm | offen": term.Alert, "Maßnahme | Art | Status | Überwachung | nicht begonnen": term.Monitor, "Aktion | Typ | Status | Konfiguration | Offen": term.Config,
		"Action | Type | Statut | Alerte | à faire": term.Alert, "Tâche | Genre | État | Sonde | À faire": term.Monitor,
		"Acción | Tipo | Estado | Alerta | pendiente": term.Alert, "Tarea | Tipo | Estado | Monitoreo | Pendiente": term.Monitor, "Acción | Tipo | Estado | Configuración | abierto": term.Config,
		"Ação | Tipo | Status | Alerta | a fazer": term.Alert, "Tarefa | Tipo | Situação | Monitoramento | em aberto": term.Monitor, "Ação | Tipo | Estado | Configuração | Pendente": term.Config,
		"アクション | 種別 | ステータス | アラート | 未着手": term.Alert, "対応 | 種類 | 状態 | 監視 | 未対応": term.Monitor, "アクション | タイプ | 状態 | 設定 | 未": term.Config,
		"行动项 | 类型 | 状态 | 告警 | 待处理": term.Alert, "措施 | 类型 | 状态 | 监控 | 未完成": term.Monitor, "任务 | 类型 | 状态 | 配置 | 待办": term.Config, "行動項目 | 類型 | 狀態 | 告警 | 待办": term.Alert,
		"조치 | 유형 | 상태 | 알림 | 할 일": term.Alert, "작업 | 종류 | 상태 | 모니터링 | 대기": term.Monitor, "액션 아이템 | 타입 | 상태 | 설정 | 미완료": term.Config,
		"Action | Action type | Status | Alert | TODO": term.Alert, "Action | Type of action | Status | Alert | TODO": term.Alert,
		// Words for why something is done are no types.
		"アクション | 種別 | 状態 | 検知 | 未着手": "", "Acción | Tipo | Estado | Prevención | pendiente": "", "Action | Type | État | Détection | à faire": "",
	} {
		cells := strings.Split(row, " | ")
		doc := Parse("d.md", lines("## Action items", "", "| "+strings.Join(cells[:3], " | ")+" |", "|---|---|---|", "| Add the disk limit alert | "+cells[3]+" | "+cells[4]+" |"), defaultPolicy)
		if len(doc.Items) != 1 || doc.Items[0].Type != string(want) || doc.Items[0].Safe() != (want != "") {
			t.Errorf("%s: %+v", row, doc.Items)
		}
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
	doc := Parse("d.md", lines("# X", "", "## Ideas", "", "- [ ] a", "- [x] b", "- [ ] c", "", "## Deployment checklist", "", "- [ ] d", "", "## Action items", "", "- [ ] Add alert"), defaultPolicy)
	if len(doc.Outside) != 2 || len(doc.Outside[0].Lines) != 2 || doc.Outside[0].Lines[1] != 7 || doc.Outside[0].NoItems || !doc.Outside[1].NoItems {
		t.Errorf("%+v", doc.Outside)
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
