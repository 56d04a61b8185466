package gate

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// formatVersion is the plan formats that the gate knows: any minor version of
// the first.
var formatVersion = pattern.Lazy(`^1\.[0-9]{1,4}$`)

// The fields that the gate knows. An unknown one may be where a later
// Terraform puts what would destroy something.
var (
	planFields = []string{
		"format_version", "terraform_version", "variables", "planned_values", "resource_drift", "resource_changes", "deferred_changes",
		"output_changes", "prior_state", "configuration", "relevant_attributes", "checks", "timestamp", "applyable", "complete", "errored",
		"action_invocations", "deferred_action_invocations",
	}
	resourceFields = []string{
		"address", "previous_address", "module_address", "mode", "type", "name", "index", "provider_name", "deposed", "change", "action_reason",
	}
	changeFields = []string{
		"actions", "before", "after", "after_unknown", "before_sensitive", "after_sensitive", "importing", "generated_config", "replace_paths",
		"before_identity", "after_identity",
	}
)

// shown is the plan as the gate reads it, from the raw JSON.
type shown struct {
	*fact.Shown
	resources []resource
	drifts    []resource
	outputs   map[string]action
}

// action is one change object.
type action struct {
	verbs                  []string
	before, after, unknown any
	importing              bool
	replaces               bool // has replace_paths
}

// is reports whether the actions are exactly this one.
func (a action) is(verb string) bool { return len(a.verbs) == 1 && a.verbs[0] == verb }

// resource is one entry of resource_changes or resource_drift.
type resource struct {
	address, previous, module, mode, kind, name, provider string
	deposed                                               bool
	action
}

// readShow takes the plan out of what the show command printed. What is wrong
// goes to f; the plan is nil when nothing can be said about it.
func readShow(show []byte, f *findings) *shown {
	plan, err := fact.Show(show)
	if err != nil {
		f.add(reason.PlanUnreadable, "", err.Error())
		return nil
	}
	raw := plan.Object
	if version, _ := raw["format_version"].(string); !formatVersion().MatchString(version) {
		f.add(reason.PlanFormat, "", "the format version of the plan's JSON is missing or not 1.x; a Terraform or OpenTofu that writes format 1.x is needed")
		return nil
	}
	if text, _ := raw["terraform_version"].(string); text == "" {
		f.add(reason.PlanUnreadable, "", "the JSON does not say which Terraform wrote it, so that it is no plan")
		return nil
	}
	s := &shown{Shown: plan}
	r := reader{f}
	r.fields(raw, planFields, "")
	s.resources = r.resources(raw["resource_changes"], "resource_changes")
	s.drifts = r.resources(raw["resource_drift"], "resource_drift")
	s.outputs = r.outputs(raw["output_changes"])
	crossCheck(s, f)
	return s
}

// crossCheck reads the plan a second time with HashiCorp's own library: both
// readings must see the same resources and actions.
func crossCheck(s *shown, f *findings) {
	var plan tfjson.Plan
	plan.UseJSONNumber(true)
	if err := json.Unmarshal(s.JSON, &plan); err != nil {
		f.add(reason.PlanUnreadable, "", "HashiCorp's library cannot read the plan's JSON")
		return
	}
	same := len(plan.ResourceChanges) == len(s.resources) && len(plan.ResourceDrift) == len(s.drifts) && len(plan.OutputChanges) == len(s.outputs)
	for i := 0; same && i < len(s.resources); i++ {
		other := plan.ResourceChanges[i]
		same = other != nil && other.Change != nil && other.Address == s.resources[i].address && other.DeposedKey == "" == !s.resources[i].deposed &&
			slices.EqualFunc(other.Change.Actions, s.resources[i].verbs, func(a tfjson.Action, b string) bool { return string(a) == b })
	}
	if !same {
		f.add(reason.PlanUnreadable, "", "two readers of the plan's JSON do not see the same changes")
	}
}

// reader takes typed values out of the raw JSON; what has another type than it
// should is a finding.
type reader struct{ *findings }

// fields refuses keys that are not known, unless they hold nothing.
func (r reader) fields(object map[string]any, known []string, place string) {
	for key, value := range object {
		if !slices.Contains(known, key) && !empty(value) {
			r.add(reason.PlanUnknownField, place, "the plan has a field that the gate does not know; it may stand for anything")
		}
	}
}

// empty reports whether a JSON value says nothing.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func (r reader) text(object map[string]any, key, place string) string {
	switch v := object[key].(type) {
	case nil:
		return ""
	case string:
		return v
	}
	r.add(reason.PlanUnreadable, place, key+" is no text")
	return ""
}

func (r reader) resources(value any, field string) []resource {
	list, ok := value.([]any)
	if value != nil && !ok {
		r.add(reason.PlanUnreadable, field, "the field is no list")
	}
	found := make([]resource, 0, len(list))
	for _, entry := range list {
		object, ok := entry.(map[string]any)
		if !ok {
			r.add(reason.PlanUnreadable, field, "an entry is no object")
			continue
		}
		found = append(found, r.resource(object, field))
	}
	return found
}

func (r reader) resource(object map[string]any, field string) resource {
	address, _ := object["address"].(string)
	place := cmp.Or(address, field)
	r.fields(object, resourceFields, place)
	one := resource{
		address:  r.text(object, "address", place),
		previous: r.text(object, "previous_address", place),
		module:   r.text(object, "module_address", place),
		mode:     r.text(object, "mode", place),
		kind:     r.text(object, "type", place),
		name:     r.text(object, "name", place),
		provider: r.text(object, "provider_name", place),
		deposed:  !empty(object["deposed"]),
		action:   r.action(object["change"], place),
	}
	if !one.consistent() {
		r.add(reason.AddressMismatch, place, "the address does not fit the module, type and name beside it")
	}
	return one
}

// consistent reports whether the address is made of the parts beside it: rules
// look at both.
func (r resource) consistent() bool {
	if r.kind == "" || r.name == "" || r.address == "" || strings.ContainsAny(r.kind+r.name, ".[]\" ") {
		return false
	}
	prefix := r.kind + "." + r.name
	if r.mode == "data" {
		prefix = "data." + prefix
	}
	if r.module != "" {
		prefix = r.module + "." + prefix
	}
	rest, ok := strings.CutPrefix(r.address, prefix)
	return ok && (rest == "" || strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]"))
}

func (r reader) action(value any, place string) action {
	object, ok := value.(map[string]any)
	if !ok {
		r.add(reason.PlanUnreadable, place, "the entry has no change object")
		return action{}
	}
	r.fields(object, changeFields, place)
	one := action{
		before: object["before"], after: object["after"], unknown: object["after_unknown"],
		importing: object["importing"] != nil || !empty(object["generated_config"]),
		replaces:  !empty(object["replace_paths"]),
	}
	verbs, ok := object["actions"].([]any)
	if !ok || len(verbs) == 0 {
		r.add(reason.UnknownAction, place, "the change names no actions")
	}
	for _, verb := range verbs {
		text, _ := verb.(string)
		one.verbs = append(one.verbs, text)
	}
	return one
}

func (r reader) outputs(value any) map[string]action {
	object, ok := value.(map[string]any)
	if value != nil && !ok {
		r.add(reason.PlanUnreadable, "output_changes", "the field is no object")
	}
	found := make(map[string]action, len(object))
	for name, entry := range object {
		found[name] = r.action(entry, "output."+name)
	}
	return found
}
