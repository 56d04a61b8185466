package gate

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"pm-todos/plugin/pattern"
)

// A data file is a program when a hook, a provisioner or an external data source
// runs it, and configuration when Terragrunt writes it into a Terraform file.
// This file finds the files that such blocks of the base name.

// runsPrograms matches data sources that run a program.
var runsPrograms = pattern.Lazy(`^(external|shell_|ssh_|command_|exec_|script_|process_)`)

// hookBlocks is the blocks of Terragrunt that run programs or write
// configuration.
var hookBlocks = []string{"before_hook", "after_hook", "error_hook", "generate", "remote_state", "extra_arguments"}

// programs refuses changes of files that programs are made of.
func (d *diff) programs() {
	texts := map[string][]string{}
	for _, file := range d.change.Files {
		stack := StackOf(file.Path, d.policy.Stacks)
		if stack == "" || strings.EqualFold(path.Ext(file.Path), ".tf") {
			continue
		}
		if _, known := texts[stack]; !known {
			texts[stack] = d.programTexts(stack)
		}
		if slices.ContainsFunc(texts[stack], func(text string) bool { return refersTo(text, stack, file.Path) }) {
			d.add(CodeCodeAtPlan, file.Path, "a hook, a provisioner, a provider or a data source that runs a program is made of this file; it stays as it is")
		}
	}
}

// programTexts is the words in what runs programs in a stack, and in the
// Terragrunt files above it.
func (d *diff) programTexts(stack string) []string {
	folders := map[string]bool{}
	for name := range d.policy.BaseFiles {
		if folder := path.Dir(name); StackOf(name, d.policy.Stacks) == stack || isAbove(folder, stack) {
			folders[folder] = true
		}
	}
	var words []string
	for folder := range folders {
		around := d.definitionsIn(folder)
		for name, src := range d.policy.BaseFiles {
			ext := path.Ext(name)
			if path.Dir(name) != folder || ext != ".hcl" && StackOf(name, d.policy.Stacks) != stack {
				continue
			}
			if file, err := readTerraform(name, src); err == nil {
				words = append(words, programWords(around, file)...)
			} else if strings.HasSuffix(name, ".json") && guardedInJSON().Match(src) {
				words = append(words, strings.FieldsFunc(string(src), notInPath)...)
			}
		}
	}
	return words
}

// definitionsIn is the values that the files of a folder define.
func (d *diff) definitionsIn(folder string) map[string]definition {
	s := noSurroundings()
	files, _ := d.configuration(folder, false)
	for _, file := range files {
		s.readAll(file)
	}
	return s.definitions
}

// programWords is the words in the blocks of one file that run programs, and in
// the values that they use, of the file itself and of its folder.
func programWords(around map[string]definition, file terraformFile) []string {
	s := noSurroundings()
	maps.Copy(s.definitions, around)
	s.readAll(file)
	var words []string
	seen := map[string]bool{}
	var follow func(names, literals []string)
	follow = func(names, literals []string) {
		for _, text := range literals {
			words = append(words, strings.FieldsFunc(text, notInPath)...)
		}
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				follow(s.definitions[name].uses, s.definitions[name].literals)
			}
		}
	}
	for _, node := range programNodes(file.body) {
		follow(namesIn(node), literalsIn(node))
	}
	return words
}

// programNodes is the parts of a file that run programs or write configuration.
func programNodes(body *hclsyntax.Body) []hclsyntax.Node {
	var nodes []hclsyntax.Node
	// The walk cannot fail: the callback gives no diagnostics.
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		switch node := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if plainName(node.Name) == "run_cmd" {
				nodes = append(nodes, node)
			}
		case *hclsyntax.Block:
			program := node.Type == "data" && runsPrograms().MatchString(firstLabel(node))
			if program || slices.Contains(hookBlocks, node.Type) || slices.Contains([]string{"provisioner", "connection", "provider", "postrender"}, node.Type) {
				nodes = append(nodes, node.Body)
			}
		case *hclsyntax.Attribute:
			if slices.Contains(hookBlocks, node.Name) || node.Name == "postrender" {
				nodes = append(nodes, node.Expr)
			}
		}
		return nil
	})
	return nodes
}

// notInPath tells whether a character divides words in a command.
func notInPath(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`;|&<>()=,:{}\\", r) }

// refersTo tells whether a word in a command may be the path of a file, of a
// folder in the stack that holds it, or a pattern of its name.
func refersTo(word, stack, file string) bool {
	folder := strings.Contains(word, "/")
	word = strings.Trim(path.Clean(strings.TrimLeft(word, "./")), "/")
	if word == "" || word == "." {
		return false
	}
	if strings.ContainsAny(word, "*?[") {
		ok, err := doublestar.Match("**/"+word, file)
		return err != nil || ok
	}
	below := strings.TrimPrefix(file, stack)
	return strings.HasSuffix("/"+file, "/"+word) || path.Ext(word) != "" && path.Base(word) == path.Base(file) ||
		folder && strings.Contains(below, "/"+word+"/")
}
