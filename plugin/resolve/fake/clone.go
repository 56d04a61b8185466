package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Clone is a clone of the branch, as a run makes it.
func (w *World) Clone(run string) *Clone {
	c := &Clone{w: w, run: run, here: map[string]bool{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.look()
	return c
}

// Clone is the remote as one run sees it. It has the commits that it fetched or
// made, with their trees, and no others.
type Clone struct {
	w    *World
	run  string
	here map[string]bool // commits and their trees
	seen map[string]string
	logs map[string][]string
}

// look brings the branch, the program's own refs and its logs up to date.
func (c *Clone) look() {
	c.seen = below(c.w.refs, gitrepo.OwnRefs)
	c.seen[Branch] = c.w.refs[Branch]
	c.logs = maps.Clone(c.w.logs)
	for _, hash := range c.seen {
		c.take(hash)
	}
	maps.Copy(c.seen, below(c.w.refs, gitrepo.OwnBranches))
}

func (c *Clone) take(hash string) {
	if c.w.commits[hash] == nil {
		return
	}
	c.w.walk(hash, func(one *commit) bool {
		c.here[one.Hash], c.here[one.Tree] = true, true
		return true
	})
}

func (c *Clone) commit(hash string) (*commit, error) {
	if c.here[hash] && c.w.commits[hash] != nil {
		return c.w.commits[hash], nil
	}
	return nil, fmt.Errorf("commit %.12s: %w", hash, gitrepo.ErrNotFound)
}

// locked runs fn while the world stands still.
func locked[T any](w *World, fn func() (T, error)) (T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fn()
}

// Tip is the branch as last seen.
func (c *Clone) Tip() string { return c.seen[Branch] }

// Lookup reads a commit of the clone.
func (c *Clone) Lookup(hash string) (gitrepo.Commit, error) {
	return locked(c.w, func() (gitrepo.Commit, error) {
		found, err := c.commit(hash)
		if err != nil {
			return gitrepo.Commit{}, err
		}
		return found.Commit, nil
	})
}

// Log walks the history, the latest commit first.
func (c *Clone) Log(from string, fn func(gitrepo.Commit) bool) error {
	list, err := locked(c.w, func() (list []gitrepo.Commit, err error) {
		if _, err = c.commit(from); err == nil {
			c.w.walk(from, func(one *commit) bool {
				list = append(list, one.Commit)
				return true
			})
		}
		return list, err
	})
	for _, one := range list {
		if !fn(one) {
			break
		}
	}
	return err
}

// Contains reports whether a history holds a commit.
func (c *Clone) Contains(tip, hash string) (found bool, err error) {
	if _, err := c.Lookup(hash); errors.Is(err, gitrepo.ErrNotFound) {
		return false, nil
	}
	err = c.Log(tip, func(one gitrepo.Commit) bool {
		found = one.Hash == hash
		return !found
	})
	return found, err
}

func (c *Clone) files(hash string) (map[string]string, error) {
	found, err := c.commit(hash)
	if err != nil {
		return nil, err
	}
	return c.w.trees[found.Tree], nil
}

func within(files map[string]string, folder string) map[string]string {
	found := maps.Clone(files)
	maps.DeleteFunc(found, func(path, _ string) bool {
		return folder != "" && folder != "." && path != folder && !strings.HasPrefix(path, folder+"/")
	})
	return found
}

// Touched reports whether a path differs between two commits.
func (c *Clone) Touched(a, b, folder string) (bool, error) {
	return locked(c.w, func() (bool, error) {
		before, err := c.files(a)
		after, errAfter := c.files(b)
		return !maps.Equal(within(before, folder), within(after, folder)), errors.Join(err, errAfter)
	})
}

// Files lists the files of a commit.
func (c *Clone) Files(hash string, folders ...string) ([]string, error) {
	if len(folders) > 0 {
		c.w.t.Errorf("unexpected: the files below %v", folders)
	}
	return locked(c.w, func() ([]string, error) {
		files, err := c.files(hash)
		return slices.Sorted(maps.Keys(files)), err
	})
}

// Prefetch has nothing to do here.
func (c *Clone) Prefetch(string, []string) error { return nil }

// ReadFile reads a file of a commit.
func (c *Clone) ReadFile(hash, path string) ([]byte, error) {
	return locked(c.w, func() ([]byte, error) {
		files, err := c.files(hash)
		if err != nil {
			return nil, err
		}
		content, ok := files[path]
		if !ok {
			return nil, fmt.Errorf("read %s: %w", path, gitrepo.ErrNotFound)
		}
		return []byte(content), nil
	})
}

// Diff is the difference between a commit and a tree.
func (c *Clone) Diff(base, tree string) (item.Change, error) {
	return locked(c.w, func() (item.Change, error) {
		var out item.Change
		before, err := c.files(base)
		if err != nil {
			return out, err
		}
		if !c.here[tree] {
			return out, gitrepo.ErrNotFound
		}
		out.Files = differences(before, c.w.trees[tree])
		return out, nil
	})
}

func differences(before, after map[string]string) (files []item.File) {
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		old, was := before[path]
		now, is := after[path]
		if was == is && old == now {
			continue
		}
		f := item.File{Path: path, Kind: item.Modified}
		if was {
			f.OldMode, f.OldSize, f.Old = fileMode, int64(len(old)), []byte(old)
		} else {
			f.Kind = item.Added
		}
		if is {
			f.NewMode, f.NewSize, f.New = fileMode, int64(len(now)), []byte(now)
		} else {
			f.Kind = item.Deleted
		}
		files = append(files, f)
	}
	return files
}

// Pack writes a commit for a host.
func (c *Clone) Pack(hash string) (gitrepo.Snapshot, error) {
	files, err := locked(c.w, func() (map[string]string, error) { return c.files(hash) })
	if err != nil {
		return nil, err
	}
	return func(string) (string, func(io.Writer) error) {
		return "", func(w io.Writer) error { return json.NewEncoder(w).Encode(files) }
	}, nil
}

// Import takes in what an agent left.
func (c *Clone) Import(base, tree string, pack io.Reader, _ int64) error {
	_, err := locked(c.w, func() (struct{}, error) {
		var files map[string]string
		if err := json.NewDecoder(pack).Decode(&files); err != nil {
			return struct{}{}, err
		}
		if holds := hashOf(files); holds != tree {
			return struct{}{}, fmt.Errorf("the pack holds %s, not %s", holds, tree)
		}
		_, err := c.commit(base)
		c.here[c.w.newTree(files)] = err == nil || c.here[tree]
		return struct{}{}, err
	})
	return err
}

// Commit makes a commit in the clone.
func (c *Clone) Commit(parent, tree, message string) (string, error) {
	return locked(c.w, func() (string, error) {
		if _, err := c.commit(parent); err != nil {
			return "", err
		}
		if !c.here[tree] {
			return "", gitrepo.ErrNotFound
		}
		return c.made(parent, tree, message), nil
	})
}

func (c *Clone) made(parent, tree, message string) string {
	hash := c.w.newCommit(parent, tree, message)
	c.here[hash], c.here[tree] = true, true
	return hash
}

// Replay makes a commit again on another one.
func (c *Clone) Replay(hash, onto, guard string) (string, error) {
	if guard != "" {
		c.w.t.Errorf("unexpected: a guard %s", guard)
	}
	return locked(c.w, func() (string, error) {
		one, err := c.commit(hash)
		if err != nil {
			return "", err
		}
		if one.Merge || one.Parent == "" {
			return "", fmt.Errorf("replay %s: it has not one parent", hash)
		}
		if one.Parent == onto {
			return hash, nil
		}
		before, err := c.files(one.Parent)
		target, errTarget := c.files(onto)
		if err := errors.Join(err, errTarget); err != nil {
			return "", err
		}
		tree := maps.Clone(target)
		for _, f := range differences(before, c.w.trees[one.Tree]) {
			was, had := before[f.Path]
			is, has := target[f.Path]
			if was != is || had != has {
				return "", fmt.Errorf("%w: %s", gitrepo.ErrMoved, f.Path)
			}
			if delete(tree, f.Path); f.Kind != item.Deleted {
				tree[f.Path] = string(f.New)
			}
		}
		return c.made(onto, c.w.newTree(tree), one.Message), nil
	})
}

// WithFiles makes a commit in which files have these contents.
func (c *Clone) WithFiles(parent string, changed map[string]string, message string) (string, error) {
	return locked(c.w, func() (string, error) {
		files, err := c.files(parent)
		if err != nil {
			return "", err
		}
		tree := maps.Clone(files)
		maps.Copy(tree, changed)
		return c.made(parent, c.w.newTree(tree), message), nil
	})
}

// Fetch brings the clone up to date.
func (c *Clone) Fetch(ctx context.Context) (string, error) {
	err := c.w.call(reads(c.run, "fetch"), func(How) error {
		c.look()
		return nil
	})
	return c.Tip(), errors.Join(ended(ctx), err)
}

// ended is what acts on the remote say once their context is over.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); cause != nil {
		return fault.Mark(fault.Temporary, fmt.Errorf("cut short: %w", cause))
	}
	return nil
}

