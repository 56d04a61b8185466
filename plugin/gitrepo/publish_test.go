package gitrepo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// addFile is a build function for Publish: one new file on the tip.
func addFile(r *Repo, name, text string) func(string) (string, error) {
	return func(tip string) (string, error) {
		return r.WithFiles(tip, map[string][]byte{name: []byte(text)}, "add "+name+"\n")
	}
}

func TestPublish_PushSizeLimit(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	gittest.Git(t, s.origin, "config", "receive.maxInputSize", "2000")
	var noise strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&noise, "%x\n", i*i*7919)
	}
	before := s.remoteTip()
	for _, url := range []string{s.origin, s.serveByGit(nil)} {
		r := clone(t, url)
		if err := r.CanPush(t.Context()); err != nil {
			t.Errorf("small pushes pass: %v", err)
		}
		_, err := r.Publish(t.Context(), addFile(r, "large", noise.String()))
		if !errors.Is(err, ErrPushRefused) || fault.Of(err) != fault.Failed {
			t.Errorf("error %v, kind %v", err, fault.Of(err))
		}
	}
	if s.remoteTip() != before {
		t.Error("the branch moved")
	}
}

func TestPublish_OnABranchThatIsRewrittenMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1", "deep/er/x": "1"})
	base := s.head()
	s.commit("to be dropped", map[string]string{"dropped": "1"})
	s.push()
	for _, filters := range []bool{true, false} {
		s.filters(filters)
		r := clone(t, s.serve(nil))
		var tips []string
		made := must(r.Publish(t.Context(), func(tip string) (string, error) {
			if tips = append(tips, tip); len(tips) == 1 {
				gittest.Git(t, s.work, "reset", "-q", "--hard", base)
				s.commit("rewritten", map[string]string{"rewritten": fmt.Sprint(filters)})
				s.push()
			}
			return addFile(r, "deep/er/b", fmt.Sprint(filters))(tip)
		}))(t)
		s.linear([]string{base, s.head(), made})
		if len(tips) != 2 || tips[1] != s.head() {
			t.Errorf("built on %v", tips)
		}
		if files := gittest.Git(t, s.origin, "ls-tree", "-r", "--name-only", made); files != "a\ndeep/er/b\ndeep/er/x\nrewritten" {
			t.Errorf("files %q", files)
		}
	}
}

func TestPublish_NothingToDoMakesNoCommit(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.serve(nil))
	before := s.remoteTip()
	got := must(r.Publish(t.Context(), addFile(r, "a", "1")))(t)
	if got != before || s.remoteTip() != before {
		t.Errorf("published %s on %s", got, before)
	}
}

// afterPush lets act happen when the origin has taken a push and before its
// reply is sent, and then drops the reply.
func afterPush(times int32, act func()) func(http.Handler) http.Handler {
	var left atomic.Int32
	left.Store(times)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/git-receive-pack") || left.Add(-1) < 0 {
				next.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(httptest.NewRecorder(), r)
			if act != nil {
				act()
			}
			panic(http.ErrAbortHandler)
		})
	}
}

func TestPublish_LostReplyIsASuccess(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.serve(afterPush(1, nil)))
	builds := 0
	got := must(r.Publish(t.Context(), func(tip string) (string, error) {
		builds++
		return addFile(r, "b", "2")(tip)
	}))(t)
	if builds != 1 || s.remoteTip() != got || r.Tip() != got {
		t.Errorf("%d builds, remote at %s, published %s", builds, s.remoteTip(), got)
	}
}

func TestPublish_LostReplyAndSomebodyBuiltOnIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.serve(afterPush(1, func() {
		gittest.Git(t, s.work, "pull", "-q", "origin", branchName)
		s.commit("on top", map[string]string{"c": "3"})
		gittest.Git(t, s.work, "push", "-q", "origin", branchName)
	})))
	builds := 0
	got := must(r.Publish(t.Context(), func(tip string) (string, error) {
		builds++
		return addFile(r, "b", "2")(tip)
	}))(t)
	s.linear([]string{got})
	if builds != 1 || got == s.remoteTip() {
		t.Errorf("%d builds, published %s: our own commit was not recognised", builds, got)
	}
}

