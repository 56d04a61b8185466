package gate

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/program"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// lifecycleArguments is what a lifecycle block may hold, as far as the gate
// knows.
var lifecycleArguments = []string{"prevent_destroy", "ignore_changes", "create_before_destroy", "replace_triggered_by"}

// resource judges a resource block.
func (c *comparison) resource(s statement, was *statement) {
	c.metaArguments(s, was)
	c.instances(s, was)
	if program.RunsAtApply(hclfile.FirstLabel(s.block)) {
		c.add(reason.CodeAtApply, s.place(), "resources of this kind run programs or write files on the Terraform host")
	}
	for _, name := range []string{"provisioner", "connection"} {
		had := was != nil && len(blocksNamed(was.block.Body, name)) > 0
		if has := len(blocksNamed(s.block.Body, name)) > 0; has || had {
			c.add(reason.Provisioner, s.place(), "a resource with a "+name+" must not be added or changed")
		}
	}
	// Helm's postrender runs a program of the Terraform host on every apply.
	if hclfile.Holds(s.block.Body, "postrender") {
		c.add(reason.CodeAtApply, s.place(), "a resource with a postrender program is neither new nor changed")
	}
	c.conditions(s, was)
	c.lifecycle(s, was)
}

// instances refuses a count or for_each that plainly comes to nothing. Where it
// takes a plan to know, the plan is refused.
func (c *comparison) instances(s statement, was *statement) {
	if was == nil {
		return
	}
	for _, name := range []string{"count", "for_each"} {
		if now, old := s.block.Body.Attributes[name], was.block.Body.Attributes[name]; now != nil && none(now.Expr) && (old == nil || !none(old.Expr)) {
			c.add(reason.ResourceRemoved, s.place(), "its "+name+" is empty; what "+s.name()+" created would be destroyed")
		}
	}
}

// none reports whether an expression is 0, an empty collection, or a conversion of
// one.
func none(expr hclsyntax.Expression) bool {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return none(e.Expression)
	case *hclsyntax.LiteralValueExpr:
		return e.Val.IsKnown() && !e.Val.IsNull() && e.Val.Type() == cty.Number && e.Val.AsBigFloat().Sign() == 0
	case *hclsyntax.TupleConsExpr:
		return len(e.Exprs) == 0
	case *hclsyntax.ObjectConsExpr:
		return len(e.Items) == 0
	case *hclsyntax.FunctionCallExpr:
		return len(e.Args) == 1 && slices.Contains([]string{"toset", "tomap", "tolist"}, plainName(e.Name)) && none(e.Args[0])
	}
	return false
}

// lifecycle judges the lifecycle blocks of a resource.
func (c *comparison) lifecycle(s statement, was *statement) {
	now, old := lifecycleOf(&s), lifecycleOf(was)
	if old.protected && !now.protected {
		c.add(reason.ProtectionLoosened, s.place(), "prevent_destroy was removed or is no longer the literal true")
	}
	if now.ignore != "" && now.ignore != old.ignore {
		c.add(reason.IgnoreChanges, s.place(), "ignore_changes hides differences from every later plan; it must not be added or changed")
	}
	if now.triggers != "" && now.triggers != old.triggers {
		c.add(reason.ProtectionLoosened, s.place(), "replace_triggered_by destroys resources; it must not be added or changed")
	}
	for _, name := range now.other {
		if !slices.Contains(old.other, name) {
			c.add(reason.ProtectionLoosened, s.place(), "lifecycle has an argument or a block that the gate does not know")
		}
	}
}

// lifecycleFacts is what the lifecycle blocks of a resource say.
type lifecycleFacts struct {
	protected        bool
	ignore, triggers string
	other            []string
}

func lifecycleOf(s *statement) lifecycleFacts {
	var f lifecycleFacts
	if s == nil {
		return f
	}
	for _, block := range blocksNamed(s.block.Body, "lifecycle") {
		f.protected = f.protected || isTrue(block.Body.Attributes["prevent_destroy"])
		for name, attribute := range block.Body.Attributes {
			text := hclfile.TextOf(s.file.Src, attribute.Range())
			switch {
			case name == "ignore_changes":
				f.ignore += text
			case name == "replace_triggered_by":
				f.triggers += text
			case !slices.Contains(lifecycleArguments, name):
				f.other = append(f.other, text)
			}
		}
		for _, inner := range block.Body.Blocks {
			if inner.Type != "precondition" && inner.Type != "postcondition" {
				f.other = append(f.other, hclfile.TextOf(s.file.Src, inner.Range()))
			}
		}
	}
	return f
}

// conditions refuses that a validation, precondition, postcondition or assert
// goes away or says something else.
func (c *comparison) conditions(s statement, was *statement) {
	if was == nil {
		return
	}
	if now, old := conditionsOf(s.file.Src, s.block.Body), conditionsOf(was.file.Src, was.block.Body); len(hclfile.AddedTexts(now, old)) > 0 {
		c.add(reason.ProtectionLoosened, s.place(), "a validation or condition was removed or changed")
	}
}

func conditionsOf(src []byte, body *hclsyntax.Body) []string {
	var list []string
	for _, block := range body.Blocks {
		switch block.Type {
		case "validation", "precondition", "postcondition", "assert":
			list = append(list, hclfile.TextOf(src, block.Range()))
		case "lifecycle":
			list = append(list, conditionsOf(src, block.Body)...)
		}
	}
	return list
}
