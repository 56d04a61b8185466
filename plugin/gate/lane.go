package gate

import (
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/account"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Lane is what may become of a change.
type Lane string

// The lanes. Nothing that is forbidden can be approved; a change without any
// effect is never automatic.
const (
	Automatic Lane = "automatic" // every fact is proved: it may be applied
	Approval  Lane = "approval"  // something is not proved: a person decides
	Forbidden Lane = "forbidden" // a hard rule is broken
	NoEffect  Lane = "no-effect" // the plan would change nothing
)

// Judgement is what the gates say of a change and its plan.
type Judgement struct {
	Lane     Lane
	Counts   item.Counts
	Findings []item.Finding // the hard rules that are broken
	Facts    []card.Proof   // every effect, with the rule that proves it or none
	Pools    []string       // scrape pools that are added
	Rules    []item.Rule    // alerting and recording rules that are added or tuned
}

// Reason is the code that stands for the judgement of a change that goes no
// further: that of the first finding.
func (j Judgement) Reason() reason.Code {
	if len(j.Findings) > 0 {
		return j.Findings[0].Code
	}
	return reason.NoEffect
}

// Unproved are the facts that no rule proves, as findings: for the report, for a
// person, and for the agent's second turn. Values are not in them.
func (j Judgement) Unproved() []item.Finding {
	var f findings
	for _, p := range j.Facts {
		if !p.Proved() {
			f.add(reason.Unproved, p.Place(), p.Why)
		}
	}
	return f.sorted()
}

// Request is what a change was made for, and what it is.
type Request struct {
	Item      card.Item
	Owner     card.Policy
	Changeset *Changeset // whose every file must show in the plan; nil when only a plan is known
	Stack     string     // folder that was planned
}

// Judge judges a plan with the change that it is the plan of: by the hard rules
// of Plan, then by the facts and the item's card. Whatever goes wrong inside
// leaves the change forbidden.
func Judge(show []byte, p PlanPolicy, r Request) (j Judgement) {
	defer func() {
		if recover() != nil {
			j = Judgement{Lane: Forbidden, Findings: []item.Finding{{Code: reason.GateError, Detail: "the plan gate failed on this plan; it is refused to be safe"}}}
		}
	}()
	p.Mode = Item
	read, verdict := judgePlan(show, p)
	j = Judgement{Counts: verdict.Counts, Findings: verdict.Findings}
	if !verdict.Passed() {
		j.Lane = Forbidden
		if len(verdict.Findings) == 1 && verdict.Findings[0].Code == reason.NoEffect {
			j.Lane = NoEffect
		}
		return j
	}
	var baseline *fact.Shown
	if read.baseline != nil {
		baseline = read.baseline.Shown
	}
	plan, err := fact.Read(read.plan.Shown, baseline)
	if err != nil {
		j.Lane = Forbidden
		j.Findings = []item.Finding{{Code: reason.PlanUnreadable, Detail: err.Error()}}
		return j
	}
	var unaccounted []fact.Fact
	if c := r.Changeset; c != nil {
		unaccounted = slices.Concat(account.Files(plan, c.change.Files, c.before, c.after, r.Stack), c.rendered(), c.unfollowed(r.Stack))
	}
	j.Facts = card.Judge(plan, unaccounted, r.Item, r.Owner)
	j.Lane, j.Rules, j.Pools = laneOf(j.Facts), card.Rules(plan), card.Pools(plan)
	return j
}

// Effects are the facts of a plan, whatever the rules say of it, none of one that
// cannot be read. No rule was asked to prove them.
func Effects(show []byte) []card.Proof {
	shown, err := fact.Show(show)
	if err != nil {
		return nil
	}
	plan, err := fact.Read(shown, nil)
	if err != nil {
		return nil
	}
	return card.Judge(plan, nil, card.Item{}, card.Policy{})
}

// rendered are the changed files that Helm or Kustomize make objects of: a plan
// shows at most the name of their folder.
func (c *Changeset) rendered() []fact.Fact {
	var folders []string
	paths := slices.Clone(c.policy.BasePaths)
	for _, file := range c.change.Files {
		paths = append(paths, file.Path)
	}
	for _, p := range paths {
		if slices.Contains([]string{"chart.yaml", "kustomization.yaml", "kustomization.yml"}, strings.ToLower(path.Base(p))) {
			folders = append(folders, path.Dir(p))
		}
	}
	var facts []fact.Fact
	for _, file := range c.change.Files {
		if slices.ContainsFunc(folders, func(folder string) bool { return folder == "." || strings.HasPrefix(file.Path, folder+"/") }) {
			facts = append(facts, fact.Fact{Kind: fact.Opaque, File: file.Path, Why: "the file is part of a chart or a kustomization, whose objects the plan does not show"})
		}
	}
	return facts
}

// unfollowed is a fact when a program of the stack takes what cannot be followed:
// the change may reach it.
func (c *Changeset) unfollowed(stack string) []fact.Fact {
	if stack == "" {
		return nil
	}
	if before, after := c.reached(stack); !before.Unfollowed && !after.Unfollowed {
		return nil
	}
	return []fact.Fact{{
		Kind: fact.Opaque, File: stack,
		Why: "the stack runs a program at plan or apply whose inputs cannot be followed (a script, a variable of the shell, a configuration in JSON)",
	}}
}

func laneOf(facts []card.Proof) Lane {
	if len(facts) == 0 {
		return NoEffect
	}
	for _, p := range facts {
		if !p.Proved() {
			return Approval
		}
	}
	return Automatic
}
