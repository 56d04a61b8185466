package gitrepo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/attributes"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestDiff_KindsModesAndContents(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{
		"same": "s", "edited": "old", "gone": "g", "run.sh": "#!/bin/sh\n", "becomes/folder": "x", "plain": "p", "empty": "",
		"sub/.keep": "", "link-target": "t",
	})
	base := s.head()
	big := strings.Repeat("x", MaxContent+1)
	s.commit("change", map[string]string{"edited": "new", "gone": "-", "becomes/folder": "-", "added/deep/file": "a", "big": big})
	if err := os.WriteFile(filepath.Join(s.work, "becomes"), []byte("file now"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(s.work, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.work, "plain")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(s.work, "plain")); err != nil {
		t.Fatal(err)
	}
	gittest.Git(t, s.work, "add", "-A")
	gittest.Git(t, s.work, "update-index", "--add", "--cacheinfo", "160000,"+base+",module")
	gittest.Git(t, s.work, "commit", "-q", "-m", "oddities")
	s.push()
	r := clone(t, s.origin)
	tree := must(r.Lookup(r.Tip()))(t).Tree
	got := must(r.Diff(base, tree))(t)
	want := []item.File{
		{Path: "added/deep/file", Kind: item.Added, NewMode: objects.ModeFile, NewSize: 1, New: []byte("a")},
		{Path: "becomes", Kind: item.Added, NewMode: objects.ModeFile, NewSize: 8, New: []byte("file now")},
		{Path: "becomes/folder", Kind: item.Deleted, OldMode: objects.ModeFile, OldSize: 1, Old: []byte("x")},
		{Path: "big", Kind: item.Added, NewMode: objects.ModeFile, NewSize: MaxContent + 1},
		{Path: "edited", Kind: item.Modified, OldMode: objects.ModeFile, NewMode: objects.ModeFile, OldSize: 3, NewSize: 3, Old: []byte("old"), New: []byte("new")},
		{Path: "gone", Kind: item.Deleted, OldMode: objects.ModeFile, OldSize: 1, Old: []byte("g")},
		{Path: "module", Kind: item.Added, NewMode: 0o160000},
		{Path: "plain", Kind: item.Modified, OldMode: objects.ModeFile, NewMode: 0o120000, OldSize: 1, NewSize: 11, Old: []byte("p"), New: []byte("/etc/passwd")},
		{
			Path: "run.sh", Kind: item.Modified, OldMode: objects.ModeFile, NewMode: objects.ModeProgram, OldSize: 10, NewSize: 10,
			Old: []byte("#!/bin/sh\n"), New: []byte("#!/bin/sh\n"),
		},
	}
	if diff := cmp.Diff(want, got.Files); diff != "" {
		t.Error(diff)
	}
	if _, err := r.ReadFile(r.Tip(), "plain"); err == nil {
		t.Error("a link was read as a file")
	}
	if _, err := r.Diff(base, ""); err == nil {
		t.Error("no tree was compared")
	}
}

