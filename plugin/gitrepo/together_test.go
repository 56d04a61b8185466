package gitrepo

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

const aJournal, aLedger = OwnRefs + "journal/x", OwnRefs + "ledger"

// pushes counts the requests of pushes.
func pushes(n *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.String(), "git-receive-pack") {
				n.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// TestReserve_OneRequestWhereTheRemoteTakesBothOrNone has the journal and the right to
// push asked for at once, of remotes that answer differently.
func TestReserve_OneRequestWhereTheRemoteTakesBothOrNone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare  func(*site)
		refused  bool
		requests int64 // one of them asks what the remote can do
	}{
		"as git is":               {requests: 2},
		"no atomic push":          {func(s *site) { gittest.Git(t, s.origin, "config", "receive.advertiseAtomic", "false") }, true, 1},
		"the branch is protected": {func(s *site) { s.hook("update", `test "$1" != refs/heads/`+branchName) }, true, 0},
		"the ref is refused":      {func(s *site) { s.hook("update", `test "$1" != `+aJournal) }, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]string{"a": "1"})
			if tc.prepare != nil {
				tc.prepare(s)
			}
			var requests atomic.Int64
			r := clone(t, s.serve(pushes(&requests)))
			before := requests.Load()
			err := r.Reserve(t.Context(), aJournal, "", r.Tip())
			if tc.refused != errors.Is(err, ErrPushRefused) || !tc.refused && err != nil {
				t.Errorf("Reserve: %v", err)
			}
			if n := requests.Load() - before; tc.requests > 0 && n != tc.requests {
				t.Errorf("%d requests, want %d", n, tc.requests)
			}
			there := must(r.Refs(t.Context(), aJournal))(t)[aJournal]
			if (there == "") != tc.refused || r.Seen(aJournal)[aJournal] != there {
				t.Errorf("the ref is at %q, and known to be at %v", there, r.Seen(aJournal))
			}
		})
	}
}

// TestLog_WhatIsSettledGoesInTheSamePush or stays, and the lines are there anyway.
func TestLog_WhatIsSettledGoesInTheSamePush(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(*site)
		rival   bool
		stays   bool
		pushes  int64 // where it is known how many it takes
	}{
		"as git is":                  {pushes: 1},
		"no atomic push":             {prepare: func(s *site) { gittest.Git(t, s.origin, "config", "receive.advertiseAtomic", "false") }, stays: true, pushes: 1},
		"no ref can be deleted":      {prepare: func(s *site) { s.hook("update", `case $3 in *[!0]*) exit 0 ;; *) exit 1 ;; esac`) }, stays: true},
		"the ref is protected":       {prepare: func(s *site) { s.hook("update", `test "$1" != `+aJournal) }, stays: true},
		"another run writes as well": {rival: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]string{"a": "1"})
			gittest.Git(t, s.origin, "update-ref", aJournal, s.remoteTip())
			var requests atomic.Int64
			r := clone(t, s.serve(pushes(&requests)))
			if tc.prepare != nil {
				tc.prepare(s)
			}
			want := "one\nresult\n"
			if err := r.AppendLog(t.Context(), aLedger, []byte("one\n")); err != nil {
				t.Fatal(err)
			}
			if tc.rival {
				want = "one\ntwo\nresult\n"
				if err := clone(t, s.origin).AppendLog(t.Context(), aLedger, []byte("two\n")); err != nil {
					t.Fatal(err)
				}
			}
			before := requests.Load()
			if err := r.AppendLog(t.Context(), aLedger, []byte("result\n"), Standing{aJournal, r.Tip()}); err != nil {
				t.Fatal(err)
			}
			if n := requests.Load() - before; tc.pushes > 0 && n != tc.pushes {
				t.Errorf("%d requests, want %d", n, tc.pushes)
			}
			if got := must(r.ReadLog(aLedger))(t).Lines; string(got) != want {
				t.Errorf("the log is %q, want %q", got, want)
			}
			if there := must(r.Refs(t.Context(), aJournal))(t); len(there) > 0 != tc.stays || len(r.Seen(aJournal)) > 0 != tc.stays {
				t.Errorf("the ref is at %q, and known to be at %v", there, r.Seen(aJournal))
			}
		})
	}
}

