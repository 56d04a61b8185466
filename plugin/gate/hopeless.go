package gate

import (
	"path"

	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Hopeless is why no change of any of the stacks could pass the diff gate,
// whatever an agent writes: none of their files, and no new one, may be changed.
// It is what stands against the first of them, and nil when a change may pass, so
// that it is worth to pay for a try.
func Hopeless(stacks []string, p DiffPolicy) []item.Finding {
	reasons := []item.Finding{{Code: reason.NoStack, Detail: "no folder of the repository matches the setting stacks, so that there is nothing to plan"}}
	b := newBase(p)
	for i, stack := range stacks {
		for n, file := range samples(stack, p.BasePaths) {
			verdict := b.with(item.Change{Files: []item.File{file}}, p).Verdict()
			if verdict.Passed() {
				return nil
			}
			if i == 0 && n == 0 {
				reasons = verdict.Findings
			}
		}
	}
	return reasons
}

// samples are changes that say nothing: a new Terraform file in the stack, and
// one file of each folder and kind in it.
func samples(stack string, paths []string) []item.File {
	list := []item.File{{Path: path.Join(stack, "pm-todos-new.tf"), Kind: item.Added, NewMode: modeRegular, New: []byte{}}}
	seen := map[string]bool{}
	for _, file := range paths {
		kind := path.Dir(file) + "/*" + path.Ext(file)
		if place.Inside(file, stack) && !seen[kind] {
			seen[kind] = true
			list = append(list, item.File{Path: file, Kind: item.Modified, OldMode: modeRegular, NewMode: modeRegular, Old: []byte{}, New: []byte{}})
		}
	}
	return list
}
