package gitrepo

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// packOf is git's own pack of the objects that want reaches and have does not.
func packOf(t *testing.T, repo, want string, have ...string) []byte {
	t.Helper()
	lines := want + "\n"
	for _, h := range have {
		lines += "^" + h + "\n"
	}
	args := []string{"pack-objects", "--revs", "--stdout", "-q"}
	if len(have) > 0 {
		args = append(args, "--thin", "--delta-base-offset")
	}
	return must(gitInput(repo, []byte(lines), args...))(t)
}

// handmade is a pack of the given objects.
func handmade(t *testing.T, objects ...parcel) []byte {
	t.Helper()
	var b bytes.Buffer
	p := must(newPacker(&b, len(objects)))(t)
	for _, o := range objects {
		if err := p.add(o.kind, o.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.finish(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func blobParcel(text string) (parcel, plumbing.Hash) {
	return parcel{plumbing.BlobObject, []byte(text)}, plumbing.ComputeHash(plumbing.BlobObject, []byte(text))
}

func treeParcel(entries ...entry) (parcel, plumbing.Hash) {
	data := encodeTree(entries)
	return parcel{plumbing.TreeObject, data}, plumbing.ComputeHash(plumbing.TreeObject, data)
}

func TestImport_TakesWhatAnAgentLeft(t *testing.T) {
	text := strings.Repeat("resource line of some length\n", 400)
	s := newSite(t, map[string]string{"stacks/a/main.tf": text, "other": "x"})
	r := clone(t, s.origin)
	base := r.Tip()
	// What the agent leaves exists on the host only.
	s.commit("agent", map[string]string{"stacks/a/main.tf": text + "one more\n", "stacks/a/new.tf": "new\n"})
	tree := git(t, s.work, "rev-parse", "HEAD^{tree}")
	for name, pack := range map[string][]byte{
		"thin with deltas":  packOf(t, s.work, tree, base+"^{tree}"),
		"everything":        packOf(t, s.work, tree),
		"a commit besides":  packOf(t, s.work, "HEAD", base),
		"nothing new twice": packOf(t, s.work, tree, tree),
	} {
		if name == "nothing new twice" {
			continue // after the others
		}
		fresh := clone(t, s.origin)
		if err := fresh.Import("", tree, bytes.NewReader(pack), 1<<20); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := must(fresh.Diff(base, tree))(t)
		if len(got.Files) != 2 || string(got.Files[0].New) != text+"one more\n" {
			t.Errorf("%s: %d files", name, len(got.Files))
		}
		if fresh.store.has(plumbing.NewHash(s.head())) {
			t.Errorf("%s: a commit of somebody else came along", name)
		}
		fix := must(fresh.Commit(base, tree, "fix\n"))(t)
		if err := fresh.PushBranch(t.Context(), "pm-todos/x", fix); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		git(t, s.origin, "fsck", "--strict", "--full")
	}
	// The agent changed nothing: an empty pack and the base's own tree.
	same := must(r.Lookup(base))(t).Tree
	if err := r.Import("", same, bytes.NewReader(packOf(t, s.work, same, same)), 1<<20); err != nil {
		t.Errorf("no change: %v", err)
	}
}

func TestThreat4_HostilePacks(t *testing.T) {
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.origin)
	blob, blobHash := blobParcel("hello")
	missing := plumbing.ComputeHash(plumbing.BlobObject, []byte("not sent"))
	file := func(name string) entry { return entry{name, modeFile, blobHash} }
	inner, innerHash := treeParcel(file("x"))
	bomb, bombHash := blobParcel(strings.Repeat("\x00", 64<<20))
	bombTree, bombTreeHash := treeParcel(entry{"f", modeFile, bombHash})
	raw := func(data string) (parcel, plumbing.Hash) {
		return parcel{plumbing.TreeObject, []byte(data)}, plumbing.ComputeHash(plumbing.TreeObject, []byte(data))
	}
	good, goodHash := treeParcel(file("fine"))
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
		"delta without a base":  {goodHash, deltaPack(t, missing), 1 << 20, "not there"},
		"a negative allowance":  {goodHash, handmade(t, blob, good), -1, "longer than allowed"},
		"delta that is a giant": {goodHash, giantDelta(t), 1 << 20, "larger than allowed"},
	}
	entries := map[string][]entry{
		"dot git":          {{".git", modeTree, innerHash}},
		"dot GIT":          {{".GiT", modeFile, blobHash}},
		"short dot git":    {file("git~1")},
		"dot git dots":     {file(".git. .")},
		"dot git stream":   {file(".git::$INDEX_ALLOCATION")},
		"dot git hidden":   {file(".g\u200cit")},
		"dot":              {file(".")},
		"dot dot":          {{"..", modeTree, innerHash}},
		"slash":            {file("a/b")},
		"empty name":       {file("")},
		"control":          {file("a\nb")},
		"escape":           {file("a\x1b[2Jb")},
		"not UTF-8":        {file("a\xff")},
		"overlong":         {file(strings.Repeat("a", 300))},
		"twice":            {file("a"), file("a")},
		"file and folder":  {file("a"), {"a", modeTree, innerHash}},
		"device":           {{"a", 0o020000, blobHash}},
		"setuid":           {{"a", 0o104755, blobHash}},
		"zero hash":        {{"a", modeFile, plumbing.ZeroHash}},
		"blob as tree":     {{"a", modeTree, blobHash}},
		"tree as blob":     {{"a", modeFile, innerHash}},
		"base blob as dir": {{"a", modeTree, plumbing.NewHash(git(t, s.work, "rev-parse", "HEAD:a"))}},
		"one missing":      {file("x"), {"y", modeFile, missing}},
	}
	for name, list := range entries {
		tree, h := treeParcel(list...)
		tests["entry: "+name] = hostile{h, handmade(t, blob, inner, tree), 1 << 20, ""}
	}
	nested := handmadeNested(t, maxImportDir+2)
	tests["nested"] = hostile{nested.root, nested.pack, 1 << 20, "too deep"}

	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := r.Import("", test.tree.String(), bytes.NewReader(test.pack), test.max)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("error %v", err)
			}
			if strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("the error is not fit to print: %q", err)
			}
			if r.store.has(test.tree) && test.tree != blobHash {
				t.Error("the refused tree is in the clone")
			}
			if r.store.has(blobHash) {
				t.Error("a part of the refused pack is in the clone")
			}
		})
	}
	if err := r.Import("", "HEAD", bytes.NewReader(handmade(t)), 1<<20); err == nil {
		t.Error("HEAD was imported")
	}
	// Names that look odd and are in honest use.
	fine, fineHash := treeParcel(file(".gitignore"), file("dev-disk-by\\x2dlabel.mount"), file("-rf"), file("ünï code"), file("..."), file("git~10"))
	if err := r.Import("", fineHash.String(), bytes.NewReader(handmade(t, blob, fine)), 1<<20); err != nil {
		t.Errorf("honest names: %v", err)
	}
	if _, err := r.Lookup(goodHash.String()); !errors.Is(err, ErrNotFound) {
		t.Errorf("a tree is no commit: %v", err)
	}
}