func TestPublish_RemoteGoneAfterThePush(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	var down atomic.Bool
	r := clone(t, s.serve(func(next http.Handler) http.Handler {
		taken := afterPush(1, func() { down.Store(true) })(next)
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if down.Load() {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			taken.ServeHTTP(w, req)
		})
	}))
	_, err := r.Publish(t.Context(), addFile(r, "b", "2"))
	if !errors.Is(err, ErrPushUnknown) || fault.Of(err) != fault.Temporary {
		t.Errorf("error %v, kind %v", err, fault.Of(err))
	}
}

func TestPublish_RefusingHooks(t *testing.T) {
	t.Parallel()
	for _, hook := range []string{"pre-receive", "update"} {
		t.Run(hook, func(t *testing.T) {
			s := newSite(t, map[string]string{"a": "1"})
			s.hook(hook, `echo "fatal: branch is `+"\x1b[31m"+`protected" >&2; head -c 100000 /dev/zero | tr '\0' x >&2; exit 1`)
			before := s.remoteTip()
			for _, url := range []string{s.origin, s.serveByGit(nil)} {
				r := clone(t, url)
				if err := r.CanPush(t.Context()); !errors.Is(err, ErrPushRefused) {
					t.Errorf("CanPush: %v", err)
				}
				_, err := r.Publish(t.Context(), addFile(r, "b", "2"))
				if !errors.Is(err, ErrPushRefused) || fault.Of(err) != fault.Failed {
					t.Fatalf("error %v, kind %v", err, fault.Of(err))
				}
				text := err.Error()
				if !strings.Contains(text, "protected") || strings.ContainsAny(text, "\x1b\n") || len(text) > 3*600 {
					t.Errorf("the error is not fit to print: %q", text)
				}
			}
			if s.remoteTip() != before {
				t.Error("the branch moved")
			}
		})
	}
}

func TestPublish_AHookThatProtectsOnlyTheBranch(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.hook("update", `test "$1" != refs/heads/`+branchName)
	r := clone(t, s.serve(nil))
	if err := r.SetRef(t.Context(), OwnRefs+"journal/x", "", r.Tip()); err != nil {
		t.Errorf("a ref of ours: %v", err)
	}
	if err := r.CanPush(t.Context()); !errors.Is(err, ErrPushRefused) {
		t.Errorf("CanPush: %v", err)
	}
}

func TestPublish_ReadOnlyCredentials(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	tries := 0
	r := clone(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.String(), "git-receive-pack") {
				tries++
				http.Error(w, "read only", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}))
	if err := r.CanPush(t.Context()); !errors.Is(err, wire.ErrDenied) || fault.Of(err) != fault.Failed {
		t.Errorf("CanPush: %v", err)
	}
	if _, err := r.Publish(t.Context(), addFile(r, "b", "2")); !errors.Is(err, wire.ErrDenied) {
		t.Errorf("Publish: %v", err)
	}
	if tries != 2 {
		t.Errorf("%d tries; a refusal of the credentials is final", tries)
	}
}

func TestPublish_APassingRefusalIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.hook("pre-receive", `test -e passed || { touch passed; exit 1; }`)
	r := clone(t, s.serve(nil))
	got := must(r.Publish(t.Context(), addFile(r, "b", "2")))(t)
	s.linear([]string{got})
	s.hook("pre-receive", `test -e again || { touch again; exit 1; }`)
	if err := r.SetRef(t.Context(), OwnRefs+"journal/x", "", got); err != nil {
		t.Error(err)
	}
}

func TestPublish_TakesNothingAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	base := s.head()
	s.commit("precious", map[string]string{"b": "1"})
	s.push()
	before := s.remoteTip()
	r := clone(t, s.serve(nil))
	_, err := r.Publish(t.Context(), func(string) (string, error) { return addFile(r, "c", "1")(base) })
	if err == nil || !strings.Contains(err.Error(), "does not descend") {
		t.Errorf("error %v", err)
	}
	if s.remoteTip() != before {
		t.Error("the branch was rewritten")
	}
	stop := errors.New("stop")
	if _, err := r.Publish(t.Context(), func(string) (string, error) { return "", stop }); !errors.Is(err, stop) {
		t.Errorf("the error of build is lost: %v", err)
	}
}

