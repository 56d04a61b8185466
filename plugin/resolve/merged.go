package resolve

import (
	"context"
	"errors"
	"fmt"

	"pm-todos/plugin/change"
	"pm-todos/plugin/fault"
	"pm-todos/plugin/gitrepo"
)

// findMerged recognises proposals that a person merged. A merge or a rebase
// keeps the evidence in the commits, and most squashes keep it in the message;
// of a squash that drops it, the content tells, for as long as the proposal's
// branch exists, and after that the ledger, see findSquashed.
func (r *Resolver) findMerged(waiting map[Ref]proposal) error {
	for ref, p := range waiting {
		if _, known := r.landed[ref]; known {
			continue
		}
		commit, err := r.contentOf(p.commit)
		if err != nil {
			return fmt.Errorf("compare the proposal %.12s with the branch: %w", p.commit, err)
		}
		if commit != "" {
			r.landed[ref] = landed{commit, p.evidence, true}
		}
	}
	return nil
}

// contentOf is the commit that brought the content of a proposed one to the
// branch; "" when the branch does not hold it.
func (r *Resolver) contentOf(proposed string) (string, error) {
	fix, err := r.repo.Lookup(proposed)
	if err != nil {
		return "", err
	}
	diff, err := r.repo.Diff(fix.Parent, fix.Tree)
	if err != nil || len(diff.Files) == 0 {
		return "", err
	}
	for _, file := range diff.Files {
		if touched, err := r.repo.Touched(proposed, r.repo.Tip(), file.Path); touched || err != nil {
			return "", err
		}
	}
	found := r.repo.Tip()
	var failed error
	err = r.repo.Log(found, func(c gitrepo.Commit) bool {
		touched, err := r.repo.Touched(c.Hash, r.repo.Tip(), diff.Files[0].Path)
		if failed = err; touched || err != nil {
			return false
		}
		found = c.Hash
		return true
	})
	return found, errors.Join(failed, err)
}

// merged takes the items out whose proposals a person merged. One is Done when a
// plan of its stack shows that nothing is left to do; until somebody has applied
// it, it waits.
func (r *Resolver) merged(ctx context.Context, items []change.Item) (rest []change.Item, outcomes []change.Outcome) {
	for _, item := range items {
		fix, ok := r.landed[RefOf(item)]
		if ok && fix.proposed {
			reverted, err := revertedAt(r.repo, fix.commit)
			if err != nil {
				outcomes = append(outcomes, change.Outcome{Item: item, State: change.NotAttempted, Reason: ReasonHost, Err: err})
				continue
			}
			ok = !reverted // a reverted one is told as reopened
		}
		if !ok || !fix.proposed {
			rest = append(rest, item)
			continue
		}
		out := r.mergedOne(ctx, item, fix)
		r.log.Info().Str("stage", "items").Str("document", item.Document).Str("item", item.ID).Str("state", string(out.State)).Err(out.Err).
			Msg("its proposal was merged")
		outcomes = append(outcomes, out)
	}
	return rest, outcomes
}

func (r *Resolver) mergedOne(ctx context.Context, item change.Item, fix landed) change.Outcome {
	out := change.Outcome{
		Item: item, State: change.Proposed, Reason: ReasonMerged, Commit: fix.commit, Settled: true,
		Stack: fix.evidence.Stack, PlanHash: fix.evidence.PlanHash, Counts: fix.evidence.Counts,
	}
	if reason := r.mayStart(ctx, 0); reason != "" {
		out.State, out.Reason = change.NotAttempted, reason
		return out
	}
	_, err := r.baseline(ctx, fix.evidence.Stack, r.repo.Tip())
	if err == nil && r.opts.Terraform.Verify != "" {
		space, checkoutErr := r.checkout(ctx, r.repo.Tip())
		if err = checkoutErr; err == nil {
			if err := r.verify(ctx, space, item, fix.evidence.Stack); err != nil {
				out.State, out.Reason, out.Err = change.Failed, ReasonVerify, err
				return out
			}
		}
	}
	var no *refusal
	switch {
	case err == nil:
		out.State, out.Reason = change.Done, ""
	case errors.As(err, &no):
		out.Findings, out.Err = no.findings, no.err
	case fault.Of(err) == fault.Temporary:
		out.State, out.Reason, out.Err = change.NotAttempted, ReasonHost, err
	default:
		out.State, out.Reason, out.Err = change.Failed, ReasonError, err
	}
	return out
}
