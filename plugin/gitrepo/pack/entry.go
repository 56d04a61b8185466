package pack

import (
	"bufio"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// The parts of git's pack format that reading and indexing share. The format
// is described in git's gitformat-pack(5).

// ErrDamaged marks what is wrong with a pack.
var ErrDamaged = errors.New("the pack is damaged")

func badPack(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrDamaged, fmt.Errorf(format, args...))
}

// byteStream is what zlib reads from without reading ahead.
type byteStream interface {
	io.Reader
	io.ByteReader
}

// entryHeader stands before the compressed data of each object of a pack.
type entryHeader struct {
	kind plumbing.ObjectType
	size int64         // inflated, of the delta where it is one
	back int64         // offset delta: how far before this entry its base starts
	base plumbing.Hash // named delta: its base
}

func isWhole(kind plumbing.ObjectType) bool {
	return kind >= plumbing.CommitObject && kind <= plumbing.TagObject
}

func readEntryHeader(r byteStream) (entryHeader, error) {
	var h entryHeader
	b, err := r.ReadByte()
	if err != nil {
		return h, err
	}
	h.kind, h.size = plumbing.ObjectType(b>>4&7), int64(b&0xf)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if b, err = r.ReadByte(); err != nil {
			return h, err
		}
		if shift > 53 {
			return h, badPack("an object's length has too many digits")
		}
		h.size |= int64(b&0x7f) << shift
	}
	switch {
	case isWhole(h.kind):
		return h, nil
	case h.kind == plumbing.OFSDeltaObject:
		h.back, err = readDistance(r)
		return h, err
	case h.kind == plumbing.REFDeltaObject:
		_, err = io.ReadFull(r, h.base[:])
		return h, err
	}
	return h, badPack("an object of the unknown type %d", h.kind)
}

// readDistance reads the offset of a delta's base. Each further byte adds one
// to what came before, so that no distance has two spellings.
func readDistance(r io.ByteReader) (int64, error) {
	var n int64
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		n |= int64(b & 0x7f)
		if b&0x80 == 0 {
			return n, nil
		}
		if n = n + 1; n > math.MaxInt64>>8 {
			return 0, badPack("the distance to a delta's base has too many digits")
		}
		n <<= 7
	}
}

// inflater reads compressed data, again and again without new memory.
type inflater struct {
	z  io.ReadCloser
	in *bufio.Reader // for entries of a file
}

var inflaters = sync.Pool{New: func() any { return &inflater{in: bufio.NewReaderSize(nil, 4<<10)} }}

func (f *inflater) reset(r byteStream) error {
	if f.z == nil {
		z, err := zlib.NewReader(r)
		if err == nil {
			f.z = z
		}
		return inflating(err)
	}
	reset, ok := f.z.(zlib.Resetter)
	if !ok {
		return errors.New("zlib's reader cannot be used again")
	}
	return inflating(reset.Reset(r, nil))
}

// read inflates one object, whose length must be that of p.
func (f *inflater) read(r byteStream, p []byte) error {
	err := f.reset(r)
	if err == nil {
		_, err = io.ReadFull(f.z, p)
	}
	if err == nil {
		err = f.end()
	}
	return inflating(err)
}

