package proposal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// net is what a change adds to each file and takes from it: how many more of each
// line there are. It is the same wherever in a file the lines stand and whatever
// other changes did beside them, and that of several changes is their sum.
type net map[at]int

type at struct{ path, line string }

// netOf is the net of a difference, and false when a content is not there.
func netOf(diff item.Change) (net, bool) {
	n := net{}
	for _, f := range diff.Files {
		if int64(len(f.Old)) != f.OldSize || int64(len(f.New)) != f.NewSize {
			return nil, false
		}
		known := len(n)
		n.count(f.Path, f.Old, -1)
		n.count(f.Path, f.New, 1)
		if len(n) == known {
			// Lines only moved, or the mode changed: then it is this very change or none.
			sum := sha256.New()
			sum.Write(f.Old)
			sum.Write([]byte{0, byte(f.OldMode >> 8), byte(f.OldMode), byte(f.NewMode >> 8), byte(f.NewMode)})
			sum.Write(f.New)
			n[at{f.Path, "\x00" + hex.EncodeToString(sum.Sum(nil))}] = 1
		}
	}
	return n, len(n) > 0
}

func (n net) count(path string, content []byte, by int) {
	for line := range bytes.Lines(content) {
		key := at{path, string(line)}
		if n[key] += by; n[key] == 0 {
			delete(n, key)
		}
	}
}

// within reports whether taking n away from all brings it nearer to nothing in
// every line.
func (n net) within(all net) bool {
	for key, count := range n {
		has := all[key]
		if count > 0 && has < count || count < 0 && has > count {
			return false
		}
	}
	return true
}

// without is n less another.
func (n net) without(other net) net {
	rest := maps.Clone(n)
	for key, count := range other {
		if rest[key] -= count; rest[key] == 0 {
			delete(rest, key)
		}
	}
	return rest
}

// of is the part of n that is about one file.
func (n net) of(path string) net {
	part := maps.Clone(n)
	maps.DeleteFunc(part, func(key at, _ int) bool { return key.path != path })
	return part
}

// gone reports whether nothing is left of n in all that became of its files. Lines
// without a word tell nothing. Where lines only moved, they must stand as before.
func (n net) gone(all net) bool {
	if len(n) == 0 {
		return len(all) == 0
	}
	words := false
	for key, count := range n {
		if !strings.ContainsFunc(key.line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			continue
		}
		words = true
		if all[key]*count > 0 {
			return false
		}
	}
	return words
}

// undoes reports whether n takes back what another does.
func (n net) undoes(other net) bool {
	if len(n) != len(other) {
		return false
	}
	for key, count := range n {
		if other[key] != -count {
			return false
		}
	}
	return true
}
