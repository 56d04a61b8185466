package pack

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

// index runs the indexer on a pack in a directory of its own.
func index(tb testing.TB, data io.Reader) (*File, string, error) {
	tb.Helper()
	dir := tb.TempDir()
	p, err := Index(context.Background(), dir, data, Bounds{})
	if p != nil {
		tb.Cleanup(func() { _ = p.Close() })
	}
	return p, dir, err
}

func TestIndexer_SameIndexAsGit(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for seed, options := range [][]string{
		{"--delta-base-offset"},
		{"--delta-base-offset", "--depth=200", "--window=50"},
		{"--depth=50"}, // bases by name
		{"--window=0"},
		{"--delta-base-offset", "--compression=0"},
	} {
		t.Run(strings.Join(options, " "), func(t *testing.T) {
			repo := filepath.Join(root, fmt.Sprint(seed))
			gittest.Git(t, root, "init", "-q", "--bare", repo)
			must(gittest.Input(repo, gittest.History(rand.New(rand.NewPCG(uint64(seed), 1)), "master", 60), "fast-import", "--quiet"))(t)
			data := must(gittest.Input(repo, nil, append([]string{"pack-objects", "--stdout", "-q", "--all", "--no-reuse-delta"}, options...)...))(t)
			name := filepath.Join(root, fmt.Sprint(seed, ".pack"))
			if err := os.WriteFile(name, data, 0o600); err != nil {
				t.Fatal(err)
			}
			gittest.Git(t, root, "index-pack", name)
			idx := must(os.ReadFile(strings.TrimSuffix(name, ".pack") + ".idx"))(t)
			var want []string
			for line := range strings.Lines(string(must(gittest.Input(root, idx, "show-index"))(t))) {
				want = append(want, line[:strings.LastIndex(line, " (")]) // without the checksum
			}

			p, _, err := index(t, iotest.HalfReader(bytes.NewReader(data)))
			if err != nil {
				t.Fatal(err)
			}
			if got := indexLines(p); !slices.Equal(got, want) {
				t.Error("the index differs from git's")
			}
			if got := must(io.ReadAll(io.NewSectionReader(p.file, 0, int64(len(data)+1))))(t); !bytes.Equal(got, data) {
				t.Error("the pack differs from what was sent")
			}
			readAll(t, p)
		})
	}
}

// indexLines is an index as git show-index writes it.
func indexLines(p *File) []string {
	var lines []string
	for i, h := range p.index.hashes {
		lines = append(lines, fmt.Sprint(p.index.offsets[i], " ", h))
	}
	return lines
}

// must fails the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// readAll reads every object of a pack and checks its name and length.
func readAll(t *testing.T, p *File) {
	t.Helper()
	for i, h := range p.index.hashes {
		o, err := p.Read(p.index.offsets[i])
		if err != nil || plumbing.ComputeHash(o.Kind, o.Data) != h {
			t.Fatalf("object %s: %v", h, err)
		}
		if size, err := p.Size(p.index.offsets[i]); err != nil || size != int64(len(o.Data)) {
			t.Fatalf("object %s: size %d, %v", h, size, err)
		}
	}
}

// rawPack writes entries as they are given and counts and signs them.
type rawPack struct {
	bytes.Buffer
	offsets []int
}

func newRawPack(count int) *rawPack {
	p := &rawPack{}
	p.WriteString("PACK\x00\x00\x00\x02")
	p.Write(binary.BigEndian.AppendUint32(nil, uint32(count)))
	return p
}

// entry adds an entry; head is what stands between length and data.
func (p *rawPack) entry(kind plumbing.ObjectType, size int, head, data []byte) *rawPack {
	p.offsets = append(p.offsets, p.Len())
	p.Write(entryStart(kind, size))
	p.Write(head)
	p.Write(deflate(data))
	return p
}

