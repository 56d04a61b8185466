package approval

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Unseen are the effects of the plan of the branch that have another value than a
// person saw. No value is kept to tell that: what people may read of a plan could be
// guessed from any sum of it. Values follow from files. Where nothing beside the
// merges changed those since a proposal was made, they are as its plan showed them;
// else plan is asked what the merges alone would do today, without what others
// pushed. It is nil where that cannot be planned. Former values do not count.
func (g Group) Unseen(repo seam.Remote, rules policy.Rules, tip string, j gate.Judgement, plan func(commit string) (show []byte, err error)) ([]item.Finding, error) {
	now, planned := j.Facts, map[string][]card.Proof{}
	for _, a := range g {
		if len(now) == 0 {
			break
		}
		alone, err := g.alone(repo, rules, a)
		if err != nil {
			return nil, fmt.Errorf("put what was merged on what it was proposed for: %w", err)
		}
		if alone == "" {
			continue
		}
		others, err := differ(repo, rules.Scope, alone, tip)
		if err != nil {
			return nil, err
		}
		then := j.Facts
		if others {
			commit, err := repo.Lookup(alone)
			if err != nil {
				return nil, err
			}
			if _, known := planned[commit.Tree]; !known {
				show, err := plan(alone)
				if err != nil {
					return nil, err
				}
				planned[commit.Tree] = gate.Effects(show)
			}
			then = planned[commit.Tree]
		}
		now = slices.DeleteFunc(slices.Clone(now), func(p card.Proof) bool {
			return slices.Contains(a.Record.Facts, factOf(p)) &&
				slices.ContainsFunc(then, func(q card.Proof) bool { return factOf(p) == factOf(q) && p.Fact.After.Equal(q.Fact.After) })
		})
	}
	var unseen []item.Finding
	for _, p := range now {
		unseen = append(unseen, item.Finding{
			Code: reason.DiffersFromApproved, Place: p.Place(), Detail: "others changed the repository since this was proposed, and nothing shows that it still gets the value that was proposed",
		})
	}
	return unseen, nil
}

// alone is a commit of what was merged on the commit of the branch for which one of
// the proposals was planned: what a person saw, with what they put beside it before
// they merged. It is "" when that is not known.
func (g Group) alone(repo seam.Remote, rules policy.Rules, a Approved) (string, error) {
	at, brought := a.Record.Base, false
	if there, err := repo.Contains(repo.Tip(), at); err != nil || !there {
		return "", err
	}
	for _, m := range g.merges() {
		single, err := repo.Commit(m.Commit.Parent, m.Commit.Tree, "merged\n")
		if err != nil {
			return "", err
		}
		next, err := repo.Replay(single, at, "")
		if errors.Is(err, gitrepo.ErrMoved) {
			continue
		}
		if err != nil {
			return "", err
		}
		at, brought = next, brought || m.Commit.Hash == a.Commit.Hash
	}
	if brought {
		return at, nil
	}
	// Others changed the same files before it was merged.
	if fits, err := Fit(repo, rules, a.Record, a.Item.Type); err != nil || !fits {
		return "", err
	}
	return a.Record.Fix, nil
}

// merges are those of the group, the first one first and each once.
func (g Group) merges() []proposal.Merge {
	var list []proposal.Merge
	for _, a := range g {
		list = append(list, a.Merge)
	}
	slices.SortStableFunc(list, func(a, b proposal.Merge) int { return b.Depth - a.Depth })
	return slices.CompactFunc(list, func(a, b proposal.Merge) bool { return a.Commit.Hash == b.Commit.Hash })
}

// differ reports whether two commits differ in a file from which a plan may follow.
// Which of them a stack reads is not known: it may call modules and programs, and read
// files anywhere. So it is any but the documents, and what is kept beside them.
func differ(repo seam.Remote, scope policy.Scope, a, b string) (bool, error) {
	files := map[string]bool{}
	for _, commit := range []string{a, b} {
		paths, err := repo.Files(commit)
		if err != nil {
			return false, err
		}
		for _, file := range paths {
			files[file] = true
		}
	}
	beside := map[string]bool{} // folders
	for file := range files {
		if place.Matches(scope.Documents, file) && path.Dir(file) != "." {
			beside[path.Dir(file)] = true
		}
	}
	inert := func(file string) bool {
		return place.Matches(scope.Documents, file) || beside[path.Dir(file)] && place.StackOf(file, scope.Stacks) == "" && !gate.IsConfiguration(file)
	}
	known := map[string]bool{}
	touched := func(name string) (bool, error) {
		if was, ok := known[name]; ok {
			return was, nil
		}
		is, err := repo.Touched(a, b, name)
		known[name] = is
		return is, err
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if inert(file) {
			continue
		}
		top, _, _ := strings.Cut(file, "/")
		is, err := touched(top)
		if is && err == nil {
			is, err = touched(file)
		}
		if is || err != nil {
			return is, err
		}
	}
	return false, nil
}
