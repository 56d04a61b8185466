package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// historySite is an origin with a history of some length, merges, moves and
// nested folders, and refs of ours.
func historySite(tb testing.TB) *site {
	s := newSite(tb, map[string]string{"docs/pm/a.md": "# a\n", ".gitattributes": "secrets/** filter=crypt\n", "deep/er/and/deeper/x": "1"})
	must(gittest.Input(s.origin, append(gittest.History(rand.New(rand.NewPCG(7, 7)), branchName, 25), "\n"...), "fast-import", "--quiet", "--force"))(tb)
	gittest.Git(tb, s.work, "fetch", "-q", "origin")
	gittest.Git(tb, s.work, "merge", "-q", "--allow-unrelated-histories", "-m", "merge", "origin/"+branchName)
	s.commit("more", map[string]string{"docs/pm/b.md": "# b\n", "docs/pm/a.md": "# a\n\nmore\n", "secrets/key": "x"})
	gittest.Git(tb, s.work, "mv", "docs/pm/b.md", "docs/pm/c.md")
	s.commit("move", map[string]string{"deep/er/y": "2"})
	s.push()
	gittest.Git(tb, s.work, "push", "-q", "origin", "HEAD~1:refs/pm-todos/journal/one")
	return s
}

// unfiltered is a copy of the origin that offers no filters.
func (s *site) unfiltered() *site {
	other := &site{tb: s.tb, origin: filepath.Join(s.tb.TempDir(), "origin.git"), work: s.work}
	gittest.Git(s.tb, filepath.Dir(other.origin), "clone", "-q", "--mirror", s.origin, other.origin)
	other.filters(false)
	return other
}

func TestFiltered_SameObjectsAndAnswersAsFull(t *testing.T) {
	t.Parallel()
	s := historySite(t)
	plain := s.unfiltered()
	objects := strings.Fields(gittest.Git(t, s.origin, "rev-list", "--objects", "--no-object-names", "--all"))
	full := clone(t, plain.serve(nil))
	if cost := full.Cost(); cost.Filtered || cost.Why == "" || cost.Objects != len(objects) {
		t.Errorf("the full clone: %+v, want %d objects", cost, len(objects))
	}
	for name, change := range map[string]func(*testing.T, *Options){
		"path": func(_ *testing.T, o *Options) { o.URL = s.origin },
		"http": func(_ *testing.T, o *Options) { o.URL = s.serveByGit(nil) },
		"ssh":  func(t *testing.T, o *Options) { s.overSSH(t)(o) },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, "")
			change(t, &o)
			o.Levels = 2
			r := must(Clone(t.Context(), o))(t)
			defer func() { _ = r.Close() }()
			if cost := r.Cost(); !cost.Filtered || cost.Objects >= len(objects)/2 || cost.Bytes == 0 {
				t.Errorf("cost %+v of %d objects", cost, len(objects))
			}
			sameAnswers(t, full, r)
			hashes := make([]plumbing.Hash, len(objects))
			for i, h := range objects {
				hashes[i] = plumbing.NewHash(h)
			}
			if err := r.store.Need(hashes...); err != nil {
				t.Fatal(err)
			}
			for _, h := range objects {
				ak, a, aErr := full.store.Get(plumbing.AnyObject, plumbing.NewHash(h))
				bk, b, bErr := r.store.Get(plumbing.AnyObject, plumbing.NewHash(h))
				if aErr != nil || bErr != nil || ak != bk || !bytes.Equal(a, b) {
					t.Fatalf("object %s: %v, %v", h, aErr, bErr)
				}
			}
			if cost := r.Cost(); !cost.Filtered {
				t.Errorf("it gave up: %s", cost.Why)
			}
		})
	}
}

