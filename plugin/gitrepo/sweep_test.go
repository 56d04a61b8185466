package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// mood is what happens to some requests of a run, the first of which is chosen
// by its number.
type mood struct {
	requests int64 // in a row
	answer   func(w http.ResponseWriter, r *http.Request, next http.Handler)
	later    func(w http.ResponseWriter, r *http.Request, next http.Handler) // after the first; nil for the same
}

func unavailable(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	http.Error(w, "<html><h1>503 Service Unavailable</h1></html>", http.StatusServiceUnavailable)
}

// replyLost lets a request do its work and drops the connection then.
func replyLost(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// replyCut sends the first half of the answer's body.
func replyCut(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	panic(http.ErrAbortHandler)
}

// replyEnded sends the first half of the answer's body as if that were all.
func replyEnded(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
}

// reset ends the connection as a machine does that knows nothing of it.
func reset(w http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body)
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// flipped flips one bit in the middle of a pack.
func flipped(w http.ResponseWriter, r *http.Request, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	body := answer.Body.Bytes()
	if at := strings.LastIndex(string(body), "PACK"); at >= 0 {
		body[at+(len(body)-at)/2] ^= 1
	}
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

var moods = map[string]mood{
	"the reply is lost":        {1, replyLost, nil},
	"503 and then five resets": {6, unavailable, reset},
	"503 once":                 {1, unavailable, nil},
	"six resets":               {6, reset, nil},
	"the reply is cut":         {1, replyCut, nil},
	"the reply ends early":     {1, replyEnded, nil},
	"a bit of a pack flips":    {1, flipped, nil},
	"two replies are lost":     {2, replyLost, nil},
	"six replies are lost":     {6, replyLost, nil},
	"three replies are cut":    {3, replyCut, nil},
	"twelve times 503":         {12, unavailable, nil},
}

// from puts the mood around the requests that begin with number n.
func (m mood) from(n int64, count *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch i := count.Add(1); {
			case n == 0, i < n, i >= n+m.requests:
				next.ServeHTTP(w, r)
			case i > n && m.later != nil:
				m.later(w, r, next)
			default:
				m.answer(w, r, next)
			}
		})
	}
}

