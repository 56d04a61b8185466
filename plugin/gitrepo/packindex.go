package gitrepo

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // git's index format ends with it
	"encoding/binary"
	"io"
	"math"
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

// newPackIndex makes the index, and tells the entries in its order, that of
// their hashes.
func newPackIndex(entries *entryTable) (*packIndex, []*packEntry) {
	order := make([]*packEntry, entries.count)
	for i := range order {
		order[i] = entries.at(i)
	}
	slices.SortFunc(order, func(a, b *packEntry) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	x := &packIndex{hashes: make([]plumbing.Hash, len(order)), offsets: make([]int64, len(order))}
	for i, e := range order {
		x.hashes[i], x.offsets[i] = e.hash, e.offset
		x.fanout[e.hash[0]]++
	}
	for i := 1; i < len(x.fanout); i++ {
		x.fanout[i] += x.fanout[i-1]
	}
	return x, order
}

// write writes the index as a file of git's index format, version 2. The
// entries are those of newPackIndex.
func (x *packIndex) write(out io.Writer, entries []*packEntry, checksum plumbing.Hash) error {
	sum := sha1.New() //nolint:gosec // see the import
	w := bufio.NewWriterSize(io.MultiWriter(out, sum), 32<<10)
	put := func(n uint32) { _, _ = w.Write(binary.BigEndian.AppendUint32(w.AvailableBuffer(), n)) }
	_, _ = w.WriteString("\xfftOc\x00\x00\x00\x02")
	for _, n := range x.fanout {
		put(n)
	}
	for i := range x.hashes {
		_, _ = w.Write(x.hashes[i][:])
	}
	for i := range entries {
		put(entries[i].crc)
	}
	var far []int64 // offsets that do not fit into 31 bits stand in a table of their own
	for _, offset := range x.offsets {
		if offset <= math.MaxInt32 {
			put(uint32(offset))
			continue
		}
		put(1<<31 | uint32(len(far)))
		far = append(far, offset)
	}
	for _, offset := range far {
		_, _ = w.Write(binary.BigEndian.AppendUint64(w.AvailableBuffer(), uint64(offset)))
	}
	_, _ = w.Write(checksum[:])
	// The writer keeps the first error of all.
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := out.Write(sum.Sum(nil))
	return err
}