// entryStart is the type and the length of an entry.
func entryStart(kind plumbing.ObjectType, size int) []byte {
	out := []byte{byte(kind)<<4 | byte(size&0xf)}
	for size >>= 4; size > 0; size >>= 7 {
		out[len(out)-1] |= 0x80
		out = append(out, byte(size&0x7f))
	}
	return out
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func (p *rawPack) whole(text string) *rawPack {
	return p.entry(plumbing.BlobObject, len(text), nil, []byte(text))
}

// delta adds a delta on an earlier entry.
func (p *rawPack) delta(base int, data []byte) *rawPack {
	return p.entry(plumbing.OFSDeltaObject, len(data), distance(p.Len()-p.offsets[base]), data)
}

// distance spells a distance in two bytes, the second way of spelling short
// ones being none.
func distance(n int) []byte {
	if n < 128 {
		return []byte{byte(n)}
	}
	n -= 128
	return []byte{0x80 | byte(n>>7), byte(n & 0x7f)}
}

func (p *rawPack) signed() []byte {
	sum := sha1.Sum(p.Bytes())
	return append(bytes.Clone(p.Bytes()), sum[:]...)
}

func TestThreat7_PacksMadeToHarm(t *testing.T) {
	t.Parallel()
	other := plumbing.ComputeHash(plumbing.BlobObject, []byte("nowhere"))
	grow := func(size uint64) []byte { // ten times a base of ten bytes
		return append(binary.AppendUvarint([]byte{10}, size), bytes.Repeat([]byte{0x90, 10}, 10)...)
	}
	ten := "0123456789"
	one := plumbing.ComputeHash(plumbing.BlobObject, []byte(ten))
	wrong := newRawPack(1).whole("x").signed()
	wrong[len(wrong)-1] ^= 1
	deep := newRawPack(maxChain + 2).whole(ten)
	for i := range maxChain + 1 {
		deep.delta(i, []byte{10, 10, 0x90, 10})
	}
	tests := map[string]struct {
		pack []byte
		says string
	}{
		"no pack":                     {[]byte("<html>not found, sorry</html>"), "does not start as a pack"},
		"another version":             {[]byte("PACK\x00\x00\x00\x09\x00\x00\x00\x01"), "version"},
		"too many objects":            {[]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"), "at most"},
		"fewer objects than counted":  {newRawPack(3).whole("x").signed(), ""},
		"more objects than counted":   {newRawPack(1).whole("x").whole("y").signed(), "checksum"},
		"wrong checksum":              {wrong, "checksum"},
		"longer than announced":       {newRawPack(1).entry(plumbing.BlobObject, 2, nil, []byte("xyz")).signed(), "longer"},
		"shorter than announced":      {newRawPack(1).entry(plumbing.BlobObject, 9, nil, []byte("xyz")).signed(), ""},
		"large and shorter":           {newRawPack(1).entry(plumbing.BlobObject, maxBuffered+9, nil, []byte("xyz")).signed(), "shorter"},
		"announced to be huge":        {newRawPack(1).entry(plumbing.BlobObject, maxObject+1, nil, nil).signed(), "at most"},
		"a huge delta":                {newRawPack(1).whole(ten).entry(plumbing.OFSDeltaObject, maxWhole+1, []byte{1}, nil).signed(), ""},
		"type zero":                   {newRawPack(1).entry(0, 1, nil, []byte("x")).signed(), "type"},
		"type five":                   {newRawPack(1).entry(5, 1, nil, []byte("x")).signed(), "type"},
		"length without end":          {append(newRawPack(1).Bytes(), bytes.Repeat([]byte{0xff}, 40)...), "digits"},
		"distance without end":        {append(newRawPack(1).Bytes(), append([]byte{0x61}, bytes.Repeat([]byte{0xff}, 40)...)...), "digits"},
		"no zlib":                     {append(newRawPack(1).Bytes(), append([]byte{0x31}, bytes.Repeat([]byte{0x77}, 40)...)...), "zlib"},
		"delta on itself":             {newRawPack(2).whole(ten).entry(plumbing.OFSDeltaObject, 4, []byte{0}, grow(100)[:4]).signed(), "no object starts"},
		"delta before the pack":       {newRawPack(2).whole(ten).entry(plumbing.OFSDeltaObject, 4, distance(5000), grow(100)[:4]).signed(), "no object starts"},
		"delta into an object":        {newRawPack(2).whole(ten).entry(plumbing.OFSDeltaObject, 4, []byte{3}, grow(100)[:4]).signed(), "no object starts"},
		"delta on nothing":            {newRawPack(1).entry(plumbing.REFDeltaObject, 22, other[:], grow(100)).signed(), "not in it"},
		"deltas in a circle":          {circle(), "not in it"},
		"delta for another base":      {newRawPack(2).whole("short").delta(0, grow(100)).signed(), "base of 10"},
		"delta gives more":            {newRawPack(2).whole(ten).delta(0, grow(99)).signed(), "more than"},
		"delta gives less":            {newRawPack(2).whole(ten).delta(0, grow(101)).signed(), "less than"},
		"delta announces too much":    {newRawPack(2).whole(ten).delta(0, grow(maxWhole+1)).signed(), "usable lengths"},
		"delta without lengths":       {newRawPack(2).whole(ten).delta(0, []byte{0x80}).signed(), "usable lengths"},
		"delta copies from beyond":    {newRawPack(2).whole(ten).delta(0, []byte{10, 5, 0x91, 6, 5}).signed(), "beyond"},
		"delta ends in a copy":        {newRawPack(2).whole(ten).delta(0, []byte{10, 5, 0x91, 6}).signed(), "cut short"},
		"delta ends in its own bytes": {newRawPack(2).whole(ten).delta(0, []byte{10, 5, 5, 'x'}).signed(), "cut short"},
		"reserved instruction":        {newRawPack(2).whole(ten).delta(0, []byte{10, 5, 0}).signed(), "reserved"},
		"chain too deep":              {deep.signed(), "chain"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, dir, err := index(t, bytes.NewReader(test.pack))
			if err == nil || p != nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v", err)
			}
			if !errors.Is(err, ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the error does not blame the pack: %v", err)
			}
			if left := must(os.ReadDir(dir))(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	// The same constructions are fine where they are right.
	p, _, err := index(t, iotest.OneByteReader(bytes.NewReader(newRawPack(4).whole(ten).delta(0, grow(100)).
		entry(plumbing.REFDeltaObject, len(grow(100)), one[:], grow(100)).delta(0, []byte{10, 5, 0x91, 5, 5}).signed())))
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, p)
}

// circle is two deltas, each on the other.
func circle() []byte {
	a := plumbing.ComputeHash(plumbing.BlobObject, []byte("aaaaaaaaaa"))
	b := plumbing.ComputeHash(plumbing.BlobObject, []byte("bbbbbbbbbb"))
	same := []byte{10, 10, 0x90, 10}
	return newRawPack(2).entry(plumbing.REFDeltaObject, 4, a[:], same).entry(plumbing.REFDeltaObject, 4, b[:], same).signed()
}

func TestThreat7_EveryCutAndEveryFlippedBitIsNoticed(t *testing.T) {
	t.Parallel()
	ten := "0123456789"
	good := newRawPack(3).whole(ten).delta(0, []byte{10, 5, 0x91, 5, 5}).delta(1, []byte{5, 2, 2, 'x', 'y'}).signed()
	for i := range good {
		if _, _, err := index(t, bytes.NewReader(good[:i])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
		flipped := bytes.Clone(good)
		flipped[i] ^= 1 << (i % 8)
		if _, _, err := index(t, bytes.NewReader(flipped)); err == nil {
			t.Errorf("byte %d changed: no error", i)
		}
	}
}

func TestThreat7_AnObjectMadeToCollideIsRefused(t *testing.T) {
	t.Parallel()
	sum := &collidingSum{}
	if _, err := hashObject(sum, plumbing.BlobObject, []byte("x")); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v", err)
	}
}

// collidingSum says of everything that it collides. Two files that do so for
// real make different blobs, since git puts the length in front.
type collidingSum struct{ bytes.Buffer }

func (c *collidingSum) Sum([]byte) []byte                           { return make([]byte, 20) }
func (c *collidingSum) Size() int                                   { return 20 }
func (c *collidingSum) BlockSize() int                              { return 64 }
func (c *collidingSum) CollisionResistantSum([]byte) ([]byte, bool) { return make([]byte, 20), true }

func TestIndexer_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Index(ctx, t.TempDir(), bytes.NewReader(newRawPack(1).whole("x").signed()), Bounds{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// FuzzIndexer: whatever arrives, the indexer neither panics nor takes a pack of
// which an object cannot be read under its name.
func FuzzIndexer(f *testing.F) {
	ten := "0123456789"
	one := plumbing.ComputeHash(plumbing.BlobObject, []byte(ten))
	f.Add(newRawPack(3).whole(ten).delta(0, []byte{10, 5, 0x91, 5, 5}).whole("").Bytes())
	f.Add(newRawPack(2).whole(ten).entry(plumbing.REFDeltaObject, 4, one[:], []byte{10, 10, 0x90, 10}).Bytes())
	f.Add(circle())
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) > 12 {
			copy(body, "PACK\x00\x00\x00\x02\x00\x00\x00") // what else would be refused at once
		}
		sum := sha1.Sum(body)
		p, _, err := index(t, bytes.NewReader(append(bytes.Clone(body), sum[:]...)))
		if err == nil && p != nil {
			readAll(t, p)
		}
	})
}

// FuzzPatch compares with go-git, which takes all that is right.
func FuzzPatch(f *testing.F) {
	f.Add([]byte("0123456789"), []byte{10, 5, 0x91, 5, 5})
	f.Add([]byte("0123456789"), []byte{10, 2, 2, 'x', 'y'})
	f.Add([]byte("0123456789"), []byte("\n\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"))
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		if _, size, _, err := deltaSizes(delta); err == nil && size > 1<<20 {
			return
		}
		got, err := patch(base, delta)
		if err != nil {
			return
		}
		want, err := packfile.PatchDelta(base, delta)
		if err != nil && len(base) > 0 && len(delta) >= 4 || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q, go-git has %q, %v", got, want, err)
		}
	})
}
