package program

import (
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
)

// reader reads one file into the nodes and roots of a follower.
type reader struct {
	*follower
	file   hclfile.File
	folder string
}

// hooks are the blocks and arguments of Terragrunt that run programs, and
// written those that write configuration.
var (
	hooks   = []string{"before_hook", "after_hook", "error_hook", "extra_arguments"}
	written = []string{"generate", "remote_state"}
)

func (r *reader) body() {
	for name, attribute := range r.file.Body.Attributes {
		switch {
		case slices.Contains(written, name):
			r.root(AtPlan, attribute.Expr, false)
		case slices.Contains(hooks, name):
			r.root(AtPlan, attribute.Expr, true)
		default:
			r.calls(attribute.Expr)
		}
	}
	for _, block := range r.file.Body.Blocks {
		r.block(block)
	}
}

func (r *reader) block(block *hclsyntax.Block) {
	switch kind := hclfile.FirstLabel(block); block.Type {
	case "locals":
		for name, attribute := range block.Body.Attributes {
			r.define(key{r.folder, "local." + name}, attribute.Range(), attribute.Expr)
		}
	case "module":
		r.module(block)
	case "provider":
		r.root(Provider, block.Body, true)
	case "variable", "output", "data", "resource":
		r.define(key{r.folder, hclfile.NameOf(block)}, block.Range(), block.Body)
		if block.Type == "data" && RunsAtPlan(kind) {
			r.root(AtPlan, block.Body, true)
		}
		if block.Type == "resource" && (RunsAtApply(kind) || hclfile.Holds(block.Body, "provisioner") || hclfile.Holds(block.Body, "postrender")) {
			r.root(Provisioner, block.Body, true)
		}
	default:
		r.other(block)
	}
	r.calls(block.Body)
}

// other reads the blocks of Terragrunt.
func (r *reader) other(block *hclsyntax.Block) {
	switch {
	case slices.Contains(written, block.Type):
		r.root(AtPlan, block.Body, false)
	case slices.Contains(hooks, block.Type):
		r.root(AtPlan, block.Body, true)
	}
	for _, inner := range block.Body.Blocks {
		r.other(inner)
	}
}

// root notes something that runs. Where commands is false its texts are written
// and not run.
func (r *reader) root(kind Kind, n hclsyntax.Node, commands bool) {
	uses, terms := r.what(n)
	if !commands {
		terms = slices.DeleteFunc(terms, func(t term) bool { return !t.file })
	}
	r.roots = append(r.roots, root{kind, uses, terms})
}

// calls notes the programs that run_cmd starts, wherever it stands.
func (r *reader) calls(n hclsyntax.Node) {
	hclfile.Walk(n, func(n hclsyntax.Node) {
		if call, ok := n.(*hclsyntax.FunctionCallExpr); ok && call.Name == "run_cmd" {
			r.root(AtPlan, call, true)
		}
	})
}

func (r *reader) define(k key, at hcl.Range, n hclsyntax.Node) {
	uses, terms := r.what(n)
	one := r.node(k)
	one.pieces = append(one.pieces, piece{r.file.Path, at.Start.Line, hclfile.TextOf(r.file.Src, at)})
	one.uses = append(one.uses, uses...)
	one.terms = append(one.terms, terms...)
}

// module notes what a call passes to the variables of a module of the
// repository, and what count, for_each and a foreign module refer to.
func (r *reader) module(block *hclsyntax.Block) {
	name := "module." + hclfile.FirstLabel(block)
	inner, inside := r.file.ModuleFolder(block)
	if !inside {
		// What it does with its arguments is not known here.
		r.define(key{r.folder, name}, block.Range(), block.Body)
		return
	}
	r.follower.folder(inner)
	for argument, attribute := range block.Body.Attributes {
		if argument != "source" && argument != "version" {
			r.define(key{inner, "var." + argument}, attribute.Range(), attribute.Expr)
		}
	}
	// Of an output of the module one asks as module.m.x.
	r.node(key{r.folder, name}).uses = append(r.node(key{r.folder, name}).uses, key{inner, everyOutput})
	for k := range r.nodes {
		if out, ok := strings.CutPrefix(k.name, "output."); ok && k.folder == inner {
			r.node(key{r.folder, name + "." + out}).uses = append(r.node(key{r.folder, name + "." + out}).uses, k)
			r.node(key{inner, everyOutput}).uses = append(r.node(key{inner, everyOutput}).uses, k)
		}
	}
}

// everyOutput stands for all outputs of a folder.
const everyOutput = "output.*"

// what is all that a piece of configuration uses: names, and texts.
func (r *reader) what(n hclsyntax.Node) (uses []key, terms []term) {
	hclfile.Walk(n, func(n hclsyntax.Node) {
		switch e := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			if name := referred(e.Traversal); name != "" {
				uses = append(uses, key{r.folder, name})
			}
		case *hclsyntax.FunctionCallExpr:
			if readsFile(e.Name) && len(e.Args) > 0 {
				terms = append(terms, term{text: r.text(e.Args[0]), folder: r.folder, file: true})
			}
		case *hclsyntax.TupleConsExpr:
			terms = append(terms, r.list(e)...)
		case *hclsyntax.TemplateExpr:
			terms = append(terms, term{text: r.text(e), folder: r.folder})
		}
	})
	return uses, terms
}

// list is the words of a command that is given as a list. What follows -c is
// a text for a shell.
func (r *reader) list(e *hclsyntax.TupleConsExpr) []term {
	var terms []term
	for i, item := range e.Exprs {
		one := term{text: r.text(item), folder: r.folder, word: true}
		if i > 0 && strings.HasSuffix(terms[i-1].text, "c") && strings.HasPrefix(terms[i-1].text, "-") {
			one.word = false
		}
		terms = append(terms, one)
	}
	return terms
}

// referred is the name that a reference asks for.
func referred(traversal hcl.Traversal) string {
	names, length := hclfile.Names(traversal), 2
	switch names[0] {
	case "path", "each", "count", "self", "terraform":
		return ""
	case "data", "module":
		length = 3
	}
	return strings.Join(names[:min(length, len(names))], ".")
}

// readsFile reports whether a function reads the file that its first argument
// names.
func readsFile(name string) bool {
	name = name[strings.LastIndex(name, "::")+1:]
	return strings.HasPrefix(strings.TrimPrefix(name, ":"), "file") || strings.HasPrefix(strings.TrimPrefix(name, ":"), "templatefile")
}

// text is what an expression says, as far as it is written down: the folder of
// the module is known, and what else it refers to is a mark.
func (r *reader) text(expr hclsyntax.Expression) string {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return r.text(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return r.text(e.Wrapped)
	case *hclsyntax.LiteralValueExpr:
		if e.Val.Type() == cty.String && e.Val.IsKnown() && !e.Val.IsNull() {
			return e.Val.AsString()
		}
	case *hclsyntax.TemplateExpr:
		var b strings.Builder
		for _, part := range e.Parts {
			b.WriteString(r.text(part))
		}
		return b.String()
	case *hclsyntax.ScopeTraversalExpr:
		if e.Traversal.RootName() == "path" && len(e.Traversal) > 1 {
			if attribute, ok := e.Traversal[1].(hcl.TraverseAttr); ok {
				if attribute.Name == "module" {
					return "/" + path.Clean(r.folder)
				}
				return "/" + r.stack
			}
		}
	case *hclsyntax.FunctionCallExpr:
		if slices.Contains([]string{"get_terragrunt_dir", "get_original_terragrunt_dir"}, e.Name) {
			return "/" + r.stack
		}
	}
	return mark
}
