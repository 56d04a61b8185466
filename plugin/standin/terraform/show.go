package terraform

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// tree is a JSON object.
type tree = map[string]any

// unknown is a value that only the apply will tell, with the mark of sensitivity
// that its kind has.
type unknown struct{ mark any }

// plain is a value of a state as JSON decodes it, unknown where the plan does not
// know it yet.
func plain(raw json.RawMessage) any {
	var typed struct {
		Value any `json:"value"`
	}
	_ = json.Unmarshal(raw, &typed) // null is no object, and stays nil
	return withUnknown(typed.Value)
}

func withUnknown(v any) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, later) {
			return unknown{false}
		}
	case tree:
		for key, one := range v {
			v[key] = withUnknown(one)
		}
	case []any:
		for i, one := range v {
			v[i] = withUnknown(one)
		}
	}
	return v
}

// value is the object as the plan's JSON shows it.
func (o *object) value() any {
	if o == nil {
		return nil
	}
	all := tree{"id": o.ID, "input": plain(o.Input), "output": plain(o.Output), "triggers_replace": plain(o.Triggers)}
	if o.ID == "" {
		all["id"] = unknown{false}
	}
	if o.Output == nil {
		all["output"] = unknown{emptyLike(all["input"])}
	}
	return all
}

// emptyLike is the mark of a value that is not known and of the kind of another.
func emptyLike(v any) any {
	switch v.(type) {
	case tree:
		return tree{}
	case []any:
		return []any{}
	}
	return false
}

// known leaves out what is unknown: keys of objects go, elements of lists become
// null so that the others keep their places.
func known(v any) any {
	switch v := v.(type) {
	case unknown:
		return nil
	case tree:
		kept := tree{}
		for key, one := range v {
			if _, gone := one.(unknown); !gone {
				kept[key] = known(one)
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, one := range v {
			kept[i] = known(one)
		}
		return kept
	}
	return v
}

// marks is the compact tree of booleans that Terraform prints: false keys of objects
// are left out, lists are complete.
func marks(v any, of func(unknown) any) any {
	switch v := v.(type) {
	case unknown:
		return of(v)
	case tree:
		marked := tree{}
		for key, one := range v {
			if mark := marks(one, of); mark != false {
				marked[key] = mark
			}
		}
		return marked
	case []any:
		marked := make([]any, len(v))
		for i, one := range v {
			marked[i] = marks(one, of)
		}
		return marked
	}
	return false
}

func isUnknown(unknown) any { return true }

// isSensitive is false, in the shape of the value, since nothing here is sensitive.
func isSensitive(u unknown) any { return u.mark }

func head(address string) tree {
	return tree{"address": address, "mode": "managed", "type": "terraform_data", "name": nameOf(address), "provider_name": provider}
}

// showPlan is a plan as `terraform show -json` of version 1.11 prints it.
func showPlan(c *config, changes []change, prior map[string]*object, exists bool) (json.RawMessage, error) {
	var rendered []tree
	planned := map[string]*object{}
	applyable := false
	for _, one := range changes {
		rendered = append(rendered, one.shown())
		if applyable = applyable || one.touches(); one.after != nil {
			planned[one.address] = one.after
		}
	}
	plan := tree{
		"format_version": "1.2", "terraform_version": Version, "timestamp": time.Now().UTC().Format(time.RFC3339),
		"applyable": applyable, "complete": true, "errored": false,
		"planned_values": tree{"root_module": module(planned)}, "configuration": c.shown(),
	}
	if len(rendered) > 0 {
		plan["resource_changes"] = rendered
	}
	if exists {
		state := tree{"format_version": "1.0", "terraform_version": Version}
		if len(prior) > 0 {
			state["values"] = tree{"root_module": module(prior)}
		}
		plan["prior_state"] = state
	}
	return json.Marshal(plan)
}

// module shows objects, in the order of their addresses.
func module(objects map[string]*object) tree {
	var all []tree
	for _, address := range slices.Sorted(maps.Keys(objects)) {
		value := objects[address].value()
		shown := head(address)
		shown["schema_version"], shown["values"], shown["sensitive_values"] = 0, known(value), marks(value, isSensitive)
		all = append(all, shown)
	}
	return withResources(all)
}

func withResources(all []tree) tree {
	if len(all) == 0 {
		return tree{}
	}
	return tree{"resources": all}
}

func (c change) shown() tree {
	before, after := c.before.value(), c.after.value()
	inner := tree{
		"actions": c.actions, "before": before, "after": known(after), "after_unknown": tree{},
		"before_sensitive": marks(before, isSensitive), "after_sensitive": marks(after, isSensitive),
	}
	if c.after != nil && (c.after.ID == "" || c.after.Output == nil) {
		inner["after_unknown"] = marks(after, isUnknown)
	}
	shown := head(c.address)
	shown["change"] = inner
	if c.reason != "" {
		shown["action_reason"] = c.reason
	}
	if c.reason == replaced {
		inner["replace_paths"] = [][]string{{"triggers_replace"}}
	}
	return shown
}

func (c *config) shown() tree {
	var all []tree
	providers := tree{}
	for _, address := range slices.Sorted(maps.Keys(c.resources)) {
		r := c.resources[address]
		shown := head(address)
		delete(shown, "provider_name")
		shown["provider_config_key"], shown["schema_version"] = "terraform", 0
		expressions := tree{}
		for name, raw := range map[string]json.RawMessage{"input": r.input, "triggers_replace": r.triggers} {
			switch {
			case r.references[name] != nil:
				expressions[name] = tree{"references": r.references[name]}
			case bytes.Contains(raw, []byte(later)):
				expressions[name] = tree{}
			case !bytes.Equal(raw, null):
				expressions[name] = tree{"constant_value": plain(raw)}
			}
		}
		if len(expressions) > 0 {
			shown["expressions"] = expressions
		}
		providers["terraform"] = tree{"name": "terraform", "full_name": provider}
		all = append(all, shown)
	}
	return tree{"provider_config": providers, "root_module": withResources(all)}
}
