package proposal_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/secret"
	standin "github.com/pm-todos/pm-todos/plugin/standin/forge"
)

// withdrawal is a proposal with a pull request on a forge, which is to be taken back.
type withdrawal struct {
	world   *fake.World
	clone   *fake.Clone
	record  *proposal.Record
	branch  string
	pulls   *standin.Forge
	forge   forge.Forge
	instead func(w http.ResponseWriter, r *http.Request) bool
}

func newWithdrawal(t *testing.T, kind string) *withdrawal {
	t.Helper()
	w := &withdrawal{}
	w.world, w.clone, w.record = written(t)
	w.branch = "refs/heads/" + proposal.Branch(w.record.Ref())
	w.record.State = proposal.Withdrawn
	if err := w.record.Write(t.Context(), w.clone); err != nil {
		t.Fatal(err)
	}
	w.world.SetRef(w.branch, w.record.Fix)
	w.pulls = &standin.Forge{Token: "t", Tip: func(_, branch string) string { return w.world.Refs("refs/heads/")["refs/heads/"+branch] }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.instead == nil || !w.instead(rw, r) {
			w.pulls.ServeHTTP(rw, r)
		}
	}))
	t.Cleanup(server.Close)
	f, err := forge.New(forge.Config{Kind: kind, Page: server.URL + "/example/infra", Token: secret.New("t")}, egress.Way{})
	if err != nil {
		t.Fatal(err)
	}
	w.forge = f
	if _, err := f.Open(t.Context(), forge.Request{Head: proposal.Branch(w.record.Ref()), Base: "main", Title: "x"}); err != nil {
		t.Fatal(err)
	}
	return w
}

// left is what stands of the proposal.
func (w *withdrawal) left() string {
	pull := w.pulls.Pulls()[0]
	return fmt.Sprintf("%s, %d comments, %d branches, %d records", pull.State, len(pull.Comments), len(w.world.Refs(w.branch)), len(w.world.Refs("refs/pm-todos/proposals/")))
}

func TestWithdrawalWaitsForTheForge(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{
		"no login": 401, "no right": 403, "not there": 404, "conflict": 409, "not processable": 422, "too many": 429, "in trouble": 503, "a page": 200,
	} {
		for _, kind := range forge.Kinds() {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				w := newWithdrawal(t, kind)
				w.instead = func(rw http.ResponseWriter, _ *http.Request) bool {
					if status == http.StatusTooManyRequests || status >= 500 {
						rw.Header().Set("Retry-After", "3600")
					}
					rw.WriteHeader(status)
					_, _ = rw.Write([]byte("<!doctype html><p>Sorry"))
					return true
				}
				err := w.record.Withdraw(t.Context(), w.clone, w.forge, "main")
				if got := w.left(); err == nil || got != "open, 0 comments, 1 branches, 1 records" {
					t.Errorf("%v; left is %s", err, got)
				}
				w.instead = nil
				if err := w.record.Withdraw(t.Context(), w.clone, w.forge, "main"); err != nil {
					t.Fatal(err)
				}
				if got := w.left(); got != "closed, 1 comments, 0 branches, 0 records" {
					t.Errorf("once the forge answers, left is %s", got)
				}
			})
		}
	}
}

func TestSomebodyElsesWorkIsOnlyCommentedOn(t *testing.T) {
	t.Parallel()
	w := newWithdrawal(t, "gitea")
	w.world.SetRef(w.branch, w.world.Work(w.record.Fix, map[string]string{"mine.txt": "mine\n"}))
	if err := w.record.Withdraw(t.Context(), w.clone, w.forge, "main"); err != nil {
		t.Fatal(err)
	}
	if got := w.left(); got != "open, 1 comments, 1 branches, 0 records" || !strings.Contains(w.pulls.Pulls()[0].Comments[0], "stays as it is") {
		t.Errorf("left is %s: %q", got, w.pulls.Pulls()[0].Comments)
	}
}

// TestPullRequestThatAPersonEndedIsLeftAsItIs is of one that was closed or merged
// before the proposal could be taken back.
func TestPullRequestThatAPersonEndedIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	for _, state := range []string{"closed", "merged"} {
		w := newWithdrawal(t, "github")
		w.pulls.End(1, state)
		if err := w.record.Withdraw(t.Context(), w.clone, w.forge, "main"); err != nil {
			t.Fatal(err)
		}
		if got := w.left(); got != state+", 0 comments, 0 branches, 0 records" {
			t.Errorf("left is %s", got)
		}
	}
}

// TestThreat21_ForgedNumberClosesNoPullRequest has a record that names the pull
// request of another branch.
func TestThreat21_ForgedNumberClosesNoPullRequest(t *testing.T) {
	t.Parallel()
	for _, kind := range forge.Kinds() {
		w := newWithdrawal(t, kind)
		if _, err := w.forge.Open(t.Context(), forge.Request{Head: "feature", Base: "main", Title: "theirs"}); err != nil {
			t.Fatal(err)
		}
		w.record.Pull = 2
		if err := w.record.Withdraw(t.Context(), w.clone, w.forge, "main"); err != nil {
			t.Fatal(err)
		}
		if theirs := w.pulls.Pulls()[1]; theirs.State != "open" || len(theirs.Comments) > 0 {
			t.Errorf("%s: %+v", kind, theirs)
		}
	}
}