func TestThreat19_FilterAttributesAgreeWithGit(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		".gitattributes": strings.Join([]string{
			"# comment", "", "[attr]crypt filter=git-crypt diff=git-crypt", "[attr]both crypt binary", "[attr]plain -filter",
			"*.key crypt", "secrets/** both", "/top.txt filter=top", "deep/*.tf filter=x", "deep/**/all.tf filter=y", "**/anywhere.cfg filter=z",
			`"with space.txt" filter=quoted`, `"oct\141l" filter=quoted`, "dir/ filter=folder", "!neg filter=neg", "*.pub crypt", "id.pub !filter", "old.pub -filter",
			"set.txt filter", "empty.txt filter=", "bad.txt filter=x -$bad", "[ab]c.txt filter=class", "[!a]d.txt filter=class", "q?.md filter=mark",
			"star*middle filter=star", `esc\*aped filter=esc`, "later filter=one", "later filter=two", "later -filter", "again -filter filter=last",
			"*.md binary", "-x.txt filter=dash", "\tlead.txt\tfilter=tab", "crlf.txt filter=crlf\r", "[[:digit:]]n filter=posix", "[b-d]r.go filter=range", "[^x]caret filter=caret",
			"[]]close filter=bracket", `[\]]esc filter=bracket`, "[a-]dash filter=dash", "[[:nope:]]k filter=bad", `trail\ filter=x`, "{a,b}.brace filter=brace", "a.plain plain", "*.plain filter=lost",
			"un[closed filter=x", "a**b filter=runs", "***/three filter=three", "[attr] filter=notamacro", "wide filter=" + strings.Repeat("x", 3000), "ü.txt filter=utf",
		}, "\n"),
		"sub/.gitattributes":      "*.key !filter\n*.txt filter=sub\n/anchored filter=sub\nlow/x filter=sub\n[attr]crypt -filter\ncry.y crypt\n",
		"sub/low/.gitattributes":  "stop.txt -filter\n*.up filter=low\n",
		"linked/real.attributes":  "* filter=link\n",
		"bom/.gitattributes":      "\xef\xbb\xbf*.b filter=bom\n",
		"quote/.gitattributes":    `"un\"closed filter=x` + "\n" + `"tab\tname" filter=q` + "\n",
		"noeol/.gitattributes":    "*.x filter=noeol",
		"override/.gitattributes": "* -filter\n",
	}
	paths := strings.Fields(`a.key secrets/x secrets/deep/x.md top.txt sub/top.txt deep/a.tf deep/b/a.tf deep/all.tf deep/b/all.tf deep/b/c/all.tf
		anywhere.cfg x/anywhere.cfg octal dir/x neg !neg id.pub old.pub new.pub set.txt empty.txt bad.txt ac.txt bc.txt cc.txt ad.txt bd.txt q1.md q12.md
		starXmiddle star/middle starmiddle esc*aped escXaped later again x.md -x.txt lead.txt crlf.txt 5n xn br.go er.go acaret xcaret ]close aclose ]esc \esc adash -dash bdash nk :k trail\ trail {a,b}.brace a.brace a.plain b.plain un[closed unc aXb a/b ab three
		x/three x/y/three [attr] a t wide ü.txt sub/a.key sub/low/a.key sub/x.txt sub/low/x.txt sub/low/stop.txt sub/anchored sub/low/anchored sub/low/x
		sub/cry.y cry.y sub/low/z.up sub/z.up linked/x bom/x.b quote/x noeol/y.x override/a.key override/secrets/x secrets secretsx/y x/secrets/y deep/x/y.tf`)
	paths = append(paths, "with space.txt", "quote/tab\tname")
	s := newSite(t, files)
	if err := os.Symlink("real.attributes", filepath.Join(s.work, "linked", ".gitattributes")); err != nil {
		t.Fatal(err)
	}
	s.commit("a link", nil)
	s.push()
	r := clone(t, s.origin)
	c := must(r.store.Commit(r.seen(r.branch)))(t)
	a := attributes.New(r.attributesOf(c.TreeHash))
	for _, path := range paths {
		out := gittest.Git(t, s.work, "check-attr", "-z", "filter", "--", path)
		value := strings.Split(out, "\x00")[2]
		// These three say that git runs no filter, as does an empty name.
		want := value != "unspecified" && value != "unset" && value != "set" && value != ""
		if got := must(a.Filtered(path))(t); got != want {
			t.Errorf("%s: filtered %v, git says %q", path, got, value)
		}
	}
}

func TestThreat19_TheBaseDecidesNotTheChange(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{".gitattributes": "*.enc filter=git-crypt\n", "a.enc": "\x00GITCRYPT\x00", "b.txt": "b"})
	base := s.head()
	s.commit("loosen", map[string]string{".gitattributes": "-", "a.enc": "plaintext", "new.enc": "x", "b.txt": "c"})
	s.push()
	r := clone(t, s.origin)
	got := must(r.Diff(base, must(r.Lookup(r.Tip()))(t).Tree))(t)
	filtered := map[string]bool{}
	for _, f := range got.Files {
		filtered[f.Path] = f.Filtered
	}
	want := map[string]bool{".gitattributes": false, "a.enc": true, "new.enc": true, "b.txt": false}
	if diff := cmp.Diff(want, filtered); diff != "" {
		t.Error(diff)
	}
}
