package postmortem

import "strings"

// role is what a column of a table means.
type role int

const (
	roleNone role = iota
	roleAction
	roleStatus
	rolePriority
	roleType
	roleOwner
	roleDue
	roleTicket
	roleDetails
	roleID
	roleDate
	roleCommit
	roleBy
	roles
)

// title is what a header cell was recognised as. Of two columns with the same
// role the lower rank wins.
type title struct {
	role role
	rank int
}

// Ranks of action columns. Two of the same rank make the table ambiguous; a
// vague one counts under a follow-up heading only.
const (
	rankAction = iota // says action
	rankItem          // a thing to do
	rankVague         // may be anything
)

var titles = func() map[string]title {
	known := map[string]title{}
	for _, list := range []struct {
		role  role
		rank  int
		words string
	}{
		{roleAction, rankAction, "action|action item|action items|actions|action point|action points|アクション|アクションアイテム|ação|acao|ações|acción|acciones|行动|行动项|maßnahme"},
		{roleAction, rankItem, "item|items|task|tasks|todo|to-do|to do|todos|follow-up|follow up|followup|follow-ups|タスク|対応|tarefa|tarea|tâche|aufgabe"},
		{roleAction, rankVague, "description|what|descrição|descricao|descripción|内容|what to do|beschreibung"},
		{roleStatus, 0, "status|ステータス|estado|statut"},
		{roleStatus, 1, "state|状態|状況|situação|done|progress|completed|complete|進捗|état|状态"},
		{rolePriority, 0, "priority|prio|pri|p|優先度|prioridade|prioridad|priorité|priorität|优先级"},
		{rolePriority, 1, "severity|sev|重要度"},
		{roleType, 0, "type|タイプ|種別"},
		{roleType, 1, "kind|tipo"},
		//nolint:misspell // these words are not English
		{roleOwner, 0, "owner|owners|assignee|assigned to|assigned|who|dri|responsible|担当|担当者|responsável|responsavel|dono|responsable|verantwortlich|负责人"},
		{roleDue, 0, "due|due date|deadline|eta|target date|target|by when|timeframe|期限|期日|prazo|plazo|fecha límite|échéance|frist|截止日期"},
		{roleTicket, 0, "ticket|tickets|issue|issue/pr|issue / pr|bug|jira|tracking|tracking issue|pr|owner item|チケット"},
		{roleDetails, 0, "details|detail|詳細|detalhes|detalles|détails|备注"},
		{roleDetails, 1, "notes|note|completion evidence|mechanical check|fix|comment|comments|備考|notas|evidence"},
		{roleID, 0, "id|no|no.|nr|number|ref|番号"},
		{roleDate, 0, "date|日付|data|fecha"},
		{roleCommit, 0, "commit|commits"},
		{roleBy, 0, "implemented by"},
	} {
		for word := range strings.SplitSeq(list.words, "|") {
			known[word] = title{list.role, list.rank}
		}
	}
	return known
}()

// columns says which column of a table has which role; -1 when none has.
type columns struct {
	at       [roles]int
	rank     [roles]int
	second   [roles]int // another column of the same role, -1 when none
	count    int
	conflict bool // two columns of the same rank say action
}

// readHeader recognises the columns of a header row by their names.
func readHeader(cells []string) columns {
	c := columns{count: len(cells)}
	for r := range c.at {
		c.at[r], c.second[r] = -1, -1
	}
	for i, cell := range cells {
		name := headerName(cell)
		if name == "" && strings.Contains(cell, "#") {
			name = "id"
		}
		t, known := titles[name]
		if !known {
			if !qualifiedAction(name) {
				continue
			}
			t = title{roleAction, rankAction}
		}
		r := t.role
		switch {
		case c.at[r] < 0:
			c.at[r], c.rank[r] = i, t.rank
		case t.rank < c.rank[r]:
			c.second[r] = c.at[r]
			c.at[r], c.rank[r] = i, t.rank
			if r == roleAction {
				c.conflict = false
			}
		default:
			if r == roleAction && t.rank == c.rank[r] {
				c.conflict = true
			}
			c.second[r] = i
		}
	}
	return c
}

// qualifiedAction reports whether a name is an action with words before it, such
// as "corrective action".
func qualifiedAction(name string) bool {
	for _, last := range []string{" action", " actions", " action item", " action items"} {
		if head, found := strings.CutSuffix(name, last); found {
			return len(strings.Fields(head)) <= 2 && !strings.Contains(head, "taken")
		}
	}
	return strings.HasPrefix(name, "action") && (strings.HasSuffix(name, " required") || strings.HasSuffix(name, " description") || strings.HasSuffix(name, " to take"))
}

// headerName strips a header cell of markup, case, and a trailing
// parenthesis, question mark or number sign.
func headerName(cell string) string {
	name := fold(plain(cell))
	for {
		before := name
		name = strings.TrimRight(name, " ?#:：？")
		for _, pair := range [][2]string{{"(", ")"}, {"（", "）"}} {
			if strings.HasSuffix(name, pair[1]) {
				if at := strings.LastIndex(name, pair[0]); at > 0 {
					name = name[:at]
				}
			}
		}
		if name == before {
			return strings.TrimLeft(name, "# ")
		}
	}
}

func (c columns) has(r role) bool { return c.at[r] >= 0 }

// log reports whether the table records what was implemented. Such a table
// never holds items.
func (c columns) log() bool { return c.has(roleCommit) || c.has(roleBy) }

// items reports whether the table holds items: an action column beside at least
// one that says how the item stands.
func (c columns) items(s sectionKind) bool {
	if !c.has(roleAction) || c.log() || c.rank[roleAction] == rankVague && s != sectionStrong {
		return false
	}
	for _, r := range []role{roleStatus, roleOwner, rolePriority, roleDue, roleTicket, roleType} {
		if c.has(r) {
			return true
		}
	}
	return false
}
