package secret

import (
	"io"
	"sync"
	"sync/atomic"
)

// Redactor replaces every secret it was told of by "***": the whole value,
// each of its lines, and their usual encodings (see forms). Where several
// overlap, everything that any of them covers goes.
//
// The zero value and a nil *Redactor know no secret and change nothing. All
// methods may be called from several goroutines.
type Redactor struct {
	adding sync.Mutex // orders Add; readers take the snapshot
	known  map[string]struct{}
	table  atomic.Pointer[table]
}

// Add makes the secrets known. Writers that exist already take them out of
// everything that they have not passed on yet. Values of fewer than 4
// characters are ignored: taking them out would shred the text and hide
// nothing. Empty secrets are ignored too.
func (r *Redactor) Add(secrets ...String) {
	r.adding.Lock()
	defer r.adding.Unlock()
	if r.known == nil {
		r.known = map[string]struct{}{}
	}
	before := len(r.known)
	for _, s := range secrets {
		forms(s.text, func(form string) { r.known[form] = struct{}{} })
	}
	if len(r.known) != before {
		r.table.Store(newTable(r.known))
	}
}

// Redact is text without the secrets.
func (r *Redactor) Redact(text string) string {
	t := r.snapshot()
	if t == nil || text == "" {
		return text
	}
	var s scan
	return string(s.feed(t, []byte(text), true))
}

// Writer returns a writer that passes on to w what is written to it, without
// the secrets, however they are cut into writes.
func (r *Redactor) Writer(w io.Writer) *Writer { return &Writer{redactor: r, to: w} }

func (r *Redactor) snapshot() *table {
	if r == nil {
		return nil
	}
	return r.table.Load()
}

// Writer takes secrets out of a stream. It holds back only what could be the
// beginning of a secret and passes the rest on at once; Close passes on the
// remainder. It is safe for concurrent use, and each Write is passed on
// in one piece when nothing of it is held back.
type Writer struct {
	redactor *Redactor
	mu       sync.Mutex
	to       io.Writer
	scan     scan
}

// Write takes all of p. The error is the one of the writer below.
func (w *Writer) Write(p []byte) (int, error) {
	if err := w.feed(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close passes on what is held back. A secret that only begins there is taken
// for what it is so far. The writer below stays open, and so does this one: a
// Write after Close works.
func (w *Writer) Close() error { return w.feed(nil, true) }

func (w *Writer) feed(p []byte, final bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	clean := w.scan.feed(w.redactor.snapshot(), p, final)
	if len(clean) == 0 {
		return nil
	}
	_, err := w.to.Write(clean)
	return err
}
