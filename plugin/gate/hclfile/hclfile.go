// Package hclfile reads files of Terraform and Terragrunt. What the parser could
// not bear it does not give to it.
package hclfile

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Limits of a Terraform file. The parser calls itself for every bracket and
// every operator before a value, so that their depth is judged before it runs.
const (
	maxHCLBytes   = 1 << 20
	maxHCLNesting = 120
	maxHCLPrefix  = 120
)

// File is one parsed file.
type File struct {
	Path string
	Src  []byte
	Body *hclsyntax.Body
}

// read parses a file. The error names the line and the parser's
// complaint, not the text.
func read(file string, src []byte) (File, error) {
	if len(src) > maxHCLBytes {
		return File{}, fmt.Errorf("the file is larger than %d bytes", maxHCLBytes)
	}
	tokens, _ := hclsyntax.LexConfig(src, file, hcl.InitialPos)
	if tooDeep(tokens) {
		return File{}, fmt.Errorf("the file is nested too deeply to be judged")
	}
	parsed, diags := hclsyntax.ParseConfig(src, file, hcl.InitialPos)
	if diags.HasErrors() {
		line := 0
		if diags[0].Subject != nil {
			line = diags[0].Subject.Start.Line
		}
		return File{}, fmt.Errorf("the file cannot be parsed as HCL, line %d: %s", line, diags[0].Summary)
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return File{}, fmt.Errorf("the file cannot be parsed as HCL")
	}
	return File{Path: file, Src: src, Body: body}, nil
}

func tooDeep(tokens hclsyntax.Tokens) bool {
	var open []hclsyntax.TokenType
	prefix := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			open = append(open, t.Type)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			open = open[:max(0, len(open)-1)]
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenQuestion, hclsyntax.TokenColon:
			prefix++
		case hclsyntax.TokenComma:
			prefix = 0
		case hclsyntax.TokenNewline:
			// A line end does not end an expression inside ( and [.
			if len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace {
				prefix = 0
			}
		}
		if len(open) > maxHCLNesting || prefix > maxHCLPrefix {
			return true
		}
	}
	return false
}

// TextOf is the tokens of a range without comments and line ends: equal for
// two pieces of configuration that mean the same to the parser.
func TextOf(src []byte, r hcl.Range) string {
	if r.Start.Byte < 0 || r.End.Byte > len(src) || r.Start.Byte > r.End.Byte {
		return ""
	}
	tokens, _ := hclsyntax.LexConfig(src[r.Start.Byte:r.End.Byte], "", hcl.InitialPos)
	var b bytes.Buffer
	for _, t := range tokens {
		if t.Type == hclsyntax.TokenComment || t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenEOF {
			continue
		}
		b.WriteRune(rune(t.Type))
		b.Write(t.Bytes)
		b.WriteByte(0)
	}
	return b.String()
}

// Added are the pieces of one side that the other does not have as often, by
// their text: a piece that only moved is not an added one.
func Added[T any](before, after []T, text func(T) string) []T {
	had := map[string]int{}
	for _, piece := range before {
		had[text(piece)]++
	}
	var added []T
	for _, piece := range after {
		if had[text(piece)]--; had[text(piece)] < 0 {
			added = append(added, piece)
		}
	}
	return added
}

// AddedTexts is the same for texts.
func AddedTexts(before, after []string) []string {
	return Added(before, after, func(text string) string { return text })
}

// ModuleFolder is the folder of the repository that a call of a module names, or
// Terragrunt's block terraform: its source is a literal, relative path that stays
// inside.
func (f File) ModuleFolder(call *hclsyntax.Block) (string, bool) {
	source, ok := literal(call.Body.Attributes["source"])
	if !ok || !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") || strings.ContainsAny(source, "?\\") || strings.Contains(source, "::") {
		return "", false
	}
	folder := path.Join(path.Dir(f.Path), source)
	return folder, folder != ".." && !strings.HasPrefix(folder, "../") && !strings.HasPrefix(folder, "/") && folder != "."
}

// Call is a call of a module that is a folder of the repository.
type Call struct {
	Name   string // module.x, "" for the root module of Terragrunt
	Folder string
}

// CallsUnknown reports whether a file calls a module of which only Terraform, or
// Terragrunt, will know which folder it is.
func (f File) CallsUnknown() bool {
	for _, block := range f.Body.Blocks {
		if source := block.Body.Attributes["source"]; source != nil && (block.Type == "module" || block.Type == "terraform") {
			if _, known := literal(source); !known {
				return true
			}
		}
	}
	return false
}

// Calls are those of a file.
func (f File) Calls() []Call {
	var calls []Call
	for _, block := range f.Body.Blocks {
		one := Call{}
		switch block.Type {
		case "module":
			one.Name = "module." + FirstLabel(block)
		case "terraform":
		default:
			continue
		}
		if folder, inside := f.ModuleFolder(block); inside {
			one.Folder = folder
			calls = append(calls, one)
		}
	}
	return calls
}

// NameOf is what refers to a block by, in its module: aws_x.y, data.aws_x.y,
// var.x, output.x, module.x; "" for a block that nothing refers to.
func NameOf(block *hclsyntax.Block) string {
	labels := strings.Join(block.Labels, ".")
	switch block.Type {
	case "resource":
		return labels
	case "variable":
		return "var." + labels
	case "data", "output", "module":
		return block.Type + "." + labels
	}
	return ""
}

// Walk visits a piece of configuration and all that is in it.
func Walk(node hclsyntax.Node, visit func(hclsyntax.Node)) {
	// The walk cannot fail: the callback gives no diagnostics.
	_ = hclsyntax.VisitAll(node, func(n hclsyntax.Node) hcl.Diagnostics {
		visit(n)
		return nil
	})
}

// Names are the root of a reference and the attributes behind it: what stands in
// brackets is left out.
func Names(t hcl.Traversal) []string {
	names := []string{t.RootName()}
	for _, step := range t[1:] {
		if attribute, ok := step.(hcl.TraverseAttr); ok {
			names = append(names, attribute.Name)
		}
	}
	return names
}

// literal is the text of an attribute that is a plain string.
func literal(attribute *hclsyntax.Attribute) (string, bool) {
	if attribute == nil {
		return "", false
	}
	return LiteralText(attribute.Expr)
}

// LiteralText is the text of an expression that is one plain string.
func LiteralText(expr hclsyntax.Expression) (string, bool) {
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return LiteralText(e.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return "", false
	case *hclsyntax.TemplateExpr:
		text := ""
		for _, part := range e.Parts {
			value, ok := part.(*hclsyntax.LiteralValueExpr)
			if !ok || value.Val.Type() != cty.String {
				return "", false
			}
			text += value.Val.AsString()
		}
		return text, true
	}
	return "", false
}

// FirstLabel is the first label of a block, "" when it has none.
func FirstLabel(block *hclsyntax.Block) string {
	if len(block.Labels) == 0 {
		return ""
	}
	return block.Labels[0]
}

// Holds reports whether a body has a block or an argument of that name, at any
// depth.
func Holds(body *hclsyntax.Body, name string) bool {
	for attribute := range body.Attributes {
		if strings.EqualFold(attribute, name) {
			return true
		}
	}
	return slices.ContainsFunc(body.Blocks, func(block *hclsyntax.Block) bool {
		return strings.EqualFold(block.Type, name) || block.Type == "dynamic" && strings.EqualFold(FirstLabel(block), name) || Holds(block.Body, name)
	})
}
