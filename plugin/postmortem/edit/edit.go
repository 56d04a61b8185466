// Package edit writes the outcome of items back into their documents, and states
// types that were only inferred. Every other byte stays.
package edit

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
)

// Edit is the outcome of one item, to be written into its document.
type Edit struct {
	Item postmortem.Item // as Parse gave it, perhaps from an earlier state of the document
	Done bool            // its status becomes Done
	Row  *Row            // its row in the Follow-up Implementation table; nil for none
}

// Row is one row of the Follow-up Implementation table.
type Row struct {
	Date     string // YYYY-MM-DD, or "" for none
	Action   string // Markdown; "" for that of the item
	Priority string
	Type     string
	Commit   string // full hash in lower-case hex, or "" for none
	URL      string // of the commit, http or https; anything else is not linked
	By       string // Resolver or HumanReview; "" for the one that fits Commit
}

// Refusal is an item whose status was left as it is.
type Refusal struct {
	Item postmortem.Item
	Why  string // one sentence without final stop
}

// Result is a document after its edits.
type Result struct {
	Content []byte    // the whole document; src itself when nothing changed
	Changed bool      // Content differs from src
	Refused []Refusal // items whose status could not be marked; their rows are written all the same
}

// splice replaces a range of bytes.
type splice struct {
	at   markdown.Span
	text string
}

// Update writes outcomes into a document: it replaces the status tokens of the
// items that are done, and adds their rows to the Follow-up Implementation
// table. Every other byte stays. The document is parsed again afterwards: an
// edit that would change anything else is not made.
//
// An item is found by its ID. Its status is left alone, with a Refusal, when
// the row is gone, was changed meanwhile, or is not exactly open; an item that
// is done already is neither changed nor refused.
//
// On an error the result holds what could be done safely: the statuses when
// only the table could not be written, else src as it is.
func Update(file string, src []byte, edits []Edit) (Result, error) {
	result := Result{Content: src}
	doc := postmortem.Parse(file, src, classify.Policy{})
	splices, marked := statusSplices(doc, edits, &result)
	content := apply(src, splices)
	after := doc
	if len(splices) > 0 {
		after = postmortem.Parse(file, content, classify.Policy{})
		err := sameBut(doc, after, func(i int, was, is *postmortem.Item) {
			if marked[i] {
				was.Class, was.Status, was.Type, was.Inferred = postmortem.ClassDone, is.Status, is.Type, is.Inferred // nothing is inferred for it any more
			}
		})
		if err != nil {
			return result, fmt.Errorf("mark items of %s done: %w; mark them by hand", file, err)
		}
		result.Content, result.Changed = content, true
	}
	withRows, err := addRows(after, content, edits)
	if err != nil {
		return result, fmt.Errorf("write the Follow-up Implementation table of %s: %w", file, err)
	}
	if withRows != nil {
		result.Content, result.Changed = withRows, !bytes.Equal(withRows, src)
	}
	return result, nil
}

// statusSplices finds the tokens to be replaced, and the indexes of their
// items.
func statusSplices(d *postmortem.Document, edits []Edit, result *Result) ([]splice, map[int]bool) {
	byID := make(map[string]int, len(d.Items))
	for i := range d.Items {
		byID[d.Items[i].ID] = i
	}
	var splices []splice
	marked := map[int]bool{}
	for _, edit := range edits {
		if !edit.Done {
			continue
		}
		index, found := byID[edit.Item.ID]
		if !found {
			result.Refused = append(result.Refused, Refusal{edit.Item, "the row is not in the document any more, or its action, type or heading was changed"})
			continue
		}
		if marked[index] || d.Items[index].Class == postmortem.ClassDone {
			continue
		}
		s, why := mark(&d.Items[index], edit.Item)
		if why != "" {
			result.Refused = append(result.Refused, Refusal{edit.Item, why})
			continue
		}
		splices = append(splices, s)
		marked[index] = true
	}
	slices.SortFunc(splices, func(a, b splice) int { return a.at.Start - b.at.Start })
	return splices, marked
}

// mark is the splice that marks the item done, or why there is none. asked is
// the item as it was when the work began.
func mark(i *postmortem.Item, asked postmortem.Item) (splice, string) {
	if asked.Raw != "" && markdown.Squeeze(asked.Raw) != markdown.Squeeze(i.Raw) {
		return splice{}, "the row was changed since it was read"
	}
	if i.Closed() || i.Token.Empty() {
		return splice{}, "its status is not exactly an open word any more"
	}
	token := "[ ]"
	if !i.Checkbox {
		at := i.Token.Start - i.Row.Start
		token = i.Raw[at : at+i.Token.End-i.Token.Start]
	}
	done := term.DoneToken(token)
	if done == "" {
		return splice{}, "its status is not exactly an open word any more"
	}
	return splice{i.Token, done}, ""
}

// apply is src with the splices, which are sorted and do not overlap.
func apply(src []byte, splices []splice) []byte {
	if len(splices) == 0 {
		return src
	}
	size := len(src)
	for _, s := range splices {
		size += len(s.text)
	}
	out, from := make([]byte, 0, size), 0
	for _, s := range splices {
		out = append(append(out, src[from:s.at.Start]...), s.text...)
		from = s.at.End
	}
	return append(out, src[from:]...)
}

// sameBut checks that a document reads as before, but for what an edit changes:
// change makes of an item, and of what is read of it afterwards, the same.
func sameBut(before, after *postmortem.Document, change func(i int, was, is *postmortem.Item)) error {
	if len(before.Items) != len(after.Items) || len(before.Problems) != len(after.Problems) {
		return fmt.Errorf("the document would read differently: %d items instead of %d", len(after.Items), len(before.Items))
	}
	for i := range before.Items {
		was, is := before.Items[i], after.Items[i]
		line := was.Line
		change(i, &was, &is)
		if is.ID != was.ID || is.Class != was.Class || is.Status != was.Status || is.Action != was.Action || is.Details != was.Details || is.Type != was.Type ||
			is.Inferred != was.Inferred || is.Priority != was.Priority || is.Owner != was.Owner || is.Ticket != was.Ticket || is.Due != was.Due ||
			!slices.Equal(is.Heading, was.Heading) {
			return fmt.Errorf("the item in line %d would read differently", line)
		}
	}
	return nil
}
