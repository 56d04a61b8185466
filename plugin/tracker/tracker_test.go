package tracker_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/secret"
	standin "github.com/pm-todos/pm-todos/plugin/standin/forge"
	"github.com/pm-todos/pm-todos/plugin/tracker"
)

// site is a repository on a forge of one kind, with items that need a person.
type site struct {
	*fake.World
	t       *testing.T
	there   *standin.Forge
	forge   forge.Forge
	instead func(w http.ResponseWriter, r *http.Request) bool // reports whether it answered
	ended   map[record.Ref]string
	runs    int
}

func newSite(t *testing.T, kind string) *site {
	t.Helper()
	s := &site{World: fake.New(t, map[string]string{"README.md": "x\n"}), t: t, there: &standin.Forge{Token: "t"}, ended: map[record.Ref]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.instead == nil || !s.instead(w, r) {
			s.there.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	var err error
	if s.forge, err = forge.New(forge.Config{Kind: kind, Page: server.URL + "/example/infra", Token: secret.New("t")}, egress.Way{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func onEach(t *testing.T, test func(t *testing.T, s *site)) {
	t.Helper()
	for _, kind := range forge.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, newSite(t, kind))
		})
	}
}

func ref(n int) record.Ref { return record.Ref{Document: "docs/a.md", Item: fmt.Sprint(n)} }

// items are the first n items as their issues say them.
func items(n int) (all []tracker.Wanted) {
	for i := range n {
		all = append(all, tracker.Wanted{Ref: ref(i + 1), Title: fmt.Sprint("Item ", i+1), Body: "Please.\n"})
	}
	return all
}

func (s *site) sync(wanted ...tracker.Wanted) (tracker.Done, error) {
	s.runs++
	name := fmt.Sprint("run-", s.runs)
	return tracker.Sync(s.t.Context(), s.Clone(name), s.forge, name, wanted, func(of record.Ref) (string, error) { return s.ended[of], nil })
}

func (s *site) mustSync(wanted ...tracker.Wanted) tracker.Done {
	s.t.Helper()
	done, err := s.sync(wanted...)
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

// wants checks how many issues there are, and how many of them are open.
func (s *site) wants(all, open int) {
	s.t.Helper()
	now := 0
	for _, one := range s.there.Issues() {
		if one.Open {
			now++
		}
	}
	if got := len(s.there.Issues()); got != all || now != open {
		s.t.Errorf("%d issues, %d open; want %d, %d", got, now, all, open)
	}
}

func TestIssueIsOpenedOnceAndClosedWithItsRow(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		done := s.mustSync(items(2)...)
		if done.Opened != 2 || done.Issues[ref(1)] != 1001 || done.Issues[ref(2)] != 1002 {
			t.Errorf("%+v", done)
		}
		first := s.there.Issues()[0]
		if first.Title != "Item 1" || !strings.HasPrefix(first.Body, "Please.\n") || fmt.Sprint(first.Labels) != "[pm-todos]" {
			t.Errorf("%+v", first)
		}
		if done := s.mustSync(items(2)...); done.Opened != 0 || len(done.Issues) != 2 {
			t.Errorf("a second time: %+v", done)
		}
		s.ended[ref(1)] = "is done"
		if done := s.mustSync(items(2)[1:]...); done.Closed != 1 || len(done.Issues) != 1 {
			t.Errorf("%+v", done)
		}
		s.wants(2, 1)
		if comments := s.there.Issues()[0].Comments; len(comments) != 1 || !strings.Contains(comments[0], "is done, so pm-todos closes it") {
			t.Errorf("comments %q", comments)
		}

		// The row is open again.
		delete(s.ended, ref(1))
		s.mustSync(items(2)...)
		s.wants(2, 2)
	})
}

func TestIssueThatAPersonClosedStaysClosed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.mustSync(items(1)...)
		s.there.ChangeIssue(1001, func(i *standin.Issue) { i.Open, i.Body = false, "mine" })
		s.mustSync(items(1)...)
		s.wants(1, 0)
	})
}

func TestRunOpensAFewIssuesTheMostUrgentFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, "github")
	for run, want := range []int{10, 20, 25, 25} {
		s.mustSync(items(25)...)
		if got := len(s.there.Issues()); got != want {
			t.Errorf("%d issues after run %d, want %d", got, run+1, want)
		}
	}
	if last := s.there.Issues()[24].Title; last != "Item 25" {
		t.Errorf("the last is %s", last)
	}
}

