package gate

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A provider block, an external data source or a provisioner may stay as it is
// and still do something else, when a local value or a variable that it uses
// changes. This file follows those names, in the folder as a whole.

// definition is one local value or variable.
type definition struct {
	place string
	text  string
	uses  []string
}

// surroundings is the names of a folder and what its guarded blocks use.
type surroundings struct {
	definitions map[string]definition // by local.NAME and var.NAME
	guards      map[string]string     // code by name
}

// influence refuses changes of values that reach something guarded.
func (c *comparison) influence() {
	before := surroundingsOf(c.whole(c.folder.before))
	after := surroundingsOf(c.whole(c.folder.after))
	for _, name := range slices.Sorted(maps.Keys(after.definitions)) {
		now := after.definitions[name]
		was, existed := before.definitions[name]
		if existed && was.text == now.text {
			continue
		}
		for _, code := range slices.Compact(slices.Sorted(slices.Values([]string{after.guardedBy(name), before.guardedBy(name)}))) {
			if code != "" {
				c.add(code, now.place, "a provider, a provisioner or a data source that runs code uses this value; it stays as it is")
			}
		}
	}
}

// whole is the files of the folder: those that changed, and the others of the
// base.
func (c *comparison) whole(changed []terraformFile) []terraformFile {
	touched := map[string]bool{}
	for _, file := range c.change.Files {
		touched[file.Path] = true
	}
	files := slices.Clone(changed)
	for _, name := range slices.Sorted(maps.Keys(c.policy.BaseFiles)) {
		if path.Dir(name) != c.folder.path || path.Ext(name) != ".tf" || touched[name] {
			continue
		}
		// A file of the base that cannot be read makes the plan fail.
		if file, err := readTerraform(name, c.policy.BaseFiles[name]); err == nil {
			files = append(files, file)
		}
	}
	return files
}

func surroundingsOf(files []terraformFile) surroundings {
	s := surroundings{map[string]definition{}, map[string]string{}}
	for _, file := range files {
		for _, block := range file.body.Blocks {
			switch {
			case block.Type == "locals":
				for name, attribute := range block.Body.Attributes {
					s.define("local."+name, file, attribute.Range(), attribute.Expr)
				}
			case block.Type == "variable":
				s.define("var."+firstLabel(block), file, block.Range(), block.Body)
			case block.Type == "provider":
				s.guard(CodeProvider, block.Body)
			case block.Type == "data" && readsAtPlan().MatchString(firstLabel(block)):
				s.guard(CodeCodeAtPlan, block.Body)
			case block.Type == "resource" && (runsAtApply().MatchString(firstLabel(block)) || mentions(block.Body, "provisioner") || mentions(block.Body, "postrender")):
				s.guard(CodeProvisioner, block.Body)
			}
		}
	}
	return s
}

func (s *surroundings) define(name string, file terraformFile, at hcl.Range, node hclsyntax.Node) {
	s.definitions[name] = definition{fmt.Sprintf("%s:%d", file.path, at.Start.Line), textOf(file.src, at), namesIn(node)}
}

// guard notes the names that a guarded block uses, and those that they use.
// Names are followed when all definitions are known, see guardedBy.
func (s *surroundings) guard(code string, node hclsyntax.Node) {
	for _, name := range namesIn(node) {
		s.guards[name] = code
	}
}

// guardedBy is the code of a guarded block that uses a name, directly or by
// way of other names; "" when none does.
func (s *surroundings) guardedBy(name string) string {
	for _, used := range slices.Sorted(maps.Keys(s.guards)) {
		seen := map[string]bool{}
		if s.reaches(used, name, seen) {
			return s.guards[used]
		}
	}
	return ""
}

func (s *surroundings) reaches(from, name string, seen map[string]bool) bool {
	if from == name {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(s.definitions[from].uses, func(next string) bool { return s.reaches(next, name, seen) })
}

// namesIn is the local values and variables that a piece of configuration
// uses.
func namesIn(node hclsyntax.Node) []string {
	var names []string
	// The walk cannot fail: the callback gives no diagnostics.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		traversal, ok := n.(*hclsyntax.ScopeTraversalExpr)
		if !ok || len(traversal.Traversal) < 2 {
			return nil
		}
		root := traversal.Traversal.RootName()
		if attribute, ok := traversal.Traversal[1].(hcl.TraverseAttr); ok && (root == "local" || root == "var") {
			names = append(names, strings.Join([]string{root, attribute.Name}, "."))
		}
		return nil
	})
	return names
}