// TestRefs_ARemoteThatForbidsDeleting is asked once, by whatever comes first.
func TestRefs_ARemoteThatForbidsDeleting(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.hook("update", `case $3 in *[!0]*) exit 0 ;; *) echo "$1" >>refused; exit 1 ;; esac`)
	refused := func() int { return len(must(os.ReadFile(filepath.Join(s.origin, "refused")))(t)) }
	for name, learn := range map[string]func(*Repo) error{
		"from a ref of its own": func(r *Repo) error { return r.SetRef(t.Context(), OwnRefs+"journal/x", r.Tip(), "") },
		"from a ledger's push": func(r *Repo) error {
			return r.AppendLog(t.Context(), aLedger, []byte("one\n"), Standing{aJournal, r.Tip()})
		},
		"from locks, given back": func(r *Repo) error {
			return must(r.AcquireLock(t.Context(), Lease{Run: "x"}, 0))(t).Release(t.Context())
		},
	} {
		r := clone(t, s.serve(nil))
		if err := r.SetRef(t.Context(), aJournal, "", r.Tip()); err != nil && !errors.Is(err, ErrRefMoved) {
			t.Fatal(err)
		}
		if err := learn(r); err != nil && !errors.Is(err, ErrPushRefused) {
			t.Errorf("%s: %v", name, err)
		}
		before := refused()
		if err := r.SetRef(t.Context(), aJournal, r.Tip(), ""); !errors.Is(err, ErrPushRefused) {
			t.Errorf("%s: error %v", name, err)
		}
		if refused() != before {
			t.Errorf("%s: the remote was asked again", name)
		}
		if err := r.SetRef(t.Context(), OwnBranches+"x", r.Tip(), ""); errors.Is(err, ErrPushRefused) && refused() == before {
			t.Errorf("%s: of branches it showed nothing", name)
		}
	}
}

// TestLock_WhatIsTakenBesideIt comes with the lock in one push, with the proof that the
// branch takes ours, or the lock comes alone.
func TestLock_WhatIsTakenBesideIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		prepare func(*site)
		alone   bool
		pushes  int64 // where it is known how many it takes; one of them asks what the remote can do
	}{
		"as git is":               {pushes: 2},
		"no atomic push":          {func(s *site) { gittest.Git(t, s.origin, "config", "receive.advertiseAtomic", "false") }, true, 2},
		"the branch is protected": {func(s *site) { s.hook("update", `test "$1" != refs/heads/`+branchName) }, true, 0},
		"the branch has moved": {func(s *site) {
			s.commit("theirs", map[string]string{"a": "2"})
			s.push()
		}, true, 0},
		"another run has it": {func(s *site) { gittest.Git(t, s.origin, "update-ref", lockOf(aStack), s.remoteTip()) }, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]string{"a": "1"})
			var requests atomic.Int64
			r := clone(t, s.serve(pushes(&requests)))
			if tc.prepare != nil {
				tc.prepare(s)
			}
			l := must(r.AcquireLock(t.Context(), Lease{Run: "x", Host: "y"}, 0, aStack))(t)
			if n := requests.Load(); tc.pushes > 0 && n != tc.pushes {
				t.Errorf("%d requests, want %d", n, tc.pushes)
			}
			held := l.refs(func(ref string) bool { return ref == lockOf(aStack) })
			if l.MayPush == tc.alone || (len(held) == 0) != tc.alone {
				t.Errorf("may push %v, holds %v", l.MayPush, held)
			}
			if err := errors.Join(l.Held(t.Context()), l.Release(t.Context())); err != nil {
				t.Error(err)
			}
			if left := must(r.Refs(t.Context(), LockRef))(t)[LockRef]; left != "" {
				t.Errorf("the lock is left: %s", left)
			}
		})
	}
}
