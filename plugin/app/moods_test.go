package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// remoteMood is what happens to some requests of a run to the git remote.
type remoteMood struct {
	requests int64 // from the chosen one on
	answer   http.HandlerFunc
	done     bool // the request does its work before that
	codes    []int
	some     []float64 // where in a run it is tried without everyCase
}

// down is a remote that says that it will be away for longer than a run waits.
func down(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "3600")
	http.Error(w, "<html>maintenance</html>", http.StatusServiceUnavailable)
}

func unavailable(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "<html>503</html>", http.StatusServiceUnavailable)
}

func dropped(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func reset(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

var remoteMoods = map[string]remoteMood{
	"fails once":           {1, unavailable, false, []int{0}, nil},
	"loses its reply":      {1, dropped, true, []int{0}, []float64{0.75}},
	"is reset six times":   {6, reset, false, []int{0}, nil},
	"is down from then on": {1 << 40, down, false, []int{0, 75, 3}, []float64{0.55}},
}

// from puts the mood around the requests that begin with number n; none for n = 0.
func (m remoteMood) from(n int64, count *atomic.Int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if i := count.Add(1); n == 0 || i < n || i >= n+m.requests {
				next.ServeHTTP(w, r)
				return
			}
			if m.done {
				next.ServeHTTP(httptest.NewRecorder(), r)
			}
			m.answer(w, r)
		})
	}
}

// TestPassingTroubleOfTheRemoteIsNoVerdict has the n-th request of a run meet a
// mood of the remote, for some n, and for every n with everyCase.
func TestPassingTroubleOfTheRemoteIsNoVerdict(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	var requests atomic.Int64
	s := alertSite(t)
	s.Git.SetMiddleware(remoteMood{}.from(0, &requests))
	s.wants(0, s.run(nil))
	total := requests.Load()
	t.Logf("a run of one item takes %d requests", total)
	for name, m := range remoteMoods {
		for n := int64(1); n <= total; n++ {
			if os.Getenv(everyCase) == "" && !slices.ContainsFunc(m.some, func(f float64) bool { return n == int64(f*float64(total)) }) {
				continue
			}
			t.Run(fmt.Sprintf("%s/request %d", name, n), func(t *testing.T) {
				t.Parallel()
				s := alertSite(t)
				held := s.alerts()
				var count atomic.Int64
				s.Git.SetMiddleware(m.from(n, &count))
				code := s.run(nil)
				applied := s.alerts() > held
				t.Logf("ended with %d, applied %v", code, applied)
				if !slices.Contains(m.codes, code) || code == 3 && !applied {
					t.Errorf("ended with %d, applied %v:\n%s", code, applied, s.last)
				}
				if strings.Contains(s.last, "--abandon") || strings.Contains(s.last, "push-refused") {
					t.Errorf("what passes was made a verdict:\n%s", s.last)
				}
				s.Git.SetMiddleware(nil)
				if code != 0 {
					s.freeLock()
					s.wants(0, s.run(nil))
				}
				s.doneOnce(held)
				s.noJournal()
				// A remote that is down for good keeps the lock until its lease ends.
				if refs, err := s.Repo.Refs("refs/pm-todos/lock"); err != nil || len(refs) > 0 && m.codes[len(m.codes)-1] == 0 {
					t.Errorf("the lock is left behind: %v, %v", refs, err)
				}
			})
		}
	}
}
