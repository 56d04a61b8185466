package postmortem

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Sizes beyond which nobody reads an item as one step.
const (
	maxAction  = 500     // bytes
	maxDetails = 4 << 10 // bytes
)

// mask is a set of reasons; bit n is the n-th reason in the order told.
type mask uint32

func (m *mask) add(r reason.Code)     { *m |= bit(r) }
func (m mask) has(r reason.Code) bool { return m&bit(r) != 0 }

// bit is the reason's own, none for a code that documents do not give rise to.
func bit(r reason.Code) mask { return 1 << (slices.Index(reason.OfDocuments, r) + 1) >> 1 }

func (m mask) reasons() []reason.Code {
	if m == 0 {
		return nil
	}
	list := make([]reason.Code, 0, bits.OnesCount32(uint32(m)))
	for i, r := range reason.OfDocuments {
		if m&(1<<i) != 0 {
			list = append(list, r)
		}
	}
	return list
}

// classifier gives every item of a document its identity, its reasons and its
// class.
type classifier struct {
	policy   Policy
	doc      *Document
	mentions mentions
	twins    map[string]twin
	keys     []string // of the items' actions

	action, details, other sentence
}

// twin is what is known of one action that stands in a document.
type twin struct {
	first    int  // index of the first explicit open item, -1 when none
	done     bool // an item with it is done, or logged as implemented
	declined bool // an item with it is declined or struck through
}

func (c *classifier) run() {
	items := c.doc.Items
	ids := newIdentities(c.doc.File)
	for i := range items {
		item := &items[i]
		if struck(item.Action) && item.state != stateDone {
			// Authors strike through what is done too, and then say so.
			item.state = stateDeclined
			item.has |= hasDeclinedText
		}
		item.ID = ids.next(item)
		if one, toPrevious := alternative(item.Action); one {
			// Of two alternatives neither is decided.
			item.mask.add(reason.Hedged)
			if toPrevious && i > 0 && slices.Equal(items[i-1].Heading, item.Heading) {
				items[i-1].mask.add(reason.Hedged)
			}
		}
		if !item.closed() {
			c.judge(item)
		}
	}
	c.readTwins()
	for i := range items {
		item := &items[i]
		switch item.state {
		case stateDone:
			item.Class = ClassDone
			continue
		case stateDeclined:
			item.Class = ClassDeclined
			continue
		}
		c.judgeTwins(i, item)
		item.Reasons = item.mask.reasons()
		switch {
		case item.mask&(bit(reason.StatusUnknown)|bit(reason.Implicit)|bit(reason.AmbiguousAction)) != 0:
			item.Class = ClassUnclear
		case item.mask != 0:
			item.Class = ClassSkipped
		default:
			item.Class = ClassSafe
		}
		item.Lane = item.lane()
	}
}

// approvable are the reasons in spite of which an item that somebody approved
// may become a proposal.
var approvable = bit(reason.TypeNotSafe) | bit(reason.TypeUnknown) | bit(reason.TypeInferred) |
	bit(reason.DestructiveVerb) | bit(reason.Hedged) | bit(reason.StatusWithNote)

// lane is the way that an open item of a known class may go.
func (i *Item) lane() Lane {
	switch {
	case i.Class == ClassSafe:
		return LaneAutomatic
	case i.Class != ClassSkipped:
		return ""
	case i.mask == bit(reason.TypeInferred), i.has&hasApproval != 0 && i.mask&^approvable == 0:
		return LaneApproval
	}
	return ""
}

func (i *Item) closed() bool { return i.state == stateDone || i.state == stateDeclined }

// judge looks for every reason that the item itself gives.
func (c *classifier) judge(item *Item) {
	if !text.Legible(item.raw) || hidesText(item) {
		item.mask.add(reason.InvisibleCharacters)
	}
	if len(item.Action) > maxAction || len(item.Details) > maxDetails {
		item.mask.add(reason.TooLong)
	}
	if len(item.Action) > maxDetails {
		item.mask.add(reason.TypeUnknown)
		return // too long for the rules of language to mean anything
	}
	if hasPlaceholder(item.Action) || unassigned(item.Owner) || unassigned(item.Due) {
		item.mask.add(reason.Placeholder)
	}
	if _, found := unstruck(item.raw); found {
		item.mask.add(reason.StruckOut)
	}
	action, details := c.action.read(item.Action), c.details.read(item.Details)
	c.judgeType(item, action, details)
	c.judgeWork(item, action, details)
	if outside(item.Action, c.policy.AllowPaths) || item.kind == Config && outside(item.Details, c.policy.AllowPaths) {
		item.mask.add(reason.OutsideScope)
	}
}

