package gate

import (
	"path"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/change"
)

// Hopeless is why no change of a stack could pass the diff gate, whatever an
// agent writes: none of its files, and no new one, may be changed. It is nil when
// one may, so that it is worth to pay for a try.
func Hopeless(stack string, p DiffPolicy) []change.Finding {
	var reasons []change.Finding
	for _, file := range samples(stack, p.BasePaths) {
		verdict := Diff(change.Change{Files: []change.File{file}}, p)
		if verdict.Passed() {
			return nil
		}
		if reasons == nil {
			reasons = verdict.Findings
		}
	}
	return reasons
}

// samples are changes that say nothing: a new Terraform file in the stack, and
// one file of each folder and kind in it.
func samples(stack string, paths []string) []change.File {
	list := []change.File{{Path: stack + "/pm-todos-new.tf", Kind: change.Added, NewMode: modeRegular, New: []byte{}}}
	seen := map[string]bool{}
	for _, file := range paths {
		kind := path.Dir(file) + "/*" + path.Ext(file)
		if strings.HasPrefix(file, stack+"/") && !seen[kind] {
			seen[kind] = true
			list = append(list, change.File{Path: file, Kind: change.Modified, OldMode: modeRegular, NewMode: modeRegular, Old: []byte{}, New: []byte{}})
		}
	}
	return list
}