// TestTwoRunsAtOnceOpenOneIssue has many.
func TestTwoRunsAtOnceOpenOneIssue(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		var all sync.WaitGroup
		for n := range 4 {
			clone := s.Clone(fmt.Sprint("rival-", n))
			all.Go(func() {
				if _, err := tracker.Sync(t.Context(), clone, s.forge, "rival", items(3), func(record.Ref) (string, error) { return "", nil }); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s.mustSync(items(3)...)
		s.wants(3, 3)
	})
}

// TestLostAnswerOpensNoSecondIssue has the forge open one and say that it is in
// trouble, and then nothing else for the rest of that run.
func TestLostAnswerOpensNoSecondIssue(t *testing.T) {
	t.Parallel()
	for name, down := range map[string]bool{"the answer alone": false, "all that follows too": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *site) {
				lost := false
				s.instead = func(w http.ResponseWriter, r *http.Request) bool {
					if lost && down {
						http.Error(w, "no", http.StatusUnprocessableEntity)
						return true
					}
					if lost || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/issues") {
						return false
					}
					lost = true
					s.there.ServeHTTP(httptest.NewRecorder(), r)
					http.Error(w, "bad gateway", http.StatusBadGateway)
					return true
				}
				if _, err := s.sync(items(1)...); (err != nil) != down {
					t.Errorf("%v", err)
				}
				s.instead = nil
				if done := s.mustSync(items(1)...); done.Issues[ref(1)] != 1001 {
					t.Errorf("%+v", done)
				}
				s.wants(1, 1)
			})
		})
	}
}

// TestRunThatDiesHoldsUpNoIssueForLong has a run die after its claim; the next ones
// find that out by its age.
func TestRunThatDiesHoldsUpNoIssueForLong(t *testing.T) {
	t.Parallel()
	s := newSite(t, "gitea")
	s.note(`{"run":"dead","until":"` + time.Now().Add(9*time.Minute).UTC().Format(time.RFC3339) + `","issues":[]}`)
	if done := s.mustSync(items(1)...); !done.Busy || len(s.there.Issues()) != 0 {
		t.Errorf("%+v", done)
	}
	for n, until := range []string{"2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"} { // the latter by a clock that goes wrong
		s.note(`{"run":"dead","until":"` + until + `","issues":[]}`)
		if done := s.mustSync(items(n + 1)[n:]...); done.Opened != 1 {
			t.Errorf("%s: %+v", until, done)
		}
	}
}

// listing is a forge with an issue of ours and many newer ones of the same account, and
// nothing on the remote that says so.
func listing(t *testing.T, s *site) {
	t.Helper()
	s.mustSync(items(1)...)
	ours := s.there.Issues()[0].Author
	for range 230 {
		s.there.AddIssue(standin.Issue{Title: "other", Body: "x", Author: ours, Labels: []string{"pm-todos"}})
	}
	s.note(`{"issues":[]}`)
}

func TestIssueOnALaterPageIsFoundAgain(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		listing(t, s)
		if done := s.mustSync(items(1)...); done.Opened != 0 || done.Issues[ref(1)] != 1001 {
			t.Errorf("%+v", done)
		}
	})
}

func TestPageOfIssuesThatIsMissingOpensNone(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		listing(t, s)
		s.instead = func(w http.ResponseWriter, r *http.Request) bool {
			missing := r.URL.Query().Get("page") == "2" && strings.HasSuffix(r.URL.Path, "/issues")
			if missing {
				http.NotFound(w, r)
			}
			return missing
		}
		if done, err := s.sync(items(1)...); err == nil || done.Opened != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		s.wants(231, 231)
	})
}

// TestListingOfIssuesWithoutEndIsLeft has a forge that answers each page with the first.
func TestListingOfIssuesWithoutEndIsLeft(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		listing(t, s)
		pages := 0
		s.instead = func(_ http.ResponseWriter, r *http.Request) bool {
			query := r.URL.Query()
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/issues") {
				pages++
				query.Set("page", "1")
				r.URL.RawQuery = query.Encode()
			}
			return false
		}
		if done := s.mustSync(items(1)...); done.Opened != 1 || pages != 10 {
			t.Errorf("%d pages, %+v", pages, done)
		}
	})
}

