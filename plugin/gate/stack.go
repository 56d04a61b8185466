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

// stacks judges which stacks a change is of: the one that it touches, and those
// that use a module which it changes.
func (d *diff) stacks() []string {
	touched, users := map[string]bool{}, map[string]bool{}
	for _, file := range d.change.Files {
		clean := path.Clean(file.Path)
		own := place.StackOf(clean, d.policy.Stacks)
		if own != "" {
			touched[own] = true
			if !place.Protected(own, d.policy.Protected) && place.ProtectedFile(clean, own, d.policy.Protected) {
				d.add(reason.ProtectedStack, file.Path, "the file has the name of what is protected")
			}
		} else if !place.Matches(d.policy.AllowPaths, clean) {
			continue // paths says so
		}
		for _, user := range d.shared(file.Path, own) {
			users[user] = true
		}
	}
	if len(touched) > 1 {
		d.add(reason.SeveralStacks, strings.Join(slices.Sorted(maps.Keys(touched)), " "), "an item may change exactly one stack")
	}
	maps.Copy(users, touched)
	list := slices.Sorted(maps.Keys(users))
	for _, s := range list {
		d.stackState(s)
		if !d.policy.Unplanned {
			d.stackConfiguration(s)
		}
	}
	if len(list) == 0 && !slices.ContainsFunc(d.list, func(f item.Finding) bool { return f.Code == reason.SharedModule }) {
		d.add(reason.NoStack, "", "the change touches no stack, so there is nothing to plan")
	}
	return list
}

// shared is the stacks besides its own that a file belongs to, as part of a module
// that they use. It is a finding where a change of it could be applied.
func (d *diff) shared(file, own string) []string {
	users, complete := d.users(file)
	// A folder outside every stack calls it for nobody that is planned here.
	users = slices.DeleteFunc(users, func(user string) bool { return user == own || user == "" && d.policy.ByHand })
	switch {
	case own != "" && len(users) == 0:
		return nil
	case !d.policy.ByHand && own == "":
		d.add(reason.SharedModule, file, "the file is outside every stack, so a change may affect several")
		return nil
	case !d.policy.ByHand:
		d.add(reason.SharedModule, file, "another stack uses this folder as a module, so a change affects several")
		return nil
	}
	d.byHand = true
	switch {
	case !complete:
		d.add(reason.SharedModule, file, "a module's source is no literal, so that it is not known which stacks use this file")
	case len(users) == 0:
		d.add(reason.NoStack, file, "no stack uses this file, so there is nothing to plan")
	}
	return users
}

// users is the stacks that use a folder with the file as a module, also through
// other modules, and "" for folders that are part of none. complete reports whether all callers are known.
func (d *diff) users(file string) (stacks []string, complete bool) {
	if d.callers == nil {
		d.callers = map[string][]string{}
		for _, name := range d.tree.Names() {
			parsed, err := d.tree.Parse(name)
			if err != nil {
				continue // stackConfiguration says so of a stack's own
			}
			d.elsewhere = d.elsewhere || parsed.CallsUnknown()
			for _, call := range parsed.Calls() {
				d.callers[call.Folder] = append(d.callers[call.Folder], path.Dir(name))
			}
		}
	}
	seen, found := map[string]bool{}, map[string]bool{}
	var visit func(file string)
	visit = func(file string) {
		for folder, callers := range d.callers {
			if seen[folder] || !strings.HasPrefix(file, folder+"/") {
				continue
			}
			seen[folder] = true
			for _, caller := range callers {
				found[place.StackOf(caller+"/main.tf", d.policy.Stacks)] = true
				visit(caller + "/main.tf")
			}
		}
	}
	visit(file)
	return slices.Sorted(maps.Keys(found)), !d.elsewhere
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
			if d.byHand = d.policy.ByHand; d.byHand {
				continue
			}
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
