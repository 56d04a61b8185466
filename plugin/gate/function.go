package gate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// fileFunctions is the functions that read files of the Terraform host.
var fileFunctions = []string{
	"file", "filebase64", "filebase64sha256", "filebase64sha512", "filemd5", "filesha1", "filesha256", "filesha512", "fileexists", "fileset", "templatefile",
}

// refusedFunctions is functions that items do not need, by what is wrong with
// them.
var refusedFunctions = map[string]string{
	"templatestring":  "renders a text that the gate cannot see",
	"pathexpand":      "leads out of the module",
	"abspath":         "leads out of the module",
	"nonsensitive":    "reveals what is hidden",
	"ephemeralasnull": "reveals what is hidden",
	"timestamp":       "gives another value in every plan, so that the plan never settles",
	"plantimestamp":   "gives another value in every plan, so that the plan never settles",
	"uuid":            "gives another value in every plan, so that the plan never settles",
	"bcrypt":          "gives another value in every plan, so that the plan never settles",
}

// functions judges the function calls of a folder that were not there before.
func (c *comparison) functions() {
	for _, one := range hclfile.Added(callsOf(c.folder.before), callsOf(c.folder.after), call.text) {
		c.call(one.file, one.FunctionCallExpr)
	}
}

// call is a call of a function that the gate looks at.
type call struct {
	*hclsyntax.FunctionCallExpr
	file hclfile.File
}

func (c call) text() string { return hclfile.TextOf(c.file.Src, c.Range()) }

// callsOf is those in files.
func callsOf(files []hclfile.File) []call {
	var calls []call
	for _, file := range files {
		hclfile.Walk(file.Body, func(node hclsyntax.Node) {
			if one, ok := node.(*hclsyntax.FunctionCallExpr); ok && watched(one.Name) {
				calls = append(calls, call{one, file})
			}
		})
	}
	return calls
}

// plainName is a function's name without the namespace of built-in ones.
func plainName(name string) string {
	return strings.TrimPrefix(strings.ToLower(name), "core::")
}

func watched(name string) bool {
	name = plainName(name)
	return slices.Contains(fileFunctions, name) || refusedFunctions[name] != "" || strings.Contains(name, "::")
}

// call judges one new call.
func (c *comparison) call(file hclfile.File, call *hclsyntax.FunctionCallExpr) {
	at := fmt.Sprintf("%s:%d", file.Path, call.Range().Start.Line)
	name := plainName(call.Name)
	if strings.Contains(name, "::") {
		c.add(reason.Function, at, "a provider's function runs the provider's code at plan time")
		return
	}
	if why := refusedFunctions[name]; why != "" {
		c.add(reason.Function, at, name+"() "+why)
		return
	}
	if call.ExpandFinal || len(call.Args) == 0 {
		c.add(reason.FileFunction, at, name+"() must be given its path literally")
		return
	}
	target, problem := modulePath(path.Dir(file.Path), call.Args[0])
	if problem == "" && name == "fileset" {
		problem = filesetPattern(call.Args)
	} else if problem == "" && !c.tracked(target) {
		problem = "must name a file of the repository"
	}
	if problem == "" && place.Denied(place.Fold(target)) != "" {
		problem = "must not name a file that no item may touch"
	}
	if problem != "" {
		c.add(reason.FileFunction, at, name+"() "+problem)
	}
}

// tracked reports whether a path is a file of the base or of the change. Files
// that only lie about on the host (variable files, a kubeconfig) are not.
func (c *comparison) tracked(file string) bool {
	if slices.Contains(c.policy.BasePaths, file) {
		return true
	}
	return slices.ContainsFunc(readable(c.change.Files), func(f item.File) bool { return f.Path == file })
}

// modulePath is the path that an argument names, from the root of the
// repository: a literal below the module's folder, with or without
// ${path.module} before it.
func modulePath(folder string, argument hclsyntax.Expression) (file, problem string) {
	const must = "must be given a literal path below ${path.module}"
	text, ok := hclfile.LiteralText(argument)
	if traversal, is := argument.(*hclsyntax.ScopeTraversalExpr); !ok && is && isModulePath(traversal.Traversal) {
		text, ok = ".", true
	}
	if template, is := argument.(*hclsyntax.TemplateExpr); !ok && is && len(template.Parts) > 0 {
		first, isTraversal := template.Parts[0].(*hclsyntax.ScopeTraversalExpr)
		if !isTraversal || !isModulePath(first.Traversal) {
			return "", must
		}
		for _, part := range template.Parts[1:] {
			value, isLiteral := part.(*hclsyntax.LiteralValueExpr)
			if !isLiteral || value.Val.Type() != cty.String {
				return "", must
			}
			text += value.Val.AsString()
		}
		if text != "" && !strings.HasPrefix(text, "/") {
			return "", must
		}
		text, ok = "."+text, true
	}
	if !ok || text == "" || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "~") || strings.ContainsAny(text, "\\\x00") ||
		slices.Contains(strings.Split(text, "/"), "..") {
		return "", must
	}
	return path.Join(folder, text), ""
}

func isModulePath(t hcl.Traversal) bool {
	names := hclfile.Names(t)
	return len(t) == 2 && len(names) == 2 && names[0] == "path" && (names[1] == "module" || names[1] == "root")
}

func filesetPattern(args []hclsyntax.Expression) string {
	if len(args) == 2 {
		if pattern, ok := hclfile.LiteralText(args[1]); ok && !strings.HasPrefix(pattern, "/") && !strings.Contains(pattern, "..") {
			return ""
		}
	}
	return "must be given a literal pattern without .."
}

// templateCall matches a call of a watched function in a template's text when
// the template's own language cannot be read.
var templateCall = pattern.Lazy(`(?i)\b(?:` + strings.Join(fileFunctions, "|") + `|templatestring|pathexpand|abspath|provider::[a-z0-9_:]+)\s*\(`)

// template judges a text file that templatefile() may render: a function call
// inside ${…} or %{…} runs when it does.
func (d *diff) template(file item.File) {
	if len(hclfile.AddedTexts(templateCalls(file.Old), templateCalls(file.New))) > 0 {
		d.add(reason.FileFunction, file.Path, "a template must not call a function that reads files or runs code")
	}
}

// templateCalls is the names of watched functions that a template calls. It
// looks at tokens, not at text, since comments and line ends may stand between
// a name and its bracket.
func templateCalls(src []byte) []string {
	if !strings.Contains(string(src), "${") && !strings.Contains(string(src), "%{") {
		return nil
	}
	tokens, diags := hclsyntax.LexTemplate(src, "", hcl.InitialPos)
	var names []string
	if diags.HasErrors() {
		for _, match := range templateCall().FindAllString(string(src), -1) {
			names = append(names, strings.TrimSpace(strings.TrimSuffix(match, "(")))
		}
	}
	name := ""
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenIdent:
			if !strings.HasSuffix(name, "::") {
				name = ""
			}
			name += string(t.Bytes)
		case hclsyntax.TokenDoubleColon:
			name += "::"
		case hclsyntax.TokenComment, hclsyntax.TokenNewline:
		case hclsyntax.TokenOParen:
			if watched(name) {
				names = append(names, plainName(name))
			}
			name = ""
		default:
			name = ""
		}
	}
	return names
}
