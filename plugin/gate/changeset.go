package gate

import (
	"bytes"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/program"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Changeset is a change beside its base, as both gates look at it.
type Changeset struct {
	*base
	change        item.Change
	policy        DiffPolicy
	before, after *hclfile.Tree
}

// base is what several changes of one base have in common.
type base struct {
	tree     *hclfile.Tree
	programs map[programsOf]program.Reached

	callers   map[string][]string // folders that call a folder as a module
	elsewhere bool                // some call names a folder that cannot be read from it
}

// programsOf is a stack on one side of a change.
type programsOf struct {
	tree  *hclfile.Tree
	stack string
}

func newBase(p DiffPolicy) *base {
	return &base{tree: hclfile.NewTree(p.BasePaths, p.BaseFiles), programs: map[programsOf]program.Reached{}}
}

func (b *base) with(c item.Change, p DiffPolicy) *Changeset {
	cs := &Changeset{base: b, change: c, policy: p}
	cs.before, cs.after = b.tree.Sides(c.Files)
	return cs
}

// Compare puts a change beside its base.
func Compare(c item.Change, p DiffPolicy) *Changeset { return newBase(p).with(c, p) }

// Empty reports whether nothing is changed.
func (c *Changeset) Empty() bool { return len(c.change.Files) == 0 }

// reached is what the programs of a stack are made of, before and after.
func (c *Changeset) reached(stack string) (before, after program.Reached) {
	return c.programsOf(c.before, stack), c.programsOf(c.after, stack)
}

func (b *base) programsOf(tree *hclfile.Tree, stack string) program.Reached {
	key := programsOf{tree, stack}
	known, ok := b.programs[key]
	if !ok {
		known = program.Of(tree, stack)
		b.programs[key] = known
	}
	return known
}

// Mentions reports whether a word stands in a file that the change adds or
// modifies, so that whoever reads the commit reads the word.
func (c *Changeset) Mentions(word string) bool {
	return slices.ContainsFunc(c.change.Files, func(file item.File) bool { return bytes.Contains(file.New, []byte(word)) })
}
