package program

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"mvdan.cc/sh/v3/syntax"

	"github.com/pm-todos/pm-todos/plugin/pattern"
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

// command takes a text apart as a shell would, and as any other language: what
// could be a path in it is one when the repository has it.
func (f *follower) command(t term, kind Kind) {
	for _, run := range pathRun().FindAllString(t.text, -1) {
		if strings.Trim(run, "./~-") != "" { // a point alone is a folder to a shell only
			f.names(t, run, kind, false)
		}
	}
	// A mark is no character that a shell knows; it stays one in a word.
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(strings.ReplaceAll(t.text, mark, markWord)), "")
	if err != nil {
		return // a text of another kind
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if word, ok := n.(*syntax.Word); ok {
			f.word(t, word, kind)
		}
		return true
	})
}

// pathRun is what may be a path in any language.
var pathRun = pattern.Lazy(`[\pL0-9_./~\x00-]+`)

// markWord stands for the mark while a shell's parser reads a text.
const markWord = "PM_TODOS_VALUE"

// word takes one word of a shell, without its quotes.
func (f *follower) word(t term, word *syntax.Word, kind Kind) {
	var text strings.Builder
	glob := false
	for _, part := range word.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			text.WriteString(strings.ReplaceAll(p.Value, `\`, ""))
			glob = glob || strings.ContainsAny(p.Value, "*?[")
		case *syntax.SglQuoted:
			text.WriteString(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok {
					f.result.Unfollowed = true
					continue
				}
				text.WriteString(lit.Value)
			}
		default: // what the shell puts in its place is not known here
			f.result.Unfollowed = true
		}
	}
	f.names(t, strings.ReplaceAll(text.String(), markWord, mark), kind, glob)
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
		for _, p := range f.tree.Paths {
			f.paths[p] = true
			for folder := path.Dir(p); folder != "." && !f.paths[folder+"/"]; folder = path.Dir(folder) {
				f.paths[folder+"/"] = true
			}
		}
	}
	return f.paths
}
