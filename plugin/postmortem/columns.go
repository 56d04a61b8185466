package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

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
	class words.Class
	role  role
	rank  int
}

// Ranks of action columns. A vague one counts under a follow-up heading only, and
// holds the details of another.
const (
	rankAction = iota // says action
	rankItem          // a thing to do
	rankVague         // may be anything
)

var titles = []title{
	{words.ColumnAction, roleAction, rankAction},
	{words.ColumnItem, roleAction, rankItem},
	{words.ColumnAnything, roleAction, rankVague},
	{words.ColumnStatus, roleStatus, 0},
	{words.ColumnState, roleStatus, 1},
	{words.ColumnPriority, rolePriority, 0},
	{words.ColumnSeverity, rolePriority, 1},
	{words.ColumnType, roleType, 0},
	{words.ColumnKind, roleType, 1},
	{words.ColumnOwner, roleOwner, 0},
	{words.ColumnDue, roleDue, 0},
	{words.ColumnTicket, roleTicket, 0},
	{words.ColumnDetails, roleDetails, 0},
	{words.ColumnNotes, roleDetails, 1},
	{words.ColumnID, roleID, 0},
	{words.ColumnDate, roleDate, 0},
	{words.ColumnCommit, roleCommit, 0},
	{words.ColumnBy, roleBy, 0},
}

// columns says which column of a table has which role; -1 when none has.
type columns struct {
	at       [roles]int
	rank     [roles]int
	second   [roles]int // another column of the same role, -1 when none
	count    int
	conflict bool // two columns may be the action
}

// readHeader recognises the columns of a header row by their names.
func readHeader(cells []string) columns {
	c := columns{count: len(cells)}
	for r := range c.at {
		c.at[r], c.second[r] = -1, -1
	}
	vague, vagueOnes := -1, 0
	for i, cell := range cells {
		t := titleOf(cell)
		r := t.role
		switch {
		case r == roleNone:
			continue
		case r == roleAction && t.rank == rankVague:
			vague = i
			vagueOnes++
			continue
		case c.at[r] < 0:
			c.at[r], c.rank[r] = i, t.rank
		case t.rank < c.rank[r]:
			c.second[r] = c.at[r]
			c.at[r], c.rank[r] = i, t.rank
		default:
			c.second[r] = i
		}
	}
	c.conflict = c.second[roleAction] >= 0
	switch {
	case vague < 0:
	case c.at[roleAction] < 0:
		c.at[roleAction], c.rank[roleAction], c.conflict = vague, rankVague, vagueOnes > 1
	case c.at[roleDetails] < 0:
		c.at[roleDetails] = vague
	}
	return c
}

// titleOf is what a header cell is called, the zero title when it is not known.
func titleOf(cell string) title {
	name := headerName(cell)
	if name == "" && strings.Contains(cell, "#") {
		return title{role: roleID}
	}
	word := words.Find(name)
	for _, t := range titles {
		if word.Has(t.class) {
			return t
		}
	}
	if qualifiedAction(name) {
		return title{role: roleAction, rank: rankAction}
	}
	return title{}
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
	name := words.Fold(plain(cell))
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
