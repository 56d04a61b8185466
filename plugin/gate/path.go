package gate

import (
	"path"

	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// paths judges every path on its own.
func (d *diff) paths() {
	exact, folded := map[string]bool{}, map[string]string{}
	for _, p := range d.policy.BasePaths {
		exact[p] = true
		folded[place.Fold(p)] = p
	}
	for _, file := range d.change.Files {
		if problem := place.Unsafe(file.Path); problem != "" {
			d.add(reason.PathUnsafe, file.Path, problem)
		}
		name := place.Fold(file.Path)
		if other, taken := folded[name]; taken && other != file.Path && !exact[file.Path] {
			d.add(reason.PathUnsafe, file.Path, "another path differs from this one only in case or in Unicode form")
		}
		folded[name] = file.Path
		if what := place.Denied(path.Clean(name)); what != "" {
			d.add(reason.PathDenied, file.Path, "no item may touch this: it belongs to "+what)
		} else if d.policy.Wrapper != "" && place.BelongsToWrapper(d.policy.Wrapper, path.Clean(name)) {
			d.add(reason.PathDenied, file.Path, "no item may touch this: it belongs to the Terraform wrapper")
		} else if place.Matches(d.policy.StatePaths, file.Path) || place.Matches(d.policy.StatePaths, path.Clean(name)) {
			d.add(reason.PathDenied, file.Path, "no item may touch this: it is tracked state")
		} else if place.Matches(d.policy.Documents, file.Path) || place.Matches(d.policy.Documents, path.Clean(name)) {
			d.add(reason.PathDenied, file.Path, "no item may touch this: it is a post-mortem, whose rows are updated once the work is done")
		}
		if !place.Matches(d.policy.AllowPaths, file.Path) {
			d.add(reason.OutsideAllowPaths, file.Path, "the path is outside allow_paths")
		} else if len(d.policy.TypePaths) > 0 && !place.Matches(d.policy.TypePaths, file.Path) {
			d.add(reason.OutsideTypePaths, file.Path, "the path is outside the paths of the type "+d.policy.Type)
		}
		if !place.KnownKind(path.Ext(name)) {
			d.add(reason.FileKind, file.Path, "items change configuration and text; a script, a program or a file of unknown kind needs a person")
		}
	}
}
