// Package approval is what a person approved by merging proposals: whether a
// commit of the branch is one that was proposed, and whether its plan does nothing
// that nobody saw.
package approval

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Approved is a proposal that is on the branch.
type Approved struct {
	proposal.Merge
	Item   item.Item
	Record *proposal.Record
	Named  string // commit of the branch that stands for it: the one with its trailers, else the one that brought it
	By     string // who merged it, "" when nobody can say
}

// Outcome is the beginning of the outcome of its item. What the agent cost stays
// with the run that paid for it.
func (a Approved) Outcome() item.Outcome {
	out := a.Record.Evidence.Outcome(a.Item)
	out.Stack, out.Counts, out.Commit, out.Pull = a.Stack(), a.Record.Counts, a.Named, a.Record.Pull
	return out
}

// Stack is the folder that was planned, several for what they share, "" when
// nothing was.
func (a Approved) Stack() string { return strings.Join(a.Record.Stacks, ", ") }

// Credible reports whether a commit of the branch may be the merge of an item's
// proposal, which only a ref says that it is, and anybody who may push refs can
// write those. So it must be a commit from a time when the branch had the row open,
// which current tells, and all that was proposed must lie in one stack that is not
// protected. Else the ref would make any old change close any item.
func (a Approved) Credible(repo seam.Remote, scope policy.Scope, current func(commit string, item item.Item) (bool, error)) (bool, error) {
	if scope.Unplanned {
		return current(a.Commit.Hash, a.Item)
	}
	known, err := repo.Files(a.Commit.Hash)
	if err != nil {
		return false, err
	}
	stacks, all := a.Record.Stacks, place.Stacks(known, scope.Stacks)
	for _, stack := range stacks {
		if !slices.Contains(all, stack) || place.Protected(stack, scope.Protected) {
			return false, nil
		}
	}
	outside := func(file string) bool {
		own := place.StackOf(file, scope.Stacks)
		return !slices.Contains(stacks, own) && (own != "" || len(stacks) == 1 || !place.Matches(scope.AllowPaths, file))
	}
	if len(stacks) == 0 || slices.ContainsFunc(a.Paths, outside) {
		return false, nil
	}
	return current(a.Commit.Hash, a.Item)
}

// Group is the merged proposals of one stack. They are applied together: a plan of
// the branch holds them all.
type Group []Approved

// Stack is the folder that is planned.
func (g Group) Stack() string { return g[0].Stack() }

// Before is the commit that the branch was at before any of them was merged.
func (g Group) Before() string {
	first := slices.MaxFunc(g, func(a, b Approved) int { return a.Depth - b.Depth })
	return first.Commit.Parent
}

// stands is what a commit of the branch does not have as the merges left it. Values
// follow from lines: where somebody wrote another one over it, nobody approved
// that.
func (g Group) stands(repo seam.Remote, commit string) ([]item.Finding, error) {
	file, err := proposal.Overwritten(repo, g.merges(), commit)
	if err != nil || file == "" {
		return nil, err
	}
	return []item.Finding{{Code: reason.DiffersFromApproved, Place: file, Detail: "lines of what was merged were changed since"}}, nil
}

// Commits are those of the branch that stand for them, each once.
func (g Group) Commits() (list []string) {
	for _, a := range g {
		if !slices.Contains(list, a.Named) {
			list = append(list, a.Named)
		}
	}
	return list
}

// Items are what they are for.
func (g Group) Items() (list []item.Item) {
	for _, a := range g {
		list = append(list, a.Item)
	}
	return list
}

func (g Group) kinds() (list []string) {
	for _, a := range g {
		list = append(list, a.Item.Type)
	}
	return list
}

