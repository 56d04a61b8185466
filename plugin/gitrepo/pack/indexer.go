package pack

import (
	"cmp"
	"context"
	"crypto/sha1" //nolint:gosec // git's pack format ends with it
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/pjbgf/sha1cd"
)

// Limits of a pack.
const (
	maxObjects = 1 << 24 // objects in it
	maxObject  = 8 << 30 // bytes of one object
	maxChain   = 4096    // deltas on top of each other; git itself makes no more
)

// packEntry is what is known of one object of a pack.
type packEntry struct {
	offset int64
	hash   plumbing.Hash // zero until it is known
	base   int32         // entry that an offset delta builds on, else -1
	depth  uint16        // how many deltas that makes
	kind   plumbing.ObjectType
}

// namedDelta is an entry whose base is named by hash.
type namedDelta struct {
	entry int32
	base  plumbing.Hash
}

// indexer reads a pack once, from front to back, while it arrives, and then
// works out its deltas from the file. It believes nothing: not the number of
// objects, not their lengths, not the checksums, nor that deltas lead anywhere.
// What it keeps in memory is 40 bytes for each object that arrived and, of the
// deltas, what packDeltas says.
//
// go-git's own indexer inflates everything twice on one thread, with all
// lengths taken on trust.
type indexer struct {
	ctx     context.Context //nolint:containedctx // one indexer is one act
	in      *arrival
	file    *os.File
	z       inflater
	bounds  Bounds
	thin    Thin
	total   int64       // see Bounds.Total
	mu      sync.Mutex  // of thin.Keep
	entries []packEntry // in the order in which they arrive
	named   []namedDelta
	sum     hash.Hash // that names whole objects
	buf     []byte    // one of them
}

// Thin is what becomes of a pack that need not stand for itself. Both functions
// are called by one goroutine at a time.
type Thin struct {
	Base func(plumbing.Hash) (o Object, found bool, err error) // finds what deltas build on that the pack lacks
	Keep func(plumbing.Hash, Object)                           // takes each object of the pack, once
}

// Index stores the pack that r brings in a file of the directory that has no
// name, and opens it. A pack of no objects is no pack: nil.
func Index(ctx context.Context, dir string, r io.Reader, b Bounds) (*File, error) {
	x, err := read(ctx, dir, r, b, Thin{})
	if err == nil && len(x.entries) > 0 {
		return &File{file: x.file, index: newPackIndex(x.entries)}, nil
	}
	if x != nil {
		err = errors.Join(err, x.file.Close())
	}
	return nil, err
}

// Unpack reads a pack as Index does, hands out its objects, and keeps nothing.
func Unpack(ctx context.Context, dir string, r io.Reader, b Bounds, t Thin) error {
	x, err := read(ctx, dir, r, b, t)
	if x != nil {
		err = errors.Join(err, x.file.Close())
	}
	return err
}

func read(ctx context.Context, dir string, r io.Reader, b Bounds, t Thin) (*indexer, error) {
	file, err := os.CreateTemp(dir, "pack-")
	if err != nil {
		return nil, err
	}
	limited := &capped{r: r, left: cmp.Or(b.Bytes, math.MaxInt64)}
	x := &indexer{ctx: ctx, file: file, in: newArrival(limited, file), bounds: b, thin: t, sum: sha1cd.New()}
	// Whatever becomes of this process, nothing stays behind.
	if err := os.Remove(file.Name()); err != nil {
		return x, err
	}
	if err := x.receive(); err != nil {
		return x, limited.explain(err)
	}
	return x, x.resolve()
}

// receive reads the pack to its end. Whole objects are hashed beside it.
func (x *indexer) receive() error {
	count, err := x.header()
	if err != nil {
		return unexpectedEnd(err)
	}
	for i := 0; i < count && err == nil; i++ {
		if err = x.ctx.Err(); err == nil {
			err = x.next()
		}
		if err != nil {
			err = fmt.Errorf("object %d of %d: %w", i+1, count, unexpectedEnd(err))
		}
	}
	if err != nil {
		return err
	}
	return unexpectedEnd(x.in.finish())
}

// unexpectedEnd: a pack says where it ends, so any other end is one too early.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (x *indexer) header() (int, error) {
	var head [12]byte
	if _, err := io.ReadFull(x.in, head[:]); err != nil {
		return 0, err
	}
	version, count := binary.BigEndian.Uint32(head[4:]), binary.BigEndian.Uint32(head[8:])
	switch {
	case string(head[:4]) != "PACK":
		return 0, badPack("it does not start as a pack")
	case version != 2 && version != 3:
		return 0, badPack("its version is %d, not 2", version)
	case int64(count) > int64(cmp.Or(x.bounds.Count, maxObjects)):
		return 0, badPack("it has %d objects; at most %d are taken", count, cmp.Or(x.bounds.Count, maxObjects))
	}
	return int(count), nil
}

// next reads one entry.
func (x *indexer) next() error {
	x.entries = append(x.entries, packEntry{offset: x.in.offset(), base: -1})
	e := &x.entries[len(x.entries)-1]
	h, err := readEntryHeader(x.in)
	if err != nil {
		return err
	}
	e.kind = h.kind
	switch {
	case isWhole(h.kind):
		err = x.whole(e, h)
	case h.kind == plumbing.OFSDeltaObject:
		err = errors.Join(x.link(e, h), x.skip(h.size))
	default:
		x.named = append(x.named, namedDelta{int32(len(x.entries) - 1), h.base})
		err = x.skip(h.size)
	}
	return err
}

