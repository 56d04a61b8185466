package postmortem

import (
	"strings"
	"unicode"
)

// sectionKind says what a heading promises about the items below it.
type sectionKind int

const (
	sectionUnknown sectionKind = iota // says nothing; the heading above decides
	sectionStrong                     // follow-ups: tables, tasks, and bullets as implicit items
	sectionWeak                       // measures: tables and tasks only
	sectionNever                      // no items at all
	sectionAspect                     // no items, unless a follow-up heading stands above
)

// bearing is the state that a heading gives to the items below it.
type bearing int

const (
	bearNone   bearing = iota
	bearDone           // finished
	bearPerson         // declined, deferred, optional: for a person
)

// section is a heading, or a bold label that serves as one, with what it
// inherits from those above.
type section struct {
	level    int
	kind     sectionKind
	bearing  bearing
	priority Priority
	path     []string // titles, outermost first
}

// Levels of what is no heading but works like one.
const (
	levelLabel = 7 // a lone bold line
	levelItem  = 8 // a bold label in a list item, for the lists in it
)

var strongCores = set(`action items|action item|action item list|actions|action points|action point|action plan|action list|
actions to take|actions required|actions needed|follow ups|follow up|follow up actions|follow up items|follow up tasks|follow up work|
follow up action items|followups|followup|followup actions|followup items|followup tasks|to dos|to do|todo|todos|todo list|to do list|
to do items|todo items|tasks|task list|next steps|next actions|next step|prevention plan|preventive actions|preventative actions|
prevention actions|preventive action items|corrective actions|corrective action|corrective action items|corrective and preventive actions|
corrective actions and preventive actions|corrective and preventative actions|capa|
remediation items|remediation actions|remediation action items|remediation plan|remediation tasks|remediation steps|review actions|
review action items|open items|open actions|open tasks|open issues to follow up|open work|remaining work|work items|outstanding|
outstanding items|outstanding work|pending items|pending work|still open|still to do|left to do|what's next|whats next|actions items|improvement actions|improvement items|improvement tasks|
detection actions|mitigation actions|mitigation items|action items and follow ups|
アクションアイテム|アクション|アクションプラン|今後の対応|対応事項|やること|フォローアップ|行动项|后续行动|待办事项|改进措施|
ações|acoes|itens de ação|itens de acao|plano de ação|plano de acao|ações corretivas|ações preventivas|ações corretivas e preventivas|
próximos passos|proximos passos|pendências|acciones|acciones correctivas|elementos de acción|puntos de acción|plan de acción|
próximos pasos|tareas|actions correctives|actions préventives|plan d'action|prochaines étapes|points d'action|suivi|
maßnahmen|massnahmen|nächste schritte|offene punkte|aufgaben`)

//nolint:misspell // these words are not English
var weakCores = set(`prevention|preventions|preventive measures|preventative measures|prevention measures|prevention strategies|
prevention strategy|prevention recommendations|preventing recurrence|prevent recurrence|recurrence prevention|prevention of recurrence|remediation|remediations|
remediation measures|improvements|improvement|recommendations|recommendation|recommended actions|mitigations|mitigation measures|fixes|
permanent fixes|permanent fix|long term fix|long term fixes|long term solution|corrective measures|countermeasures|hardening|
予防|緩和|再発防止|再発防止策|対策|恒久対策|暫定対策|prevenção|medidas preventivas|medidas corretivas|melhorias|recomendações|
prevención|mejoras|recomendaciones|prévention|améliorations|recommandations|mesures préventives|prävention|verbesserungen|empfehlungen`)

var neverCores = set(`timeline|incident timeline|detailed timeline|event timeline|follow up implementation|impact|user impact|customer impact|
business impact|lessons|lessons learned|lessons learnt|key lessons|learnings|detection gaps|detection gap|root cause|root causes|
root cause analysis|root cause and trigger|testing checklist|deployment checklist|checklist|rollback checklist|verification checklist|
release checklist|pre deployment checklist|post deployment checklist|rollout checklist|success criteria|acceptance criteria|evidence|references|
reference|summary|executive summary|incident summary|overview|background|context|what happened|what went well|what went wrong|
where we got lucky|what could have gone better|what could be improved|contributing factors|contributing factor|actions taken|immediate actions taken|action taken|steps taken|mitigation steps taken|appendix|
appendices|glossary|symptoms|related incidents|related documents|metadata|sign off|approvals|reviewers|attendees|
participants|out of scope|non goals|open questions|changelog|change log|history|revision history|supporting information|supporting data|
タイムライン|影響|影響範囲|根本原因|原因|教訓|参考|参考資料|概要|背景|経緯|検知方法|linha do tempo|cronologia|impacto|causa raiz|
lições aprendidas|resumo|referências|línea de tiempo|cronología|causa raíz|lecciones aprendidas|resumen|referencias|
chronologie|cause racine|leçons apprises|zeitleiste|auswirkungen|ursache|zusammenfassung`)

// aspectCores describe what happened when they stand alone, and sort the items
// when they stand below a follow-up heading.
var aspectCores = set(`detection|response|incident response|resolution|trigger|triggers|metrics|logs|related|links|mitigation|recovery|
process|communication|検知|対応`)

// qualifiers may stand before a core: "Open action items", "Long-term fixes".
var qualifiers = set(`open|required|remaining|pending|immediate|immediately|short|short-term|long|long-term|medium|medium-term|mid|mid-term|
near|near-term|term|revised|detection|prevention|preventive|preventative|proposed|new|key|our|the|recommended|outstanding|high|low|
critical|priority|technical|concrete|suggested|planned|further|future|other|additional|post|post-incident|postmortem|post-mortem|incident|
corrective|remediation|mitigation|completed|complete|done|applied|landed|implemented|finished|shipped|resolved|closed|deferred|declined|
optional|rejected|p0|p1|p2|p3|p4|list|of|updated|engineering|process|monitoring|alerting|infrastructure|operational|all|next|final|tracked|
identified|agreed|team|sre|ops`)

