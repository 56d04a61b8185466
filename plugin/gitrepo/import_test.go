package gitrepo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
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
	return must(gittest.Input(repo, []byte(lines), args...))(t)
}

// handmade is a pack of the given objects.
func handmade(t *testing.T, objects ...pack.Object) []byte {
	t.Helper()
	var b bytes.Buffer
	p := must(pack.NewWriter(&b, len(objects)))(t)
	for _, o := range objects {
		if err := p.Add(o.Kind, o.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func blobParcel(text string) (pack.Object, plumbing.Hash) {
	return pack.Object{Kind: plumbing.BlobObject, Data: []byte(text)}, plumbing.ComputeHash(plumbing.BlobObject, []byte(text))
}

func treeParcel(entries ...objects.Entry) (pack.Object, plumbing.Hash) {
	data := objects.EncodeTree(entries)
	return pack.Object{Kind: plumbing.TreeObject, Data: data}, plumbing.ComputeHash(plumbing.TreeObject, data)
}

func TestImport_TakesWhatAnAgentLeft(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("resource line of some length\n", 400)
	s := newSite(t, map[string]string{"stacks/a/main.tf": text, "other": "x"})
	r := clone(t, s.origin)
	base := r.Tip()
	// What the agent leaves exists on the host only.
	s.commit("agent", map[string]string{"stacks/a/main.tf": text + "one more\n", "stacks/a/new.tf": "new\n"})
	tree := gittest.Git(t, s.work, "rev-parse", "HEAD^{tree}")
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
		if fresh.store.Has(plumbing.NewHash(s.head())) {
			t.Errorf("%s: a commit of somebody else came along", name)
		}
		fix := must(fresh.Commit(base, tree, "fix\n"))(t)
		if err := fresh.PushBranch(t.Context(), "pm-todos/x", fix); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		gittest.Git(t, s.origin, "fsck", "--strict", "--full")
	}
	// The agent changed nothing: an empty pack and the base's own tree.
	same := must(r.Lookup(base))(t).Tree
	if err := r.Import("", same, bytes.NewReader(packOf(t, s.work, same, same)), 1<<20); err != nil {
		t.Errorf("no change: %v", err)
	}
}
