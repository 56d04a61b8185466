package secret

import (
	"encoding/binary"
	"slices"
	"strings"
)

// shortest is the length in bytes of the shortest form that is looked for; its
// first bytes are the key of the table.
const shortest = 4

// table finds forms in text. It is immutable.
type table struct {
	sorted  []string            // in byte order, to find what begins with a tail
	byStart map[uint32][]string // by the first four bytes, longest first
	longest int
	second  [1 << 16]bool // which two first bytes occur: spares nearly all look-ups
	first   [1 << 8]bool
}

func newTable(known map[string]struct{}) *table {
	t := &table{byStart: map[uint32][]string{}}
	for form := range known {
		t.sorted = append(t.sorted, form)
		t.longest = max(t.longest, len(form))
		key := binary.BigEndian.Uint32([]byte(form))
		t.byStart[key] = append(t.byStart[key], form)
		t.second[key>>16] = true
		t.first[key>>24] = true
	}
	slices.Sort(t.sorted)
	for _, forms := range t.byStart {
		slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	}
	return t
}

// match is the length of the longest form that text begins with, else 0.
func (t *table) match(text []byte) int {
	if len(text) < shortest || !t.second[binary.BigEndian.Uint16(text)] {
		return 0
	}
	for _, form := range t.byStart[binary.BigEndian.Uint32(text)] {
		if len(form) <= len(text) && string(text[:len(form)]) == form {
			return len(form)
		}
	}
	return 0
}

// begun reports whether text is the beginning of a form that is longer.
func (t *table) begun(text []byte) bool {
	if len(text) >= t.longest || !t.first[text[0]] || len(text) > 1 && !t.second[binary.BigEndian.Uint16(text)] {
		return false
	}
	start := string(text)
	i, found := slices.BinarySearch(t.sorted, start)
	if found {
		i++
	}
	return i < len(t.sorted) && strings.HasPrefix(t.sorted[i], start)
}

// scan is the state between two pieces of a stream.
type scan struct {
	held    []byte // not decided yet
	covered int    // so many of the next bytes belong to a secret already replaced
}

// feed takes the next piece and returns what can be passed on. When final,
// everything is decided by what is there.
func (s *scan) feed(t *table, piece []byte, final bool) []byte {
	text := piece
	if len(s.held) > 0 {
		text = slices.Concat(s.held, piece)
	}
	if t == nil {
		s.held = nil
		return text
	}
	out := make([]byte, 0, len(text))
	i := 0
	for ; i < len(text); i++ {
		rest := text[i:]
		if !final && t.begun(rest) {
			break
		}
		// Inside a secret the search goes on, so that one which begins there
		// and ends later is covered to its end.
		if length := t.match(rest); length > 0 {
			if s.covered == 0 {
				out = append(out, stars...)
			}
			s.covered = max(s.covered, length)
		}
		if s.covered > 0 {
			s.covered--
			continue
		}
		out = append(out, text[i])
	}
	s.held = append([]byte(nil), text[i:]...)
	if final {
		s.covered = 0
	}
	return out
}