// hidesText reports whether a cell other than the status holds text that
// readers of the rendered page do not see.
func hidesText(item *Item) bool {
	for _, text := range []string{item.Action, item.Details, item.Type} {
		if strings.IndexByte(text, '<') < 0 {
			continue
		}
		bare := lower(withoutCode(text))
		if stripComments(bare) != bare || strings.Contains(bare, "style=") || strings.Contains(bare, " hidden") && strings.Contains(bare, "<") && strings.Contains(bare, " hidden>") {
			return true
		}
	}
	return false
}

// judgeType decides on the type: stated, else inferred where the table has no
// Type column.
func (c *classifier) judgeType(item *Item, action, details []token) {
	if item.has&(hasTypeColumn|hasStatedType) == 0 && !item.Checkbox { // the tags of a box were read with it
		item.setType(taskType(item.Action))
	}
	if item.has&(hasTypeColumn|hasStatedType) == 0 {
		if kind := inferType(action, c.action.said); kind != "" {
			item.kind, item.Type, item.Inferred = kind, string(kind), true
		}
	}
	switch {
	case item.kind == "":
		item.mask.add(reason.TypeUnknown)
	case item.mask.has(reason.TypeNotSafe):
	case !safeByNature(item.kind) || !slices.Contains(c.policy.SafeTypes, item.kind):
		item.mask.add(reason.TypeNotSafe)
	case !item.Inferred && item.kind != Config && !watching(item.Action, action) && !watching(item.Details, details):
		item.mask.add(reason.TypeDoubtful)
	}
	if item.Inferred && !c.actsOnInferred(item) {
		item.mask.add(reason.TypeInferred)
	}
}

func (c *classifier) actsOnInferred(item *Item) bool {
	switch {
	case c.policy.Inferred == Review:
		return false
	case !item.Checkbox:
		return true
	}
	return c.policy.Inferred == All && item.kind != Config
}

// judgeWork looks at what the item asks for. A type that its words do not bear out
// does not spare it the rules of what they speak of.
func (c *classifier) judgeWork(item *Item, action, details []token) {
	config := item.kind == Config || item.mask.has(reason.TypeDoubtful)
	alert := item.kind == Alert || item.kind == Monitor || config && aboutAlert(action)
	if destroys(action) || destroysFirst(details, config) || config && risks(action) || alert && silences(lower(item.Action), action) ||
		config && (anyOf(action, words.Secrets, words.Everybody) || anyOf(details, words.Secrets, words.Everybody)) {
		item.mask.add(reason.DestructiveVerb)
	}
	if config && (c.protected(item.Action) || c.protected(item.Details)) {
		item.mask.add(reason.ProtectedTarget)
	}
	if c.hedged(item, action, details, config) || config && !item.mask.has(reason.DestructiveVerb) && unclear(item.Action, action) {
		item.mask.add(reason.Hedged)
	}
}

// protected reports whether a text names a protected stack.
func (c *classifier) protected(text string) bool {
	low := lower(text)
	for _, name := range c.policy.Protected {
		if name != "" && strings.Contains(low, lower(name)) {
			return true
		}
	}
	return false
}

// readTwins notes which actions are open, done or declined, and where first.
func (c *classifier) readTwins() {
	c.twins = make(map[string]twin, len(c.doc.Items))
	c.keys = make([]string, len(c.doc.Items))
	for i := range c.doc.Items {
		item := &c.doc.Items[i]
		name := key(item.Action)
		c.keys[i] = name
		t, known := c.twins[name]
		if !known {
			t.first = -1
		}
		switch {
		case item.state == stateDone:
			t.done = true
		case item.state == stateDeclined:
			t.declined = true
		case t.first < 0 && !item.mask.has(reason.Implicit) && !item.mask.has(reason.StatusUnknown):
			t.first = i
		}
		c.twins[name] = t
	}
	for _, log := range c.doc.logs {
		for _, row := range log.rows {
			if row.implemented {
				t, known := c.twins[row.key]
				if known {
					t.done = true
					c.twins[row.key] = t
				}
			}
		}
	}
}

func (c *classifier) judgeTwins(index int, item *Item) {
	t := c.twins[c.keys[index]]
	if t.done || t.first >= 0 && t.first < index {
		item.mask.add(reason.Duplicate)
	}
	if t.declined || c.mentions.settle(item) {
		item.mask.add(reason.Overtaken)
	}
}
