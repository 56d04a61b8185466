// Package judge says what the gates would do with a change that is there already: a
// commit, a plan, or both.
package judge

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Judgement is one judgement, as its JSON has it.
type Judgement struct {
	Commit   string         `json:"commit,omitempty"`
	Subject  string         `json:"subject,omitempty"`
	Stack    string         `json:"stack,omitempty"`
	Lane     gate.Lane      `json:"lane"`
	Planned  bool           `json:"planned"` // false: a lane that is not forbidden is the best that it could still be
	Findings []item.Finding `json:"findings"`
	Facts    []Fact         `json:"facts"`
}

// Fact is one effect of a plan.
type Fact struct {
	Place  string `json:"place"`
	Kind   string `json:"kind"`
	Rule   string `json:"rule"` // that proves it, "" when none does
	Detail string `json:"detail"`
}

// Judge judges as if an agent had made a change for an item.
type Judge struct {
	Settings       settings.Settings
	Item           card.Item // with no text, the message of the commit is its action
	Plan, Baseline []byte    // what show printed for the plan, and for that of the parent; nil for none
	Repo           *gitrepo.Repo
}

// Commit judges one commit against its first parent.
func (j *Judge) Commit(hash string) (Judgement, error) {
	commit, err := j.Repo.Lookup(hash)
	if err != nil {
		return Judgement{}, fmt.Errorf("the branch %s does not have it; name the one that does with --branch: %w", j.Repo.Branch(), err)
	}
	subject, _, _ := strings.Cut(commit.Message, "\n")
	out := Judgement{Commit: hash, Subject: text.Line(subject, 72)}
	if commit.Parent == "" {
		return Judgement{}, errors.New("it has no parent to compare it with")
	}
	diff, err := j.Repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return Judgement{}, fmt.Errorf("compare it with its parent: %w", err)
	}
	paths, err := j.Repo.Files(commit.Parent)
	if err != nil {
		return Judgement{}, fmt.Errorf("list the files of its parent: %w", err)
	}
	scope := j.Settings.ScopeIn(paths)
	rules := policy.Rules{Scope: scope, Wrapper: j.Settings.TerraformCommands(slices.Contains(paths, settings.Wrapper)).Program}
	allowed, err := rules.Diff(j.Repo, j.Item.Type, commit.Parent)
	if err != nil {
		return Judgement{}, err
	}
	changeset := gate.Compare(diff, allowed)
	verdict := changeset.Verdict()
	out.Stack = verdict.Stack
	item := j.Item
	if item.Action == "" && item.Details == "" {
		item.Action = commit.Message
	}
	switch {
	case !verdict.Passed():
		out.result(gate.Judgement{Lane: gate.Forbidden, Findings: verdict.Findings})
	case j.Plan == nil:
		lane := gate.Approval
		if card.Has(item.Type) {
			lane = gate.Automatic
		}
		out.result(gate.Judgement{Lane: lane})
	default:
		out.result(gate.Judge(j.Plan, scope.Plan(j.Baseline, item.Type), gate.Request{
			Item: item, Owner: scope.Owner(item.Type), Changeset: changeset, Stack: verdict.Stack,
		}))
	}
	out.Planned = j.Plan != nil
	return out, nil
}

// PlanAlone judges a plan of which nobody knows the change.
func (j *Judge) PlanAlone() Judgement {
	scope := j.Settings.ScopeIn(nil)
	var out Judgement
	out.result(gate.Judge(j.Plan, scope.Plan(j.Baseline, j.Item.Type), gate.Request{Item: j.Item, Owner: scope.Owner(j.Item.Type)}))
	return out
}

// result is what the gates say.
func (out *Judgement) result(g gate.Judgement) {
	out.Lane, out.Planned, out.Findings, out.Facts = g.Lane, true, g.Findings, []Fact{}
	if out.Findings == nil {
		out.Findings = []item.Finding{}
	}
	for _, p := range g.Facts {
		out.Facts = append(out.Facts, Fact{Place: p.Place(), Kind: string(p.Fact.Kind), Rule: p.Rule, Detail: p.Why})
	}
}

// Text is one judgement as a whole, and of several a line each and a table.
func Text(results []Judgement) string {
	var b strings.Builder
	if len(results) == 1 {
		results[0].whole(&b)
	} else {
		for _, one := range results {
			fmt.Fprintf(&b, "%.12s  %-9s  %s", one.Commit, one.Lane, one.Subject)
			if codes := one.codes(); len(codes) > 0 {
				fmt.Fprintf(&b, "  %s", codes)
			}
			b.WriteByte('\n')
		}
		writeTable(&b, results)
	}
	return b.String()
}

func (out Judgement) whole(b *strings.Builder) {
	fmt.Fprintf(b, "lane: %s", out.Lane)
	if !out.Planned && out.Lane != gate.Forbidden {
		b.WriteString(" at best; only a plan shows the effects (--plan)")
	}
	b.WriteByte('\n')
	if out.Stack != "" {
		fmt.Fprintf(b, "stack: %s\n", text.Line(out.Stack, 0))
	}
	for _, f := range out.Findings {
		fmt.Fprintf(b, "forbidden  %s\n", text.Line(f.String(), 0))
	}
	for _, f := range out.Facts {
		if f.Rule != "" {
			fmt.Fprintf(b, "proved     %s %s (%s)\n", f.Kind, text.Line(f.Place, 0), f.Rule)
		} else {
			fmt.Fprintf(b, "unproved   %s %s: %s\n", f.Kind, text.Line(f.Place, 0), text.Line(f.Detail, 0))
		}
	}
}

// codes are those of the findings, each once.
func (out Judgement) codes() []reason.Code {
	var codes []reason.Code
	for _, f := range out.Findings {
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// writeTable says how many commits are in each lane, and what forbids most.
func writeTable(b *strings.Builder, results []Judgement) {
	lanes, codes := map[gate.Lane]int{}, map[reason.Code]int{}
	for _, one := range results {
		lanes[one.Lane]++
		for _, code := range one.codes() {
			codes[code]++
		}
	}
	fmt.Fprintf(b, "\n%s\n", text.Counted(len(results), "commit"))
	for _, lane := range []gate.Lane{gate.Automatic, gate.Approval, gate.Forbidden, gate.NoEffect} {
		if n := lanes[lane]; n > 0 {
			fmt.Fprintf(b, "  %-9s  %4d  %3d %%\n", lane, n, n*100/len(results))
		}
	}
	names := slices.SortedFunc(maps.Keys(codes), func(x, y reason.Code) int {
		return cmp.Or(codes[y]-codes[x], cmp.Compare(x, y))
	})
	if len(names) > 0 {
		b.WriteString("forbidden by\n")
	}
	for _, code := range names {
		fmt.Fprintf(b, "  %-22s  %4d\n", code, codes[code])
	}
	if slices.ContainsFunc(results, func(one Judgement) bool { return !one.Planned }) {
		b.WriteString("Without plans: automatic is the best that these could still be.\n")
	}
}
