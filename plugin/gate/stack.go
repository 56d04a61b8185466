package gate

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// stack judges which stacks a change touches and is the one when there is
// exactly one.
func (d *diff) stack() string {
	touched := map[string]bool{}
	shared := false
	for _, file := range d.change.Files {
		clean := path.Clean(file.Path)
		if s := place.StackOf(clean, d.policy.Stacks); s != "" {
			touched[s] = true
			if !place.Protected(s, d.policy.Protected) && place.ProtectedFile(clean, s, d.policy.Protected) {
				d.add(reason.ProtectedStack, file.Path, "the file has the name of what is protected")
			}
			shared = d.usedElsewhere(file.Path, s) || shared
		} else if place.Matches(d.policy.AllowPaths, clean) {
			d.add(reason.SharedModule, file.Path, "the file is outside every stack, so a change may affect several")
			shared = true
		}
	}
	list := slices.Sorted(maps.Keys(touched))
	for _, s := range list {
		d.stackState(s)
		if !d.policy.Unplanned {
			d.stackConfiguration(s)
		}
	}
	switch {
	case len(list) == 0 && !shared:
		d.add(reason.NoStack, "", "the change touches no stack, so there is nothing to plan")
	case len(list) > 1:
		d.add(reason.SeveralStacks, strings.Join(list, " "), "an item may change exactly one stack")
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
		for _, name := range d.tree.Names() {
			if parsed, err := d.tree.Parse(name); err == nil {
				for _, call := range parsed.Calls() {
					d.modules[call.Folder] = append(d.modules[call.Folder], place.StackOf(name, d.policy.Stacks))
				}
			}
		}
	}
	for folder, users := range d.modules {
		if !strings.HasPrefix(file, folder+"/") {
			continue
		}
		if slices.ContainsFunc(users, func(user string) bool { return user != stack }) {
			d.add(reason.SharedModule, file, "another stack uses this folder as a module, so a change affects several")
			return true
		}
	}
	return false
}

// stackState judges a touched stack as a whole.
func (d *diff) stackState(stack string) {
	if place.Protected(stack, d.policy.Protected) {
		d.add(reason.ProtectedStack, stack, "the stack is protected")
	}
	exists := false
	name := place.Fold(path.Base(stack))
	for _, p := range d.policy.BasePaths {
		inside := place.Inside(p, stack)
		exists = exists || inside
		folded := place.Fold(p)
		if d.policy.Unplanned {
			continue
		}
		if inside && strings.Contains(path.Base(folded), ".tfstate") || place.Matches(d.policy.StatePaths, p) && place.NamesStack(folded, name) {
			d.add(reason.StateInGit, p, "the state of "+stack+" is tracked in git; an apply would have to commit it too")
		}
	}
	if !exists {
		d.add(reason.NoStack, stack, "the stack does not exist in the base; a new stack needs a person")
	}
}

// stackConfiguration refuses a stack that has a file which the gate cannot read:
// what it runs, protects and shares with others is unknown.
func (d *diff) stackConfiguration(stack string) {
	belongs := func(file string) bool {
		return path.Ext(file) == ".hcl" && isAbove(path.Dir(file), stack) || place.StackOf(file, d.policy.Stacks) == stack
	}
	for _, file := range d.policy.Unread {
		if belongs(file) {
			d.add(reason.ContentMissing, file, "the stack has this file, which is too large to read; items of the stack need a person until the file is split")
		}
	}
	for _, file := range d.tree.Names() {
		if ext := path.Ext(file); ext != ".tf" && ext != ".tofu" || !belongs(file) || d.changes(file) {
			continue
		}
		if _, err := d.tree.Parse(file); err != nil {
			d.add(reason.HCLUnreadable, file, "the file is already in the stack: "+err.Error())
		}
	}
}

// isAbove reports whether a folder is that of a stack or one that it is in.
func isAbove(folder, stack string) bool {
	return folder == "." || strings.HasPrefix(stack+"/", folder+"/")
}

// changes reports whether a path is one of the change.
func (d *diff) changes(file string) bool {
	return slices.ContainsFunc(d.change.Files, func(f item.File) bool { return f.Path == file })
}
