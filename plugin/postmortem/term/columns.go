package term

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
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

// Ranks of action columns. Of two columns with the same role the lower rank wins. A
// vague one counts under a follow-up heading only, and holds the details of another.
const (
	RankAction = iota // says action
	rankItem          // a thing to do
	rankVague         // may be anything
)

// title is what a header cell was recognised as.
type title struct {
	role Role
	rank int
}

// titles are those of the classes of words from ColumnAction on.
var titles = []title{
	{RoleAction, RankAction},
	{RoleAction, rankItem},
	{RoleAction, rankVague},
	{RoleStatus, 0},
	{RoleStatus, 1},
	{RolePriority, 0},
	{RolePriority, 1},
	{RoleType, 0},
	{RoleType, 1},
	{RoleOwner, 0},
	{RoleDue, 0},
	{RoleTicket, 0},
	{RoleDetails, 0},
	{RoleDetails, 1},
	{RoleID, 0},
	{RoleDate, 0},
	{RoleCommit, 0},
	{RoleBy, 0},
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

var (
	// behindName is what may stand behind the name of a column.
	behindName = pattern.Lazy(`(?:[ ?#:：？]|\([^()]*\)|（[^（）]*）)+$`)
	// qualified is an action with words before or behind it, "corrective action".
	qualified = pattern.Lazy(`^(?:[^ ]+ ){1,2}actions?(?: items?)?$|^action.* (?:required|description|to take)$`)
)

// titleOf is what a header cell is called, the zero title when it is not known.
func titleOf(cell string) title {
	name := words.Fold(markdown.Plain(cell))
	if last, _ := utf8.DecodeLastRuneInString(name); !unicode.IsLetter(last) {
		name = strings.TrimLeft(behindName().ReplaceAllString(name, ""), "# ")
	}
	if name == "" && strings.Contains(cell, "#") {
		return title{role: RoleID}
	}
	if i := words.Find(name).Which(words.ColumnAction, len(titles)); i >= 0 {
		return titles[i]
	}
	if strings.Contains(name, "action") && !strings.Contains(name, "taken") && qualified().MatchString(name) {
		return title{role: RoleAction, rank: RankAction}
	}
	return title{}
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
