package postmortem

import (
	"slices"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// classifier gives every item of a document its identity, its reasons and its
// class.
type classifier struct {
	judge    classify.Judge
	doc      *Document
	mentions mentions
	twins    map[string]twin
	keys     []string // of the items' actions
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
		if term.Struck(item.Action) && item.state != term.StateDone {
			// Authors strike through what is done too, and then say so.
			item.state = term.StateDeclined
		}
		item.ID = ids.next(item)
		if one, toPrevious := classify.Alternative(item.Action); one {
			// Of two alternatives neither is decided.
			item.mask.Add(reason.Hedged)
			if toPrevious && i > 0 && slices.Equal(items[i-1].Heading, item.Heading) {
				items[i-1].mask.Add(reason.Hedged)
			}
		}
		if !item.Closed() {
			item.judged(&c.judge)
		}
	}
	c.readTwins()
	for i := range items {
		item := &items[i]
		switch item.state {
		case term.StateDone:
			item.Class = ClassDone
			continue
		case term.StateDeclined:
			item.Class = ClassDeclined
			continue
		}
		c.judgeTwins(i, item)
		if item.Reasons = item.mask.Reasons(); len(item.Reasons) > 0 {
			item.First = item.Reasons[0]
		}
		switch {
		case item.mask&(classify.Bit(reason.StatusUnknown)|classify.Bit(reason.Implicit)|classify.Bit(reason.AmbiguousAction)) != 0:
			item.Class = ClassUnclear
		case item.mask != 0:
			item.Class = ClassSkipped
		default:
			item.Class, item.IsSafe = ClassSafe, true
		}
		item.Lane = item.lane()
	}
}

// approvable are the reasons in spite of which an item that somebody approved
// may become a proposal.
var approvable = classify.Bit(reason.TypeNotSafe) | classify.Bit(reason.TypeUnknown) | classify.Bit(reason.TypeInferred) |
	classify.Bit(reason.DestructiveVerb) | classify.Bit(reason.Hedged) | classify.Bit(reason.StatusWithNote)

// lane is the way that an open item of a known class may go.
func (i *Item) lane() Lane {
	switch {
	case i.Class == ClassSafe:
		return LaneAutomatic
	case i.Class != ClassSkipped:
		return ""
	case i.mask == classify.Bit(reason.TypeInferred), i.approved && i.mask&^approvable == 0:
		return LaneApproval
	}
	return ""
}

// claim is the item as the rules of language see it.
func (i *Item) claim() classify.Claim {
	return classify.Claim{
		Text: i.Raw, Action: i.Action, Details: i.Details, Status: i.Status, Owner: i.Owner, Due: i.Due, Ticket: i.Ticket,
		Kind: i.kind, TypeText: i.Type, Typed: i.typed, Inferred: i.Inferred, Checkbox: i.Checkbox, Found: i.mask,
	}
}

// judged takes over what the rules of language say.
func (i *Item) judged(j *classify.Judge) {
	c := i.claim()
	j.Read(&c)
	i.kind, i.Type, i.Inferred, i.mask = c.Kind, c.TypeText, c.Inferred, c.Found
}

// Closed reports whether the item is done or declined.
func (i *Item) Closed() bool { return i.state == term.StateDone || i.state == term.StateDeclined }

// readTwins notes which actions are open, done or declined, and where first.
func (c *classifier) readTwins() {
	c.twins = make(map[string]twin, len(c.doc.Items))
	c.keys = make([]string, len(c.doc.Items))
	for i := range c.doc.Items {
		item := &c.doc.Items[i]
		name := markdown.Key(item.Action)
		c.keys[i] = name
		t, known := c.twins[name]
		if !known {
			t.first = -1
		}
		switch {
		case item.state == term.StateDone:
			t.done = true
		case item.state == term.StateDeclined:
			t.declined = true
		case t.first < 0 && !item.mask.Has(reason.Implicit) && !item.mask.Has(reason.StatusUnknown):
			t.first = i
		}
		c.twins[name] = t
	}
	for _, log := range c.doc.Logs {
		for _, row := range log.Rows {
			if row.implemented {
				t, known := c.twins[row.Key]
				if known {
					t.done = true
					c.twins[row.Key] = t
				}
			}
		}
	}
}

func (c *classifier) judgeTwins(index int, item *Item) {
	t := c.twins[c.keys[index]]
	if t.done || t.first >= 0 && t.first < index {
		item.mask.Add(reason.Duplicate)
	}
	if t.declined || c.mentions.settle(item) {
		item.mask.Add(reason.Overtaken)
	}
}
