// Package stack is what a run knows of the folders that are planned on their own:
// whether anything is left to do in one, and why nothing may be done there.
package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/life"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Stacks are those that a run came to.
type Stacks struct {
	repo      seam.Remote
	terraform seam.TerraformHost
	tolerated []string // addresses that change in every plan
	log       zerolog.Logger
	known     map[string]*Stack
}

// New knows of no stack yet.
func New(repo seam.Remote, terraform seam.TerraformHost, tolerated []string, log zerolog.Logger) *Stacks {
	return &Stacks{repo: repo, terraform: terraform, tolerated: tolerated, log: log, known: map[string]*Stack{}}
}

// Stack is what a run knows of one of them.
type Stack struct {
	Name     string
	Base     string        // commit that the baseline belongs to
	Baseline item.Plan     // plan of the untouched base, empty but for tolerated changes
	Space    seam.Checkout // that holds this plan
	refusal  *Refusal      // why none of its items can be worked on, nil when they can

	tolerable []string // see Advise
}

// Refusal is a business answer of no: an item, or all items of a stack, are
// left as they are for a stated reason. It is an error so that it can end a
// sequence of steps, but nothing broke.
type Refusal struct {
	State    item.State
	Reason   reason.Code
	Findings []item.Finding
	Err      error // what broke, for failed ones
}

// Error is the reason with what is behind it.
func (r *Refusal) Error() string {
	text := string(r.Reason)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	for _, f := range r.Findings {
		text += "; " + f.String()
	}
	return text
}

// Unwrap is what broke.
func (r *Refusal) Unwrap() error { return r.Err }

// Baseline plans the untouched base of a stack, once per run and again only
// when the branch touched the stack. It returns a refusal when changes were
// pending already or nothing can be planned there.
func (r *Stacks) Baseline(ctx context.Context, name, base string) (*Stack, error) {
	if known := r.known[name]; known != nil {
		fresh, err := r.stillFresh(known, base)
		if err != nil {
			return nil, err
		}
		if fresh {
			return known, known.answer()
		}
	}
	s := &Stack{Name: name, Base: base}
	space, err := r.Checkout(ctx, base)
	if err != nil {
		return nil, err
	}
	log := life.Named(ctx, r.log)
	log.Info().Str("stage", "baseline").Str("stack", name).Msg("planning the unchanged base")
	s.Space = space
	s.Baseline, err = r.Plan(ctx, space, name)
	var failed *host.CommandError
	switch {
	case errors.As(err, &failed) && fault.Of(err) != fault.Temporary:
		s.refusal = &Refusal{State: item.NotAttempted, Reason: reason.StackUnhealthy, Err: fmt.Errorf("the unchanged base of %s cannot be planned: %w", name, err)}
	case err != nil:
		return nil, err
	default:
		verdict, tolerable, err := JudgeBaseline(s.Baseline.Show, r.tolerated)
		switch {
		case err != nil:
			s.refusal = &Refusal{State: item.NotAttempted, Reason: reason.StackUnhealthy, Err: fmt.Errorf("the plan of the unchanged base of %s cannot be read: %w", name, err)}
		case !verdict.Passed():
			s.refusal = &Refusal{State: item.Skipped, Reason: reason.StackDrifts, Findings: verdict.Findings}
			s.tolerable = tolerable
		}
	}
	r.known[name] = s
	return s, s.answer()
}

// answer is the refusal as an error, and nil when there is none (a nil pointer
// in an error would not be).
func (s *Stack) answer() error {
	if s.refusal == nil {
		return nil
	}
	return s.refusal
}

// Advise tells once which addresses of a stack that drifts can be tolerated. Not of
// one that only waits for the apply of what was merged there.
func (r *Stacks) Advise(name string) {
	s := r.known[name]
	if s == nil || len(s.tolerable) == 0 {
		return
	}
	r.log.Warn().Str("stage", "baseline").Str("stack", name).Str("tolerated", strings.Join(s.tolerable, ",")).
		Msg("these addresses can be tolerated, if they change in every plan")
	s.tolerable = nil
}

