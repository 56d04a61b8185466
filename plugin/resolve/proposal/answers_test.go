package proposal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	standin "github.com/pm-todos/pm-todos/plugin/standin/forge"
)

// newMerge is a proposal whose pull request somebody merged.
func newMerge(t *testing.T, kind, by string) *withdrawal {
	t.Helper()
	w := newWithdrawal(t, kind)
	w.record.State, w.record.Pull = proposal.Offered, 1
	if err := w.record.Write(t.Context(), w.clone); err != nil {
		t.Fatal(err)
	}
	w.pulls.Change(1, func(p *standin.Pull) {
		p.State, p.MergedBy, p.MergedAs, p.Button = "merged", by, w.record.Fix, "merge"
	})
	return w
}

// answers has every call that ends with a path answered with a status.
func (w *withdrawal) answers(end string, status int) {
	w.instead = func(rw http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, end) {
			return false
		}
		if status == http.StatusTooManyRequests || status >= 500 {
			rw.Header().Set("Retry-After", "3600")
		}
		rw.WriteHeader(status)
		return true
	}
}

// TestThreat28_MergeByOurOwnAccountIsNoApproval has a forge that says who the token
// belongs to, one that does not tell, and one in trouble.
func TestThreat28_MergeByOurOwnAccountIsNoApproval(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		by     string
		status int // of the question for the account, 0 for the forge's own answer
		said   proposal.Said
	}{
		"our own":                                   {"pm-todos", 0, proposal.Own},
		"our own, the token may not ask":            {"pm-todos", http.StatusForbidden, proposal.Own},
		"our own, the forge is in trouble":          {"pm-todos", http.StatusBadGateway, proposal.Later},
		"somebody else":                             {"ana", 0, proposal.Approved},
		"somebody else, the token may not ask":      {"ana", http.StatusForbidden, proposal.Approved},
		"somebody else, the forge is in trouble":    {"ana", http.StatusBadGateway, proposal.Later},
		"nobody that the forge knows by their name": {"", 0, proposal.Approved},
	} {
		for _, kind := range forge.Kinds() {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				w := newMerge(t, kind, test.by)
				if test.status != 0 {
					w.answers("/user", test.status)
				}
				told, err := proposal.Ask(t.Context(), w.forge, w.clone, "main")
				if (err != nil) != (test.said == proposal.Later) {
					t.Errorf("the answers end with %v", err)
				}
				if _, said := told.Merged([]*proposal.Record{w.record}, "main"); said != test.said {
					t.Errorf("the forge says %d of the merge, not %d", said, test.said)
				}
			})
		}
	}
}

// TestForgeInTroubleSaysNothingOfAMerge has it answer every call so.
func TestForgeInTroubleSaysNothingOfAMerge(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		said   proposal.Said
	}{
		"no login":        {http.StatusUnauthorized, proposal.Nothing},
		"no right":        {http.StatusForbidden, proposal.Nothing},
		"not there":       {http.StatusNotFound, proposal.Nothing},
		"conflict":        {http.StatusConflict, proposal.Nothing},
		"not processable": {http.StatusUnprocessableEntity, proposal.Nothing},
		"too many":        {http.StatusTooManyRequests, proposal.Later},
		"in trouble":      {http.StatusServiceUnavailable, proposal.Later},
		"no JSON":         {http.StatusOK, proposal.Nothing},
	} {
		for _, kind := range forge.Kinds() {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				w := newMerge(t, kind, "ana")
				w.answers("", test.status)
				told, err := proposal.Ask(t.Context(), w.forge, w.clone, "main")
				if err == nil || !told.Down || told.MergedAs(w.record, "main") != "" {
					t.Errorf("%+v, %v", told, err)
				}
				if by, said := told.Merged([]*proposal.Record{w.record}, "main"); said != test.said || by != "" {
					t.Errorf("the forge says %d of the merge, by %q", said, by)
				}
			})
		}
	}
}

// TestForgeNamesTheCommitOfAMerge has it merged into the branch, and elsewhere.
func TestForgeNamesTheCommitOfAMerge(t *testing.T) {
	t.Parallel()
	for _, kind := range forge.Kinds() {
		w := newMerge(t, kind, "ana")
		for base, want := range map[string]string{"main": w.record.Fix, "develop": ""} {
			w.pulls.Change(1, func(p *standin.Pull) { p.Base = base })
			told, err := proposal.Ask(t.Context(), w.forge, w.clone, "main")
			if got := told.MergedAs(w.record, "main"); err != nil || got != want {
				t.Errorf("%s, into %s: %q, %v", kind, base, got, err)
			}
		}
	}
}