// ownerParts say how items are tracked and change nothing of a title.
var ownerParts = set("owner|owners|ownership|deadlines|due dates|tracking|status|timeline")

var (
	doneWords   = set(`completed|complete|done|applied|landed|implemented|finished|shipped|taken|完了|対応済み|concluído|concluídas|concluídos`)
	personWords = set(`declined|deferred|optional|rejected|wontfix|won't|won’t|保留|見送り|opcional`)
)

var (
	hyphens = strings.NewReplacer("-", " ", "‑", " ", "’", "'")
	joints  = strings.NewReplacer(" and ", "/", " & ", "/", "&", "/", " + ", "/", ", ", "/", " e ", "/", " y ", "/", " et ", "/", " und ", "/")
)

func set(list string) map[string]bool {
	known := make(map[string]bool, 1+strings.Count(list, "|"))
	for word := range strings.SplitSeq(list, "|") {
		known[strings.TrimSpace(word)] = true
	}
	return known
}

// classifyTitle reads a heading by the whole of it: numbers, emoji and markup go
// first, then a trailing note after a parenthesis, colon or dash.
func classifyTitle(title string) (sectionKind, bearing) {
	text := fold(plain(title))
	core, note := splitNote(text)
	core = normalTitle(core)
	return titleKind(core), titleBearing(core, note)
}

// splitNote parts "Remediation (pending)", "Actions: next week" and "Fixes —
// applied" into the title and its note.
func splitNote(text string) (core, note string) {
	at, width := len(text), 0
	for _, mark := range []string{"(", "（", ":", "：", " — ", " – ", " - ", "—", " | "} {
		// A mark at the very beginning is decoration, or follows a number.
		if i := strings.Index(text, mark); i > 0 && i < at && strings.ContainsFunc(text[:i], unicode.IsLetter) && !bareNumber(text[:i]) {
			at, width = i, len(mark)
		}
	}
	return text[:at], text[min(at+width, len(text)):]
}

// bareNumber reports whether a title begins like "P1 — …" or "Phase 2: …", where
// the words after the mark are the title.
func bareNumber(head string) bool {
	fields := splitWords(head)
	if len(fields) == 1 && (headingPriority(fields[0]) != "" || len(fields[0]) == 1) {
		return true
	}
	return len(fields) == 2 && (fields[0] == "section" || fields[0] == "part" || fields[0] == "phase" || fields[0] == "appendix")
}

// normalTitle drops numbering, emoji and punctuation, and makes one space of
// hyphens and spaces.
func normalTitle(core string) string {
	core = strings.TrimLeftFunc(core, func(r rune) bool { return !unicode.IsLetter(r) })
	if head, rest, found := strings.Cut(core, " "); found && bareNumber(head) {
		core = strings.TrimLeftFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
	}
	core = strings.TrimRightFunc(core, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return squeeze(hyphens.Replace(core))
}

func titleKind(core string) sectionKind {
	if s := coreKind(core); s != sectionUnknown {
		return s
	}
	parts := strings.Split(joints.Replace(core), "/")
	if len(parts) < 2 || len(parts) > 4 {
		return sectionUnknown
	}
	best := sectionUnknown
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if i > 0 && ownerParts[part] || i+1 < len(parts) && qualifiers[part] && coreKind(part) == sectionUnknown {
			continue // "Action items & owners", "Corrective and preventive measures"
		}
		switch s := coreKind(part); {
		case s == sectionUnknown:
			return sectionUnknown
		case best == sectionUnknown || s < best:
			best = s
		}
	}
	return best
}

func coreKind(core string) sectionKind {
	if asksPrevention(core) {
		return sectionWeak
	}
	for {
		switch {
		case strongCores[core]:
			return sectionStrong
		case weakCores[core]:
			return sectionWeak
		case neverCores[core]:
			return sectionNever
		case aspectCores[core]:
			return sectionAspect
		}
		head, rest, found := strings.Cut(core, " ")
		if !found || !qualifiers[head] {
			return sectionUnknown
		}
		core = rest
	}
}

// asksPrevention reports whether a title is such as "How will we prevent this from
// happening again".
func asksPrevention(core string) bool {
	if !strings.HasPrefix(core, "how ") && !strings.HasPrefix(core, "what ") && !strings.HasPrefix(core, "prevent") {
		return false
	}
	return strings.Contains(core, "prevent") && (strings.HasPrefix(core, "how ") || strings.HasSuffix(core, " again") || strings.HasSuffix(core, "recurrence"))
}

func titleBearing(core, note string) bearing {
	all := core + " " + note
	if strings.Contains(all, "best practice") || strings.Contains(all, "nice to have") || strings.Contains(all, "nice-to-have") {
		return bearPerson
	}
	if titleKind(core) == sectionUnknown && note == "" {
		// A title of its own words, such as "Applied pressure", says nothing;
		// one that is only the word does.
		all = core
		if !doneWords[core] && !personWords[core] {
			return bearNone
		}
	}
	found := bearNone
	for _, word := range splitWords(all) {
		switch {
		case word == "not" || word == "yet" || word == "be" || word == "pending" || word == "open" || word == "partially" || word == "partly":
			return bearNone
		case personWords[word]:
			return bearPerson
		case doneWords[word]:
			found = bearDone
		}
	}
	return found
}