// end makes sure that nothing follows, and reads the checksum.
func (f *inflater) end() error {
	var more [1]byte
	n, err := f.z.Read(more[:])
	if n > 0 {
		return badPack("an object is longer than announced")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// inflating names the errors of zlib as those of a pack.
func inflating(err error) error {
	if errors.Is(err, zlib.ErrHeader) || errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary) {
		return badPack("%w", err)
	}
	return err
}

// readEntry reads one entry of a pack that was indexed, so that the length in
// its header is known to be true.
func readEntry(file *os.File, offset int64) (entryHeader, []byte, error) {
	return withEntry(file, offset, (*inflater).whole)
}

// whole reads what follows the header of an entry.
func (f *inflater) whole(h entryHeader) ([]byte, error) {
	if h.size > maxWhole {
		return nil, fmt.Errorf("an object of %d bytes; at most %d are read into memory", h.size, maxWhole)
	}
	data := make([]byte, h.size)
	return data, f.read(f.in, data)
}

func withEntry(file *os.File, offset int64, use func(*inflater, entryHeader) ([]byte, error)) (entryHeader, []byte, error) {
	f, ok := inflaters.Get().(*inflater)
	if !ok {
		return entryHeader{}, nil, errors.New("no inflater")
	}
	defer inflaters.Put(f)
	f.in.Reset(io.NewSectionReader(file, offset, math.MaxInt64-offset))
	h, err := readEntryHeader(f.in)
	if err != nil {
		return h, nil, err
	}
	data, err := use(f, h)
	return h, data, err
}

// maxWhole is the largest object that is ever held in memory, in bytes. git
// makes no deltas of larger ones (core.bigFileThreshold).
const maxWhole = 512 << 20

// maxWholeDigits is how many bytes maxWhole takes as a varint. A length that is
// spelled with more is padded with zeros, which git never does.
const maxWholeDigits = 5

// deltaSizes reads the lengths of base and result at the start of a delta.
func deltaSizes(delta []byte) (base, result int64, rest []byte, err error) {
	var sizes [2]uint64
	for i := range sizes {
		n := 0
		if sizes[i], n = binary.Uvarint(delta); n <= 0 || n > maxWholeDigits || sizes[i] > maxWhole {
			return 0, 0, nil, badPack("a delta without usable lengths")
		}
		delta = delta[n:]
	}
	return int64(sizes[0]), int64(sizes[1]), delta, nil
}

// patch applies a delta to its base: a list of pieces, each copied from the
// base or given in the delta itself.
func patch(base, delta []byte) ([]byte, error) {
	from, size, delta, err := deltaSizes(delta)
	if err != nil {
		return nil, err
	}
	if from != int64(len(base)) {
		return nil, badPack("a delta for a base of %d bytes on one of %d", from, len(base))
	}
	out := make([]byte, 0, size)
	for len(delta) > 0 {
		op := delta[0]
		delta = delta[1:]
		var piece []byte
		switch {
		case op&0x80 != 0:
			if piece, delta, err = copied(base, op, delta); err != nil {
				return nil, err
			}
		case op == 0:
			return nil, badPack("a delta with a reserved instruction")
		case int(op) > len(delta):
			return nil, badPack("a delta that is cut short")
		default:
			piece, delta = delta[:op], delta[op:]
		}
		if len(piece) > cap(out)-len(out) {
			return nil, badPack("a delta that gives more than it announces")
		}
		out = append(out, piece...)
	}
	if int64(len(out)) != size {
		return nil, badPack("a delta that gives less than it announces")
	}
	return out, nil
}

// copied is the piece of the base that a copy instruction names. The bits of
// the instruction tell which bytes of offset and length follow.
func copied(base []byte, op byte, delta []byte) (piece, rest []byte, err error) {
	var n [7]byte
	for i := range n {
		if op>>i&1 == 0 {
			continue
		}
		if len(delta) == 0 {
			return nil, nil, badPack("a delta that is cut short")
		}
		n[i], delta = delta[0], delta[1:]
	}
	offset := int64(n[0]) | int64(n[1])<<8 | int64(n[2])<<16 | int64(n[3])<<24
	size := int64(n[4]) | int64(n[5])<<8 | int64(n[6])<<16
	if size == 0 {
		size = 0x10000
	}
	if offset+size > int64(len(base)) {
		return nil, nil, badPack("a delta that copies from beyond its base")
	}
	return base[offset : offset+size], delta, nil
}

// Object is one object of a repository, whole.
type Object struct {
	Kind plumbing.ObjectType
	Data []byte
}
