package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// findMerged recognises proposals that a person merged. A merge or a rebase
// keeps the evidence in the commits, and most squashes keep it in the message;
// of a squash that drops it, the content tells, for as long as the proposal's
// branch exists, and after that the ledger, see findSquashed.
func (r *Resolver) findMerged(items []item.Item, waiting map[record.Ref]proposal.Proposal) error {
	for _, item := range items {
		ref := record.RefOf(item)
		p, open := waiting[ref]
		if _, known := r.landed[ref]; known || !open {
			continue
		}
		commit, files, err := proposal.ContentOf(r.repo, p.Commit)
		if err == nil && commit != "" {
			err = r.claim(item, landed{commit, p.Evidence, true}, files)
		}
		if err = r.passOver(item, p.Commit, err); err != nil {
			return fmt.Errorf("compare the proposal %.12s with the branch: %w", p.Commit, err)
		}
	}
	return nil
}

// passOver makes the trouble with reading a proposal one of its own item, unless
// the remote is in trouble: whoever wrote the ref chose what is wrong with it, and
// it must not hold up other items.
func (r *Resolver) passOver(item item.Item, proposed string, err error) error {
	if err == nil || fault.Of(err) == fault.Temporary {
		return err
	}
	r.log.Warn().Str("stage", "items").Str("document", item.Document).Str("item", item.ID).Str("proposal", proposed).Err(err).
		Msg("cannot find out whether its proposal was merged; it counts as open")
	return nil
}

// claim takes a commit of the branch for the merge of an item's proposal, which
// only a ref says that it is, and anybody who may push refs can write those. So it
// must be a commit from a time when the branch had the row open, and all that was
// proposed must lie in one stack that is not protected. Else the ref would make
// any old change close any item.
func (r *Resolver) claim(item item.Item, fix landed, files []string) error {
	known, err := r.repo.Files(fix.commit)
	if err != nil {
		return err
	}
	stacks, all := fix.evidence.Stacks(), place.Stacks(known, r.opts.Scope.Stacks)
	fits := !slices.ContainsFunc(stacks, func(stack string) bool {
		return !slices.Contains(all, stack) || place.Protected(stack, r.opts.Scope.Protected)
	}) && !slices.ContainsFunc(files, func(file string) bool {
		own := place.StackOf(file, r.opts.Scope.Stacks)
		return !slices.Contains(stacks, own) && (own != "" || len(stacks) == 1 || !place.Matches(r.opts.Scope.AllowPaths, file))
	})
	if fits {
		fits, err = r.wanted(fix.commit, item)
	}
	if fits && err == nil {
		r.landed[record.RefOf(item)] = fix
		return nil
	}
	r.log.Warn().Str("stage", "items").Str("document", item.Document).Str("item", item.ID).Str("commit", fix.commit).
		Msg("a ref says that this commit merged the item's proposal, and nothing confirms that; the ref is ignored")
	return err
}

// findSquashed recognises proposals whose evidence is neither on the branch nor
// on a branch of their own.
func (r *Resolver) findSquashed(items []item.Item) error {
	for _, item := range items {
		ref := record.RefOf(item)
		if _, found := r.landed[ref]; found {
			continue
		}
		for _, p := range r.ledger.Patches(ref) {
			commit, err := proposal.Bringer(r.repo, r.ledger, p)
			if err != nil {
				return fmt.Errorf("look for the proposal of %s on the branch: %w", ref.Item, err)
			}
			if commit == "" {
				continue
			}
			if err := r.claim(item, landed{commit, p.Evidence(ref), true}, p.Paths()); err != nil {
				return fmt.Errorf("look for the proposal of %s on the branch: %w", ref.Item, err)
			}
			if _, found := r.landed[ref]; found {
				break
			}
		}
	}
	return nil
}

// merged takes the items out whose proposals a person merged. One is Done when a
// plan of its stack shows that nothing is left to do; until somebody has applied
// it, it waits.
func (r *Resolver) merged(ctx context.Context, items []item.Item) (rest []item.Item, outcomes []item.Outcome) {
	for _, todo := range items {
		fix, ok := r.landed[record.RefOf(todo)]
		if ok && fix.proposed {
			reverted, err := proposal.RevertedAt(r.repo, fix.commit)
			if err != nil {
				outcomes = append(outcomes, item.Outcome{Item: todo, State: item.NotAttempted, Reason: reason.NotAttemptedHost, Err: err})
				continue
			}
			ok = !reverted // a reverted one is told as reopened
		}
		if !ok || !fix.proposed {
			rest = append(rest, todo)
			continue
		}
		out := r.mergedOne(ctx, todo, fix)
		r.log.Info().Str("stage", "items").Str("document", todo.Document).Str("item", todo.ID).Str("state", string(out.State)).Err(out.Err).
			Msg("its proposal was merged")
		outcomes = append(outcomes, out)
	}
	return rest, outcomes
}

func (r *Resolver) mergedOne(ctx context.Context, todo item.Item, fix landed) item.Outcome {
	out := fix.evidence.Outcome(todo)
	out.State, out.Reason, out.Commit = item.Proposed, reason.ProposalMerged, fix.commit
	if why := r.mayStart(ctx, 0); why != "" {
		out.State, out.Reason = item.NotAttempted, why
		return out
	}
	var err error
	if !r.opts.Scope.Unplanned { // merged is handed over then
		err = r.emptyPlans(ctx, fix.evidence.Stacks())
	}
	if err == nil && r.opts.Verify {
		space, checkoutErr := r.checkout(ctx, r.repo.Tip())
		if err = checkoutErr; err == nil {
			err = r.verify(ctx, space, todo, fix.evidence.Stack)
		}
	}
	var no *refusal
	switch {
	case errors.As(err, &no) && no.reason == reason.VerifyFailed:
		out.State, out.Reason, out.Err = no.state, no.reason, no.err
	case err == nil:
		out.State, out.Reason = item.Done, ""
	case errors.As(err, &no):
		out.Findings, out.Err = no.findings, no.err
	case errors.Is(err, host.ErrAltered):
		out.State, out.Reason, out.Err = item.Failed, reason.HostAltered, err
	case fault.Of(err) == fault.Temporary:
		out.State, out.Reason, out.Err = item.NotAttempted, reason.NotAttemptedHost, err
	default:
		out.State, out.Reason, out.Err = item.Failed, reason.Failed, err
	}
	return out
}
