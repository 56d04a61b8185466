package gate

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"pm-todos/plugin/pattern"
)

// A provider block, an external data source or a provisioner may stay as it is
// and still do something else, when a local value, a variable or an argument of
// a module that it uses changes. This file follows those names, in the folder as
// a whole and into the repository's own modules.

// definition is one local value or variable.
type definition struct {
	place    string
	text     string
	uses     []string
	literals []string
}

// surroundings is the names of a folder and what its guarded blocks use.
type surroundings struct {
	definitions map[string]definition // by local.NAME and var.NAME
	guards      map[string]string     // code by name
	arguments   map[string]argument   // of modules that reach something guarded in them, by module and name
}

// argument is what a module call passes to something guarded.
type argument struct{ place, text, code string }

const usedByCode = "a provider, a provisioner or a data source that runs code uses this value; it stays as it is"

// influence refuses changes of values that reach something guarded.
func (c *comparison) influence() {
	before := c.surroundings(c.folder.path, false)
	after := c.surroundings(c.folder.path, true)
	for _, name := range slices.Sorted(maps.Keys(after.definitions)) {
		now := after.definitions[name]
		was, existed := before.definitions[name]
		if existed && was.text == now.text {
			continue
		}
		for _, code := range slices.Compact(slices.Sorted(slices.Values([]string{after.guardedBy(name), before.guardedBy(name)}))) {
			if code != "" {
				c.add(code, now.place, usedByCode)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.arguments)) {
		if now := after.arguments[name]; before.arguments[name].text != now.text {
			c.add(now.code, now.place, usedByCode)
		}
	}
}

// version is a folder as it was or as it would be.
type version struct {
	folder string
	after  bool
}

func noSurroundings() surroundings {
	return surroundings{map[string]definition{}, map[string]string{}, map[string]argument{}}
}

// surroundings reads a folder once as it was and once as it would be. Folders
// that call each other as modules, which Terraform refuses, end there.
func (d *diff) surroundings(folder string, after bool) surroundings {
	if known, ok := d.read[version{folder, after}]; ok {
		return known
	}
	s := noSurroundings()
	if d.read == nil {
		d.read = map[version]surroundings{}
	}
	d.read[version{folder, after}] = s
	files, raw := d.configuration(folder, after)
	for _, file := range files {
		for _, block := range file.body.Blocks {
			s.read(file, block)
			if block.Type == "module" {
				d.moduleArguments(&s, file, block, after)
			}
		}
	}
	for _, text := range raw {
		if guardedInJSON().MatchString(text) {
			for _, name := range nameInJSON().FindAllString(text, -1) {
				s.guards[name] = CodeCodeAtPlan
			}
		}
	}
	return s
}

// What the gate looks for in Terraform files in JSON, which it does not parse.
var (
	guardedInJSON = pattern.Lazy(`"(?:provider|provisioner|postrender|external|http|shell_[a-z_]*|local_[a-z_]*|ssh_[a-z_]*)"`)
	nameInJSON    = pattern.Lazy(`\b(?:local|var)\.[A-Za-z_][A-Za-z0-9_-]*`)
)

// configuration is the files of a folder, those of the change as they were or as
// they would be: the ones that can be parsed, and the text of those in JSON. A
// file of the base that cannot be read makes the plan fail.
func (d *diff) configuration(folder string, after bool) (files []terraformFile, raw []string) {
	texts := map[string][]byte{}
	for name, src := range d.policy.BaseFiles {
		if path.Dir(name) == folder {
			texts[name] = src
		}
	}
	for _, file := range d.change.Files {
		if path.Dir(file.Path) != folder {
			continue
		}
		delete(texts, file.Path)
		if src := file.Old; after {
			texts[file.Path] = file.New
		} else if src != nil {
			texts[file.Path] = src
		}
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		switch folded := strings.ToLower(name); {
		case strings.HasSuffix(folded, ".tf.json"), strings.HasSuffix(folded, ".tofu.json"):
			raw = append(raw, string(texts[name]))
		case strings.HasSuffix(folded, ".tf"), strings.HasSuffix(folded, ".tofu"):
			if file, err := readTerraform(name, texts[name]); err == nil {
				files = append(files, file)
			}
		}
	}
	return files, raw
}

// readAll notes what the blocks of a file define or guard.
func (s *surroundings) readAll(file terraformFile) {
	for _, block := range file.body.Blocks {
		s.read(file, block)
	}
}

// read notes what one block defines or guards.
func (s *surroundings) read(file terraformFile, block *hclsyntax.Block) {
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

// moduleArguments notes the arguments of a module of the repository that reach
// something guarded in it.
func (d *diff) moduleArguments(s *surroundings, file terraformFile, block *hclsyntax.Block, after bool) {
	source, ok := literal(block.Body.Attributes["source"])
	folder, inside := localFolder(path.Dir(file.path), source)
	if !ok || !inside {
		return
	}
	inner := d.surroundings(folder, after)
	for name, attribute := range block.Body.Attributes {
		code := inner.guardedBy("var." + name)
		if code == "" {
			continue
		}
		s.guard(code, attribute.Expr)
		at := attribute.Range()
		s.arguments[firstLabel(block)+"."+name] = argument{fmt.Sprintf("%s:%d", file.path, at.Start.Line), textOf(file.src, at), code}
	}
}

func (s *surroundings) define(name string, file terraformFile, at hcl.Range, node hclsyntax.Node) {
	s.definitions[name] = definition{fmt.Sprintf("%s:%d", file.path, at.Start.Line), textOf(file.src, at), namesIn(node), literalsIn(node)}
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

// literalsIn is the plain texts in a piece of configuration.
func literalsIn(node hclsyntax.Node) []string {
	var texts []string
	// The walk cannot fail: the callback gives no diagnostics.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		if value, ok := n.(*hclsyntax.LiteralValueExpr); ok && value.Val.Type() == cty.String && value.Val.IsKnown() && !value.Val.IsNull() {
			texts = append(texts, value.Val.AsString())
		}
		return nil
	})
	return texts
}