// FetchRefs fetches the refs with a prefix.
func (c *Clone) FetchRefs(ctx context.Context, prefix string) (found map[string]string, err error) {
	err = errors.Join(ended(ctx), c.w.call(reads(c.run, "fetch %s", prefix), func(How) error {
		found = below(c.w.refs, prefix)
		for _, hash := range found {
			c.take(hash)
		}
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Seen are the program's own refs as of the last fetch.
func (c *Clone) Seen(prefix string) map[string]string {
	found := below(c.seen, prefix)
	delete(found, Branch)
	return found
}

// OnRemote is the name of a ref there.
func (c *Clone) OnRemote(ref string) string { return ref }

// swap changes a ref of the remote.
func (c *Clone) swap(name, old, now string) error {
	switch {
	case c.w.refs[name] == now:
	case c.w.refs[name] != old:
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: %s", gitrepo.ErrRefMoved, name))
	case now == "" && c.w.KeepsRefs:
		return errRefused
	default:
		c.w.setRef(name, now)
	}
	if delete(c.seen, name); now != "" {
		c.seen[name] = now
	}
	return nil
}

// CanPush updates the branch to what it is.
func (c *Clone) CanPush(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	return c.w.call(changes(c.run, "ask for the right to push"), func(How) error { return nil })
}

// SetRef changes a ref of the program's own.
func (c *Clone) SetRef(ctx context.Context, name, old, now string) error {
	return c.setRef(ctx, name, old, now, "", func() error { return nil })
}

// Reserve does that where the branch is still as last seen.
func (c *Clone) Reserve(ctx context.Context, name, old, now string) error {
	return c.setRef(ctx, name, old, now, " and ask for the right to push", func() error {
		if c.w.refs[Branch] != c.Tip() {
			return fault.Mark(fault.Temporary, fmt.Errorf("%w: %s", gitrepo.ErrRefMoved, Branch))
		}
		return nil
	})
}

func (c *Clone) setRef(ctx context.Context, name, old, now, also string, may func() error) error {
	if err := ended(ctx); err != nil {
		return err
	}
	if !strings.HasPrefix(name, gitrepo.OwnRefs) && !strings.HasPrefix(name, gitrepo.OwnBranches) {
		c.w.t.Errorf("unexpected: write %s, which is not the program's own", name)
	}
	what := "write"
	if now == "" {
		what = "delete"
	}
	return c.w.call(changes(c.run, "%s %s%s", what, name, also), func(How) error {
		if err := may(); err != nil {
			return err
		}
		if now != "" {
			if _, err := c.commit(now); err != nil {
				return err
			}
		}
		return c.swap(name, old, now)
	})
}

// PushBranch moves a branch of the program's own.
func (c *Clone) PushBranch(ctx context.Context, name, hash string) error {
	if err := ended(ctx); err != nil {
		return err
	}
	if !strings.HasPrefix("refs/heads/"+name, gitrepo.OwnBranches) {
		c.w.t.Errorf("unexpected: push the branch %s, which is not the program's own", name)
	}
	return c.w.call(changes(c.run, "push the branch %s", name), func(How) error {
		if _, err := c.commit(hash); err != nil {
			return err
		}
		c.w.setRef("refs/heads/"+name, hash)
		c.seen["refs/heads/"+name] = hash
		return nil
	})
}

// Publish puts a commit on the branch, however others move it meanwhile. It begins
// with the tip as last seen.
func (c *Clone) Publish(ctx context.Context, build func(tip string) (string, error)) (string, error) {
	for round := range mostRounds {
		tip := c.Tip()
		if round > 0 {
			var err error
			if tip, err = c.Fetch(ctx); err != nil {
				return "", err
			}
		}
		made, err := build(tip)
		if err == nil && made != tip {
			if over, lookErr := c.Contains(made, tip); lookErr != nil || !over {
				err = fmt.Errorf("publish %.12s: it does not descend from the branch's tip: %w", made, lookErr)
			}
		}
		if err != nil || made == tip {
			if round == 0 {
				continue // so it may be on another tip
			}
			return made, err
		}
		if err := ended(ctx); err != nil {
			return "", err
		}
		err = c.w.call(changes(c.run, "publish"), func(How) error { return c.swap(Branch, tip, made) })
		if err == nil {
			return made, nil
		}
		if !errors.Is(err, gitrepo.ErrRefMoved) {
			return "", err
		}
	}
	return "", errDown
}
