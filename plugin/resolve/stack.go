package resolve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// stack is what this run knows of one folder that is planned on its own.
type stack struct {
	name     string
	base     string        // commit that the baseline belongs to
	baseline item.Plan     // plan of the untouched base, empty but for tolerated changes
	space    seam.Checkout // that holds this plan
	refusal  *refusal      // why none of its items can be worked on, nil when they can
}

// refusal is a business answer of no: an item, or all items of a stack, are
// left as they are for a stated reason. It is an error so that it can end a
// sequence of steps, but nothing broke.
type refusal struct {
	state    item.State
	reason   reason.Code
	findings []item.Finding
	err      error // what broke, for failed ones
}

// Error is the reason with what is behind it.
func (r *refusal) Error() string {
	text := string(r.reason)
	if r.err != nil {
		text += ": " + r.err.Error()
	}
	for _, f := range r.findings {
		text += "; " + f.String()
	}
	return text
}

func (r *refusal) Unwrap() error { return r.err }

// baseline plans the untouched base of a stack, once per run and again only
// when the branch touched the stack. It returns a refusal when changes were
// pending already or nothing can be planned there.
func (r *Resolver) baseline(ctx context.Context, name, base string) (*stack, error) {
	if known := r.stacks[name]; known != nil {
		fresh, err := r.stillFresh(known, base)
		if err != nil {
			return nil, err
		}
		if fresh {
			return known, known.answer()
		}
	}
	s := &stack{name: name, base: base}
	space, err := r.checkout(ctx, base)
	if err != nil {
		return nil, err
	}
	r.log.Info().Str("stage", "baseline").Str("stack", name).Msg("planning the unchanged base")
	s.space = space
	s.baseline, err = r.planIn(ctx, space, name)
	var failed *host.CommandError
	switch {
	case errors.As(err, &failed) && fault.Of(err) != fault.Temporary:
		s.refusal = &refusal{state: item.NotAttempted, reason: reason.StackUnhealthy, err: fmt.Errorf("the unchanged base of %s cannot be planned: %w", name, err)}
	case err != nil:
		return nil, err
	default:
		verdict, line, err := JudgeBaseline(s.baseline.Show, r.opts.Scope.Tolerated)
		switch {
		case err != nil:
			s.refusal = &refusal{state: item.NotAttempted, reason: reason.StackUnhealthy, err: fmt.Errorf("the plan of the unchanged base of %s cannot be read: %w", name, err)}
		case !verdict.Passed():
			s.refusal = &refusal{state: item.Skipped, reason: reason.StackDrifts, findings: verdict.Findings}
			if len(line) > 0 {
				r.log.Warn().Str("stage", "baseline").Str("stack", name).Str("tolerated", strings.Join(line, ",")).
					Msg("these addresses can be tolerated, if they change in every plan")
			}
		}
	}
	r.stacks[name] = s
	return s, s.answer()
}

// answer is the refusal as an error, and nil when there is none (a nil pointer
// in an error would not be).
func (s *stack) answer() error {
	if s.refusal == nil {
		return nil
	}
	return s.refusal
}

// close keeps other items away from a stack whose state nobody is sure of.
func (r *Resolver) close(name string, err error) {
	if name == "" {
		return
	}
	r.stacks[name] = &stack{name: name, refusal: &refusal{state: item.Skipped, reason: reason.StackClosed, err: err}}
}

func (r *Resolver) stillFresh(s *stack, base string) (bool, error) {
	if s.base == base || s.base == "" {
		return true, nil
	}
	touched, err := r.repo.Touched(s.base, base, s.name)
	if err != nil {
		return false, fmt.Errorf("compare %s with the branch: %w", s.name, err)
	}
	return !touched, nil
}

// checkout makes a workspace for stacks that holds exactly one commit.
func (r *Resolver) checkout(ctx context.Context, commit string) (seam.Checkout, error) {
	return workspace(ctx, r.repo, commit, r.terraform.Checkout)
}

// workspace sends a commit to a host. What it needs of the remote comes before
// the host is asked for anything.
func workspace[S any](ctx context.Context, repo seam.Remote, commit string, build func(context.Context, string, func(io.Writer) error) (S, error)) (space S, err error) {
	pack, err := repo.Pack(commit)
	if err != nil {
		return space, err
	}
	if space, err = build(ctx, commit, pack); err != nil {
		return space, fmt.Errorf("make a workspace of %.12s: %w", commit, err)
	}
	return space, nil
}

func (r *Resolver) planIn(ctx context.Context, space seam.Checkout, stack string) (item.Plan, error) {
	plan, err := space.Plan(ctx, stack)
	if err != nil {
		return item.Plan{}, fmt.Errorf("plan %s: %w", stack, err)
	}
	return plan, nil
}