// runActs are the acts of a run on the remote, from the clone to the release of
// the lock, with what they must come to.
func runActs(ctx context.Context, s *site, o Options) (err error) {
	r, err := Clone(ctx, o)
	if err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	lock, err := r.AcquireLock(ctx, Lease{Run: "x", Host: "y"}, 0)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	const ledger, journal = OwnRefs + "ledger", OwnRefs + "journal/x"
	var fix, made string
	for _, step := range []struct {
		what string
		act  func() error
	}{
		{"fetch", func() error { _, err := r.Fetch(ctx); return err }},
		{"read", func() error { _, err := r.ReadFile(r.Tip(), "docs/a.md"); return err }},
		{"right to push", func() error { return r.CanPush(ctx) }},
		{"attempt", func() error { return r.AppendLog(ctx, ledger, []byte("attempt\n")) }},
		{"workspace", func() error { _, err := r.Pack(r.Tip()); return err }},
		{"fix", func() (err error) {
			fix, err = r.WithFiles(r.Tip(), map[string][]byte{"stacks/a/main.tf": []byte("fixed")}, "fix\n")
			return err
		}},
		{"journals", func() error { _, err := r.FetchRefs(ctx, OwnRefs+"journal/"); return err }},
		{"journal", func() error { return r.Reserve(ctx, journal, "", fix) }},
		{"held", func() error { return lock.Held(ctx) }},
		{"publish", func() error {
			_, err := r.Publish(wire.Insist(ctx), func(tip string) (string, error) { return r.Replay(fix, tip, "") })
			return err
		}},
		{"documents", func() (err error) {
			made, err = r.Publish(ctx, addFile(r, "docs/b.md", "done"))
			return err
		}},
		{"result, journal removed", func() error {
			return r.AppendLog(ctx, ledger, []byte("result\n"), Standing{journal, fix})
		}},
		{"branch", func() error { return r.PushBranch(ctx, "pm-todos/refused/x", fix) }},
		{"release", func() error { return lock.Release(ctx) }},
	} {
		if err := step.act(); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return s.cameTo(made)
}

// cameTo reports whether the origin holds what the acts of a run leave there:
// everything once.
func (s *site) cameTo(made string) error {
	subjects := gittest.Git(s.tb, s.origin, "log", "--format=%s", branchName)
	log := gittest.Git(s.tb, s.origin, "show", OwnRefs+"ledger:"+gittest.Git(s.tb, s.origin, "ls-tree", "--name-only", OwnRefs+"ledger"))
	refs := gittest.Git(s.tb, s.origin, "for-each-ref", "--format=%(refname)")
	tip := s.remoteTip()
	switch {
	case subjects != "add docs/b.md\nfix\nfirst":
		return fmt.Errorf("commits %q", subjects)
	case log != "attempt\nresult":
		return fmt.Errorf("ledger %q", log)
	case refs != "refs/heads/"+branchName+"\nrefs/heads/pm-todos/refused/x\n"+OwnRefs+"ledger":
		return fmt.Errorf("refs %q", refs)
	case tip != made:
		return fmt.Errorf("the branch is at %s, not at %s", tip, made)
	}
	return nil
}

// sweepSite makes an origin and hands out copies of it.
func sweepSite(t *testing.T, filters bool) func(t *testing.T) *site {
	s := newSite(t, map[string]string{"docs/a.md": "# a\n", "stacks/a/main.tf": "x", "stacks/b/main.tf": "y"})
	s.filters(filters)
	return func(t *testing.T) *site {
		other := &site{tb: t, origin: filepath.Join(t.TempDir(), "origin.git")}
		if err := os.CopyFS(other.origin, os.DirFS(s.origin)); err != nil {
			t.Fatal(err)
		}
		return other
	}
}

// direct offers the origin over HTTP as git's own backend does, which starts the
// same programs and two more for each request.
func (s *site) direct() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/"+filepath.Base(s.origin)+"/") {
			http.NotFound(w, r)
			return
		}
		name, kind, args := path.Base(r.URL.Path), "result", []string{"--stateless-rpc"}
		if name == "refs" {
			name, kind, args = r.URL.Query().Get("service"), "advertisement", append(args, "--http-backend-info-refs")
		}
		w.Header().Set("Content-Type", "application/x-"+name+"-"+kind)
		if kind == "advertisement" {
			_, _ = fmt.Fprintf(w, "%04x# service=%s\n0000", len(name)+15, name)
		}
		cmd := exec.CommandContext(r.Context(), "git", append(append([]string{strings.TrimPrefix(name, "git-")}, args...), s.origin)...)
		cmd.Env, cmd.Stdin, cmd.Stdout = gittest.Env(), r.Body, w
		_ = cmd.Run() // its end is told in the protocol
	})
}

// everyCase asks for all moods at every request, which takes minutes.
const everyCase = "PM_TODOS_EVERY_CASE"

// TestMoods_OfTheRemoteChangeNothing has requests of a run meet a mood. All of
// them pass, so the run must come to its end, and to nothing twice. Each mood
// begins with one request, and all of them together are spread over the run,
// unless every case is asked for.
func TestMoods_OfTheRemoteChangeNothing(t *testing.T) {
	t.Parallel()
	every := os.Getenv(everyCase) != ""
	for _, filters := range []bool{true, false} {
		var requests atomic.Int64
		site := sweepSite(t, filters)
		plain := site(t)
		if err := runActs(t.Context(), plain, options(t, plain.serve(mood{}.from(0, &requests)))); err != nil {
			t.Fatalf("undisturbed: %v", err)
		}
		t.Logf("filters %v: %d requests", filters, requests.Load())
		if !filters && !every {
			continue
		}
		names := slices.Sorted(maps.Keys(moods))
		for i, name := range names {
			t.Run(fmt.Sprintf("%s, filters %v", name, filters), func(t *testing.T) {
				t.Parallel()
				first, last := int64(1), requests.Load()
				if !every {
					first = 1 + int64(i)*last/int64(len(names))
					last = first
				}
				for n := first; n <= last; n++ {
					var count atomic.Int64
					s := site(t)
					if err := runActs(t.Context(), s, options(t, s.serve(moods[name].from(n, &count)))); err != nil {
						t.Errorf("from request %d: %v (%v)", n, err, fault.Of(err))
					}
				}
			})
		}
	}
}