// Close keeps other items away from a stack whose state nobody is sure of.
func (r *Stacks) Close(name string, err error) {
	if name == "" {
		return
	}
	r.known[name] = &Stack{Name: name, refusal: &Refusal{State: item.Skipped, Reason: reason.StackClosed, Err: err}}
}

func (r *Stacks) stillFresh(s *Stack, base string) (bool, error) {
	if s.Base == base || s.Base == "" {
		return true, nil
	}
	touched, err := r.repo.Touched(s.Base, base, s.Name)
	if err != nil {
		return false, fmt.Errorf("compare %s with the branch: %w", s.Name, err)
	}
	return !touched, nil
}

// Checkout makes a workspace for stacks that holds exactly one commit.
func (r *Stacks) Checkout(ctx context.Context, commit string) (seam.Checkout, error) {
	return Workspace(ctx, r.repo, commit, r.terraform.Checkout)
}

// Workspace sends a commit to a host. What it needs of the remote comes before
// the host is asked for anything.
func Workspace[S any](ctx context.Context, repo seam.Remote, commit string, build func(context.Context, string, host.Snapshot) (S, error)) (space S, err error) {
	snapshot, err := repo.Pack(commit)
	if err != nil {
		return space, err
	}
	if space, err = build(ctx, commit, snapshot); err != nil {
		return space, fmt.Errorf("make a workspace of %.12s: %w", commit, err)
	}
	return space, nil
}

// Plan plans a stack in a workspace.
func (r *Stacks) Plan(ctx context.Context, space seam.Checkout, stack string) (item.Plan, error) {
	plan, err := space.Plan(ctx, stack)
	if err != nil {
		return item.Plan{}, fmt.Errorf("plan %s: %w", stack, err)
	}
	return plan, nil
}

// ErrUnreadable is a plan after an apply that tells nothing of what is left to do.
var ErrUnreadable = errors.New("the plan after the apply cannot be read")

// Confirmed plans a stack and asks whether anything is left to do.
func (r *Stacks) Confirmed(ctx context.Context, space seam.Checkout, name string, baseline item.Plan) (item.Plan, error) {
	log := life.Named(ctx, r.log)
	log.Info().Str("stage", "confirm").Str("stack", name).Msg("planning again: the plan must be empty")
	plan, err := r.Plan(ctx, space, name)
	if err != nil {
		return item.Plan{}, err
	}
	before := baseline.Show
	if before == nil {
		// An earlier run's baseline is gone. Tolerated addresses are of types that
		// hold nothing, so this plan may vouch for them itself.
		before = plan.Show
	}
	verdict := gate.Plan(plan.Show, gate.PlanPolicy{Mode: gate.Confirm, Tolerated: r.tolerated, Baseline: before})
	if err := gate.Unreadable(verdict, plan.Show); err != nil {
		return item.Plan{}, fmt.Errorf("%w: %s: %w", ErrUnreadable, name, err)
	}
	if !verdict.Passed() {
		return item.Plan{}, &Refusal{State: item.NeedsPerson, Reason: reason.NotConverged, Findings: verdict.Findings}
	}
	return plan, nil
}

// JudgeBaseline is the gate's verdict on the plan of an untouched stack, and
// the addresses that could be put under `tolerated` when nothing else makes it
// drift. The error says why the plan cannot be read: that is no drift.
func JudgeBaseline(show []byte, tolerated []string) (verdict item.Verdict, tolerable []string, err error) {
	verdict = gate.Plan(show, gate.PlanPolicy{Mode: gate.Baseline, Tolerated: tolerated})
	if err := gate.Unreadable(verdict, show); err != nil {
		return verdict, nil, err
	}
	if !verdict.Passed() {
		tolerable = gate.Tolerable(show)
	}
	return verdict, tolerable, nil
}

// Empty plans stacks as the branch has them, and is a refusal unless nothing
// is left to do in any.
func (r *Stacks) Empty(ctx context.Context, stacks []string) error {
	for _, name := range stacks {
		if _, err := r.Baseline(ctx, name, r.repo.Tip()); err != nil {
			return err
		}
	}
	return nil
}

// Note keeps what is known of a stack by now.
func (r *Stacks) Note(s *Stack) { r.known[s.Name] = s }

// Forget has a stack be planned anew.
func (r *Stacks) Forget(name string) { delete(r.known, name) }