// Change holds what was merged against the rules for changes, which nobody can
// approve to be broken: each commit of the branch, and each proposal by itself where
// one commit brought several. It must stand at the tip of the branch, which is what is
// applied. changes are what was judged, by the commits.
func (g Group) Change(repo seam.Remote, rules policy.Rules, tip string) (changes map[string]*gate.Changeset, findings []item.Finding, err error) {
	changes = map[string]*gate.Changeset{}
	if findings, err = g.stands(repo, tip); err != nil {
		return nil, nil, err
	}
	for _, a := range g {
		kind := a.Item.Type
		if len(a.With) > 1 {
			fix, err := repo.Diff(a.Record.Base, a.Record.Tree)
			if err != nil {
				return nil, nil, fmt.Errorf("read what was proposed: %w", err)
			}
			_, found, err := g.judge(repo, rules, kind, a.Record.Base, fix)
			if err != nil {
				return nil, nil, err
			}
			findings, kind = append(findings, found...), ""
		}
		if changes[a.Commit.Hash] != nil {
			continue
		}
		change, found, err := g.judge(repo, rules, kind, a.Commit.Parent, a.Change)
		if err != nil {
			return nil, nil, err
		}
		changes[a.Commit.Hash], findings = change, append(findings, found...)
	}
	return changes, findings, nil
}

func (g Group) judge(repo seam.Remote, rules policy.Rules, kind, base string, change item.Change) (*gate.Changeset, []item.Finding, error) {
	allowed, err := rules.Diff(repo, kind, base)
	if err != nil {
		return nil, nil, err
	}
	allowed.ByHand = true
	c := gate.Compare(change, allowed)
	verdict := c.Verdict()
	if verdict.Passed() && verdict.ByHand {
		return c, []item.Finding{{Code: reason.AppliedByHand, Place: g.Stack(), Detail: "several stacks use it, or the state is tracked in git: whoever merges it applies it"}}, nil
	}
	if verdict.Passed() && !slices.Equal(verdict.Stacks, []string{g.Stack()}) {
		return c, []item.Finding{{Code: reason.SeveralStacks, Place: strings.Join(verdict.Stacks, ", "), Detail: "what was merged changes another stack than was proposed"}}, nil
	}
	return c, verdict.Findings, nil
}

// Plan judges the plan of the branch, beside that of the branch as it was before
// any of them was merged. The findings are what nobody approved, or nobody can.
func (g Group) Plan(show, before []byte, scope policy.Scope) (gate.Judgement, []item.Finding) {
	judgement := gate.Judge(show, scope.Plan(before, g.kinds()...), gate.Request{Item: card.Item{Type: g[0].Item.Type}, Stack: g.Stack()})
	if len(judgement.Findings) > 0 {
		return judgement, judgement.Findings
	}
	if len(judgement.Facts) == 0 {
		return judgement, []item.Finding{{Code: reason.NoEffect, Place: g.Stack(), Detail: "nothing of what was approved is left to be applied, and something else is"}}
	}
	approved := map[proposal.Fact]bool{}
	for _, a := range g {
		for _, f := range a.Record.Facts {
			approved[f] = true
		}
	}
	var beyond []item.Finding
	for i, f := range Facts(judgement) {
		if !approved[f] {
			beyond = append(beyond, item.Finding{
				Code: reason.DiffersFromApproved, Place: judgement.Facts[i].Place(), Detail: "no proposal that was merged said that this would be " + f.Verb,
			})
		}
	}
	return judgement, beyond
}

// Facts are the effects of a plan as a record keeps them, in the order of the
// judgement.
func Facts(j gate.Judgement) []proposal.Fact {
	facts := make([]proposal.Fact, len(j.Facts))
	for i, p := range j.Facts {
		facts[i] = factOf(p)
	}
	return facts
}

func factOf(p card.Proof) proposal.Fact {
	place := p.Fact.Place.String()
	if p.Fact.File != "" {
		place = p.Place()
	}
	return proposal.Fact{Address: text.Line(p.Address, 0), Place: text.Line(place, 0), Verb: string(p.Fact.Kind)}
}