// sameAnswers asks two clones everything that can be asked.
func sameAnswers(t *testing.T, a, b *Repo) {
	t.Helper()
	ask := func(what string, do func(*Repo) (any, error)) {
		t.Helper()
		x, xErr := do(a)
		y, yErr := do(b)
		if !reflect.DeepEqual(x, y) || (xErr == nil) != (yErr == nil) {
			t.Errorf("%s: %.200v, %v; the other %.200v, %v", what, x, xErr, y, yErr)
		}
	}
	var commits []Commit
	ask("log", func(r *Repo) (any, error) {
		commits = nil
		err := r.Log(r.Tip(), func(c Commit) bool { commits = append(commits, c); return true })
		return commits, err
	})
	for i, c := range commits {
		if i%9 != 0 {
			continue
		}
		ask("files", func(r *Repo) (any, error) { return r.Files(c.Hash) })
		ask("files below", func(r *Repo) (any, error) { return r.Files(c.Hash, "docs/pm", "d1/e", "none") })
		ask("changed", func(r *Repo) (any, error) { return r.Changed(c.Hash, r.Tip()) })
		ask("changed below", func(r *Repo) (any, error) { return r.Changed(c.Hash, r.Tip(), "docs") })
		ask("touched", func(r *Repo) (any, error) { return r.Touched(c.Hash, r.Tip(), "d2/e") })
		ask("diff", func(r *Repo) (any, error) { return r.Diff(r.Tip(), c.Tree) })
	}
	paths := must(a.Files(a.Tip()))(t)
	ask("prefetch", func(r *Repo) (any, error) { return nil, r.Prefetch(r.Tip(), append(paths, "none", "docs")) })
	for _, path := range append(paths, "none", "docs", "") {
		ask("read "+path, func(r *Repo) (any, error) { return r.ReadFile(r.Tip(), path) })
	}
	ask("pack", func(r *Repo) (any, error) {
		var pack bytes.Buffer
		snapshot, err := r.Pack(r.Tip())
		if err == nil {
			_, write := snapshot("")
			err = write(&pack)
		}
		return pack.Bytes(), err
	})
	ask("refs", func(r *Repo) (any, error) { return r.Refs(context.Background(), "refs/") })
}

// counting counts the requests to the origin's upload-pack that ask for
// something.
func counting(n *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
				n.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func TestFiltered_ManyObjectsTakeOneRequest(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 400 {
		files[fmt.Sprintf("docs/pm/%03d.md", i)] = fmt.Sprint("document ", i)
		files[fmt.Sprintf("stacks/s%02d/sub/main.tf", i%50)] = fmt.Sprint("stack ", i%50)
	}
	s := newSite(t, files)
	first := s.head()
	s.commit("second", map[string]string{"docs/pm/007.md": "changed", "stacks/s07/sub/main.tf": "changed"})
	s.push()
	var requests atomic.Int64
	o := options(t, s.serve(counting(&requests)))
	o.Levels = 3
	r := must(Clone(t.Context(), o))(t)
	defer func() { _ = r.Close() }()
	step := func(what string, most int64, do func() error) {
		t.Helper()
		before := requests.Load()
		if err := do(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if n := requests.Load() - before; n > most {
			t.Errorf("%s: %d requests, want at most %d", what, n, most)
		}
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("the clone took %d requests: commits and folders are two", n)
	}
	var documents []string
	step("list the documents", 0, func() (err error) { documents, err = r.Files(r.Tip(), "docs/pm"); return err })
	step("changed documents", 1, func() error { _, err := r.Changed(first, r.Tip(), "docs/pm"); return err })
	step("fetch three", 1, func() error { return r.Prefetch(r.Tip(), documents[:3]) })
	step("fetch them all", 1, func() error { return r.Prefetch(r.Tip(), documents) })
	step("read them", 0, func() error {
		for _, path := range documents {
			if _, err := r.ReadFile(r.Tip(), path); err != nil {
				return err
			}
		}
		return nil
	})
	step("list all files", 1, func() error { _, err := r.Files(r.Tip()); return err })
	step("pack of the tip", 1, func() error { _, err := r.Pack(r.Tip()); return err })
	step("compare all", 1, func() error { _, err := r.Changed(first, r.Tip()); return err })
	s.commit("third", map[string]string{"docs/pm/008.md": "changed"})
	s.push()
	step("fetch the moved branch", 1, func() error { _, err := r.Fetch(t.Context()); return err })
	step("list its files", 0, func() error { _, err := r.Files(r.Tip()); return err })
}

// without answers requests that contain a text with a refusal.
func without(text string, refuse func(http.ResponseWriter)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if bytes.Contains(body, []byte(text)) {
				refuse(w)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	}
}

func TestFiltered_ARemoteThatRefusesWhatItOffers(t *testing.T) {
	t.Parallel()
	s := historySite(t)
	for name, refuse := range map[string]func(http.ResponseWriter){
		"by status":  func(w http.ResponseWriter) { http.Error(w, "no", http.StatusBadRequest) },
		"by failure": func(w http.ResponseWriter) { http.Error(w, "no", http.StatusInternalServerError) },
		"in the protocol": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
			_, _ = io.WriteString(w, "001eERR filters are not allowed")
		},
		"by hanging up": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			r := clone(t, s.serve(without("filter ", refuse)))
			if cost := r.Cost(); cost.Filtered || !strings.Contains(cost.Why, "refuses") {
				t.Errorf("cost %+v", cost)
			}
			sameAnswers(t, clone(t, s.unfiltered().origin), r)
		})
	}
}