func TestThreat4_DeltasOnObjectsOfTheCloneAreCounted(t *testing.T) {
	s := newSite(t, map[string]string{"a": strings.Repeat("x", 100)})
	r := clone(t, s.origin)
	h := plumbing.NewHash(git(t, s.work, "rev-parse", "HEAD:a"))
	q := &quarantine{store: r.store, objects: map[plumbing.Hash]parcel{}, bases: map[plumbing.Hash]parcel{}, room: 150}
	for range 2 { // the second time costs nothing
		if _, ok, err := q.base(h); err != nil || !ok {
			t.Errorf("%v, %v", ok, err)
		}
	}
	if _, _, err := q.base(plumbing.NewHash(r.Tip())); !errors.Is(err, errInflates) {
		t.Errorf("error %v", err)
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
	base, h := blobParcel(strings.Repeat("\x00", size))
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

func rawDelta(t *testing.T, base plumbing.Hash, instructions []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	p := must(newPacker(&b, 1))(t)
	// The type and the length, in two bytes.
	head := []byte{byte(plumbing.REFDeltaObject)<<4 | byte(len(instructions)&0xf) | 0x80, byte(len(instructions) >> 4)}
	for _, part := range [][]byte{head, base[:]} {
		if _, err := p.w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	p.zw.Reset(p.w)
	if _, err := p.zw.Write(instructions); err != nil {
		t.Fatal(err)
	}
	if err := p.zw.Close(); err != nil {
		t.Fatal(err)
	}
	p.left = 0
	if err := p.finish(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type nestedPack struct {
	root plumbing.Hash
	pack []byte
}

func handmadeNested(t *testing.T, levels int) nestedPack {
	t.Helper()
	o, h := blobParcel("hello")
	objects := []parcel{o}
	e := entry{"f", modeFile, h}
	for i := range levels {
		o, h = treeParcel(e)
		objects = append(objects, o)
		e = entry{fmt.Sprint("d", i), modeTree, h}
	}
	return nestedPack{h, handmade(t, objects...)}
}

func FuzzImport(f *testing.F) {
	s := newSite(f, map[string]string{"a": "1"})
	r := clone(f, s.origin)
	tree := must(r.Lookup(r.Tip()))(f).Tree
	pack := must(gitInput(s.work, []byte("HEAD\n"), "pack-objects", "--revs", "--stdout", "-q"))(f)
	f.Add(pack)
	f.Add(pack[:len(pack)/2])
	f.Add([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, pack []byte) {
		q := &quarantine{store: r.store, objects: map[plumbing.Hash]parcel{}, bases: map[plumbing.Hash]parcel{}, room: 1 << 20}
		if err := q.read(bytes.NewReader(pack), 1<<16); err != nil {
			return
		}
		for h, o := range q.objects {
			if plumbing.ComputeHash(o.kind, o.data) != h {
				t.Errorf("object %s has other content", h)
			}
		}
		if _, err := q.inspect(plumbing.ZeroHash, plumbing.NewHash(tree)); err != nil {
			t.Errorf("the base's own tree: %v", err)
		}
	})
}
