package gate

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gate/program"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// plainBlocks is the kinds of top-level blocks whose meaning the gate judges
// further or which are harmless in themselves.
var plainBlocks = map[string]bool{"variable": true, "output": true, "locals": true, "resource": true, "data": true, "module": true}

// comparison judges one folder of Terraform files, before against after.
type comparison struct {
	*diff
	folder  *folder
	partial bool // a file could not be parsed: what is missing may only be unread
}

// judge runs every check of a folder.
func (c *comparison) judge() {
	before, after := statements(c.folder.before), statements(c.folder.after)
	old, now := byName(before), byName(after)
	for _, s := range hclfile.Added(before, after, func(s statement) string { return s.text }) {
		var was *statement
		if len(old[s.name()]) == 1 && len(now[s.name()]) == 1 {
			was = &old[s.name()][0]
		}
		c.changed(s, was)
	}
	for _, file := range c.folder.after {
		if len(file.Body.Attributes) > 0 {
			c.add(reason.HCLUnreadable, file.Path, "the file has an argument outside every block")
		}
	}
	if !c.partial {
		c.removed(before, old, now)
	}
	c.functions()
}

func byName(list []statement) map[string][]statement {
	m := map[string][]statement{}
	for _, s := range list {
		m[s.name()] = append(m[s.name()], s)
	}
	return m
}

// changed judges a block that is new (was is nil) or says something else than
// before.
func (c *comparison) changed(s statement, was *statement) {
	switch s.block.Type {
	case "terraform":
		c.add(reason.TerraformBlock, s.place(), "terraform blocks (backend, providers, versions) must not be added or changed")
	case "provider":
		c.add(reason.ProviderBlock, s.place(), "provider blocks must not be added or changed")
	case "moved", "import", "removed":
		c.add(reason.StateBlock, s.place(), "moved, import and removed blocks change the state and need a person")
	case "check":
		if len(blocksNamed(s.block.Body, "data")) > 0 {
			c.add(reason.CodeAtPlan, s.place(), "a check block with a data source runs at plan time")
		}
		c.conditions(s, was)
	case "data":
		if label := hclfile.FirstLabel(s.block); program.RunsAtPlan(label) {
			c.add(reason.CodeAtPlan, s.place(), "data sources of this kind run programs or read secrets, files, hosts or other states at plan time")
		}
		c.metaArguments(s, was)
		c.conditions(s, was)
	case "resource":
		c.resource(s, was)
	case "module":
		c.module(s, was)
	case "variable", "output":
		c.conditions(s, was)
		c.sensitive(s, was)
	}
	if !plainBlocks[s.block.Type] && !strings.Contains("terraform provider moved import removed check", s.block.Type) {
		c.add(reason.UnknownBlock, s.place(), "the gate does not know blocks of this kind")
	}
}

// removed judges blocks that are no longer there.
func (c *comparison) removed(before []statement, old, now map[string][]statement) {
	for _, s := range before {
		if len(now[s.name()]) >= len(old[s.name()]) {
			continue
		}
		switch s.block.Type {
		case "resource", "module":
			c.add(reason.ResourceRemoved, s.place(), s.name()+" was removed from the configuration; what it created would be destroyed")
		case "terraform":
			c.add(reason.TerraformBlock, s.place(), "a terraform block was removed")
		case "provider":
			c.add(reason.ProviderBlock, s.place(), "a provider block was removed")
		case "check":
			c.add(reason.ProtectionLoosened, s.place(), "a check block was removed")
		}
	}
}

// module judges a module call.
func (c *comparison) module(s statement, was *statement) {
	c.metaArguments(s, was)
	c.instances(s, was)
	for _, name := range []string{"source", "version"} {
		if was != nil && attributeText(s, name) != attributeText(*was, name) {
			c.add(reason.ModuleSource, s.place(), "the "+name+" of an existing module must not change")
		}
	}
	if was != nil {
		return
	}
	folder, inside := s.file.ModuleFolder(s.block)
	switch {
	case !inside:
		c.add(reason.ModuleSource, s.place(), "a new module must come from this repository, by a literal relative path")
	case !c.known(folder + "/"):
		c.add(reason.ModuleSource, s.place(), "a new module must be an existing folder of the repository")
	default:
		own, other := place.StackOf(s.file.Path, c.policy.Stacks), place.StackOf(folder+"/main.tf", c.policy.Stacks)
		if other != "" && other != own {
			c.add(reason.ModuleSource, s.place(), "a new module must not be part of another stack")
		}
	}
}

// known reports whether the base or the change has a path with this prefix.
func (c *comparison) known(prefix string) bool {
	for _, p := range c.policy.BasePaths {
		if strings.HasPrefix(p, prefix) {
			return true
		}
	}
	for _, f := range readable(c.change.Files) {
		if strings.HasPrefix(f.Path, prefix) {
			return true
		}
	}
	return false
}

// metaArguments refuses another provider for something that exists.
func (c *comparison) metaArguments(s statement, was *statement) {
	for _, name := range []string{"provider", "providers"} {
		if was != nil && attributeText(s, name) != attributeText(*was, name) {
			c.add(reason.ProviderBlock, s.place(), "the provider of an existing block must not change")
		}
	}
}

// sensitive refuses to reveal what was hidden.
func (c *comparison) sensitive(s statement, was *statement) {
	if was == nil {
		return
	}
	for _, name := range []string{"sensitive", "ephemeral"} {
		if isTrue(was.block.Body.Attributes[name]) && !isTrue(s.block.Body.Attributes[name]) {
			c.add(reason.ProtectionLoosened, s.place(), name+" was removed")
		}
	}
}

func attributeText(s statement, name string) string {
	attribute := s.block.Body.Attributes[name]
	if attribute == nil {
		return ""
	}
	return hclfile.TextOf(s.file.Src, attribute.Range())
}

// isTrue reports whether an attribute is the literal true.
func isTrue(attribute *hclsyntax.Attribute) bool {
	if attribute == nil {
		return false
	}
	if text, ok := hclfile.LiteralText(attribute.Expr); ok {
		return text == "true"
	}
	value, ok := attribute.Expr.(*hclsyntax.LiteralValueExpr)
	return ok && value.Val.Type() == cty.Bool && value.Val.IsKnown() && !value.Val.IsNull() && value.Val.True()
}

// blocksNamed is the blocks of a body with that name, generated ones included.
func blocksNamed(body *hclsyntax.Body, name string) []*hclsyntax.Block {
	var list []*hclsyntax.Block
	for _, block := range body.Blocks {
		if block.Type == name || block.Type == "dynamic" && hclfile.FirstLabel(block) == name {
			list = append(list, block)
		}
	}
	return list
}