func TestFiltered_ABrokenPromiseMakesAnOrdinaryClone(t *testing.T) {
	t.Parallel()
	for _, over := range []string{"http", "path"} {
		t.Run(over, func(t *testing.T) {
			s := historySite(t)
			url := s.origin
			if over == "http" {
				url = s.serve(nil)
			}
			r := clone(t, url)
			s.filters(false) // from now on it sends only what its refs name
			sameAnswers(t, clone(t, s.origin), r)
			if cost := r.Cost(); cost.Filtered || !strings.Contains(cost.Why, "does not send") {
				t.Errorf("cost %+v", cost)
			}
		})
	}
}

func TestFiltered_APassingFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := historySite(t)
	var fail atomic.Int64
	r := clone(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost && fail.Add(-1) >= 0 {
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
	fail.Store(2)
	if got := must(r.ReadFile(r.Tip(), "docs/pm/a.md"))(t); string(got) != "# a\n\nmore\n" || !r.Cost().Filtered {
		t.Errorf("content %q, cost %+v", got, r.Cost())
	}
	// For good: the error says that it may pass, and nothing is taken for gone.
	fail.Store(1 << 30)
	_, err := r.ReadFile(r.Tip(), "docs/pm/c.md")
	if fault.Of(err) != fault.Temporary || errors.Is(err, wire.ErrNotFound) {
		t.Errorf("error %v, kind %v", err, fault.Of(err))
	}
	fail.Store(0)
	if got := must(r.ReadFile(r.Tip(), "docs/pm/c.md"))(t); string(got) != "# b\n" {
		t.Errorf("content %q", got)
	}
}

func TestFiltered_ReadingEndsWithTheRun(t *testing.T) {
	t.Parallel()
	s := historySite(t)
	var silent atomic.Bool
	url := s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if silent.Load() {
				_, _ = io.Copy(io.Discard, req.Body) // only then a closed connection is noticed
				<-req.Context().Done()
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	r := must(Clone(ctx, options(t, url)))(t)
	defer func() { _ = r.Close() }()
	silent.Store(true)
	stopped := errors.New("told to stop")
	time.AfterFunc(200*time.Millisecond, func() { cancel(stopped) })
	_, err := r.ReadFile(r.Tip(), "docs/pm/a.md")
	if !errors.Is(err, stopped) || fault.Of(err) != fault.Temporary {
		t.Errorf("error %v, kind %v", err, fault.Of(err))
	}
	// What the cleanup reads still arrives.
	silent.Store(false)
	if got := must(r.ReadFile(r.Tip(), "docs/pm/a.md"))(t); len(got) == 0 {
		t.Error("nothing was read")
	}
}

func TestFiltered_WorkGoesOnAfterTheBranchMoved(t *testing.T) {
	t.Parallel()
	for _, filters := range []bool{true, false} {
		t.Run(fmt.Sprint("filters ", filters), func(t *testing.T) {
			s := historySite(t)
			s.filters(filters)
			r := clone(t, s.serve(nil))
			base := r.Tip()
			fix := must(r.WithFiles(base, map[string][]byte{"deep/er/and/deeper/x": []byte("fixed")}, "fix\n"))(t)
			if err := r.SetRef(t.Context(), OwnRefs+"journal/two", "", fix); err != nil {
				t.Fatal(err)
			}
			if err := r.AppendLog(t.Context(), OwnRefs+"ledger", []byte("one\n")); err != nil {
				t.Fatal(err)
			}
			s.commit("rewritten", map[string]string{"docs/pm/z.md": "z"})
			gittest.Git(t, s.work, "reset", "-q", "--soft", "HEAD~2")
			s.commit("squashed", nil)
			s.push()
			// Another run starts, replays what the first one left, and publishes it.
			other := clone(t, s.serve(nil))
			if err := other.AppendLog(t.Context(), OwnRefs+"ledger", []byte("two\n")); err != nil {
				t.Fatal(err)
			}
			made := must(other.Publish(t.Context(), func(tip string) (string, error) { return other.Replay(fix, tip, "deep/er/and") }))(t)
			if _, err := r.Fetch(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := must(r.ReadLog(OwnRefs + "ledger"))(t).Lines; string(got) != "one\ntwo\n" {
				t.Errorf("ledger %q", got)
			}
			if got := must(r.ReadFile(made, "deep/er/and/deeper/x"))(t); string(got) != "fixed" {
				t.Errorf("content %q", got)
			}
			changed := must(r.Changed(base, made))(t)
			if !slices.Equal(changed, []string{"deep/er/and/deeper/x", "docs/pm/z.md"}) {
				t.Errorf("changed %v", changed)
			}
			// A moved file is sent with its content, though only its name is known.
			c := must(other.Lookup(made))(t)
			tree := must(other.store.Edit(plumbing.NewHash(c.Tree), map[string]*objects.Entry{
				"moved/a.md": place(t, other, made, "docs/pm/a.md"), "docs/pm/a.md": nil,
			}))(t)
			moved := must(other.Commit(made, tree.String(), "move\n"))(t)
			if err := other.PushBranch(t.Context(), "pm-todos/moved", moved); err != nil {
				t.Fatal(err)
			}
			gittest.Git(t, s.origin, "fsck", "--strict", "--full")
			if got := other.Cost().Filtered; got != filters {
				t.Errorf("filtered %v: %s", got, other.Cost().Why)
			}
		})
	}
}

func place(t *testing.T, r *Repo, commit, path string) *objects.Entry {
	t.Helper()
	_, c, err := r.commit(commit)
	if err != nil {
		t.Fatal(err)
	}
	e := must(r.place(c.TreeHash, path))(t)
	return &e
}

func TestFiltered_AnUnknownObjectIsNotAskedForTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	var requests atomic.Int64
	r := clone(t, s.serve(counting(&requests)))
	var entries []objects.Entry
	for i := range 20 {
		_, h := blobParcel(fmt.Sprint("nowhere ", i))
		entries = append(entries, objects.Entry{Name: fmt.Sprintf("f%02d", i), Mode: objects.ModeFile, Hash: h})
	}
	o, root := treeParcel(entries...)
	before := requests.Load()
	err := r.Import("", root.String(), bytes.NewReader(handmade(t, o)), 1<<20)
	if !errors.Is(err, wire.ErrNotFound) || requests.Load() > before+1 || !r.Cost().Filtered {
		t.Errorf("error %v, %d requests, cost %+v", err, requests.Load()-before, r.Cost())
	}
}

func TestOutermostFolders(t *testing.T) {
	t.Parallel()
	for want, folders := range map[string][]string{
		"docs stacks": {"docs", "docs/pm", "stacks", "docs"},
		"a a-b":       {"a/c", "a-b", "a"},
		"":            {"docs", "."},
	} {
		if got := strings.Join(outermost(folders), " "); got != want {
			t.Errorf("%v: %q", folders, got)
		}
	}
}
