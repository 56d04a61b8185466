package gitrepo

import (
	"context"
	"crypto/sha1" //nolint:gosec // git's pack format ends with it
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
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

// bounds are what a pack may take; zero stands for the limits of every pack.
type bounds struct {
	bytes  int64 // of the pack itself
	object int64 // bytes of one object
	held   int64 // bytes of objects in memory at one moment, while deltas are worked out
}

// errLarge says that a pack brings an object beyond the bounds.
var errLarge = errors.New("an object is larger than wanted")

// namedDelta is an entry whose base is named by hash.
type namedDelta struct {
	entry int32
	base  plumbing.Hash
}

// indexer reads a pack once, from front to back, while it arrives, and then
// works out its deltas from the file. It believes nothing: not the number of
// objects, not their lengths, not the checksums, nor that deltas lead anywhere.
// What it keeps in memory is 48 bytes for each object that arrived and, of the
// deltas, what packDeltas says.
//
// go-git's own indexer inflates everything twice on one thread, with all
// lengths taken on trust.
type indexer struct {
	ctx     context.Context //nolint:containedctx // one indexer is one act
	in      *arrival
	file    *os.File
	z       inflater
	bounds  bounds
	entries entryTable
	named   []namedDelta
	hashes  hashers
}

// indexPack stores the pack that r brings in dir, with an index beside it as
// git has it, and opens it. A pack of no objects is no pack: nil.
func indexPack(ctx context.Context, dir string, r io.Reader, b bounds) (_ *pack, err error) {
	file, err := os.CreateTemp(dir, "tmp_pack_")
	if err != nil {
		return nil, err
	}
	x := &indexer{ctx: ctx, file: file, in: newArrival(r, file), bounds: b}
	kept := false
	defer func() {
		if !kept {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	checksum, err := x.receive()
	if err != nil || x.entries.count == 0 {
		return nil, err
	}
	if err := x.resolve(); err != nil {
		return nil, err
	}
	index, order := newPackIndex(&x.entries)
	base := filepath.Join(dir, "pack-"+checksum.String())
	if err := writeIndex(base+".idx", index, order, checksum); err != nil {
		return nil, err
	}
	if err := os.Rename(file.Name(), base+".pack"); err != nil {
		return nil, err
	}
	kept = true
	return &pack{file: file, index: index}, nil
}

func writeIndex(name string, index *packIndex, order []*packEntry, checksum plumbing.Hash) error {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // in the clone, named by a hash
	if err != nil {
		return err
	}
	return errors.Join(index.write(out, order, checksum), out.Close())
}

// receive reads the pack to its end. Whole objects are hashed beside it.
func (x *indexer) receive() (plumbing.Hash, error) {
	var checksum plumbing.Hash
	count, err := x.header()
	if err != nil {
		return checksum, unexpectedEnd(err)
	}
	x.hashes.start()
	for i := 0; i < count && err == nil; i++ {
		if err = x.ctx.Err(); err == nil {
			err = x.next()
		}
		if err != nil {
			err = fmt.Errorf("object %d of %d: %w", i+1, count, unexpectedEnd(err))
		}
	}
	err = errors.Join(err, x.hashes.wait())
	if err != nil {
		return checksum, err
	}
	checksum, err = x.in.finish()
	return checksum, unexpectedEnd(err)
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
	case count > maxObjects:
		return 0, badPack("it has %d objects; at most %d are taken", count, maxObjects)
	}
	return int(count), nil
}

// next reads one entry.
func (x *indexer) next() error {
	e := x.entries.add(packEntry{offset: x.in.begin(), base: -1})
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
		x.named = append(x.named, namedDelta{int32(x.entries.count - 1), h.base})
		err = x.skip(h.size)
	}
	e.crc = x.in.sumOfEntry()
	return err
}

// link finds the entry that an offset delta builds on. It is an earlier one,
// so offsets cannot lead in a circle.
func (x *indexer) link(e *packEntry, h entryHeader) error {
	from := e.offset - h.back
	i, ok := x.entries.search(from, x.entries.count-1)
	if !ok {
		return badPack("a delta on offset %d, where no object starts", from)
	}
	e.base, e.depth = int32(i), x.entries.at(i).depth+1
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
	if err := x.bounds.allow(h.size); err != nil {
		return err
	}
	if h.size <= maxJob {
		job := x.hashes.take(h.size)
		job.entry, job.kind = e, h.kind
		if err := x.z.read(x.in, job.data); err != nil {
			return err
		}
		x.hashes.jobs <- job
		return nil
	}
	sum := newObjectSum(sha1cd.New(), h.kind, h.size)
	if err := x.copyTo(sum, h.size); err != nil {
		return err
	}
	var err error
	e.hash, err = objectSum(sum)
	return err
}

// skip reads a delta, whose turn comes when everything is there. How large it
// makes its object is known from its first bytes.
func (x *indexer) skip(size int64) error {
	if size > maxWhole {
		return badPack("a delta of %d bytes; at most %d are taken", size, maxWhole)
	}
	start := deltaStart{bounds: x.bounds}
	return x.copyTo(&start, size)
}

// deltaStart is a writer that looks at the lengths at the start of a delta, and
// at nothing after them.
type deltaStart struct {
	bounds bounds
	buf    [2 * binary.MaxVarintLen64]byte
	n      int
}

func (s *deltaStart) Write(p []byte) (int, error) {
	if s.bounds.object == 0 || s.n == len(s.buf) {
		return len(p), nil
	}
	s.n += copy(s.buf[s.n:], p)
	if _, size, _, err := deltaSizes(s.buf[:s.n]); err == nil {
		return len(p), s.bounds.allow(size)
	}
	return len(p), nil
}

// allow refuses an object beyond the bounds.
func (b bounds) allow(size int64) error {
	if b.object > 0 && size > b.object {
		return fmt.Errorf("%w: it has %d bytes; at most %d are taken", errLarge, size, b.object)
	}
	return nil
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

// hashers name whole objects beside the reading.
type hashers struct {
	jobs  chan hashJob
	spare chan []byte
	group sync.WaitGroup
	mu    sync.Mutex
	err   error
}

type hashJob struct {
	entry *packEntry
	kind  plumbing.ObjectType
	data  []byte
}

// Larger objects than maxJob are hashed as they are read, so that what waits
// takes at most maxJobs times as much memory.
const (
	maxJob  = 64 << 10
	maxJobs = 64
)

func (s *hashers) start() {
	s.jobs, s.spare = make(chan hashJob, maxJobs), make(chan []byte, maxJobs)
	for range max(1, runtime.GOMAXPROCS(0)-1) {
		s.group.Go(func() {
			sum := sha1cd.New()
			for job := range s.jobs {
				h, err := hashObject(sum, job.kind, job.data)
				job.entry.hash = h
				if err != nil {
					s.mu.Lock()
					s.err = err
					s.mu.Unlock()
				}
				select {
				case s.spare <- job.data:
				default:
				}
			}
		})
	}
}

func (s *hashers) wait() error {
	close(s.jobs)
	s.group.Wait()
	return s.err
}

// take makes a job with room for so many bytes.
func (s *hashers) take(size int64) hashJob {
	select {
	case b := <-s.spare:
		if int64(cap(b)) >= size {
			return hashJob{data: b[:size]}
		}
	default:
	}
	return hashJob{data: make([]byte, size, max(size, 4<<10))}
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
	marked   int   // start of the part that is not yet in crc
	before   int64 // bytes before buf
	crc      uint32
	received error
}

func newArrival(src io.Reader, file io.Writer) *arrival {
	return &arrival{src: src, file: file, sum: sha1.New(), buf: make([]byte, 64<<10)} //nolint:gosec // see the import
}

// begin starts an entry and tells its offset.
func (a *arrival) begin() int64 {
	a.marked, a.crc = a.at, 0
	return a.before + int64(a.at)
}

// sumOfEntry is the checksum of what was read since begin.
func (a *arrival) sumOfEntry() uint32 {
	a.crc = crc32.Update(a.crc, crc32.IEEETable, a.buf[a.marked:a.at])
	a.marked = a.at
	return a.crc
}

func (a *arrival) flush() error {
	a.sumOfEntry()
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
	a.at, a.end, a.written, a.marked = 0, 0, 0, 0
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
func (a *arrival) finish() (plumbing.Hash, error) {
	var h plumbing.Hash
	if err := a.flush(); err != nil {
		return h, err
	}
	want := a.sum.Sum(nil)
	if _, err := io.ReadFull(a, h[:]); err != nil {
		return h, err
	}
	if string(h[:]) != string(want) {
		return h, badPack("its checksum does not match")
	}
	return h, a.flush()
}
