package record

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// Patch is what a proposal changes.
type Patch struct {
	Base  string      `json:"base"` // commit of the branch that it starts from
	Stack string      `json:"stack"`
	Plan  string      `json:"plan"` // SHA-256 of the plan file that was judged
	Count item.Counts `json:"resources"`
	Files []Step      `json:"files"`
}

// Step is one file of a patch, by the SHA-256 of its contents; "" where there is
// no such file.
type Step struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// StepsOf is the steps of a difference. It is false when a content is not there
// to be summed up.
func StepsOf(diff item.Change) ([]Step, bool) {
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

func stepOf(f item.File) (Step, bool) {
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

// leads reports whether known steps take a file from one content to another.
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

// Brings reports whether a difference takes every file of a patch from and to
// the contents that the patch does. Proposals that build on each other become one
// when they are squashed together, so what other proposals did may lie between.
func (l Ledger) Brings(diff item.Change, p Patch) bool {
	// What cannot be summed up is of other files, or no match.
	var steps []Step
	for _, f := range diff.Files {
		if step, ok := stepOf(f); ok {
			steps = append(steps, step)
		}
	}
	return l.covers(steps, p)
}

func (l Ledger) covers(steps []Step, p Patch) bool {
	for _, want := range p.Files {
		i := slices.IndexFunc(steps, func(s Step) bool { return s.Path == want.Path })
		if i < 0 || steps[i].Before == steps[i].After ||
			!leads(l.known[want.Path], steps[i].Before, want.Before, map[string]bool{}) || !leads(l.known[want.Path], want.After, steps[i].After, map[string]bool{}) {
			return false
		}
	}
	return true
}

// Evidence is what the proposal of an item proves once it is on the branch.
func (p Patch) Evidence(ref Ref) Evidence {
	return Evidence{Document: ref.Document, Item: ref.Item, Stack: p.Stack, PlanHash: p.Plan, Counts: p.Count}
}

// Paths is the files that a patch changes.
func (p Patch) Paths() []string {
	var paths []string
	for _, s := range p.Files {
		paths = append(paths, s.Path)
	}
	return paths
}
