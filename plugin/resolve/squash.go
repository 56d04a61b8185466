package resolve

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// A squash merge may drop the evidence, and the proposal's branch may be gone by
// the time a run looks. The ledger still knows what was proposed, file by file:
// a commit of the branch that takes every file from and to the same contents has
// brought it there.

// Patch is what a proposal changes.
type Patch struct {
	Base  string        `json:"base"` // commit of the branch that it starts from
	Stack string        `json:"stack"`
	Plan  string        `json:"plan"` // SHA-256 of the plan file that was judged
	Count change.Counts `json:"resources"`
	Files []Step        `json:"files"`
}

// Step is one file of a patch, by the SHA-256 of its contents; "" where there is
// no such file.
type Step struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// stepsOf is the steps of a difference. It is false when a content is not there
// to be summed up.
func stepsOf(diff change.Change) ([]Step, bool) {
	var steps []Step
	for _, f := range diff.Files {
		step, ok := stepOf(f)
		if !ok {
			return nil, false
		}
		steps = append(steps, step)
	}
	return steps, len(steps) > 0
}

func stepOf(f change.File) (Step, bool) {
	before, okBefore := contentSum(f.Old, f.OldSize, f.OldMode)
	after, okAfter := contentSum(f.New, f.NewSize, f.NewMode)
	return Step{f.Path, before, after}, okBefore && okAfter
}

func contentSum(content []byte, size int64, mode uint32) (string, bool) {
	if mode == 0 {
		return "", true
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:]), int64(len(content)) == size
}

// patch is what a proposed commit changes, for the ledger; nil when that cannot
// be said in a few sums.
func (a *attempt) patch(fix string) (*Patch, error) {
	commit, err := a.repo.Lookup(fix)
	if err != nil {
		return nil, err
	}
	diff, err := a.repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return nil, err
	}
	steps, ok := stepsOf(diff)
	if !ok {
		return nil, nil
	}
	return &Patch{Base: a.base, Stack: a.stack.name, Plan: a.plan.SHA256, Count: a.out.Counts, Files: steps}, nil
}

// leads tells whether known steps take a file from one content to another.
func leads(steps []Step, from, to string, met map[string]bool) bool {
	if from == to {
		return true
	}
	if met[from] {
		return false
	}
	met[from] = true
	return slices.ContainsFunc(steps, func(s Step) bool { return s.Before == from && leads(steps, s.After, to, met) })
}

// brings tells whether a commit's own steps have those of a patch in them, for
// every file of it.
func (p Patch) brings(commit []Step, known map[string][]Step) bool {
	for _, want := range p.Files {
		i := slices.IndexFunc(commit, func(s Step) bool { return s.Path == want.Path })
		if i < 0 || commit[i].Before == commit[i].After ||
			!leads(known[want.Path], commit[i].Before, want.Before, map[string]bool{}) || !leads(known[want.Path], want.After, commit[i].After, map[string]bool{}) {
			return false
		}
	}
	return true
}

// mostSearched bounds how many commits are looked at for one proposal.
const mostSearched = 1000

// findSquashed recognises proposals whose evidence is neither on the branch nor
// on a branch of their own.
func (r *Resolver) findSquashed(items []change.Item) error {
	known := r.ledger.steps()
	for _, item := range items {
		ref := RefOf(item)
		if _, found := r.landed[ref]; found {
			continue
		}
		for _, p := range r.ledger.patches(ref) {
			commit, err := bringer(r.repo, p, known)
			if err != nil {
				return fmt.Errorf("look for the proposal of %s on the branch: %w", ref.Item, err)
			}
			if commit == "" {
				continue
			}
			if err := r.claim(item, landed{commit, p.evidence(ref), true}, p.paths()); err != nil {
				return fmt.Errorf("look for the proposal of %s on the branch: %w", ref.Item, err)
			}
			if _, found := r.landed[ref]; found {
				break
			}
		}
	}
	return nil
}

func (p Patch) evidence(ref Ref) Evidence {
	return Evidence{Document: ref.Document, Item: ref.Item, Stack: p.Stack, PlanHash: p.Plan, Counts: p.Count}
}

func (p Patch) paths() []string {
	var paths []string
	for _, s := range p.Files {
		paths = append(paths, s.Path)
	}
	return paths
}

// bringer is the latest commit of the branch, after the base of a patch, that
// brings it there; "" when none does.
func bringer(repo Remote, p Patch, known map[string][]Step) (found string, err error) {
	looked := 0
	logErr := repo.Log(repo.Tip(), func(c gitrepo.Commit) bool {
		if looked++; c.Hash == p.Base || looked > mostSearched {
			return false
		}
		var brings bool
		if brings, err = commitBrings(repo, c, p, known); brings {
			found = c.Hash
		}
		return err == nil && found == ""
	})
	if err == nil {
		err = logErr
	}
	return found, err
}

func commitBrings(repo Remote, c gitrepo.Commit, p Patch, known map[string][]Step) (bool, error) {
	if c.Parent == "" {
		return false, nil
	}
	for _, s := range p.Files {
		if touched, err := repo.Touched(c.Parent, c.Hash, s.Path); err != nil || !touched {
			return false, err
		}
	}
	diff, err := repo.Diff(c.Parent, c.Tree)
	if err != nil {
		return false, err
	}
	// What cannot be summed up is of other files, or no match.
	var steps []Step
	for _, f := range diff.Files {
		if step, ok := stepOf(f); ok {
			steps = append(steps, step)
		}
	}
	return p.brings(steps, known), nil
}
