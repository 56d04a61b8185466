// Package pack reads, indexes and writes git's packs. What it reads comes from
// others: every length is checked before there is memory for it, and every
// object is named by its content.
package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds are what a pack may take; zero stands for the limits of every pack.
type Bounds struct {
	Bytes  int64 // of the pack itself
	Count  int   // objects
	Object int64 // bytes of one object
	Total  int64 // bytes of all objects, of the deltas, and of what these build on
	held   int64 // bytes of objects in memory at one moment, while deltas are worked out
}

var (
	// ErrLarge says that a pack brings an object beyond the bounds.
	ErrLarge = errors.New("an object is larger than wanted")
	// ErrTotal says that its objects are beyond the bounds together.
	ErrTotal = errors.New("its objects are larger than allowed")
	// ErrTooLong says that the pack itself is.
	ErrTooLong = errors.New("it is longer than allowed")
)

// allow counts an object, before there is memory for it.
func (x *indexer) allow(size int64) error {
	if most := x.bounds.Object; most > 0 && size > most {
		return fmt.Errorf("%w: it has %d bytes; at most %d are taken", ErrLarge, size, most)
	}
	return x.allowTotal(size)
}

func (x *indexer) allowTotal(size int64) error {
	if x.total += size; x.bounds.Total > 0 && x.total > x.bounds.Total {
		return ErrTotal
	}
	return nil
}

// deltaStart is a writer that looks at the lengths at the start of a delta, and
// at nothing after them.
type deltaStart struct {
	allow func(size int64) error
	buf   [2 * binary.MaxVarintLen64]byte
	n     int
	known bool
}

func (s *deltaStart) Write(p []byte) (int, error) {
	if s.known {
		return len(p), nil
	}
	s.n += copy(s.buf[s.n:], p)
	_, size, _, err := deltaSizes(s.buf[:s.n])
	if err != nil && s.n < len(s.buf) {
		return len(p), nil // the next bytes tell, or patch does when its turn comes
	}
	s.known = true
	if err = errors.Join(err, s.allow(size)); err != nil {
		return 0, err // io.CopyN passes over the error of a last piece that was taken
	}
	return len(p), nil
}

// capped reads at most so many bytes and says so when there are more.
type capped struct {
	r    io.Reader
	left int64
	over bool
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		// One more byte decides between a full pack and one that is too long.
		var one [1]byte
		n, err := c.r.Read(one[:])
		c.over = c.over || n > 0
		if n > 0 {
			return 0, ErrTooLong
		}
		return 0, err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// explain names the cap as the cause of an error that followed from it.
func (c *capped) explain(err error) error {
	if c.over {
		return ErrTooLong
	}
	return err
}