func TestPublish_ReplaysOnAMovingBranch(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"stacks/a/main.tf": "1", "docs/x.md": "x"})
	r := clone(t, s.serve(nil))
	fix := must(r.WithFiles(r.Tip(), map[string][]byte{"stacks/a/main.tf": []byte("2")}, "fix\n"))(t)
	s.commit("human", map[string]string{"docs/x.md": "y"})
	s.push()
	got := must(r.Publish(t.Context(), func(tip string) (string, error) { return r.Replay(fix, tip, "stacks/a") }))(t)
	s.linear([]string{got, s.head()})
	if text := gittest.Git(t, s.origin, "show", branchName+":stacks/a/main.tf"); text != "2" {
		t.Errorf("content %q", text)
	}

	s.commit("noise", nil)
	gittest.Git(t, s.work, "fetch", "-q", "origin")
	gittest.Git(t, s.work, "reset", "-q", "--hard", "origin/"+branchName)
	s.commit("human in the stack", map[string]string{"stacks/a/other.tf": "3"})
	s.push()
	fix = must(r.WithFiles(got, map[string][]byte{"stacks/a/main.tf": []byte("4")}, "fix\n"))(t)
	if _, err := r.Publish(t.Context(), func(tip string) (string, error) { return r.Replay(fix, tip, "stacks/a") }); !errors.Is(err, ErrMoved) {
		t.Errorf("error %v", err)
	}
}

func TestCanPush_ChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	for _, url := range []string{s.origin, s.serve(nil)} {
		r := clone(t, url)
		before := gittest.Git(t, s.origin, "for-each-ref")
		if err := r.CanPush(t.Context()); err != nil {
			t.Error(err)
		}
		if after := gittest.Git(t, s.origin, "for-each-ref"); after != before {
			t.Errorf("refs changed:\n%s\n%s", before, after)
		}
		// The clone is behind: it may push all the same.
		s.commit("later", map[string]string{"a": url})
		s.push()
		if err := r.CanPush(t.Context()); err != nil {
			t.Error(err)
		}
		// And what it is behind of comes all the same.
		tip := must(r.Fetch(t.Context()))(t)
		if content := must(r.ReadFile(tip, "a"))(t); string(content) != url {
			t.Errorf("the file is %q", content)
		}
	}
}

func TestRefs_CompareAndSwap(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r, rival := clone(t, s.serve(nil)), clone(t, s.origin)
	ctx := t.Context()
	name := OwnRefs + "journal/" + strings.Repeat("ab", 32)
	one := must(r.WithFiles(r.Tip(), map[string][]byte{"b": []byte("1")}, "one\n"))(t)
	two := must(r.WithFiles(r.Tip(), map[string][]byte{"b": []byte("2")}, "two\n"))(t)

	steps := []struct {
		what, old, new string
		repo           *Repo
		is             error
		left           string
	}{
		{"create", "", one, r, nil, one},
		{"create again with the same value", "", one, r, nil, one},
		{"create over another value", "", two, r, ErrRefMoved, one},
		{"a rival deletes with a stale value", r.Tip(), "", rival, ErrRefMoved, one},
		{"move", one, two, r, nil, two},
		{"delete with a stale value", one, "", r, ErrRefMoved, two},
		{"delete", two, "", r, nil, ""},
		{"delete again", two, "", r, nil, ""},
	}
	for _, step := range steps {
		if err := step.repo.SetRef(ctx, name, step.old, step.new); !errors.Is(err, step.is) {
			t.Errorf("%s: error %v, want %v", step.what, err, step.is)
		}
		if found := must(r.Refs(ctx, OwnRefs))(t); found[name] != step.left {
			t.Errorf("%s: the ref is %q, want %q", step.what, found[name], step.left)
		}
	}
	for _, bad := range []string{"refs/heads/" + branchName, "refs/heads/other", "refs/tags/v1", OwnRefs + "-x", OwnRefs, OwnRefs + "a/../../heads/x"} {
		if err := r.SetRef(ctx, bad, "", one); err == nil {
			t.Errorf("%s was set", bad)
		}
	}
	gittest.Git(t, s.origin, "fsck", "--strict")
}

