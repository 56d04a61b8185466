package postmortem

import (
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// list reads the task lines of a list, and plain bullets as implicit items.
// parent is the task that the list stands under, or nil.
func (r *reader) list(list *ast.List, parent *int) {
	here := r.section()
	inside := len(r.sections) == 0 || r.sections[len(r.sections)-1].level != levelItem
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
		for len(r.sections) > depth && r.sections[len(r.sections)-1].level >= levelLabel {
			r.sections = r.sections[:len(r.sections)-1]
		}
	}
}

// listBlock reads what stands in a list item beside its first text and lists.
func (r *reader) listBlock(n ast.Node) {
	switch n := n.(type) {
	case *tableBlock:
		r.table(n)
	case *ast.HTMLBlock:
		r.html(n)
	case *ast.Blockquote:
		r.quote(n)
	case *ast.Paragraph, *ast.TextBlock:
		text := r.blockText(n)
		if n.PreviousSibling() != nil { // the first was looked at as a point of the list
			r.passBlock(n, WhyText)
		}
		r.mention(r.blockStart(n), text)
		r.trackHTML(r.blockStart(n), text)
	case *ast.CodeBlock, *ast.FencedCodeBlock:
		r.passBlock(n, WhyCode)
	}
}

// group marks a task that has open tasks below it: it is not one step.
func (r *reader) group(parent, child int) {
	if !r.at(child).closed() {
		r.at(parent).mask.add(reason.Hedged)
	}
}

// listItem reads the first text of a list item. It returns the index of the
// item when it is a task that was taken up.
func (r *reader) listItem(n ast.Node, here section, inside bool) *int {
	first := n.FirstChild()
	if first == nil || first.Kind() != ast.KindParagraph && first.Kind() != ast.KindTextBlock {
		return nil
	}
	text := r.blockText(first)
	start := r.blockStart(first)
	if mark, isBox := boxOf(text); isBox {
		return r.task(first, text, start, mark, here)
	}
	if label := labelOf(text); label != "" {
		r.push(levelItem, label)
		r.passBlock(first, WhyHeading)
		return nil
	}
	switch intro := n.ChildCount() > 1 && strings.HasSuffix(strings.TrimSpace(text), ":"); {
	case here.kind != sectionStrong:
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

// boxOf is what stands between the brackets of a task's box: " ", "x", another
// sign, or "" for [].
func boxOf(text string) (mark string, isBox bool) {
	if len(text) < 2 || text[0] != '[' {
		return "", false
	}
	end := strings.IndexByte(text[:min(len(text), 6)], ']')
	if end < 0 || end+1 < len(text) && !isSpace(text[end+1]) {
		return "", false
	}
	mark = text[1:end]
	switch {
	case mark == "x" || mark == "X" || mark == "":
		return mark, true
	case len(mark) == 1 && !isWord(mark[0]):
		return mark, true
	case mark == "\u00a0" || mark == "✓" || mark == "✔":
		return mark, true
	}
	return "", false
}

// task reads a task line. Boxes outside follow-up headings are no items.
func (r *reader) task(n ast.Node, text string, start int, mark string, here section) *int {
	r.trackHTML(start, text)
	row := blockSpan(n)
	if r.withheld(row) {
		return nil
	}
	if !here.holdsItems() {
		why := WhyOutside
		if here.kind == sectionNever {
			why = WhyOtherTopic
		}
		r.pass(row, why)
		if mark == " " {
			r.outside(start, here)
		}
		return nil
	}
	if r.fullUp(start) || r.longTask(n) {
		return nil
	}
	box := len(mark) + len("[]")
	item := Item{
		Action: squeeze(text[box:]), Status: text[:box], Checkbox: true, Heading: here.path,
		source: source{row: row, raw: r.text[row.start:row.end]},
	}
	switch mark {
	case " ":
		item.state = stateOpen
		item.token = span{start, start + box}
		if slices.ContainsFunc(tags(item.Action), func(tag string) bool { return words.Is(tag, words.StatusApproved) }) {
			item.has |= hasApproval
		}
		if s := taskNote(item.Action); s != stateUnknown {
			item.noteStatus(s)
		}
	case "x", "X":
		item.state = stateDone
	default:
		item.mask.add(reason.StatusUnknown)
	}
	item.setType(taskType(item.Action))
	item.Owner, item.Ticket, item.Due = taskOwner(item.Action), taskTicket(item.Action), taskDue(item.Action)
	item.Priority = firstPriority(taskPriority(item.Action), here.priority)
	before := r.count()
	r.add(item, start+box+len(text[box:])-len(strings.TrimLeft(text[box:], " \t\r\n")))
	if r.count() == before {
		return nil
	}
	return &before
}

// outside notes an unchecked box below no follow-up heading.
func (r *reader) outside(at int, here section) {
	line, _ := r.line(at)
	last := len(r.doc.Outside) - 1
	if last < 0 || !slices.Equal(r.doc.Outside[last].Heading, here.path) {
		r.doc.Outside = append(r.doc.Outside, Outside{Heading: here.path, NoItems: here.kind == sectionNever})
		last++
	}
	r.doc.Outside[last].Lines = append(r.doc.Outside[last].Lines, line)
}

// longTask reports whether a line of the task is withheld as too long.
func (r *reader) longTask(n ast.Node) bool {
	lines := n.Lines()
	for i := range lines.Len() {
		if tooLongLine(span{lines.At(i).Start, lines.At(i).Stop}) {
			return true
		}
	}
	return false
}

// bullet reads a plain bullet under a follow-up heading: an implicit item.
func (r *reader) bullet(n ast.Node, text string, here section) {
	start := r.blockStart(n)
	r.trackHTML(start, text)
	row := blockSpan(n)
	action := squeeze(text)
	if isField(action) {
		r.pass(row, WhyField)
		return
	}
	if r.withheld(row) || r.longTask(n) || r.fullUp(start) {
		return
	}
	item := Item{
		Action: action, Heading: here.path, Owner: taskOwner(action), Ticket: taskTicket(action), Due: taskDue(action),
		Priority: firstPriority(taskPriority(action), here.priority),
		source:   source{row: row, raw: r.text[row.start:row.end]},
	}
	for _, text := range []string{action, plain(action)} { // the word may be a link
		if s := leadingState(text); s == stateDone || s == stateDeclined {
			item.state = s
		}
	}
	item.mask.add(reason.Implicit)
	item.setType(taskType(action))
	r.add(item, start)
}
