package objects

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
)

// ordinaryStore has everything of a repository with one commit, whose file a
// is "1".
func ordinaryStore(tb testing.TB) (s *Store, repo string) {
	tb.Helper()
	repo = tb.TempDir()
	gittest.Git(tb, repo, "init", "-q", "--bare", "-b", "master")
	if _, err := gittest.Input(repo, []byte("commit refs/heads/master\ncommitter A <a@example.org> 1 +0000\ndata 2\nc\nM 100644 inline a\ndata 1\n1\n"), "fast-import", "--quiet"); err != nil {
		tb.Fatal(err)
	}
	s = emptyStore(tb)
	data, err := gittest.Input(repo, nil, "pack-objects", "--stdout", "-q", "--all")
	if err == nil {
		_, err = s.AddPack(tb.Context(), bytes.NewReader(data), pack.Bounds{})
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s, repo
}

func emptyStore(tb testing.TB) *Store {
	tb.Helper()
	s, err := Open(tb.TempDir(), 16<<20)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// handmade is a pack of the given objects.
func handmade(t *testing.T, objects ...pack.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	p, err := pack.NewWriter(&b, len(objects))
	for _, o := range objects {
		err = errors.Join(err, p.Add(o.Kind, o.Data))
	}
	if err = errors.Join(err, p.Finish()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func blobObject(text string) (pack.Object, plumbing.Hash) {
	return pack.Object{Kind: plumbing.BlobObject, Data: []byte(text)}, plumbing.ComputeHash(plumbing.BlobObject, []byte(text))
}

func treeObject(entries ...Entry) (pack.Object, plumbing.Hash) {
	data := EncodeTree(entries)
	return pack.Object{Kind: plumbing.TreeObject, Data: data}, plumbing.ComputeHash(plumbing.TreeObject, data)
}

func TestThreat4_HostilePacks(t *testing.T) {
	t.Parallel()
	s, repo := ordinaryStore(t)
	blob, blobHash := blobObject("hello")
	missing := plumbing.ComputeHash(plumbing.BlobObject, []byte("not sent"))
	file := func(name string) Entry { return Entry{name, ModeFile, blobHash} }
	inner, innerHash := treeObject(file("x"))
	bomb, bombHash := blobObject(strings.Repeat("\x00", inflateFloor+13<<20))
	bombTree, bombTreeHash := treeObject(Entry{"f", ModeFile, bombHash})
	raw := func(data string) (pack.Object, plumbing.Hash) {
		return pack.Object{Kind: plumbing.TreeObject, Data: []byte(data)}, plumbing.ComputeHash(plumbing.TreeObject, []byte(data))
	}
	good, goodHash := treeObject(file("fine"))
	unsorted, unsortedHash := raw("100644 b\x00" + string(blobHash[:]) + "100644 a\x00" + string(blobHash[:]))
	padded, paddedHash := raw("0100644 a\x00" + string(blobHash[:]))
	short, shortHash := raw("100644 a\x00abc")

	type hostile struct {
		tree plumbing.Hash
		pack []byte
		max  int64
		says string
	}
	tests := map[string]hostile{
		"longer than allowed":   {goodHash, handmade(t, blob, good), 30, "longer than allowed"},
		"inflates":              {bombTreeHash, handmade(t, bomb, bombTree), 1 << 20, "larger than allowed"},
		"cut short":             {goodHash, handmade(t, blob, good)[:40], 1 << 20, ""},
		"no pack":               {goodHash, []byte("fatal: no such thing"), 1 << 20, ""},
		"nothing":               {goodHash, nil, 1 << 20, ""},
		"damaged":               {goodHash, damaged(handmade(t, blob, good)), 1 << 20, ""},
		"announces too many":    {goodHash, append([]byte("PACK\x00\x00\x00\x02\xff\xff\xff\xff"), make([]byte, 64)...), 1 << 20, "objects"},
		"tree is missing":       {goodHash, handmade(t, blob), 1 << 20, "missing"},
		"blob is missing":       {goodHash, handmade(t, good), 1 << 20, "missing"},
		"tree is a blob":        {blobHash, handmade(t, blob), 1 << 20, "no tree"},
		"unsorted":              {unsortedHash, handmade(t, blob, unsorted), 1 << 20, "not in the form"},
		"mode with zeros":       {paddedHash, handmade(t, blob, padded), 1 << 20, "not in the form"},
		"tree cut short":        {shortHash, handmade(t, short), 1 << 20, "cut short"},
		"delta without a base":  {goodHash, deltaPack(t, missing), 1 << 20, "not in it"},
		"a negative allowance":  {goodHash, handmade(t, blob, good), -1, "longer than allowed"},
		"delta that is a giant": {goodHash, giantDelta(t), 1 << 20, "larger than allowed"},
	}
	entries := map[string][]Entry{
		"dot git":          {{".git", ModeTree, innerHash}},
		"dot GIT":          {{".GiT", ModeFile, blobHash}},
		"short dot git":    {file("git~1")},
		"dot git dots":     {file(".git. .")},
		"dot git stream":   {file(".git::$INDEX_ALLOCATION")},
		"dot git hidden":   {file(".g\u200cit")},
		"dot":              {file(".")},
		"dot dot":          {{"..", ModeTree, innerHash}},
		"slash":            {file("a/b")},
		"empty name":       {file("")},
		"control":          {file("a\nb")},
		"escape":           {file("a\x1b[2Jb")},
		"not UTF-8":        {file("a\xff")},
		"overlong":         {file(strings.Repeat("a", 300))},
		"twice":            {file("a"), file("a")},
		"file and folder":  {file("a"), {"a", ModeTree, innerHash}},
		"device":           {{"a", 0o020000, blobHash}},
		"setuid":           {{"a", 0o104755, blobHash}},
		"zero hash":        {{"a", ModeFile, plumbing.ZeroHash}},
		"blob as tree":     {{"a", ModeTree, blobHash}},
		"tree as blob":     {{"a", ModeFile, innerHash}},
		"base blob as dir": {{"a", ModeTree, plumbing.NewHash(gittest.Git(t, repo, "rev-parse", "master:a"))}},
		"one missing":      {file("x"), {"y", ModeFile, missing}},
	}
	for name, list := range entries {
		tree, h := treeObject(list...)
		tests["entry: "+name] = hostile{h, handmade(t, blob, inner, tree), 1 << 20, ""}
	}
	nested := handmadeNested(t, maxImportDir+2)
	tests["nested"] = hostile{nested.root, nested.pack, 1 << 20, "too deep"}

	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := s.Import(plumbing.ZeroHash, test.tree, bytes.NewReader(test.pack), test.max)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error %v", err)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("the error is not fit to print: %q", err)
			}
			if s.Has(test.tree) && test.tree != blobHash {
				t.Error("the refused tree is in the clone")
			}
			if s.Has(blobHash) {
				t.Error("a part of the refused pack is in the clone")
			}
		})
	}
	// Names that look odd and are in honest use.
	fine, fineHash := treeObject(file(".gitignore"), file("dev-disk-by\\x2dlabel.mount"), file("-rf"), file("ünï code"), file("..."), file("git~10"))
	if err := s.Import(plumbing.ZeroHash, fineHash, bytes.NewReader(handmade(t, blob, fine)), 1<<20); err != nil {
		t.Errorf("honest names: %v", err)
	}
}

