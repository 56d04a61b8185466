package pack

import (
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
)

// packEntry is what is known of one object of a pack.
type packEntry struct {
	offset int64
	hash   plumbing.Hash // zero until it is known
	base   int32         // entry that an offset delta builds on, else -1
	depth  uint16        // how many deltas that makes
	kind   plumbing.ObjectType
}

// entryTable holds the entries of a pack in the order in which they arrive. It
// takes memory for those that did, whatever number the pack announces, and they
// stay where they are: others may be naming them.
type entryTable struct {
	blocks [][]packEntry
	count  int
}

const entryBlock = 1 << 10

// add makes room for one more entry.
func (t *entryTable) add(e packEntry) *packEntry {
	if t.count%entryBlock == 0 {
		t.blocks = append(t.blocks, make([]packEntry, entryBlock))
	}
	t.count++
	at := t.at(t.count - 1)
	*at = e
	return at
}

func (t *entryTable) at(i int) *packEntry { return &t.blocks[i/entryBlock][i%entryBlock] }

// search finds the entry that starts at an offset, among the first so many. It
// looks at nothing else of the entries, whose names others may be writing.
func (t *entryTable) search(offset int64, first int) (int, bool) {
	i := sort.Search(first, func(i int) bool { return t.at(i).offset >= offset })
	return i, i < first && t.at(i).offset == offset
}
