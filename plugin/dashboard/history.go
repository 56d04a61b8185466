package dashboard

import (
	"time"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/record"
)

// History is what the commits of a repository say of items. The zero value knows
// nothing.
type History struct {
	fixes  map[record.Ref]fix
	closed map[record.Ref]string // by versions of the documents
}

// fix is the newest fix commit of an item.
type fix struct {
	hash     string
	date     string // YYYY-MM-DD, UTC
	observed string // what Prometheus said of its rules
}

// AddCommit takes in a commit. Newer ones are added first, and stand; what Prometheus
// said is that of the newest that has it.
func (h *History) AddCommit(hash, message string, when time.Time) {
	if h.fixes == nil {
		h.fixes = map[record.Ref]fix{}
	}
	for _, e := range record.Evidences(message) {
		known, newer := h.fixes[e.Ref()]
		if !newer {
			known = fix{hash: hash, date: when.UTC().Format(time.DateOnly)}
		}
		if known.observed == "" {
			known.observed = e.Observed
		}
		h.fixes[e.Ref()] = known
	}
}

// AddVersion takes in a document as a commit had it. Older ones are added first: an
// item was done when it is so for the first time, since it was open for the last time.
func (h *History) AddVersion(doc *postmortem.Document, when time.Time) {
	if h.closed == nil {
		h.closed = map[record.Ref]string{}
	}
	for _, one := range doc.Items {
		ref := record.Ref{Document: doc.File, Item: one.ID}
		if one.Class != postmortem.ClassDone {
			delete(h.closed, ref)
		} else if h.closed[ref] == "" {
			h.closed[ref] = when.UTC().Format(time.DateOnly)
		}
	}
}