func TestThreat4_DeltasOnObjectsOfTheCloneAreCounted(t *testing.T) {
	t.Parallel()
	s, _ := ordinaryStore(t)
	const large = inflateFloor + 2<<20
	h, err := s.Put(plumbing.BlobObject, make([]byte, large))
	if err != nil {
		t.Fatal(err)
	}
	same := binary.AppendUvarint(binary.AppendUvarint(nil, large), 1)
	data := rawDelta(t, h, append(same, 1, 'x'))
	for most, want := range map[int64]error{64: pack.ErrTotal, 1 << 20: nil} {
		q := quarantine{store: s, objects: map[plumbing.Hash]pack.Object{}}
		if err := q.read(bytes.NewReader(data), max(most, int64(len(data)))); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v", most, err)
		}
	}
}

func damaged(pack []byte) []byte {
	pack = bytes.Clone(pack)
	pack[16] ^= 0xff
	return pack
}

// deltaPack is a pack of one small delta that builds on the object.
func deltaPack(t *testing.T, base plumbing.Hash) []byte {
	t.Helper()
	return rawDelta(t, base, []byte{5, 1, 1, 'x'})
}

// giantDelta is a pack of a few kilobytes: eight mebibytes of zeros, and a
// valid delta that copies them ten times.
func giantDelta(t *testing.T) []byte {
	t.Helper()
	const size = 8 << 20
	base, h := blobObject(strings.Repeat("\x00", size))
	instructions := binary.AppendUvarint(binary.AppendUvarint(nil, size), 10*size)
	for range 10 {
		instructions = append(instructions, 0xc0, size>>16) // copy from 0, third byte of the size
	}
	first, second := handmade(t, base), rawDelta(t, h, instructions)
	out := append([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x02"), first[12:len(first)-20]...)
	out = append(out, second[12:len(second)-20]...)
	sum := sha1.Sum(out)
	return append(out, sum[:]...)
}

// rawDelta is a pack of one delta.
func rawDelta(t *testing.T, base plumbing.Hash, instructions []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("PACK\x00\x00\x00\x02\x00\x00\x00\x01")
	// The type and the length, in two bytes.
	b.Write([]byte{byte(plumbing.REFDeltaObject)<<4 | byte(len(instructions)&0xf) | 0x80, byte(len(instructions) >> 4)})
	b.Write(base[:])
	zw := zlib.NewWriter(&b)
	if _, err := zw.Write(instructions); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha1.Sum(b.Bytes())
	return append(b.Bytes(), sum[:]...)
}

type nestedPack struct {
	root plumbing.Hash
	pack []byte
}

func handmadeNested(t *testing.T, levels int) nestedPack {
	t.Helper()
	o, h := blobObject("hello")
	all := []pack.Object{o}
	e := Entry{"f", ModeFile, h}
	for i := range levels {
		o, h = treeObject(e)
		all = append(all, o)
		e = Entry{fmt.Sprint("d", i), ModeTree, h}
	}
	return nestedPack{h, handmade(t, all...)}
}

func TestThreat4_TreesMadeToExhaust(t *testing.T) {
	t.Parallel()
	s, _ := ordinaryStore(t)
	// Twelve levels of ten folders each, all the same: 10^12 paths in a few
	// hundred bytes.
	blob, blobHash := blobObject("x")
	empty, emptyHash := treeObject()
	for name, leaf := range map[string]Entry{"files": {"f", ModeFile, blobHash}, "empty folders": {"f", ModeTree, emptyHash}} {
		t.Run(name, func(t *testing.T) {
			o, h := treeObject(leaf)
			all := []pack.Object{blob, empty, o}
			for range 12 {
				var level []Entry
				for i := range 10 {
					level = append(level, Entry{fmt.Sprint(i), ModeTree, h})
				}
				o, h = treeObject(level...)
				all = append(all, o)
			}
			if err := s.Import(plumbing.ZeroHash, h, bytes.NewReader(handmade(t, all...)), 1<<20); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Diff(plumbing.ZeroHash, h, 2000); !errors.Is(err, errTooMany) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func FuzzImport(f *testing.F) {
	s, repo := ordinaryStore(f)
	tree := plumbing.NewHash(gittest.Git(f, repo, "rev-parse", "master^{tree}"))
	data, err := gittest.Input(repo, []byte("master\n"), "pack-objects", "--revs", "--stdout", "-q")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 32 { // with the right checksum it gets further
			sum := sha1.Sum(data[:len(data)-20])
			data = append(bytes.Clone(data[:len(data)-20]), sum[:]...)
		}
		q := quarantine{store: s, objects: map[plumbing.Hash]pack.Object{}}
		if err := q.read(bytes.NewReader(data), 1<<16); err != nil {
			return
		}
		for h, o := range q.objects {
			if plumbing.ComputeHash(o.Kind, o.Data) != h {
				t.Errorf("object %s has other content", h)
			}
		}
		if _, err := q.inspect(plumbing.ZeroHash, tree); err != nil {
			t.Errorf("the base's own tree: %v", err)
		}
	})
}
