// Package note keeps small values on the remote that runs of every machine share,
// each in a ref of its own. A value changes by compare-and-swap: of two runs that
// change the same one, the second learns that it was late. Anybody who may push refs
// can write one, so whoever reads it believes nothing that a person could be harmed by.
package note

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// Remote is what a note needs of a repository.
type Remote interface {
	Tip() string
	Lookup(commit string) (gitrepo.Commit, error)
	Commit(parent, tree, message string) (string, error)
	FetchRefs(ctx context.Context, prefix string) (map[string]string, error)
	SetRef(ctx context.Context, name, old, now string) error
}

// Note is a value of one ref as it was read, or written, last.
type Note[T any] struct {
	Value T

	repo Remote
	name string // of the ref
	at   string // commit that it holds, "" for none
}

// longest bounds a value, in bytes as JSON.
const longest = 1 << 20

// Read reads the note of a name, zero when there is none or it cannot be understood.
func Read[T any](ctx context.Context, repo Remote, name string) (*Note[T], error) {
	n := &Note[T]{repo: repo, name: gitrepo.OwnRefs + name}
	refs, err := repo.FetchRefs(ctx, n.name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", n.name, err)
	}
	if n.at = refs[n.name]; n.at == "" {
		return n, nil
	}
	commit, err := repo.Lookup(n.at)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", n.name, err)
	}
	_, said, _ := strings.Cut(commit.Message, "\n\n")
	var value T
	if len(said) <= longest && json.Unmarshal([]byte(said), &value) == nil {
		n.Value = value
	}
	return n, nil
}

// Write writes another value in the place of the one that was read; won is false when
// another run was faster.
func (n *Note[T]) Write(ctx context.Context, value T) (won bool, err error) {
	said, err := json.Marshal(value)
	if err != nil {
		return false, fmt.Errorf("encode %s: %w", n.name, err)
	}
	if len(said) >= longest {
		return false, fmt.Errorf("write %s: it would have %d bytes, more than a note holds", n.name, len(said))
	}
	tip, err := n.repo.Lookup(n.repo.Tip())
	if err != nil {
		return false, fmt.Errorf("write %s: %w", n.name, err)
	}
	// Two runs that write the same in the same second must not write the same commit:
	// to the second one it would seem that it had won.
	head := "note of pm-todos " + rand.Text() + " [ci skip]\n\n"
	at, err := n.repo.Commit(n.repo.Tip(), tip.Tree, head+string(said)+"\n")
	if err == nil {
		err = n.repo.SetRef(ctx, n.name, n.at, at)
	}
	switch {
	case errors.Is(err, gitrepo.ErrRefMoved):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("write %s: %w", n.name, err)
	}
	n.Value, n.at = value, at
	return true, nil
}