func TestRefs_LostReplies(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.serve(afterPush(3, nil)))
	name := OwnRefs + "journal/x"
	for _, err := range []error{
		r.SetRef(t.Context(), name, "", r.Tip()),
		r.SetRef(t.Context(), name, r.Tip(), ""),
		r.PushBranch(t.Context(), "pm-todos/x", r.Tip()),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if found := must(r.Refs(t.Context(), "refs/"))(t); len(found) != 2 || found[OwnBranches+"x"] != r.Tip() {
		t.Errorf("refs %v", found)
	}
}

func TestPushBranch_MakesAndMovesOwnBranchesOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.serve(nil))
	const name = "pm-todos/refused/2026-04-14-x/0a1b"
	for _, text := range []string{"1", "2"} {
		c := must(r.WithFiles(r.Tip(), map[string][]byte{"b": []byte(text)}, "refused\n"))(t)
		for range 2 {
			if err := r.PushBranch(t.Context(), name, c); err != nil {
				t.Fatal(err)
			}
		}
		if got := gittest.Git(t, s.origin, "rev-parse", "refs/heads/"+name); got != c {
			t.Errorf("branch at %s, want %s", got, c)
		}
	}
	for _, bad := range []string{branchName, "other", "pm-todos", "pm-todos/../" + branchName, "--force"} {
		if err := r.PushBranch(t.Context(), bad, r.Tip()); err == nil {
			t.Errorf("%s was pushed", bad)
		}
	}
}

func TestThreat13_WhatTheRemoteSaysIsCleaned(t *testing.T) {
	t.Parallel()
	got := wire.Printable("a\x1b[2J\r\n\tb\u202e\u200bc " + strings.Repeat("x", 5000))
	if strings.ContainsAny(got, "\x1b\r\n\t\u202e\u200b") || len(got) > 600+8 {
		t.Errorf("%d bytes: %.80q", len(got), got)
	}
}

func TestPublish_SendsOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"big": strings.Repeat("0123456789abcdef\n", 1), "deep/er/x": "1"})
	var sent atomic.Int64
	r := clone(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if strings.HasSuffix(req.URL.Path, "/git-receive-pack") {
				body, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
				}
				sent.Add(int64(bytes.Count(body, []byte("PACK"))))
				at := bytes.Index(body, []byte("PACK"))
				if n := body[at+11]; n != 5 { // commit, three trees, blob
					t.Errorf("%d objects were sent", n)
				}
				req.Body = io.NopCloser(bytes.NewReader(body))
			}
			next.ServeHTTP(w, req)
		})
	}))
	must(r.Publish(t.Context(), addFile(r, "deep/er/y", "2")))(t)
	if sent.Load() != 1 {
		t.Errorf("%d packs", sent.Load())
	}
}

// TestPush_AReportSparesALook: after the first push, one is one request; what
// another one did meanwhile is in the report, and seen by a look then.
func TestPush_AReportSparesALook(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	var mu sync.Mutex
	var requests []string
	r := clone(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			requests = append(requests, req.Method+" "+path.Base(req.URL.Path)+req.URL.RawQuery)
			mu.Unlock()
			next.ServeHTTP(w, req)
		})
	}))
	const look, see, push = "GET refsservice=git-receive-pack", "GET refsservice=git-upload-pack", "POST git-receive-pack"
	for _, act := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"the first push", func() error { return r.CanPush(t.Context()) }, []string{look, push}},
		{"a later one", func() error { return r.CanPush(t.Context()) }, []string{push}},
		{"a commit on the branch", func() error {
			_, err := r.Publish(t.Context(), addFile(r, "b", "1"))
			return err
		}, []string{push}},
		{"a log", func() error { return r.AppendLog(t.Context(), OwnRefs+"log", []byte("line\n")) }, []string{push}},
		{"a commit on a branch that has moved", func() error {
			gittest.Git(t, s.work, "pull", "-q", s.origin, r.Branch())
			s.commit("a rival's", map[string]string{"c": "1"})
			s.push()
			mu.Lock()
			requests = nil
			mu.Unlock()
			_, err := r.Publish(t.Context(), addFile(r, "d", "1"))
			return err
		}, []string{push, look, see, "POST git-upload-pack", push}},
	} {
		mu.Lock()
		requests = nil
		mu.Unlock()
		if err := act.do(); err != nil {
			t.Fatalf("%s: %v", act.name, err)
		}
		if diff := cmp.Diff(act.want, requests); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", act.name, diff)
		}
	}
}
