package approval

import (
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Fit reports whether a proposal, for an item of a type, may be put before a person:
// it starts from the branch, and the rules for changes let it pass.
func Fit(repo seam.Remote, rules policy.Rules, r *proposal.Record, kind string) (bool, error) {
	onBranch, err := repo.Contains(repo.Tip(), r.Base)
	if err != nil || !onBranch {
		return false, err
	}
	allowed, err := rules.Diff(repo, kind, r.Base)
	if err != nil {
		return false, err
	}
	allowed.ByHand = true // nothing of it is applied before a person merged it
	fix, err := repo.Lookup(r.Fix)
	if err != nil {
		return false, fmt.Errorf("read what was proposed: %w", err)
	}
	diff, err := repo.Diff(r.Base, fix.Tree)
	if err != nil {
		return false, fmt.Errorf("read what was proposed: %w", err)
	}
	return gate.Compare(diff, allowed).Verdict().Passed(), nil
}
