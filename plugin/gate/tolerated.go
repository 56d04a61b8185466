package gate

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// tolerable reports whether a resource is of a type that may change in every
// plan without any effect of its own.
func tolerable(r resource) bool {
	return r.mode == "managed" && (r.kind == "null_resource" || r.kind == "terraform_data" || strings.HasPrefix(r.kind, "time_"))
}

// tolerated reports whether a pending change is one that occurs in every plan of
// the stack. After the baseline it must be the very same there, but for what was
// new in it: that exists once it was applied, and changes as what exists does.
func (j *judgement) tolerated(r resource) bool {
	if !slices.Contains(j.policy.Tolerated, r.address) || !plainlyTolerable(r) {
		return false
	}
	if j.policy.Mode == Baseline {
		return true
	}
	if j.baseline != nil {
		for _, before := range j.baseline.resources {
			if before.address == r.address && !before.deposed {
				if slices.Equal(before.verbs, r.verbs) || j.policy.Mode == Confirm && before.is("create") {
					return true
				}
				break
			}
		}
	}
	j.add(reason.ToleratedDiffers, r.address, "the resource is tolerated, but the baseline plan had another change for it: "+describe(r))
	return false
}

// toleratedOutput reports whether the change of an output is one that occurs in
// every plan of the stack. After the baseline it must have been pending there.
func (j *judgement) toleratedOutput(name string, o action) bool {
	if !slices.Contains(j.policy.Tolerated, outputPlace(name)) || !o.is("create") && !o.is("update") {
		return false
	}
	if j.policy.Mode == Baseline {
		return true
	}
	if j.baseline == nil {
		return false
	}
	before, known := j.baseline.outputs[name]
	return known && (before.is("create") || before.is("update"))
}

// outputPlace is an output as findings and the setting `tolerated` name it. A
// plan shows those of the stack itself and none of its modules.
func outputPlace(name string) string { return "output." + name }

// plainlyTolerable reports whether nothing but a perpetual difference is there:
// a replacement, a creation or an update of a live object.
func plainlyTolerable(r resource) bool {
	if !tolerable(r) || r.deposed || r.importing || r.previous != "" {
		return false
	}
	return r.is("create") || r.is("update") ||
		slices.Equal(r.verbs, []string{"delete", "create"}) || slices.Equal(r.verbs, []string{"create", "delete"})
}

// Tolerable is the sorted addresses of the pending changes of a plan when all
// of them could be put under the setting `tolerated`, else nil: the line to
// paste when nothing else makes a stack drift. An output is among them when its
// next value cannot be known, as that of timestamp().
func Tolerable(show []byte) []string {
	var f findings
	plan := readShow(show, &f)
	if plan == nil || len(f.list) > 0 {
		return nil
	}
	var list []string
	for _, r := range plan.resources {
		switch {
		case r.is("no-op") && r.previous == "" && !r.deposed && !r.importing, r.is("read") && r.mode == "data":
		case plainlyTolerable(r):
			list = append(list, r.address)
		default:
			return nil
		}
	}
	resources := len(list)
	for name, o := range plan.outputs {
		switch {
		case o.is("no-op"), resources > 0 && followsResource(o):
		case o.is("update") && followsResource(o):
			list = append(list, outputPlace(name))
		default:
			return nil
		}
	}
	slices.Sort(list)
	return list
}

// allowed reports whether one of the patterns matches the resource: its address,
// its address without instance keys, its type and name, or its type.
func allowed(r resource, patterns []string) bool {
	bare := r.kind + "." + r.name
	forms := []string{r.address, bare, r.kind}
	if r.module != "" {
		forms = append(forms, fact.WithoutKeys(r.module)+"."+bare)
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		parts := strings.Split(strings.TrimSpace(pattern), "*") // * stands for any text
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		form, err := regexp.Compile(`(?s)^` + strings.Join(parts, ".*") + `$`)
		return err == nil && slices.ContainsFunc(forms, form.MatchString)
	})
}
