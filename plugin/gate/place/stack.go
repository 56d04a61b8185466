package place

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// StackOf is the folder of the stack that holds a path, "" when no stack does.
// The globs name folders (`stacks/*`), and `.` the root; of nested stacks the
// innermost counts.
func StackOf(file string, stacks []string) string {
	if file == "" || strings.HasPrefix(file, "/") {
		return ""
	}
	for folder := path.Dir(file); folder != root; folder = path.Dir(folder) {
		if Matches(stacks, folder) {
			return folder
		}
	}
	if slices.ContainsFunc(stacks, isRoot) {
		return root
	}
	return ""
}

// root is the folder of a stack that is the whole repository.
const root = "."

// isRoot reports whether a glob names the root: a wildcard does not mean it.
func isRoot(glob string) bool { return path.Clean(glob) == root }

// Inside reports whether a path is below the folder of a stack.
func Inside(file, stack string) bool { return stack == root || strings.HasPrefix(file, stack+"/") }

// Stacks is the stacks that hold at least one of the paths, sorted.
func Stacks(paths, stacks []string) []string {
	seen := map[string]bool{}
	for _, p := range paths {
		if s := StackOf(p, stacks); s != "" {
			seen[s] = true
		}
	}
	list := make([]string, 0, len(seen))
	for s := range seen {
		list = append(list, s)
	}
	slices.Sort(list)
	return list
}

// StackNamed is the one stack among the folders that a text names: by its path
// (`stacks/monitoring/main.tf` too), as code (`monitoring` in backticks), or
// beside the word "stack". It is "" when the text names none or several. The
// text decides only how early a baseline plan is made, never what is allowed. Where
// the root is the only stack there is nothing to name.
func StackNamed(text string, folders []string) string {
	if len(folders) == 1 && folders[0] == root {
		return root
	}
	var named []string
	lower := strings.ToLower(text)
	for _, folder := range folders {
		f := strings.ToLower(folder)
		name := path.Base(f)
		if containsWord(lower, f) || strings.Contains(lower, "`"+name+"`") ||
			containsWord(lower, name+" stack") || containsWord(lower, "stack "+name) {
			named = append(named, folder)
		}
	}
	if len(named) != 1 {
		return ""
	}
	return named[0]
}

// StackWithin is the one stack among the folders whose files the globs allow,
// "" when they allow several or none.
func StackWithin(globs, folders []string) string {
	found := ""
	for _, folder := range folders {
		if !Matches(globs, path.Join(folder, "main.tf")) {
			continue
		}
		if found != "" {
			return ""
		}
		found = folder
	}
	return found
}

// containsWord reports whether text holds word with no path or name character
// before and after it; a slash after it is fine.
func containsWord(text, word string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], word)
		if at < 0 {
			return false
		}
		start, end := from+at, from+at+len(word)
		if (start == 0 || !nameByte(text[start-1]) && text[start-1] != '/') && (end == len(text) || !nameByte(text[end])) {
			return true
		}
		from = start + 1
	}
}

func nameByte(b byte) bool {
	return b == '-' || b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// Matches reports whether one of the globs matches. A broken glob matches
// nothing.
func Matches(globs []string, file string) bool {
	for _, g := range globs {
		if ok, err := doublestar.Match(strings.TrimPrefix(strings.TrimSuffix(g, "/"), "./"), file); err == nil && ok {
			return true
		}
	}
	return false
}

// Protected reports whether a stack is protected: by the name of any part of
// its path, by its path or a folder above it, or by a glob.
func Protected(stack string, protected []string) bool {
	folded := Fold(stack)
	for _, p := range protected {
		p = strings.Trim(strings.TrimPrefix(Fold(strings.TrimSpace(p)), "./"), "/")
		if p == "" {
			continue
		}
		if slices.Contains(strings.Split(folded, "/"), p) || strings.HasPrefix(folded+"/", p+"/") || Matches([]string{p}, folded) {
			return true
		}
		for _, part := range strings.Split(folded, "/") {
			if Matches([]string{p}, part) {
				return true
			}
		}
	}
	return false
}

// ProtectedFile reports whether a file of a stack is protected: by its stack, and
// in the stack that is the root by the name of any folder on its way, or its own
// without the ending.
func ProtectedFile(file, stack string, protected []string) bool {
	return Protected(stack, protected) || stack == root && Protected(strings.TrimSuffix(file, path.Ext(file)), protected)
}

// NamesStack reports whether a part of a folded path is the stack's name, with
// or without an ending. The root has none, and any state is its own.
func NamesStack(folded, name string) bool {
	if name == root {
		return true
	}
	for _, part := range strings.Split(folded, "/") {
		if part == name || strings.HasPrefix(part, name+".") {
			return true
		}
	}
	return false
}
