package program

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"mvdan.cc/sh/v3/syntax"
)

// mark stands in a text for what is known only when it is evaluated. The values
// themselves are followed by their names.
const mark = "\x00"

// term is a text that a program may be given.
type term struct {
	text   string
	folder string // of the file that has it
	file   bool   // it names a file that a function reads
	word   bool   // it is one word of a command, and no shell takes it apart
}

func literalText(e *hclsyntax.LiteralValueExpr) (string, bool) {
	if e.Val.Type() != cty.String || !e.Val.IsKnown() || e.Val.IsNull() {
		return "", false
	}
	return e.Val.AsString(), true
}

// take notes the files and folders that terms name.
func (f *follower) take(terms []term, kind Kind) {
	for _, t := range terms {
		switch {
		case t.text == mark:
		case t.file, t.word:
			f.names(t, t.text, kind, false)
		default:
			f.command(t, kind)
		}
	}
}

// command takes a text apart as a shell would.
func (f *follower) command(t term, kind Kind) {
	if !strings.ContainsAny(t.text, " \t\n;|&<>") {
		f.names(t, t.text, kind, false)
		return
	}
	// A mark is no character that a shell knows; it stays one in a word.
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(strings.ReplaceAll(t.text, mark, markWord)), "")
	if err != nil {
		// It may be a text of another kind, which names files by words as well.
		for _, word := range strings.Fields(t.text) {
			f.names(t, strings.Trim(word, `"'`), kind, false)
		}
		return
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if word, ok := n.(*syntax.Word); ok {
			f.word(t, word, kind)
		}
		return true
	})
}

// markWord stands for the mark while a shell's parser reads a text.
const markWord = "PM_TODOS_VALUE"

// word takes one word of a shell.
func (f *follower) word(t term, word *syntax.Word, kind Kind) {
	var text strings.Builder
	glob := false
	for _, part := range word.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			text.WriteString(strings.ReplaceAll(p.Value, `\`, ""))
			glob = glob || strings.ContainsAny(p.Value, "*?[")
		case *syntax.SglQuoted:
			f.nested(t, p.Value, kind)
			text.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				if lit, ok := inner.(*syntax.Lit); ok {
					f.nested(t, lit.Value, kind)
					text.WriteString(lit.Value)
				} else {
					f.result.Unfollowed = true
				}
			}
		default: // what the shell puts in its place is not known here
			f.result.Unfollowed = true
		}
	}
	f.names(t, strings.ReplaceAll(text.String(), markWord, mark), kind, glob)
}

// nested takes a quoted text that may be a command of its own.
func (f *follower) nested(t term, text string, kind Kind) {
	for _, word := range strings.Fields(text) {
		f.names(t, strings.ReplaceAll(strings.Trim(word, `"';`), markWord, mark), kind, false)
	}
}

// names notes the file or the folder that a word names, when the repository has
// it. Options may hold one behind their sign of equality.
func (f *follower) names(t term, word string, kind Kind, glob bool) {
	if _, value, ok := strings.Cut(word, "="); ok && !t.file {
		f.names(t, value, kind, glob)
	}
	word = strings.TrimPrefix(strings.TrimPrefix(word, "@"), "file://")
	switch {
	case word == "" || len(word) > 400:
		return
	case strings.Contains(word, mark):
		f.result.Unfollowed = f.result.Unfollowed || strings.Contains(word, "/")
		return
	}
	for _, place := range f.places(t, word) {
		switch {
		case glob:
			for p := range f.known() {
				if ok, err := doublestar.Match(place, p); err == nil && ok {
					f.reach(p, kind)
				}
			}
		case f.known()[place]:
			f.reach(place, kind)
		case f.known()[place+"/"]:
			f.result.folders[place] = kind
		}
	}
}

// places are the paths in the repository that a word may mean: from the folder
// of its file, and from the stack, where Terraform runs.
func (f *follower) places(t term, word string) []string {
	if inside, absolute := strings.CutPrefix(word, "/"); absolute {
		return []string{path.Clean(inside)}
	}
	if !strings.Contains(word, "/") && !strings.Contains(word, ".") && !t.file {
		// A bare word is a folder of that name beside the command at most.
		return []string{path.Join(t.folder, word), path.Join(f.stack, word)}
	}
	list := []string{path.Join(t.folder, word), path.Join(f.stack, word)}
	if strings.Contains(strings.TrimLeft(word, "./"), "/") {
		list = append(list, path.Clean(strings.TrimLeft(word, "./")))
	}
	return list
}

func (f *follower) reach(file string, kind Kind) {
	f.result.files[file] = kind
	if script(file) {
		f.result.Unfollowed = true // what it reads is not known here
	}
}

// script reports whether a file is a program by its name.
func script(file string) bool {
	switch path.Ext(file) {
	case ".sh", ".bash", ".py", ".rb", ".pl", ".js", ".ps1", "":
		return true
	}
	return false
}

// known are all paths of the repository, folders with a slash behind them.
func (f *follower) known() map[string]bool {
	if f.paths == nil {
		f.paths = map[string]bool{}
		for _, p := range f.configuration.Paths {
			f.paths[p] = true
			for folder := path.Dir(p); folder != "." && !f.paths[folder+"/"]; folder = path.Dir(folder) {
				f.paths[folder+"/"] = true
			}
		}
	}
	return f.paths
}
