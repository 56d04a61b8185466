package forge_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/secret"
	standin "github.com/pm-todos/pm-todos/plugin/standin/forge"
)

const token = "a-token-that-nobody-may-see"

var proposal = forge.Request{
	Head: "pm-todos/propose/2026-01-01-nfs/8d77", Base: "main", Title: "P2 Alert: Watch the threads", Body: "Please look.", Commit: "0123abcd",
}

// site is a forge of one kind, and what the program has of a repository there.
type site struct {
	pulls   *standin.Forge
	forge   forge.Forge
	instead func(w http.ResponseWriter, r *http.Request) bool // reports whether it answered
	calls   []string
}

func open(t *testing.T, kind string) *site {
	t.Helper()
	s := &site{pulls: &standin.Forge{Token: token, Tip: func(_, branch string) string {
		return map[string]string{proposal.Head: proposal.Commit}[branch]
	}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls = append(s.calls, r.Method+" "+r.URL.Path)
		if s.instead == nil || !s.instead(w, r) {
			s.pulls.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	f, err := forge.New(forge.Config{Kind: kind, Page: server.URL + "/example/infra", Token: secret.New(token)}, egress.Way{})
	if err != nil {
		t.Fatal(err)
	}
	s.forge = f
	return s
}

func (s *site) ensure(t *testing.T) (*forge.Pull, bool, error) {
	t.Helper()
	return forge.Ensure(t.Context(), s.forge, proposal)
}

func onEach(t *testing.T, test func(t *testing.T, s *site)) {
	for _, kind := range forge.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, kind))
		})
	}
}

func TestPullRequestIsOpenedOnce(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		made, opened, err := s.ensure(t)
		if err != nil || !opened || *made != (forge.Pull{Number: 1, State: forge.Open, Head: proposal.Head, Base: "main", Commit: proposal.Commit, OpenedBy: "pm-todos"}) {
			t.Fatalf("%+v, %t, %v", made, opened, err)
		}
		again, opened, err := s.ensure(t)
		if err != nil || opened || *again != *made {
			t.Errorf("a second time: %+v, %t, %v", again, opened, err)
		}
		all := s.pulls.Pulls()
		if len(all) != 1 || all[0].Head != proposal.Head || all[0].Base != "main" || all[0].Title != proposal.Title || all[0].Body != proposal.Body {
			t.Errorf("the forge has %+v", all)
		}
		if labels := fmt.Sprint(all[0].Labels); labels != "[pm-todos]" {
			t.Errorf("labels %s", labels)
		}
	})
}

func TestCommitIsMarked(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		said := forge.Status{Text: "1 to update: a person decides\n" + strings.Repeat("x", 200), Page: "https://ci.example.org/7"}
		s.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusForbidden)
			}
			return r.Method == http.MethodPost
		}
		if err := s.forge.Mark(t.Context(), "0123abcd", said); err == nil {
			t.Error("a forge that refuses marks commits")
		}
		s.instead = nil
		for range 2 { // and once only
			if err := s.forge.Mark(t.Context(), "0123abcd", said); err != nil {
				t.Fatal(err)
			}
		}
		got := s.pulls.Statuses("0123abcd")
		if len(got) != 1 || !strings.HasPrefix(got[0], "success pm-todos: 1 to update: a person decides x") || !strings.HasSuffix(got[0], " https://ci.example.org/7") || len(got[0]) > 200 {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatAPersonEndedIsNotOpenedAgain(t *testing.T) {
	t.Parallel()
	for state, want := range map[string]forge.State{"closed": forge.Closed, "merged": forge.Merged} {
		onEach(t, func(t *testing.T, s *site) {
			if _, _, err := s.ensure(t); err != nil {
				t.Fatal(err)
			}
			s.pulls.End(1, state)
			found, opened, err := s.ensure(t)
			if err != nil || opened || found.State != want || len(s.pulls.Pulls()) != 1 {
				t.Errorf("%s: %+v, %t, %v", state, found, opened, err)
			}
		})
	}
}

func TestPullRequestIsKnownByItsNumberAndBranchAlone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*standin.Pull)
		number int64
		opens  bool
	}{
		"edited":                           {change: func(p *standin.Pull) { p.Title, p.Body = "mine", "" }},
		"retargeted":                       {change: func(p *standin.Pull) { p.Base = "develop" }},
		"retargeted, by its number":        {change: func(p *standin.Pull) { p.Base = "develop" }, number: 1},
		"retargeted and merged":            {change: func(p *standin.Pull) { p.Base, p.State = "develop", "merged" }},
		"another number":                   {change: func(p *standin.Pull) {}, number: 77},
		"a fork's branch of the same name": {change: func(p *standin.Pull) { p.Fork, p.State = true, "closed" }, opens: true},
		"a fork's, that is open":           {change: func(p *standin.Pull) { p.Fork = true }, opens: true},
		"a fork's, by its number":          {change: func(p *standin.Pull) { p.Fork, p.State = true, "closed" }, number: 1, opens: true},
		"closed, of an earlier branch":     {change: func(p *standin.Pull) { p.Commit, p.State = "9999", "closed" }, opens: true},
		"merged, of an earlier branch":     {change: func(p *standin.Pull) { p.Commit, p.State = "9999", "merged" }, opens: true},
		"of another branch, by its number": {change: func(p *standin.Pull) { p.Head = "feature" }, number: 1, opens: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *site) {
				if _, _, err := s.ensure(t); err != nil {
					t.Fatal(err)
				}
				s.pulls.Change(1, test.change)
				again := proposal
				again.Number = test.number
				found, opened, err := forge.Ensure(t.Context(), s.forge, again)
				if err != nil || opened != test.opens {
					t.Fatalf("opened %t, %v", opened, err)
				}
				if want := int64(len(s.pulls.Pulls())); found.Number != want || found.Head != proposal.Head {
					t.Errorf("found %+v, want number %d", found, want)
				}
			})
		})
	}
}

