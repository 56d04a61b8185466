package proposal

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// People merge by a merge commit, by rebasing or by squashing, several proposals
// in one or each by itself, and delete branches and trailers on the way. What all
// of these leave is the contents: along the first parents of the branch, one
// commit changes what was proposed, or what several proposals come to together.

// Merge is how a proposal came to the branch.
type Merge struct {
	Commit   gitrepo.Commit // of the branch, that brought it there
	Change   item.Change    // all that this commit changes there
	With     []*Record      // all that it brought, this one included
	Paths    []string       // files of the proposal
	Depth    int            // how many commits of the branch are later
	Reverted bool           // a later commit took it back
}

// mostSearched bounds how many commits are looked at, and mostTogether from how many
// proposals those are chosen that were merged as one.
const (
	mostSearched = 1000
	mostTogether = 8
)

// candidate is a proposal that is looked for.
type candidate struct {
	*Record
	change net
	paths  []string
}

// search looks for proposals on the branch.
type search struct {
	repo  seam.Remote
	open  []*candidate // not found yet
	later []net        // of commits that touched their files
	found map[*Record]Merge
}

// Merged are the proposals that the branch holds. Those that cannot be looked for
// are in unread, with why.
func Merged(repo seam.Remote, records []*Record) (found map[*Record]Merge, unread map[*Record]error, err error) {
	s := &search{repo: repo, found: map[*Record]Merge{}}
	unread = map[*Record]error{}
	for _, r := range records {
		c, err := s.candidate(r)
		if err != nil {
			unread[r] = err
			continue
		}
		s.open = append(s.open, c)
	}
	next := repo.Tip()
	for depth := range mostSearched {
		if len(s.open) == 0 || next == "" {
			break
		}
		commit, err := repo.Lookup(next)
		if err != nil {
			return nil, nil, fmt.Errorf("read the history of the branch: %w", err)
		}
		if err := s.look(commit, depth); err != nil {
			return nil, nil, fmt.Errorf("read what %.12s changed: %w", commit.Hash, err)
		}
		next = commit.Parent
	}
	return s.found, unread, nil
}

func (s *search) candidate(r *Record) (*candidate, error) {
	fix, err := s.repo.Lookup(r.Fix)
	if err != nil {
		return nil, err
	}
	if fix.Parent == "" || fix.Merge {
		return nil, errors.New("it is not made on one parent")
	}
	diff, err := s.repo.Diff(fix.Parent, fix.Tree)
	if err != nil {
		return nil, err
	}
	r.of(fix)
	c := &candidate{Record: r}
	var ok bool
	if c.change, ok = netOf(diff); !ok {
		return nil, errors.New("it changes nothing, or what is too large to be compared")
	}
	for _, f := range diff.Files {
		c.paths = append(c.paths, f.Path)
	}
	return c, nil
}

// MergeOf takes a commit of the branch for the merge of a proposal, whatever was
// proposed.
func MergeOf(repo seam.Remote, commit gitrepo.Commit) (Merge, error) {
	diff, err := repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return Merge{}, fmt.Errorf("read what %.12s changed: %w", commit.Hash, err)
	}
	m := Merge{Commit: commit, Change: diff}
	for _, f := range diff.Files {
		m.Paths = append(m.Paths, f.Path)
	}
	return m, nil
}

// look compares one commit of the branch with what is looked for. Contents are
// read only when it touches every file of a proposal.
func (s *search) look(commit gitrepo.Commit, depth int) error {
	var near []*candidate
	// What was proposed on a commit is not further back.
	s.open = slices.DeleteFunc(s.open, func(c *candidate) bool { return c.Base == commit.Hash })
	if commit.Parent == "" {
		return nil
	}
	for _, c := range s.open {
		touched, err := s.touches(commit, c.paths)
		if err != nil {
			return err
		}
		if touched {
			near = append(near, c)
		}
	}
	if len(near) == 0 {
		return nil
	}
	diff, err := s.repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return err
	}
	change, ok := netOf(diff)
	if !ok {
		return nil
	}
	together := chosen(near, change)
	if together == nil {
		// The proposed commit itself, with what somebody put on top of it.
		if together, err = s.merges(commit, near, diff); err != nil {
			return err
		}
	}
	undone := slices.ContainsFunc(s.later, func(later net) bool { return later.undoes(change) })
	s.take(Merge{Commit: commit, Change: diff, Depth: depth, Reverted: undone}, together)
	s.later = append(s.later, change)
	return nil
}

func (s *search) touches(commit gitrepo.Commit, paths []string) (bool, error) {
	for _, path := range paths {
		if touched, err := s.repo.Touched(commit.Parent, commit.Hash, path); err != nil || !touched {
			return false, err
		}
	}
	return true, nil
}