// link finds the entry that an offset delta builds on. It is an earlier one,
// so offsets cannot lead in a circle.
func (x *indexer) link(e *packEntry, h entryHeader) error {
	from := e.offset - h.back
	i, ok := slices.BinarySearchFunc(x.entries, from, func(e packEntry, at int64) int { return cmp.Compare(e.offset, at) })
	if !ok || from == e.offset {
		return badPack("a delta on offset %d, where no object starts", from)
	}
	e.base, e.depth = int32(i), x.entries[i].depth+1
	if e.depth > maxChain {
		return badPack("a chain of more than %d deltas", maxChain)
	}
	return nil
}

// whole reads an object that is no delta.
func (x *indexer) whole(e *packEntry, h entryHeader) error {
	if h.size > maxObject {
		return badPack("an object of %d bytes; at most %d are taken", h.size, int64(maxObject))
	}
	if err := x.allow(h.size); err != nil {
		return err
	}
	var err error
	if h.size > maxBuffered && x.thin.Keep == nil {
		x.sum.Reset()
		if err = x.copyTo(newObjectSum(x.sum, h.kind, h.size), h.size); err == nil {
			e.hash, err = objectSum(x.sum)
		}
		return err
	}
	o := Object{Kind: h.kind}
	if x.thin.Keep != nil {
		o.Data = make([]byte, h.size)
	} else {
		x.buf = slices.Grow(x.buf[:0], int(h.size))
		o.Data = x.buf[:h.size]
	}
	if err = x.z.read(x.in, o.Data); err == nil {
		e.hash, err = hashObject(x.sum, o.Kind, o.Data)
	}
	if err == nil {
		x.keep(e.hash, o)
	}
	return err
}

// maxBuffered is the largest object that is read before it is hashed.
const maxBuffered = 1 << 20

// skip reads a delta, whose turn comes when everything is there. How large it
// makes its object is known from its first bytes.
func (x *indexer) skip(size int64) error {
	if size > maxWhole {
		return badPack("a delta of %d bytes; at most %d are taken", size, maxWhole)
	}
	start := deltaStart{allow: x.allow}
	err := x.allowTotal(size)
	if err == nil {
		err = x.copyTo(&start, size)
	}
	return err
}

func (x *indexer) copyTo(w io.Writer, size int64) error {
	if err := x.z.reset(x.in); err != nil {
		return err
	}
	n, err := io.CopyN(w, x.z.z, size)
	if err == nil {
		err = x.z.end()
	} else if errors.Is(err, io.EOF) && n < size {
		err = badPack("an object is shorter than announced")
	}
	return inflating(err)
}

// newObjectSum starts the hash that names an object.
func newObjectSum(sum hash.Hash, kind plumbing.ObjectType, size int64) hash.Hash {
	head := append(make([]byte, 0, 32), kind.Bytes()...)
	head = strconv.AppendInt(append(head, ' '), size, 10)
	_, _ = sum.Write(append(head, 0))
	return sum
}

// objectSum is the finished hash, unless its input was made to collide.
func objectSum(sum hash.Hash) (plumbing.Hash, error) {
	var h plumbing.Hash
	safe, ok := sum.(sha1cd.CollisionResistantHash)
	if !ok {
		return h, errors.New("the hash does not detect collisions")
	}
	digest, collides := safe.CollisionResistantSum(nil)
	copy(h[:], digest)
	if collides {
		return h, badPack("object %s is made to collide with another", h)
	}
	return h, nil
}

func hashObject(sum hash.Hash, kind plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	sum.Reset()
	_, _ = newObjectSum(sum, kind, int64(len(data))).Write(data)
	return objectSum(sum)
}

// arrival is a pack on its way into its file: what is read is summed up and
// written in large pieces.
type arrival struct {
	src      io.Reader
	file     io.Writer
	sum      hash.Hash
	buf      []byte
	at, end  int   // unread part of buf
	written  int   // start of the part that is not yet written
	before   int64 // bytes before buf
	received error
}

func newArrival(src io.Reader, file io.Writer) *arrival {
	return &arrival{src: src, file: file, sum: sha1.New(), buf: make([]byte, 64<<10)} //nolint:gosec // see the import
}

func (a *arrival) offset() int64 { return a.before + int64(a.at) }

func (a *arrival) flush() error {
	part := a.buf[a.written:a.at]
	a.written = a.at
	_, _ = a.sum.Write(part)
	_, err := a.file.Write(part)
	return err
}

func (a *arrival) fill() error {
	if err := a.flush(); err != nil {
		return err
	}
	a.before += int64(a.at)
	a.at, a.end, a.written = 0, 0, 0
	for a.end == 0 {
		if a.received != nil {
			return a.received
		}
		a.end, a.received = a.src.Read(a.buf)
	}
	return nil
}

func (a *arrival) Read(p []byte) (int, error) {
	if a.at == a.end {
		if err := a.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, a.buf[a.at:a.end])
	a.at += n
	return n, nil
}

func (a *arrival) ReadByte() (byte, error) {
	if a.at == a.end {
		if err := a.fill(); err != nil {
			return 0, err
		}
	}
	b := a.buf[a.at]
	a.at++
	return b, nil
}

// finish reads the checksum at the end and compares it.
func (a *arrival) finish() error {
	if err := a.flush(); err != nil {
		return err
	}
	var h plumbing.Hash
	want := a.sum.Sum(nil)
	if _, err := io.ReadFull(a, h[:]); err != nil {
		return err
	}
	if string(h[:]) != string(want) {
		return badPack("its checksum does not match")
	}
	return a.flush()
}