func TestWithdrawnPullRequestIsClosedWithAComment(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		if _, _, err := s.ensure(t); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a run that is cut short after its comment is followed by another
			if err := s.forge.Comment(t.Context(), 1, "The row is gone."); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.forge.Close(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if p := s.pulls.Pulls()[0]; p.State != "closed" || fmt.Sprint(p.Comments) != "[The row is gone.]" {
			t.Errorf("the forge has %+v", p)
		}
		if err := s.forge.Comment(t.Context(), 7, "x"); err == nil {
			t.Error("there is no pull request 7, and nothing is said")
		}
		if err := s.forge.Close(t.Context(), 7); err == nil {
			t.Error("there is no pull request 7, and nothing is said")
		}
	})
}

func TestForgeSaysWhoMergedAndAsWhichCommit(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		if _, _, err := s.ensure(t); err != nil {
			t.Fatal(err)
		}
		for _, button := range []string{"merge", "squash", "rebase"} {
			as := button + " of it"
			s.pulls.Change(1, func(p *standin.Pull) { p.State, p.MergedBy, p.MergedAs, p.Button = "merged", "ana", as, button })
			for _, number := range []int64{0, 1} {
				found, err := s.forge.Find(t.Context(), proposal.Head, "main", number)
				if err != nil || found.State != forge.Merged || found.OpenedBy != "pm-todos" || found.MergedBy != "ana" || found.MergedAs != as {
					t.Errorf("by number %d, %s: %+v, %v", number, button, found, err)
				}
			}
		}
		if own, err := s.forge.Account(t.Context()); err != nil || own != "pm-todos" {
			t.Errorf("our own account: %q, %v", own, err)
		}
	})
}

// TestForksHideNoPullRequest has strangers open pull requests from branches
// of their forks that are called as ours is.
func TestForksHideNoPullRequest(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		if _, _, err := s.ensure(t); err != nil {
			t.Fatal(err)
		}
		s.pulls.End(1, "closed")
		for n := range 120 {
			if _, err := s.forge.Open(t.Context(), proposal); err != nil {
				t.Fatal(err)
			}
			s.pulls.Change(n+2, func(p *standin.Pull) { p.Fork = true })
		}
		found, opened, err := s.ensure(t)
		if err != nil || opened || found.Number != 1 {
			t.Errorf("%+v, opened %t, %v", found, opened, err)
		}
	})
}

// TestLostAnswerOpensNoSecondOne has the forge open a pull request and say that it
// is in trouble.
func TestLostAnswerOpensNoSecondOne(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, s *site) {
		lost := false
		s.instead = func(w http.ResponseWriter, r *http.Request) bool {
			if lost || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "pulls") && !strings.HasSuffix(r.URL.Path, "merge_requests") {
				return false
			}
			lost = true
			s.pulls.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return true
		}
		found, _, err := s.ensure(t)
		if err != nil || found == nil || found.State != forge.Open || len(s.pulls.Pulls()) != 1 || !lost {
			t.Errorf("%+v, %v; the forge has %d", found, err, len(s.pulls.Pulls()))
		}
	})
}

