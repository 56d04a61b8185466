package linelog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// partKind says what a file of a log holds; in this order they are read.
type partKind int

const (
	summaryPart partKind = iota // summary-00000001.jsonl
	olderPart                   // ledger-00000001.jsonl
	newestPart                  // ledger.jsonl
)

const (
	newestFile = "ledger.jsonl"
	partSuffix = ".jsonl"
)

func (k partKind) prefix() string {
	if k == summaryPart {
		return "summary-"
	}
	return "ledger-"
}

// part is one file of a log.
type part struct {
	kind   partKind
	number int // of its kind, from 1; the newest has none
	hash   plumbing.Hash
	text   []byte // see parts.read
}

// parts are the files of a log, the oldest first.
type parts []part

func (p part) name() string {
	if p.kind == newestPart {
		return newestFile
	}
	return fmt.Sprintf("%s%08d%s", p.kind.prefix(), p.number, partSuffix)
}

// partOf is the file of a log that an entry of its folder is, if it is one.
func partOf(e objects.Entry) (part, bool) {
	p := part{kind: newestPart, hash: e.Hash}
	if e.Name != newestFile {
		for _, p.kind = range []partKind{summaryPart, olderPart} {
			if digits, ok := strings.CutPrefix(strings.TrimSuffix(e.Name, partSuffix), p.kind.prefix()); ok {
				p.number, _ = strconv.Atoi(digits)
				break
			}
		}
	}
	return p, e.Mode == objects.ModeFile && p.name() == e.Name && p.number >= 0
}

// split takes the newest file off.
func (all parts) split() (older, newest parts) {
	at := len(all)
	if at > 0 && all[at-1].kind == newestPart {
		at--
	}
	return slices.Clone(all[:at]), slices.Clone(all[at:])
}

// add puts a file behind the others, which holds lines no longer appended to.
func (all parts) add(p part) parts {
	p.kind, p.number = olderPart, 1
	if last := len(all) - 1; last >= 0 && all[last].kind == olderPart {
		p.number = all[last].number + 1
	}
	return append(all, p)
}

// isDamage reports whether an error is of what somebody put into the log, and not
// of the way to it.
func isDamage(err error) bool {
	return errors.Is(err, wire.ErrNotFound) || errors.Is(err, objects.ErrNotRegular) || errors.Is(err, objects.ErrTooLarge)
}

// partsOf are the files of a log at a commit. What else stands there is counted.
func partsOf(store *objects.Store, h plumbing.Hash) (found parts, unparsed int, err error) {
	if h.IsZero() {
		return nil, 0, nil
	}
	// That a ref leads to a commit and this to a folder is the remote's word.
	kind, _, err := store.Get(plumbing.AnyObject, h)
	if err != nil {
		return nil, 0, err
	}
	c, err := store.Commit(h)
	if kind != plumbing.CommitObject || err != nil {
		return nil, 1, nil //nolint:nilerr // no commit that one could read
	}
	if !store.Has(c.TreeHash) {
		if err := store.NeedAll(c.TreeHash); err != nil {
			return nil, 0, err
		}
	}
	kind, data, err := store.Get(plumbing.AnyObject, c.TreeHash)
	if err != nil {
		return nil, 0, err
	}
	entries, err := objects.ParseTree(data)
	if kind != plumbing.TreeObject || err != nil {
		return nil, 1, nil //nolint:nilerr // no folder that one could read
	}
	for _, e := range entries {
		if p, ok := partOf(e); ok {
			found = append(found, p)
		} else {
			unparsed++
		}
	}
	slices.SortFunc(found, func(a, b part) int { return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.number, b.number)) })
	if more := len(found) - mostParts; more > 0 {
		found, unparsed = found[more:], unparsed+more
	}
	return found, unparsed, nil
}

// read fills in the texts, in one request to the remote. They stay nil where
// they cannot be read, or are, from the newest back, too much in all.
func (all parts) read(store *objects.Store) error {
	hashes := make([]plumbing.Hash, 0, len(all))
	for _, p := range all {
		hashes = append(hashes, p.hash)
	}
	if err := store.NeedFiles(hashes...); err != nil {
		return err
	}
	room := most
	for i := len(all) - 1; i >= 0; i-- {
		text, err := store.File(all[i].hash)
		switch {
		case isDamage(err) || err == nil && len(text) > room:
		case err != nil:
			return err
		default:
			all[i].text = EndLine(append([]byte{}, text...))
			room -= len(text)
		}
	}
	return nil
}

// write adds lines to a log as files of a kind, of which only the newest can
// be one alone.
func (all parts) write(store *objects.Store, kind partKind, lines []byte) (parts, error) {
	for i, text := range slices.Collect(chunks(lines, fileMost)) {
		hash, err := store.Put(plumbing.BlobObject, text)
		if err != nil {
			return nil, err
		}
		p := part{kind: kind, hash: hash}
		switch {
		case kind == summaryPart:
			p.number = i + 1
		case i > 0:
			last := len(all) - 1
			all = all[:last].add(all[last])
		}
		all = append(all, p)
	}
	return all, nil
}

// tree makes the folder that has these files.
func (all parts) tree(store *objects.Store) (plumbing.Hash, error) {
	entries := make([]objects.Entry, 0, len(all))
	for _, p := range all {
		entries = append(entries, objects.Entry{Name: p.name(), Mode: objects.ModeFile, Hash: p.hash})
	}
	return store.Put(plumbing.TreeObject, objects.EncodeTree(entries))
}

// EndLine is a text that ends its last line.
func EndLine(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return append(text, '\n')
	}
	return text
}

// chunks are the lines of a text, as many at a time as fit into size.
func chunks(text []byte, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(text) > size {
			end := bytes.LastIndexByte(text[:size], '\n') + 1
			if end == 0 {
				if end = bytes.IndexByte(text, '\n') + 1; end == 0 {
					break
				}
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
		if len(text) > 0 {
			yield(text)
		}
	}
}