// TestThreat21_NobodysMarkerIsBelievedWhileOurAccountIsUnknown has a forge that does not
// say which account is ours: for now, or to a token that is an app's.
func TestThreat21_NobodysMarkerIsBelievedWhileOurAccountIsUnknown(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"for now": http.StatusServiceUnavailable, "to an app": http.StatusForbidden} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "github")
			s.mustSync(items(1)...)
			s.there.AddIssue(standin.Issue{Title: "forged", Body: strings.ReplaceAll(s.there.Issues()[0].Body, "Please", "Run my program"), Author: "eve"})
			s.note(`{"issues":[]}`)
			s.instead = func(w http.ResponseWriter, r *http.Request) bool {
				asked := strings.HasSuffix(r.URL.Path, "/user")
				if asked {
					w.Header().Set("Retry-After", map[int]string{http.StatusServiceUnavailable: "3600"}[status])
					w.WriteHeader(status)
				}
				return asked
			}
			done, err := s.sync(items(1)...)
			if later := status == http.StatusServiceUnavailable; (err != nil) != later || !later && done.Issues[ref(1)] != 1001 || done.Issues[ref(1)] == 1002 {
				t.Errorf("%+v, %v", done, err)
			}
			s.note(`{"issues":[{"document":"docs/a.md","item":"1","number":1002}]}`)
			s.ended[ref(1)] = "is done"
			_, _ = s.sync()
			s.wants(2, 2)
		})
	}
}

// TestForgeThatClosesNoIssueGetsNoComments has one that takes comments alone.
func TestForgeThatClosesNoIssueGetsNoComments(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.mustSync(items(1)...)
		s.ended[ref(1)] = "is done"
		s.instead = func(w http.ResponseWriter, r *http.Request) bool {
			refused := r.Method == http.MethodPatch || r.Method == http.MethodPut
			if refused {
				w.WriteHeader(http.StatusUnprocessableEntity)
			}
			return refused
		}
		for range 2 {
			if _, err := s.sync(); err == nil {
				t.Error("nobody hears of it")
			}
		}
		if said := s.there.Issues()[0].Comments; len(said) > 0 {
			t.Errorf("comments %q", said)
		}
	})
}

// note writes the note as anybody may who can push refs.
func (s *site) note(said string) {
	s.t.Helper()
	s.runs++
	clone := s.Clone(fmt.Sprint("somebody-", s.runs))
	tip, err := clone.Lookup(clone.Tip())
	if err != nil {
		s.t.Fatal(err)
	}
	at, err := clone.Commit(clone.Tip(), tip.Tree, "note\n\n"+said)
	if err != nil {
		s.t.Fatal(err)
	}
	s.SetRef("refs/pm-todos/issues", at)
}

// TestThreat21_ForgedNoteAndForgedMarkerTouchNobodysIssue has somebody name a person's issue in
// the note, and somebody open one with the marker of an item.
func TestThreat21_ForgedNoteAndForgedMarkerTouchNobodysIssue(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.mustSync(items(1)...)
		body := s.there.Issues()[0].Body
		s.there.AddIssue(standin.Issue{Title: "theirs", Body: "x", Author: "ana"})
		s.there.AddIssue(standin.Issue{Title: "forged", Body: strings.Replace(body, "Please", "Forged", 1), Author: "eve"})
		s.note(`{"issues":[{"document":"docs/a.md","item":"1","number":1002},{"document":"docs/a.md","item":"9","number":1003},{"document":"docs/a.md","item":"8","number":-4},{"document":"docs/a.md","item":"7","number":4711}]}`)
		s.ended[ref(1)], s.ended[ref(9)], s.ended[ref(7)] = "is done", "is gone", "is gone"
		if done := s.mustSync(); done.Closed != 0 {
			t.Errorf("%+v", done)
		}
		s.wants(3, 3)
		for _, one := range s.there.Issues() {
			if len(one.Comments) > 0 {
				t.Errorf("%s has comments", one.Title)
			}
		}

		// The real one is found again by its marker.
		delete(s.ended, ref(1))
		if done := s.mustSync(items(1)...); done.Issues[ref(1)] != 1001 || done.Opened != 0 {
			t.Errorf("%+v", done)
		}
	})
}

func TestForgeWithoutIssuesIsSaid(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		s.there.NoIssues = true
		_, err := s.sync(items(1)...)
		if err == nil || !strings.Contains(err.Error(), "turn issues on") {
			t.Errorf("%v", err)
		}
	})
}

func TestForgeInTroubleIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"too many calls": http.StatusTooManyRequests, "down": http.StatusServiceUnavailable} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *site) {
				calls := map[string]int{}
				s.instead = func(w http.ResponseWriter, r *http.Request) bool {
					at := r.Method + " " + r.URL.Path
					if calls[at]++; calls[at] > 1 || r.Method == http.MethodPost && status != http.StatusTooManyRequests {
						return false
					}
					w.WriteHeader(status)
					return true
				}
				s.mustSync(items(2)...)
				s.wants(2, 2)
			})
		})
	}
}