// chosen are those of the candidates that a change is made of, nil when there are
// none: one of them, or several together.
func chosen(near []*candidate, change net) []*candidate {
	var parts []*candidate
	for _, c := range near {
		if !c.change.within(change) {
			continue
		}
		if len(change.without(c.change)) == 0 {
			return []*candidate{c}
		}
		parts = append(parts, c)
	}
	return sumOf(parts[:min(len(parts), mostTogether)], change)
}

// sumOf are those of the candidates that come to a change together, nil when none
// do.
func sumOf(candidates []*candidate, change net) []*candidate {
	for i, c := range candidates {
		if !c.change.within(change) {
			continue
		}
		rest := change.without(c.change)
		if len(rest) == 0 {
			return []*candidate{c}
		}
		if more := sumOf(candidates[i+1:], rest); more != nil {
			return append(more, c)
		}
	}
	return nil
}

// merges are the candidates whose commits a merge commit brought, when it touches
// no file beside theirs.
func (s *search) merges(commit gitrepo.Commit, near []*candidate, diff item.Change) (brought []*candidate, err error) {
	if !commit.Merge {
		return nil, nil
	}
	known := map[string]bool{}
	for _, c := range near {
		there, err := s.repo.Contains(commit.Hash, c.Fix)
		if err != nil {
			return nil, err
		}
		before, err := s.repo.Contains(commit.Parent, c.Fix)
		if err != nil {
			return nil, err
		}
		if there && !before {
			brought = append(brought, c)
			for _, path := range c.paths {
				known[path] = true
			}
		}
	}
	if slices.ContainsFunc(diff.Files, func(f item.File) bool { return !known[f.Path] }) {
		return nil, nil
	}
	return brought, nil
}

func (s *search) take(m Merge, together []*candidate) {
	for _, c := range together {
		m.With = append(m.With, c.Record)
	}
	for _, c := range together {
		m.Paths = c.paths
		s.found[c.Record] = m
	}
	s.open = slices.DeleteFunc(s.open, func(c *candidate) bool { return slices.Contains(together, c) })
}

// TakenBack reports whether a commit of the branch does not have any more what was
// merged: an empty plan of that one says nothing of it. Others may have changed the
// same files, before or in the commit that took it back.
func (m Merge) TakenBack(repo seam.Remote, commit string) (bool, error) {
	if m.Reverted {
		return true, nil
	}
	for _, file := range m.Change.Files {
		touched, err := repo.Touched(m.Commit.Hash, commit, file.Path)
		if err != nil {
			return false, fmt.Errorf("compare %s with the branch: %w", file.Path, err)
		}
		if !touched {
			continue
		}
		now, err := become(repo, file, commit)
		if err != nil {
			return false, err
		}
		change := net{}
		change.count(file.Path, file.Old, -1)
		change.count(file.Path, file.New, 1)
		if change.gone(now) {
			return true, nil
		}
	}
	return false, nil
}

// Overwritten is a file in which a commit of the branch does not have each line as
// the merges left it, the first one first, "" when there is none.
func Overwritten(repo seam.Remote, merges []Merge, commit string) (string, error) {
	sum, first := net{}, map[string]item.File{}
	for _, m := range merges {
		for _, file := range m.Change.Files {
			sum.count(file.Path, file.Old, -1)
			sum.count(file.Path, file.New, 1)
			if _, known := first[file.Path]; !known {
				first[file.Path] = file
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(first)) {
		now, err := become(repo, first[path], commit)
		if err != nil {
			return "", err
		}
		if !sum.of(path).within(now) {
			return path, nil
		}
	}
	return "", nil
}

// become is the net of what a file became at a commit, from what it was before a
// change.
func become(repo seam.Remote, file item.File, commit string) (net, error) {
	now, err := repo.ReadFile(commit, file.Path)
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return nil, fmt.Errorf("read %s as the branch has it: %w", file.Path, err)
	}
	n := net{}
	n.count(file.Path, file.Old, -1)
	n.count(file.Path, now, 1)
	return n, nil
}

// RevertedAt reports whether a file of a fix on the branch is as it was before the
// fix: then an empty plan says nothing of the fix.
func RevertedAt(repo seam.Remote, fix string) (bool, error) {
	commit, err := repo.Lookup(fix)
	if err != nil {
		return false, fmt.Errorf("read the fix commit: %w", err)
	}
	diff, err := repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return false, fmt.Errorf("read the fix commit: %w", err)
	}
	for _, file := range diff.Files {
		touched, err := repo.Touched(commit.Parent, repo.Tip(), file.Path)
		if err != nil {
			return false, fmt.Errorf("compare %s with the branch: %w", file.Path, err)
		}
		if !touched {
			return true, nil
		}
	}
	return false, nil
}
