package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
)

// item is one thing of a folder's HCL that can differ.
type element struct {
	file   string
	line   int
	text   string // without comments, spaces and what meta holds
	meta   string // of arguments and blocks that no plan shows
	output bool

	// name is what refers to it by, in its module: aws_x.y, data.aws_x.y,
	// local.x, var.x; "" for what nothing refers to. Of a module's argument it
	// is the variable in the module that is called.
	name   string
	module string // that is called
	uses   []string
}

// hidden is the arguments and blocks of resources and modules that no plan shows.
var hidden = []string{"lifecycle", "depends_on", "provider", "providers", "provisioner", "connection", "source", "version"}

// itemsOf notes the items of a file.
func itemsOf(file hclfile.File, items map[string]element) {
	r := &itemReader{file, items}
	values := strings.HasSuffix(strings.ToLower(file.Path), ".tfvars")
	for name, attribute := range file.Body.Attributes {
		switch object, isObject := attribute.Expr.(*hclsyntax.ObjectConsExpr); {
		case values:
			r.attribute("values", "var."+name, "", attribute)
		case name == "inputs" && isObject: // of Terragrunt
			r.inputs(object)
		default:
			r.attribute("argument."+name, "", "", attribute)
		}
	}
	for _, block := range file.Body.Blocks {
		r.block(block)
	}
}

// itemReader reads the items of one file.
type itemReader struct {
	file  hclfile.File
	items map[string]element
}

// add notes an item. Where an identifier is taken, as by a second block of
// checks, moves or providers, a number makes another one.
func (r *itemReader) add(id string, at hcl.Range, i element) {
	for n, first := 2, id; ; n++ {
		if _, taken := r.items[id]; !taken {
			break
		}
		id = fmt.Sprintf("%s#%d", first, n)
	}
	i.file, i.line = r.file.Path, at.Start.Line
	r.items[id] = i
}

func (r *itemReader) attribute(kind, name, module string, attribute *hclsyntax.Attribute) {
	r.add(strings.Join([]string{kind, module, name}, " "), attribute.Range(), element{
		text: hclfile.TextOf(r.file.Src, attribute.Expr.Range()), name: name, module: module, uses: referencesIn(attribute.Expr),
	})
}

// inputs notes the inputs of Terragrunt, which are variables of the root module.
func (r *itemReader) inputs(object *hclsyntax.ObjectConsExpr) {
	for _, entry := range object.Items {
		name := hcl.ExprAsKeyword(entry.KeyExpr)
		if key, ok := entry.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok && name == "" {
			name, _ = hclfile.LiteralText(key.Wrapped)
		}
		one := element{text: hclfile.TextOf(r.file.Src, entry.ValueExpr.Range()), uses: referencesIn(entry.ValueExpr)}
		if name != "" {
			one.name = "var." + name
		}
		r.add("inputs "+name, entry.KeyExpr.Range(), one)
	}
}

func (r *itemReader) block(block *hclsyntax.Block) {
	labels := strings.Join(block.Labels, ".")
	switch block.Type {
	case "locals":
		for name, attribute := range block.Body.Attributes {
			r.attribute("local", "local."+name, "", attribute)
		}
		return
	case "module":
		r.module(block, labels)
		return
	}
	one := element{
		text: hclfile.TextOf(r.file.Src, block.Range()), uses: referencesIn(block.Body), name: hclfile.NameOf(block), output: block.Type == "output",
	}
	if block.Type == "resource" || block.Type == "data" {
		one.text, one.meta = r.parts(block)
	}
	r.add(block.Type+" "+labels, block.DefRange(), one)
}

// parts is the text of a block without what no plan shows, and that.
func (r *itemReader) parts(block *hclsyntax.Block) (text, meta string) {
	type part struct {
		name string
		at   hcl.Range
	}
	var all []part
	for name, attribute := range block.Body.Attributes {
		all = append(all, part{name, attribute.Range()})
	}
	for _, inner := range block.Body.Blocks {
		all = append(all, part{inner.Type, inner.Range()})
	}
	slices.SortFunc(all, func(a, b part) int { return a.at.Start.Byte - b.at.Start.Byte })
	for _, one := range all {
		if slices.Contains(hidden, one.name) && (block.Type == "module" || one.name != "source" && one.name != "version") {
			meta += hclfile.TextOf(r.file.Src, one.at)
		} else {
			text += hclfile.TextOf(r.file.Src, one.at)
		}
	}
	return text, meta
}

// module notes a call of a module and what it passes: each argument is a variable
// of the module that is called.
func (r *itemReader) module(block *hclsyntax.Block, name string) {
	for argument, attribute := range block.Body.Attributes {
		if !slices.Contains(hidden, argument) && argument != "count" && argument != "for_each" {
			r.attribute("module", "var."+argument, name, attribute)
		}
	}
	call := element{name: "module." + name}
	_, call.meta = r.parts(block)
	for _, argument := range []string{"count", "for_each"} {
		if attribute := block.Body.Attributes[argument]; attribute != nil {
			call.text += hclfile.TextOf(r.file.Src, attribute.Range())
			call.uses = append(call.uses, referencesIn(attribute.Expr)...)
		}
	}
	r.add("module "+name, block.DefRange(), call)
}

// referencesIn is what a piece of configuration refers to, as a plan lists it.
func referencesIn(node hclsyntax.Node) []string {
	var found []string
	hclfile.Walk(node, func(n hclsyntax.Node) {
		if traversal, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			found = append(found, strings.Join(hclfile.Names(traversal.Traversal), "."))
		}
	})
	return found
}
