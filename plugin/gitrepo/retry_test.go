package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/freeport"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// first has the first of some requests answered in another way.
func first(requests *atomic.Int64, answer http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1) == 1 {
				answer(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// status answers with an HTTP status and headers, given as name and value.
func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for pair := range slices.Chunk(headers, 2) {
			w.Header().Set(pair[0], pair[1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "<html><h1>the proxy speaks</h1></html>")
	}
}

func TestRemote_WhatPassesIsTriedAgainAndWhatIsFinalIsNot(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	const passes, final = true, false
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		passes bool
	}{
		"500":                   {status(500), passes},
		"502 of a proxy":        {status(502, "Content-Type", "text/html"), passes},
		"503":                   {status(503), passes},
		"504":                   {status(504), passes},
		"408":                   {status(408), passes},
		"429":                   {status(429), passes},
		"403 that says when":    {status(403, "Retry-After", time.Now().Add(time.Second).UTC().Format(http.TimeFormat)), passes},
		"reset":                 {func(w http.ResponseWriter, r *http.Request) { reset(w, r, nil) }, passes},
		"no answer":             {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, passes},
		"an empty answer":       {status(200, "Content-Type", "application/x-git-upload-pack-advertisement"), passes},
		"400":                   {status(400), final},
		"401":                   {status(401), final},
		"403":                   {status(403), final},
		"404":                   {status(404), final},
		"410":                   {status(410), final},
		"a page":                {status(200, "Content-Type", "text/html"), final},
		"redirected to another": {status(302, "Location", "http://other.example.org/x"), final},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			o := options(t, s.serve(first(&requests, test.answer)))
			told := 0
			o.Retrying = func(err error, _ time.Duration) {
				if told++; fault.Of(err) == fault.None || strings.ContainsAny(err.Error(), "\x1b\n") {
					t.Errorf("told %q", err)
				}
			}
			r, err := Clone(t.Context(), o)
			if err == nil {
				err = r.Close()
			}
			if test.passes != (err == nil) || !test.passes && requests.Load() != 1 || told != map[bool]int{passes: 1}[test.passes] {
				t.Errorf("error %v after %d requests, told %d times", err, requests.Load(), told)
			}
			if err != nil && fault.Of(err) != fault.Failed {
				t.Errorf("kind %v of %v", fault.Of(err), err)
			}
		})
	}
}

func TestRemote_RetryAfterIsHonouredWithinTheBound(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	for name, test := range map[string]struct {
		seconds int
		insist  bool
		waits   bool
	}{
		"a minute":                     {60, false, true},
		"more than there is":           {300, false, false},
		"more, for what is applied":    {300, true, true},
		"more than any":                {3600, true, false},
		"more than an integer can be":  {1 << 62, true, false},
		"a negative number is no time": {-5, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := options(t, s.serve(func(http.Handler) http.Handler {
				return status(503, "Retry-After", fmt.Sprint(test.seconds))
			}))
			waited := false
			o.Retrying = func(_ error, pause time.Duration) {
				waited = true
				if test.seconds > 0 && pause != time.Duration(test.seconds)*time.Second {
					t.Errorf("a pause of %s", pause)
				}
				cancel()
			}
			if test.insist {
				ctx = wire.Insist(ctx)
			}
			_, err := Clone(ctx, o)
			if waited != test.waits || fault.Of(err) != fault.Temporary || !strings.Contains(err.Error(), "503") {
				t.Errorf("waited %v, error %v", waited, err)
			}
		})
	}
}

// TestRemote_ThatFallsSilentIsAskedAgain has the first answer end in silence:
// before it begins, in the refs, and in the pack.
func TestRemote_ThatFallsSilentIsAskedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": strings.Repeat("0123456789abcdef\n", 20)})
	s.filters(false)
	for name, test := range map[string]struct {
		method string
		after  int // bytes of the answer
	}{
		"before the refs": {http.MethodGet, -1}, "in the refs": {http.MethodGet, 50},
		"before the pack": {http.MethodPost, -1}, "in the pack": {http.MethodPost, 60},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var met atomic.Bool
			o := options(t, s.serve(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method != test.method || met.Swap(true) {
						next.ServeHTTP(w, r)
						return
					}
					answer := httptest.NewRecorder()
					next.ServeHTTP(answer, r)
					if test.after >= 0 {
						w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
						_, _ = w.Write(answer.Body.Bytes()[:test.after])
						_ = http.NewResponseController(w).Flush()
					}
					<-r.Context().Done()
				})
			}))
			o.Quiet = 2 * time.Second
			var told []string
			o.Retrying = func(err error, _ time.Duration) { told = append(told, err.Error()) }
			r, err := Clone(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Close(); err != nil || len(told) == 0 || !strings.Contains(told[0], "not a word for 2s") {
				t.Errorf("error %v, told %q", err, told)
			}
		})
	}
}

