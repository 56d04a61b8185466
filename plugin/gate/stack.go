package gate

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"pm-todos/plugin/change"
	"pm-todos/plugin/gate/hclfile"
)

// StackOf is the folder of the stack that holds a path, "" when no stack does.
// The globs name folders (`stacks/*`); of nested stacks the innermost counts.
func StackOf(file string, stacks []string) string {
	for folder := path.Dir(file); folder != "." && folder != "/" && folder != ""; folder = path.Dir(folder) {
		if matchesAny(stacks, folder) {
			return folder
		}
	}
	return ""
}

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
// text decides only how early a baseline plan is made, never what is allowed.
func StackNamed(text string, folders []string) string {
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
		if !matchesAny(globs, folder+"/main.tf") {
			continue
		}
		if found != "" {
			return ""
		}
		found = folder
	}
	return found
}

// containsWord tells whether text holds word with no path or name character
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

// matchesAny tells whether one of the globs matches. A broken glob matches
// nothing.
func matchesAny(globs []string, file string) bool {
	for _, g := range globs {
		if ok, err := doublestar.Match(strings.TrimPrefix(strings.TrimSuffix(g, "/"), "./"), file); err == nil && ok {
			return true
		}
	}
	return false
}

// stack judges which stacks a change touches and is the one when there is
// exactly one.
func (d *diff) stack() string {
	touched := map[string]bool{}
	shared := false
	for _, file := range d.change.Files {
		clean := path.Clean(file.Path)
		if s := StackOf(clean, d.policy.Stacks); s != "" {
			touched[s] = true
			shared = d.usedElsewhere(file.Path, s) || shared
		} else if matchesAny(d.policy.AllowPaths, clean) {
			d.add(CodeSharedModule, file.Path, "the file lies outside every stack, so that a change may reach several")
			shared = true
		}
	}
	list := slices.Sorted(maps.Keys(touched))
	for _, s := range list {
		d.stackState(s)
		d.stackConfiguration(s)
	}
	switch {
	case len(list) == 0 && !shared:
		d.add(CodeNoStack, "", "the change touches no stack, so that there is nothing to plan")
	case len(list) > 1:
		d.add(CodeSeveralStacks, strings.Join(list, " "), "an item may change exactly one stack")
	}
	if len(list) != 1 {
		return ""
	}
	return list[0]
}

// usedElsewhere tells of a file inside a stack that another stack uses as a
// module.
func (d *diff) usedElsewhere(file, stack string) bool {
	if d.modules == nil {
		d.modules = map[string][]string{}
		for name, src := range d.policy.BaseFiles {
			user := StackOf(name, d.policy.Stacks)
			for _, folder := range modulesUsed(name, src) {
				d.modules[folder] = append(d.modules[folder], user)
			}
		}
	}
	for folder, users := range d.modules {
		if !strings.HasPrefix(file, folder+"/") {
			continue
		}
		if slices.ContainsFunc(users, func(user string) bool { return user != stack }) {
			d.add(CodeSharedModule, file, "another stack uses this folder as a module, so that a change reaches several")
			return true
		}
	}
	return false
}

// stackState judges a touched stack as a whole.
func (d *diff) stackState(stack string) {
	if Protected(stack, d.policy.Protected) {
		d.add(CodeProtectedStack, stack, "the stack is protected")
	}
	exists := false
	name := fold(path.Base(stack))
	for _, p := range d.policy.BasePaths {
		inside := strings.HasPrefix(p, stack+"/")
		exists = exists || inside
		folded := fold(p)
		if inside && strings.Contains(path.Base(folded), ".tfstate") || matchesAny(d.policy.StatePaths, p) && namesStack(folded, name) {
			d.add(CodeStateInGit, p, "the state of "+stack+" is tracked in git; an apply would have to commit it too")
		}
	}
	if !exists {
		d.add(CodeNoStack, stack, "the stack does not exist in the base; a new stack is left to people")
	}
}

// stackConfiguration refuses a stack that has a file which the gate cannot read:
// what it runs, protects and shares with others is unknown.
func (d *diff) stackConfiguration(stack string) {
	belongs := func(file string) bool {
		return path.Ext(file) == ".hcl" && isAbove(path.Dir(file), stack) || StackOf(file, d.policy.Stacks) == stack
	}
	for _, file := range d.policy.Unread {
		if belongs(file) {
			d.add(CodeUnread, file, "the stack has this file, which is too large to be read; its items are left to people until the file is split")
		}
	}
	for file, src := range d.policy.BaseFiles {
		if ext := path.Ext(file); ext != ".tf" && ext != ".tofu" || !belongs(file) || d.changes(file) {
			continue
		}
		if _, err := hclfile.Read(file, src); err != nil {
			d.add(CodeHCL, file, "the stack has this file already: "+err.Error())
		}
	}
}

// isAbove tells whether a folder is that of a stack or one that it is in.
func isAbove(folder, stack string) bool {
	return folder == "." || strings.HasPrefix(stack+"/", folder+"/")
}

// changes tells whether a path is one of the change.
func (d *diff) changes(file string) bool {
	return slices.ContainsFunc(d.change.Files, func(f change.File) bool { return f.Path == file })
}

// Protected reports whether a stack is protected: by the name of any part of
// its path, by its path or a folder above it, or by a glob.
func Protected(stack string, protected []string) bool {
	folded := fold(stack)
	for _, p := range protected {
		p = strings.Trim(strings.TrimPrefix(fold(strings.TrimSpace(p)), "./"), "/")
		if p == "" {
			continue
		}
		if slices.Contains(strings.Split(folded, "/"), p) || strings.HasPrefix(folded+"/", p+"/") || matchesAny([]string{p}, folded) {
			return true
		}
		for _, part := range strings.Split(folded, "/") {
			if matchesAny([]string{p}, part) {
				return true
			}
		}
	}
	return false
}

// namesStack tells whether a part of a folded path is the stack's name, with
// or without an ending.
func namesStack(folded, name string) bool {
	for _, part := range strings.Split(folded, "/") {
		if part == name || strings.HasPrefix(part, name+".") {
			return true
		}
	}
	return false
}
