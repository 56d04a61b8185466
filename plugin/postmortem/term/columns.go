package term

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// Role is what a column of a table means.
type Role int

const (
	roleNone Role = iota
	RoleAction
	RoleStatus
	RolePriority
	RoleType
	RoleOwner
	RoleDue
	RoleTicket
	RoleDetails
	RoleID
	RoleDate
	RoleCommit
	RoleBy
	roles
)

// title is what a header cell was recognised as. Of two columns with the same
// role the lower rank wins.
type title struct {
	class words.Class
	role  Role
	rank  int
}

// Ranks of action columns. A vague one counts under a follow-up heading only, and
// holds the details of another.
const (
	RankAction = iota // says action
	rankItem          // a thing to do
	rankVague         // may be anything
)

var titles = []title{
	{words.ColumnAction, RoleAction, RankAction},
	{words.ColumnItem, RoleAction, rankItem},
	{words.ColumnAnything, RoleAction, rankVague},
	{words.ColumnStatus, RoleStatus, 0},
	{words.ColumnState, RoleStatus, 1},
	{words.ColumnPriority, RolePriority, 0},
	{words.ColumnSeverity, RolePriority, 1},
	{words.ColumnType, RoleType, 0},
	{words.ColumnKind, RoleType, 1},
	{words.ColumnOwner, RoleOwner, 0},
	{words.ColumnDue, RoleDue, 0},
	{words.ColumnTicket, RoleTicket, 0},
	{words.ColumnDetails, RoleDetails, 0},
	{words.ColumnNotes, RoleDetails, 1},
	{words.ColumnID, RoleID, 0},
	{words.ColumnDate, RoleDate, 0},
	{words.ColumnCommit, RoleCommit, 0},
	{words.ColumnBy, RoleBy, 0},
}

// Columns says which column of a table has which role; -1 when none has.
type Columns struct {
	At       [roles]int
	Rank     [roles]int
	Second   [roles]int // another column of the same role, -1 when none
	Count    int
	Conflict bool // two columns may be the action
}

// ReadHeader recognises the columns of a header row by their names.
func ReadHeader(line string, cells []markdown.Span) Columns {
	c := Columns{Count: len(cells)}
	for r := range c.At {
		c.At[r], c.Second[r] = -1, -1
	}
	vague, vagueOnes := -1, 0
	for i, cell := range cells {
		t := titleOf(line[cell.Start:cell.End])
		r := t.role
		switch {
		case r == roleNone:
			continue
		case r == RoleAction && t.rank == rankVague:
			vague = i
			vagueOnes++
			continue
		case c.At[r] < 0:
			c.At[r], c.Rank[r] = i, t.rank
		case t.rank < c.Rank[r]:
			c.Second[r] = c.At[r]
			c.At[r], c.Rank[r] = i, t.rank
		default:
			c.Second[r] = i
		}
	}
	c.Conflict = c.Second[RoleAction] >= 0
	switch {
	case vague < 0:
	case c.At[RoleAction] < 0:
		c.At[RoleAction], c.Rank[RoleAction], c.Conflict = vague, rankVague, vagueOnes > 1
	case c.At[RoleDetails] < 0:
		c.At[RoleDetails] = vague
	}
	return c
}

// titleOf is what a header cell is called, the zero title when it is not known.
func titleOf(cell string) title {
	name := headerName(cell)
	if name == "" && strings.Contains(cell, "#") {
		return title{role: RoleID}
	}
	word := words.Find(name)
	for _, t := range titles {
		if word.Has(t.class) {
			return t
		}
	}
	if qualifiedAction(name) {
		return title{role: RoleAction, rank: RankAction}
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
	name := words.Fold(markdown.Plain(cell))
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

// Has reports whether a column has the role.
func (c Columns) Has(r Role) bool { return c.At[r] >= 0 }

// Log reports whether the table records what was implemented. Such a table
// never holds items.
func (c Columns) Log() bool { return c.Has(RoleCommit) || c.Has(RoleBy) }

// Items reports whether the table holds items: an action column beside at least
// one that says how the item stands.
func (c Columns) Items(s SectionKind) bool {
	if !c.Has(RoleAction) || c.Log() || c.Rank[RoleAction] == rankVague && s != SectionStrong {
		return false
	}
	for _, r := range []Role{RoleStatus, RoleOwner, RolePriority, RoleDue, RoleTicket, RoleType} {
		if c.Has(r) {
			return true
		}
	}
	return false
}