func TestTroubleOfTheForge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		header string
		body   string
		want   fault.Kind
		says   string
	}{
		"no login":          {401, "", `{"message":"Bad credentials"}`, fault.Failed, "401 Unauthorized: Bad credentials"},
		"no right":          {403, "", `{"message":"denied","errors":[{"message":"see the docs"}]}`, fault.Failed, "denied; see the docs"},
		"too small a scope": {403, "", `{"error":"insufficient_scope","error_description":"The request requires higher privileges"}`, fault.Failed, "higher privileges"},
		"rate limit":        {403, "X-RateLimit-Remaining: 0", `{"message":"API rate limit exceeded"}`, fault.Temporary, "rate limit"},
		"long rate limit":   {429, "Retry-After: 3600", `{}`, fault.Temporary, "429 Too Many Requests"},
		"not there":         {404, "", `{"error":"404 Project Not Found"}`, fault.Failed, "404"},
		"archived":          {422, "", `{"message":{"base":["is archived"]}}`, fault.Failed, "is archived"},
		"a page":            {200, "", `<!doctype html><p>Sign in`, fault.Failed, "no JSON"},
		"sends elsewhere":   {302, "Location: https://elsewhere.example.org/", ``, fault.Failed, "the token goes nowhere else"},
		"quotes the token":  {400, "", `{"message":"` + token + ` is no token"}`, fault.Failed, "*** is no token"},
		"too much":          {200, "", strings.Repeat(" ", 9<<20), fault.Failed, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, "github")
			s.instead = func(w http.ResponseWriter, r *http.Request) bool {
				if key, value, ok := strings.Cut(test.header, ": "); ok {
					w.Header().Set(key, value)
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
				return true
			}
			_, _, err := s.ensure(t)
			if err == nil || fault.Of(err) != test.want || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), token) {
				t.Errorf("%s: %v", fault.Of(err), err)
			}
			if len(s.calls) != 1 {
				t.Errorf("calls %q: nothing changes by asking again at once", s.calls)
			}
			if no, ok := errors.AsType[*forge.Error](err); test.status > 299 && (!ok || no.Status != test.status) {
				t.Errorf("the status is lost: %v", err)
			}
		})
	}
}

// TestWhatCouldNotBeOpenedIsOpenedByTheNextRun has a forge that answers questions and
// takes no pull request.
func TestWhatCouldNotBeOpenedIsOpenedByTheNextRun(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{
		"no login": 401, "no right": 403, "conflict": 409, "not processable": 422, "too many": 429, "in trouble": 503, "a page": 200,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, s *site) {
				s.instead = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPost || strings.HasSuffix(r.URL.Path, "labels") {
						return false
					}
					if status == 429 || status == 503 {
						w.Header().Set("Retry-After", "3600")
					}
					w.WriteHeader(status)
					_, _ = w.Write([]byte("<!doctype html><p>Sorry"))
					return true
				}
				if found, opened, err := s.ensure(t); err == nil || opened || found != nil {
					t.Errorf("%+v, opened %t, %v", found, opened, err)
				}
				s.instead = nil
				if _, opened, err := s.ensure(t); err != nil || !opened || len(s.pulls.Pulls()) != 1 {
					t.Errorf("once the forge takes it: opened %t, %v", opened, err)
				}
			})
		})
	}
}

func TestTokenIsSentToTheForgesAPIAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]forge.Config{
		"plain http":        {Kind: "gitea", Page: "http://git.example.org/example/infra"},
		"no repository":     {Kind: "gitea", Page: "https://git.example.org/infra"},
		"no page":           {Kind: "gitea"},
		"another forge":     {Kind: "bitbucket", Page: "https://bitbucket.org/example/infra"},
		"leads out of it":   {Kind: "gitlab", Page: "https://git.example.org/../example/infra"},
		"no token, a forge": {Kind: "github", Page: "https://github.com/example/infra", Token: secret.New("")},
	} {
		if !strings.HasPrefix(name, "no token") {
			c.Token = secret.New(token)
		}
		if _, err := forge.New(c, egress.Way{}); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}
