package pack

import (
	"bufio"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // git's pack format ends with it
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// Writer writes a pack of whole objects, one at a time. go-git's encoder keeps
// all objects in memory at once, which is too much for a large snapshot.
type Writer struct {
	entryWriter
	out  io.Writer
	sum  hash.Hash
	left int
}

// NewWriter begins a pack of so many objects.
func NewWriter(out io.Writer, objects int) (*Writer, error) {
	p := &Writer{out: out, sum: sha1.New(), left: objects} //nolint:gosec // see the import
	var err error
	if p.entryWriter, err = newEntryWriter(io.MultiWriter(out, p.sum)); err != nil {
		return nil, err
	}
	_, err = p.w.Write(binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(objects)))
	return p, err
}

// Add writes an object.
func (p *Writer) Add(kind plumbing.ObjectType, data []byte) error {
	p.left--
	return p.add(kind, data)
}

// Finish writes what stands behind the objects.
func (p *Writer) Finish() error {
	if p.left != 0 {
		return fmt.Errorf("pack: %d objects announced and not written", p.left)
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	_, err := p.out.Write(p.sum.Sum(nil))
	return err
}

// entryWriter writes whole objects as they stand in a pack.
type entryWriter struct {
	w  *bufio.Writer
	zw *zlib.Writer
}

func newEntryWriter(w io.Writer) (entryWriter, error) {
	out := bufio.NewWriterSize(w, 64<<10)
	zw, err := zlib.NewWriterLevel(out, zlib.BestSpeed)
	return entryWriter{out, zw}, err
}

func (e entryWriter) add(kind plumbing.ObjectType, data []byte) error {
	size := len(data)
	b := byte(kind)<<4 | byte(size&0xf)
	for size >>= 4; size > 0; size >>= 7 {
		_ = e.w.WriteByte(b | 0x80) // the writer keeps its first error
		b = byte(size & 0x7f)
	}
	_ = e.w.WriteByte(b)
	e.zw.Reset(e.w)
	if _, err := e.zw.Write(data); err != nil {
		return err
	}
	return e.zw.Close()
}
