package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Limits of the search for the words that hold back an item; they keep it
// linear in the document.
const (
	maxEvidence      = 8   // words that are left out at once
	maxEvidenceWords = 120 // words of a cell that is searched
)

// Evidence quotes the words of an open item for which its first reason holds:
// those without which it would not. It is empty when the reason is not about
// words, and when no few words alone make it so.
func (d *Document) Evidence(item Item) string {
	switch item.Reason() {
	case reason.Placeholder, reason.ProtectedTarget, reason.DestructiveVerb, reason.Hedged, reason.OutsideScope:
	default:
		return ""
	}
	j := classify.Judge{Policy: d.Policy}
	holds := func(action, details string) bool {
		c := item.claim()
		c.Action, c.Details, c.Text, c.Found = action, details, action+" "+details, 0
		j.Read(&c)
		return c.Found.Has(item.Reason())
	}
	if !holds(item.Action, item.Details) {
		return "" // another place of the row, or of the document, says so
	}
	if holds(item.Action, "") {
		return withoutWhich(item.Action, func(action string) bool { return holds(action, "") })
	}
	return withoutWhich(item.Details, func(details string) bool { return holds(item.Action, details) })
}

// withoutWhich quotes what has to be left out of a text so that it holds no
// more: all between the first and the last word that does so alone, else the
// first of the fewest words that do so together.
func withoutWhich(text string, holds func(string) bool) string {
	all := strings.Fields(text)
	if len(all) > maxEvidenceWords {
		return ""
	}
	for size := 1; size <= min(maxEvidence, len(all)-1); size++ {
		first, last := -1, -1
		for i := 0; i+size <= len(all); i++ {
			if holds(strings.Join(all[:i], " ") + " " + strings.Join(all[i+size:], " ")) {
				continue
			}
			if last = i + size; first < 0 {
				first = i
			}
			if size > 1 {
				break
			}
		}
		if first >= 0 {
			return strings.Join(all[first:last], " ")
		}
	}
	return ""
}
