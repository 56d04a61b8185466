package fake

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// Branch is the full name of the branch that runs publish to.
const Branch = "refs/heads/main"

// somebody is who pushes and merges.
var somebody = gitrepo.Signature{Name: "somebody", Email: "somebody@example.org"}

const fileMode = 0o100644

// mostRounds is how often a push is tried while others are faster.
const mostRounds = 5

type commit struct {
	gitrepo.Commit
	parents []string
	made    int // later ones are larger
}

func hashOf(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:20])
}

func (w *World) newTree(files map[string]string) string {
	hash := hashOf(files)
	w.trees[hash] = maps.Clone(files)
	return hash
}

// newCommit makes a commit. Two of the same content differ, as by their times.
func (w *World) newCommit(parent, tree, message string) string {
	w.clock++
	hash := hashOf([]any{parent, tree, message, w.clock})
	c := &commit{
		Commit: gitrepo.Commit{Hash: hash, Parent: parent, Tree: tree, Message: message, Time: time.Unix(int64(w.clock), 0).UTC()},
		made:   w.clock,
	}
	if parent != "" {
		c.parents = []string{parent}
	}
	w.commits[hash] = c
	return hash
}

// Push is what a person pushes to the branch: files with their contents, "" for
// those that go.
func (w *World) Push(message string, files map[string]string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refs[Branch] = w.work(w.refs[Branch], message, files)
	return w.refs[Branch]
}

// Work is a commit of a person that no ref holds yet.
func (w *World) Work(parent string, files map[string]string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.work(parent, "theirs\n", files)
}

func (w *World) work(parent, message string, files map[string]string) string {
	tree := maps.Clone(w.trees[w.commits[parent].Tree])
	for path, content := range files {
		tree[path] = content
		if content == "" {
			delete(tree, path)
		}
	}
	hash := w.newCommit(parent, w.newTree(tree), message)
	w.commits[hash].Committer = somebody
	return hash
}

// Merge is a person who merges a branch of the program: by a merge commit, or
// squashed into one with a message of theirs.
func (w *World) Merge(branch, squashed string) string {
	hash := w.Squash(cmp.Or(squashed, "Merge "+branch+"\n"), branch)
	w.mu.Lock()
	defer w.mu.Unlock()
	if squashed == "" {
		one := w.commits[hash]
		one.parents, one.Merge = []string{one.Parent, w.merged}, true
	}
	return hash
}

// Squash is a person who brings the work of branches to the branch in one commit,
// and deletes them.
func (w *World) Squash(message string, branches ...string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	tip := w.refs[Branch]
	tree := w.trees[w.commits[tip].Tree]
	for _, branch := range branches {
		head := w.refs["refs/heads/"+branch]
		if head == "" {
			w.t.Fatalf("there is no branch %s to merge: %v", branch, slices.Sorted(maps.Keys(w.refs)))
		}
		base := head // what is on the branch of what the head is made on
		for reached := w.reached(tip); !reached[base]; {
			base = w.commits[base].Parent
		}
		tree = carried(w.trees[w.commits[base].Tree], w.trees[w.commits[head].Tree], tree)
		w.merged = head
		delete(w.refs, "refs/heads/"+branch)
	}
	w.refs[Branch] = w.newCommit(tip, w.newTree(tree), message)
	w.commits[w.refs[Branch]].Committer = somebody
	return w.refs[Branch]
}

// reached are the commits that a history holds.
func (w *World) reached(from string) map[string]bool {
	all := map[string]bool{}
	w.walk(from, func(one *commit) bool {
		all[one.Hash] = true
		return true
	})
	return all
}

// carried is what a change of files makes of others: of each file, what stands
// between the first and the last line that differ.
func carried(before, after, onto map[string]string) map[string]string {
	tree := maps.Clone(onto)
	for path, is := range after {
		old, now := strings.SplitAfter(before[path], "\n"), strings.SplitAfter(is, "\n")
		for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
			old, now = old[1:], now[1:]
		}
		for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
			old, now = old[:len(old)-1], now[:len(now)-1]
		}
		switch was := strings.Join(old, ""); {
		case before[path] == is:
		case onto[path] == before[path] || was == "":
			tree[path] = is
		default:
			tree[path] = strings.Replace(onto[path], was, strings.Join(now, ""), 1)
		}
	}
	return tree
}

// SetRef writes a ref of the remote, as anybody may who can push refs.
func (w *World) SetRef(name, hash string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.setRef(name, hash)
}

func (w *World) setRef(name, hash string) {
	if hash == "" {
		delete(w.refs, name)
		return
	}
	w.refs[name] = hash
}

// Refs are the refs of the remote with a prefix.
func (w *World) Refs(prefix string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return below(w.refs, prefix)
}

func below(refs map[string]string, prefix string) map[string]string {
	found := maps.Clone(refs)
	maps.DeleteFunc(found, func(name, _ string) bool { return !strings.HasPrefix(name, prefix) })
	return found
}

// File is a file of the branch.
func (w *World) File(path string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trees[w.commits[w.refs[Branch]].Tree][path]
}

// Message is the message of a commit.
func (w *World) Message(hash string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.commits[hash].Message
}

// History is the commits of the branch, the latest first.
func (w *World) History() (list []gitrepo.Commit) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.walk(w.refs[Branch], func(c *commit) bool {
		list = append(list, c.Commit)
		return true
	})
	return list
}

func (w *World) walk(from string, fn func(*commit) bool) {
	met := map[string]bool{}
	queue := []string{from}
	for len(queue) > 0 {
		slices.SortFunc(queue, func(a, b string) int { return cmp.Compare(w.commits[b].made, w.commits[a].made) })
		next := queue[0]
		queue = queue[1:]
		if met[next] {
			continue
		}
		met[next] = true
		if !fn(w.commits[next]) {
			return
		}
		queue = append(queue, w.commits[next].parents...)
	}
}
