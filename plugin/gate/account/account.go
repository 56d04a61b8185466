// Package account says which changes of files show in the facts of a plan, and
// which do not. A change that shows nowhere is not understood: it may take effect
// in another environment, later, or in a way that no plan prints. It is pure.
package account

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Sentences of changes that no fact accounts for.
const (
	whyBlock    = "no fact of the plan shows what this change does"
	whyKind     = "the plan does not show what this kind of block does"
	whyMeta     = "the plan does not show what lifecycle, depends_on, provider, provisioner, connection or the source of a module do"
	whyOutput   = "an output is removed"
	whyValue    = "the file has a new value that no fact of the plan shows"
	whyGone     = "the file has lost a value that no fact of the plan shows"
	whyTemplate = "only instructions of a template differ, and nothing shows what they do"
	whyContent  = "the content of the file cannot be read"
	whyJSON     = "references in Terraform files in JSON are not followed"
)

// Files is an opaque fact for every change of a file that the facts of a plan do
// not account for, with the file and the line, sorted. The trees are the
// configuration before the change and after; the stack is the folder that was
// planned.
//
// A data file is compared as a tree, or else as a set of lines without those that
// moved; each new or gone text, number and key must occur in some fact of any
// resource. A block of HCL is accounted for when its address has a fact; local
// values, variables, data sources and arguments of modules when something has one
// that refers to them, directly or through others. Where only outputs refer to
// them, and where a block differs in comments and layout alone, there is nothing
// to account for.
func Files(plan *fact.Plan, files []item.File, before, after *hclfile.Tree, stack string) []fact.Fact {
	a := &accounting{plan: plan, words: wordsOf(plan), sides: [2]*hclfile.Tree{before, after}, stack: stack}
	for _, file := range files {
		if file.Kind != item.Added && file.Old == nil || file.Kind != item.Deleted && file.New == nil || file.Filtered {
			a.add(file.Path, 0, whyContent)
			continue
		}
		switch name := strings.ToLower(path.Base(file.Path)); {
		case strings.HasSuffix(name, ".tf.json"), strings.HasSuffix(name, ".tofu.json"), strings.HasSuffix(name, ".tfvars.json"):
			a.add(file.Path, 0, whyJSON)
		case hclfile.IsHCL(name):
			a.folder(path.Dir(file.Path))
		default:
			a.data(file)
		}
	}
	slices.SortStableFunc(a.facts, func(x, y fact.Fact) int { return cmp.Or(cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line)) })
	return slices.CompactFunc(a.facts, func(x, y fact.Fact) bool { return x.File == y.File && x.Line == y.Line && x.Why == y.Why })
}

// accounting is the state while the files of one change are gone through.
type accounting struct {
	plan    *fact.Plan
	words   [2]*words // of facts before and after
	sides   [2]*hclfile.Tree
	stack   string
	facts   []fact.Fact
	folders []string // that were compared
	graph   *graph   // nil until it is needed
}

func (a *accounting) add(file string, line int, why string) {
	a.facts = append(a.facts, fact.Fact{Kind: fact.Opaque, File: file, Line: line, Why: why})
}

// folder goes through what differs in the HCL of a folder. A block may move
// between its files without being another one.
func (a *accounting) folder(folder string) {
	if slices.Contains(a.folders, folder) {
		return
	}
	a.folders = append(a.folders, folder)
	var sides [2]map[string]element
	for i, side := range a.sides {
		sides[i] = map[string]element{}
		for _, name := range filesIn(side, folder) {
			parsed, err := side.Parse(name)
			if err != nil {
				a.add(name, 0, whyContent)
				continue
			}
			itemsOf(parsed, sides[i])
		}
	}
	for id, now := range sides[1] {
		if was, existed := sides[0][id]; !existed || was.text != now.text || was.meta != now.meta {
			a.item(folder, was, now, existed)
		}
	}
	for id, was := range sides[0] {
		switch _, stays := sides[1][id]; {
		case stays:
		case was.output:
			a.add(was.file, was.line, whyOutput)
		default:
			a.item(folder, element{}, was, false)
		}
	}
}

// item goes through one thing that differs.
func (a *accounting) item(folder string, was, now element, existed bool) {
	switch {
	case now.output:
	case now.name == "":
		a.add(now.file, now.line, whyKind)
	case existed && was.meta != now.meta:
		a.add(now.file, now.line, whyMeta)
	case !a.references().accounts(folder, now):
		a.add(now.file, now.line, whyBlock)
	}
}

// filesIn is the files of a folder in HCL.
func filesIn(tree *hclfile.Tree, folder string) []string {
	return slices.DeleteFunc(slices.Clone(tree.In(folder)), func(name string) bool { return !hclfile.IsHCL(name) })
}

// references is the graph of what refers to what, before the change and after.
func (a *accounting) references() *graph {
	if a.graph == nil {
		a.graph = newGraph(a)
	}
	return a.graph
}

// data goes through a file that is no HCL.
func (a *accounting) data(file item.File) {
	if string(file.Old) == string(file.New) {
		return // the mode alone
	}
	old, now := fact.Parse(string(file.Old)), fact.Parse(string(file.New))
	check := &dataCheck{words: a.words}
	if old.Document != nil && now.Document != nil {
		check.tree(old.Document, now.Document)
	} else {
		check.lines(string(file.Old), string(file.New))
	}
	switch {
	case check.gone != "":
		a.add(file.Path, lineOf(string(file.Old), check.gone), whyGone)
	case check.fresh != "":
		a.add(file.Path, lineOf(string(file.New), check.fresh), whyValue)
	case check.looked && !check.found:
		a.add(file.Path, 0, whyTemplate)
	}
}

// lineOf is the line of a text in which another occurs first, 0 when none does.
func lineOf(text, wanted string) int {
	before, _, ok := strings.Cut(text, wanted)
	if !ok {
		return 0
	}
	return strings.Count(before, "\n") + 1
}