func TestRemote_ThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	address := freeport.Address(t)
	o := options(t, "http://"+address+"/origin.git")
	var server *http.Server
	o.Retrying = func(error, time.Duration) {
		if server != nil {
			return
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		server = &http.Server{Handler: s.direct(), ReadHeaderTimeout: time.Minute}
		t.Cleanup(func() { _ = server.Close() })
		go func() { _ = server.Serve(listener) }()
	}
	r := must(Clone(t.Context(), o))(t)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// TestFetch_ARefThatMovesBetweenLookAndRequest has refs change when the client
// has seen them and has not asked for them yet.
func TestFetch_ARefThatMovesBetweenLookAndRequest(t *testing.T) {
	t.Parallel()
	const ledger, journal = OwnRefs + "ledger", OwnRefs + "journal/x"
	for name, test := range map[string]struct {
		moves func(s *site)
		asked int64 // requests for objects
	}{
		"the branch is rewritten": {func(s *site) {
			gittest.Git(s.tb, s.work, "reset", "-q", "--hard", "HEAD~1")
			s.commit("rewritten", nil)
			s.push()
		}, 2},
		"the ledger is begun anew": {func(s *site) { gittest.Git(s.tb, s.work, "push", "-q", "-f", "origin", "HEAD~1:"+ledger) }, 2},
		"the journal is deleted":   {func(s *site) { gittest.Git(s.tb, s.work, "push", "-q", "origin", ":"+journal) }, 2},
		"the lock is renewed":      {func(s *site) { gittest.Git(s.tb, s.work, "push", "-q", "-f", "origin", "HEAD~1:"+LockRef) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]string{"a": "1"})
			s.filters(false) // else any commit may be asked for
			var asked atomic.Int64
			var moving atomic.Bool
			r := clone(t, s.serve(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if req.Method == http.MethodPost && moving.Load() && asked.Add(1) == 1 {
						test.moves(s)
					}
					next.ServeHTTP(w, req)
				})
			}))
			for _, ref := range []string{ledger, journal, LockRef} {
				s.commit("for "+ref, map[string]string{"b": ref})
				gittest.Git(t, s.work, "push", "-q", "origin", "HEAD:"+ref)
				gittest.Git(t, s.work, "reset", "-q", "--hard", "HEAD~1")
			}
			s.commit("more", nil)
			s.push()
			moving.Store(true)
			tip := must(r.Fetch(t.Context()))(t)
			if tip != s.remoteTip() || asked.Load() != test.asked {
				t.Errorf("at %s, the remote at %s, %d requests", tip, s.remoteTip(), asked.Load())
			}
			for ref, h := range must(r.FetchRefs(t.Context(), OwnRefs))(t) {
				if _, err := r.Lookup(h); err != nil && ref != LockRef {
					t.Errorf("%s: %v", ref, err)
				}
			}
		})
	}
}

func TestImport_OfARemoteThatCannotBeAskedIsNoVerdict(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"docs/deep/a.md": "# a\n"})
	var down atomic.Bool
	r := clone(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if down.Load() {
				status(503, "Retry-After", "3600")(w, req)
				return
			}
			next.ServeHTTP(w, req)
		})
	}))
	blob := plumbing.NewHash(gittest.Git(t, s.origin, "rev-parse", branchName+":docs/deep/a.md"))
	o, root := treeParcel(objects.Entry{Name: "moved.md", Mode: objects.ModeFile, Hash: blob})
	down.Store(true)
	err := r.Import("", root.String(), bytes.NewReader(handmade(t, o)), 1<<20)
	if fault.Of(err) != fault.Temporary || errors.Is(err, wire.ErrNotFound) || !wire.IsRemote(err) {
		t.Errorf("error %v, kind %v", err, fault.Of(err))
	}
	down.Store(false)
	if err := r.Import("", root.String(), bytes.NewReader(handmade(t, o)), 1<<20); err != nil {
		t.Error(err)
	}
}

// TestRemote_ConnectionsThatDropOverSSH cuts the first connection after so many
// bytes of the server: before it greets, in the handshake, and later.
func TestRemote_ConnectionsThatDropOverSSH(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	o := options(t, "")
	address := s.overSSH(t)(&o)
	for _, cut := range []int64{0, 10, 600, 2200, 2600, 3200} {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			o := o
			o.Dir = t.TempDir()
			relayed := relayOnce(t, address, cut)
			o.URL = strings.Replace(o.URL, address, relayed, 1)
			o.KnownHosts = bytes.ReplaceAll(o.KnownHosts, []byte(knownAs(address)), []byte(knownAs(relayed)))
			var told atomic.Int32 // the commits and what comes beside them are fetched at the same time
			o.Retrying = func(error, time.Duration) { told.Add(1) }
			r := must(Clone(t.Context(), o))(t)
			if err := r.Close(); err != nil || told.Load() == 0 {
				t.Errorf("error %v, told %d times", err, told.Load())
			}
		})
	}
}

// knownAs is an address as known_hosts has it.
func knownAs(address string) string {
	host, port, _ := net.SplitHostPort(address)
	return "[" + host + "]:" + port
}

// relayOnce is an address that leads to another, whose first connection ends
// after so many bytes of the answer.
func relayOnce(t *testing.T, to string, cut int64) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for i := 0; ; i++ {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = in.Close() }()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer func() { _ = out.Close() }()
				go func() { _, _ = io.Copy(out, in) }()
				if i == 0 {
					_, _ = io.CopyN(in, out, cut)
					return
				}
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestRemote_AProgramThatIsKilledIsStartedAgain(t *testing.T) {
	s := newSite(t, map[string]string{"a": "1"})
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\ntest -e '%[1]s/met' || { : >'%[1]s/met'; kill -9 $$; }\nexec '%[2]s' \"$@\"\n", dir, real)
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	r := must(Clone(t.Context(), options(t, s.origin)))(t)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}
