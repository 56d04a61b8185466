// Package program follows what programs are made of that run when a stack is
// planned or applied: provisioners, data sources that run one, what providers
// start, and Terragrunt's hooks and generated files. A value or a file that
// reaches one stays as it is. The way leads along references of the
// configuration, through local values, variables, resources, modules and their
// outputs; files are those that functions name, and those that a command names
// and that the repository has. It is pure.
package program

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Kind says what a value or a file reaches.
type Kind string

// The kinds of what runs.
const (
	AtPlan      Kind = "at-plan"     // a data source, a hook, or what Terragrunt writes
	Provisioner Kind = "provisioner" // a resource that runs programs at its apply
	Provider    Kind = "provider"    // the configuration of a provider
)

// Reached is what reaches programs of a stack.
type Reached struct {
	// Unfollowed says that a program takes something that cannot be followed: a
	// script, a variable of the shell, a configuration in JSON.
	Unfollowed bool

	files   map[string]Kind // paths
	folders map[string]Kind // whole folders
	names   map[key]Kind    // names that reach a program
	pieces  map[key][]piece // of all names
}

// key is a name in a folder: local.x, var.x, aws_x.y, data.x.y, output.x.
type key struct{ folder, name string }

// piece is one place that defines a name.
type piece struct {
	file string
	line int
	text string // without comments and layout
}

// File is the kind of program that a file is a part of.
func (r Reached) File(file string) (Kind, bool) {
	if kind, ok := r.files[file]; ok {
		return kind, true
	}
	for folder := path.Dir(file); ; folder = path.Dir(folder) {
		if kind, ok := r.folders[folder]; ok {
			return kind, true
		}
		if folder == "." || folder == "/" {
			return "", false
		}
	}
}

// Difference is a definition that reaches a program and says something else.
type Difference struct {
	Kind Kind
	File string
	Line int
}

// Differences are the definitions that reach a program, before or after, and are
// not the same on both sides. They are sorted.
func Differences(before, after Reached) []Difference {
	var list []Difference
	names := maps.Clone(before.names)
	maps.Copy(names, after.names)
	for name, kind := range names {
		old, now := before.pieces[name], after.pieces[name]
		for _, p := range hclfile.Added(old, now, func(p piece) string { return p.text }) {
			list = append(list, Difference{kind, p.file, p.line})
		}
		if len(now) < len(old) {
			list = append(list, Difference{kind, old[0].file, old[0].line})
		}
	}
	slices.SortFunc(list, func(a, b Difference) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return a.Line - b.Line
	})
	return slices.Compact(list)
}

// Of follows what reaches the programs of a stack, a folder that is planned on
// its own.
func Of(tree *hclfile.Tree, stack string) Reached {
	f := &follower{
		tree: tree, stack: stack, nodes: map[key]*node{}, read: map[string]bool{},
		result: Reached{files: map[string]Kind{}, folders: map[string]Kind{}, names: map[key]Kind{}, pieces: map[key][]piece{}},
	}
	f.folder(stack)
	for folder := path.Dir(stack); ; folder = path.Dir(folder) {
		f.terragrunt(folder)
		if folder == "." || folder == "/" {
			break
		}
	}
	// Folders below the stack that no module call names may be read by
	// Terragrunt, or called by a source that is no literal.
	for _, file := range tree.Names() {
		if place.Inside(file, stack) {
			f.folder(path.Dir(file))
		}
	}
	f.follow()
	return f.result
}

// follower is one reading of a stack.
type follower struct {
	tree   *hclfile.Tree
	stack  string
	nodes  map[key]*node
	roots  []root
	read   map[string]bool // folders
	paths  map[string]bool // every path, and every folder as path/
	result Reached
}

// node is what is known of a name.
type node struct {
	pieces []piece
	uses   []key
	terms  []term
}

// root is something that runs a program.
type root struct {
	kind  Kind
	uses  []key
	terms []term
}

func (f *follower) node(k key) *node {
	if f.nodes[k] == nil {
		f.nodes[k] = &node{}
	}
	return f.nodes[k]
}

// guarded is what Terraform files in JSON, which are not followed, may hold.
var guarded = pattern.Lazy(`"(?:provider|provisioner|postrender|external|http|shell_[a-z_]*|local_[a-z_]*|ssh_[a-z_]*)"`)

// folder reads the files of a folder and of the modules that it calls.
func (f *follower) folder(folder string) {
	if f.read[folder] {
		return
	}
	f.read[folder] = true
	for _, name := range f.tree.In(folder) {
		if path.Ext(strings.ToLower(name)) != ".tfvars" {
			f.file(name)
		}
	}
}

// terragrunt reads what stands above a stack.
func (f *follower) terragrunt(folder string) {
	for _, name := range f.tree.In(folder) {
		if path.Ext(name) == ".hcl" {
			f.file(name)
		}
	}
}

func (f *follower) file(name string) {
	if strings.HasSuffix(name, ".json") {
		f.result.Unfollowed = f.result.Unfollowed || guarded().Match(f.tree.Text(name))
		return
	}
	parsed, err := f.tree.Parse(name)
	if err != nil {
		f.result.Unfollowed = true
		return
	}
	r := &reader{follower: f, file: parsed, folder: path.Dir(name)}
	r.body()
}

// follow goes from the programs to all that they use.
func (f *follower) follow() {
	for _, r := range f.roots {
		f.take(r.terms, r.kind)
		queue := slices.Clone(r.uses)
		for len(queue) > 0 {
			k := queue[0]
			queue = queue[1:]
			if _, seen := f.result.names[k]; seen {
				continue
			}
			f.result.names[k] = r.kind
			if n := f.nodes[k]; n != nil {
				f.take(n.terms, r.kind)
				queue = append(queue, n.uses...)
			}
		}
	}
	for k, n := range f.nodes {
		f.result.pieces[k] = n.pieces
	}
}
