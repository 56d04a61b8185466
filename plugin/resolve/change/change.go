// Package change is what an agent made of an item: a tree on a base commit, and what
// the gates say of the difference and of its plans.
package change

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// Change is the work of one attempt at an item.
type Change struct {
	Repo   seam.Remote
	Item   item.Item
	Rules  policy.Rules
	MayAsk bool // a person may be asked, so what only they can apply may be made

	Base   string   // commit that it is of
	Tree   string   // what it makes of that; empty until an agent left something
	Stacks []string // that it is of, as judged last
	ByHand bool     // and nothing of it may be applied here

	policyAt   string // base that the next is of
	policy     gate.DiffPolicy
	comparedAt [2]string // base and tree that the next is of
	compared   *gate.Changeset
}

// Complaint is a refusal that the agent gets a chance to mend.
type Complaint struct {
	stack.Refusal
	Planned bool // the change passed the diff gate and has a plan
}

// Advice is what the agent is told of it: codes, places and sentences, no values.
func (c *Complaint) Advice() []string {
	var lines []string
	for _, f := range c.Findings {
		lines = append(lines, f.String())
	}
	var failed *host.CommandError
	if errors.As(c.Err, &failed) {
		lines = append(lines, "the plan failed: "+failed.Output)
	}
	return lines
}

// Policy is what the diff gate may let pass on the base of now; the configuration of
// a base is read once.
func (c *Change) Policy() (gate.DiffPolicy, error) {
	if c.policyAt == c.Base {
		return c.policy, nil
	}
	p, err := c.Rules.Diff(c.Repo, c.Item.Type, c.Base)
	p.ByHand = c.MayAsk
	if err == nil {
		c.policyAt, c.policy = c.Base, p
	}
	return p, err
}

// Named is the stack that the item names, or "". The error is a refusal of an item
// for which nothing that an agent could write would pass.
func (c *Change) Named() (string, error) {
	allowed, err := c.Policy()
	if err != nil {
		return "", err
	}
	folders := place.Stacks(allowed.BasePaths, c.Rules.Scope.Stacks)
	name := c.Rules.Scope.Named(c.Item, folders)
	if name != "" {
		folders = []string{name}
	}
	if findings := gate.Hopeless(folders, allowed); findings != nil {
		return name, &stack.Refusal{State: item.Skipped, Reason: findings[0].Code, Findings: findings}
	}
	return name, nil
}

// Changeset is the change beside its base; both gates look at the same one.
func (c *Change) Changeset() (*gate.Changeset, error) {
	at := [2]string{c.Base, c.Tree}
	if c.comparedAt == at {
		return c.compared, nil
	}
	diff, err := c.Repo.Diff(c.Base, c.Tree)
	if err != nil {
		return nil, fmt.Errorf("compare the change with its base: %w", err)
	}
	allowed, err := c.Policy()
	if err != nil {
		return nil, err
	}
	c.comparedAt, c.compared = at, gate.Compare(diff, allowed)
	return c.compared, nil
}

// Diff asks the diff gate about the change on its base: whatever plans it runs what
// it says. What may not pass is a *Complaint.
func (c *Change) Diff() error {
	changeset, err := c.Changeset()
	if err != nil {
		return err
	}
	if changeset.Empty() {
		empty := reason.NoChange
		if c.Rules.Scope.Unplanned {
			empty = reason.NoEffect
		}
		return &stack.Refusal{State: item.Refused, Reason: empty}
	}
	verdict := changeset.Verdict()
	c.Stacks, c.ByHand = verdict.Stacks, verdict.ByHand
	if !verdict.Passed() {
		return &Complaint{Refusal: stack.Refusal{State: item.Refused, Reason: verdict.Findings[0].Code, Findings: verdict.Findings}}
	}
	return nil
}

// Place names the stacks of the change for people.
func (c *Change) Place() string { return strings.Join(c.Stacks, ", ") }

// Candidate is the change as a commit on its base, for nobody but the hosts.
func (c *Change) Candidate() (string, error) {
	commit, err := c.Repo.Commit(c.Base, c.Tree, "candidate for "+c.Item.ID+"\n")
	if err != nil {
		return "", fmt.Errorf("make the candidate commit: %w", err)
	}
	return commit, nil
}

// Touched reports whether one of the stacks differs between the base and a commit.
func (c *Change) Touched(commit string) (string, bool, error) {
	for _, name := range c.Stacks {
		touched, err := c.Repo.Touched(c.Base, commit, name)
		if err != nil {
			return name, false, fmt.Errorf("compare %s with the branch: %w", name, err)
		}
		if touched {
			return name, true, nil
		}
	}
	return "", false, nil
}

// Carry takes the change to another base, from a commit of it.
func (c *Change) Carry(commit, base string) error {
	replayed, err := c.Repo.Replay(commit, base, "")
	if errors.Is(err, gitrepo.ErrMoved) {
		return &stack.Refusal{State: item.NotAttempted, Reason: reason.BaseMoved, Err: err}
	}
	if err != nil {
		return fmt.Errorf("carry the fix to the branch's tip: %w", err)
	}
	carried, err := c.Repo.Lookup(replayed)
	if err != nil {
		return fmt.Errorf("read the carried fix: %w", err)
	}
	c.Base, c.Tree = base, carried.Tree
	return nil
}
