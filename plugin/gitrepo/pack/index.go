package pack

import (
	"bytes"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// packIndex says where in a pack each object is: 28 bytes of memory for each.
type packIndex struct {
	fanout  [256]uint32     // how many hashes start with this byte or a smaller one
	hashes  []plumbing.Hash // sorted
	offsets []int64         // of the entries, in the order of the hashes
}

// find is the offset of an object's entry.
func (x *packIndex) find(h plumbing.Hash) (int64, bool) {
	var low uint32
	if h[0] > 0 {
		low = x.fanout[h[0]-1]
	}
	bucket := x.hashes[low:x.fanout[h[0]]]
	i, ok := slices.BinarySearchFunc(bucket, h, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	if !ok {
		return 0, false
	}
	return x.offsets[int(low)+i], true
}

func newPackIndex(entries []packEntry) *packIndex {
	slices.SortFunc(entries, func(a, b packEntry) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	x := &packIndex{hashes: make([]plumbing.Hash, len(entries)), offsets: make([]int64, len(entries))}
	for i, e := range entries {
		x.hashes[i], x.offsets[i] = e.hash, e.offset
		x.fanout[e.hash[0]]++
	}
	for i := 1; i < len(x.fanout); i++ {
		x.fanout[i] += x.fanout[i-1]
	}
	return x
}
