package postmortem

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/yuin/goldmark/ast"
)

// list reads the task lines of a list, and plain bullets as implicit items.
// parent is the task that the list stands under, or nil.
func (r *reader) list(list *ast.List, parent *int) {
	here := r.section()
	inside := len(r.sections) == 0 || r.sections[len(r.sections)-1].Level != term.LevelItem
	inside = inside && list.Parent() != nil && list.Parent().Kind() == ast.KindListItem
	for n := list.FirstChild(); n != nil; n = n.NextSibling() {
		depth := len(r.sections)
		index := r.listItem(n, here, inside)
		for child := n.FirstChild(); child != nil; child = child.NextSibling() {
			if sub, ok := child.(*ast.List); ok {
				r.list(sub, index)
			} else if child != n.FirstChild() || index == nil {
				r.listBlock(child)
			}
		}
		if index != nil && parent != nil {
			r.group(*parent, *index)
		}
		// What a label in the item opened ends with the item.
		for len(r.sections) > depth && r.sections[len(r.sections)-1].Level >= term.LevelLabel {
			r.sections = r.sections[:len(r.sections)-1]
		}
	}
}

// listBlock reads what stands in a list item beside its first text and lists.
func (r *reader) listBlock(n ast.Node) {
	switch n := n.(type) {
	case *markdown.TableBlock:
		r.table(n)
	case *ast.HTMLBlock:
		r.html(n)
	case *ast.Blockquote:
		r.quote(n)
	case *ast.Paragraph, *ast.TextBlock:
		text := r.BlockText(n)
		if n.PreviousSibling() != nil { // the first was looked at as a point of the list
			r.passBlock(n, WhyText)
		}
		r.mention(r.BlockStart(n), text)
		r.trackHTML(r.BlockStart(n), text)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		r.passBlock(n, WhyCode)
	}
}

// group marks a task that has open tasks below it: it is not one step.
func (r *reader) group(parent, child int) {
	if !r.doc.Items[child].Closed() {
		r.doc.Items[parent].mask.Add(reason.Hedged)
	}
}

// listItem reads the first text of a list item. It returns the index of the
// item when it is a task that was taken up.
func (r *reader) listItem(n ast.Node, here term.Section, inside bool) *int {
	first := n.FirstChild()
	if first == nil || first.Kind() != ast.KindParagraph && first.Kind() != ast.KindTextBlock {
		return nil
	}
	text := r.BlockText(first)
	start := r.BlockStart(first)
	if mark, isBox := boxOf(text); isBox {
		return r.task(first, text, start, mark, here)
	}
	if label := labelOf(text); label != "" {
		r.push(term.LevelItem, label)
		r.passBlock(first, WhyHeading)
		return nil
	}
	switch intro := n.ChildCount() > 1 && strings.HasSuffix(strings.TrimSpace(text), ":"); {
	case here.Kind != term.SectionStrong:
		r.passBlock(first, WhyBullet)
	case inside:
		r.passBlock(first, WhyNested)
	case intro:
		r.passBlock(first, WhyIntro)
	default:
		r.bullet(first, text, here)
	}
	return nil
}

var taskBox = pattern.Lazy(`^\[([^0-9A-Za-z\x{80}-\x{10ffff}]?|[xX✓✔\x{a0}])\](?:\s|$)`)

// boxOf is what stands between the brackets of a task's box: " ", "x", another
// sign, or "" for [].
func boxOf(text string) (mark string, isBox bool) {
	if found := taskBox().FindStringSubmatch(text); found != nil {
		return found[1], true
	}
	return "", false
}

// task reads a task line. Boxes outside follow-up headings are no items.
func (r *reader) task(n ast.Node, text string, start int, mark string, here term.Section) *int {
	r.trackHTML(start, text)
	row := markdown.BlockSpan(n)
	if r.withheld(row) {
		return nil
	}
	if !here.HoldsItems() {
		why := WhyOutside
		if here.Kind == term.SectionNever {
			why = WhyOtherTopic
		}
		r.pass(row, why)
		return nil
	}
	if r.fullUp(start) {
		return nil
	}
	box := len(mark) + len("[]")
	item := Item{
		Action: markdown.Squeeze(text[box:]), Status: text[:box], Checkbox: true, Heading: here.Path,
		source: source{Row: row, Raw: r.Text[row.Start:row.End]},
	}
	switch mark {
	case " ":
		item.state = term.StateOpen
		item.Token = markdown.Span{Start: start, End: start + box}
		if slices.ContainsFunc(term.Tags(item.Action), func(tag string) bool { return words.Is(tag, words.StatusApproved) }) {
			item.approved = true
		}
		if s := term.TaskNote(item.Action); s != term.StateUnknown {
			item.noteStatus(s)
		}
	case "x", "X":
		item.state = term.StateDone
	default:
		item.mask.Add(reason.StatusUnknown)
	}
	item.setType(term.TaskType(item.Action))
	item.Owner, item.Ticket, item.Due = term.TaskOwner(item.Action), term.TaskTicket(item.Action), term.TaskDue(item.Action)
	item.Priority = firstPriority(term.TaskPriority(item.Action), here.Priority)
	before := len(r.doc.Items)
	r.add(&item, start+box+len(text[box:])-len(strings.TrimLeft(text[box:], " \t\r\n")))
	if len(r.doc.Items) == before {
		return nil
	}
	return &before
}

// bullet reads a plain bullet under a follow-up heading: an implicit item.
func (r *reader) bullet(n ast.Node, text string, here term.Section) {
	start := r.BlockStart(n)
	r.trackHTML(start, text)
	row := markdown.BlockSpan(n)
	action := markdown.Squeeze(text)
	if term.IsField(action) {
		r.pass(row, WhyField)
		return
	}
	if r.withheld(row) || r.fullUp(start) {
		return
	}
	item := Item{
		Action: action, Heading: here.Path, Owner: term.TaskOwner(action), Ticket: term.TaskTicket(action), Due: term.TaskDue(action),
		Priority: firstPriority(term.TaskPriority(action), here.Priority),
		source:   source{Row: row, Raw: r.Text[row.Start:row.End]},
	}
	for _, text := range []string{action, markdown.Plain(action)} { // the word may be a link
		if s := term.LeadingState(text); s == term.StateDone || s == term.StateDeclined {
			item.state = s
		}
	}
	item.mask.Add(reason.Implicit)
	item.setType(term.TaskType(action))
	r.add(&item, start)
}

// noteStatus records that the text of an open task says another status.
func (i *Item) noteStatus(s term.State) {
	i.mask.Add(reason.StatusWithNote)
	i.Token = markdown.Span{}
	if s != term.StateUnknown {
		i.mask.Add(stateReasons[s])
	}
}
