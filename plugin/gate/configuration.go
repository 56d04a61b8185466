package gate

import (
	"maps"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// builtinProvider is the provider of terraform_data, which every Terraform
// has.
const builtinProvider = "terraform.io/builtin/terraform"

// declared is what the configuration in the plan says about one resource.
type declared struct {
	arguments   map[string]bool // arguments and blocks that are written down
	provisioned bool            // has provisioners, which run when it is created
}

// configuration is the declared resources by module path, mode, type and name.
type configuration map[string]declared

// of is what is declared about a resource. The second value is false when the
// plan does not say.
func (c configuration) of(r resource) (declared, bool) {
	d, ok := c[fact.WithoutKeys(r.module)+"|"+r.mode+"|"+r.kind+"|"+r.name]
	return d, ok
}

func readConfiguration(value any) configuration {
	c := configuration{}
	root, _ := value.(map[string]any)
	module, _ := root["root_module"].(map[string]any)
	c.module("", module)
	return c
}

func (c configuration) module(prefix string, module map[string]any) {
	list, _ := module["resources"].([]any)
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		mode, _ := object["mode"].(string)
		kind, _ := object["type"].(string)
		name, _ := object["name"].(string)
		expressions, _ := object["expressions"].(map[string]any)
		d := declared{arguments: map[string]bool{}, provisioned: !empty(object["provisioners"])}
		for argument := range expressions {
			d.arguments[argument] = true
		}
		c[prefix+"|"+mode+"|"+kind+"|"+name] = d
	}
	calls, _ := module["module_calls"].(map[string]any)
	for name, call := range calls {
		object, _ := call.(map[string]any)
		inner, _ := object["module"].(map[string]any)
		c.module(strings.TrimPrefix(prefix+".module."+name, "."), inner)
	}
}

// history refuses a plan that creates everything where something existed.
func (j *judgement) history() {
	if j.policy.Mode != Item {
		return
	}
	prior := stateResources(j.plan.raw["prior_state"])
	managed, created := 0, 0
	for _, r := range j.plan.resources {
		if r.mode == "managed" {
			managed++
			if r.is("create") {
				created++
			}
		}
	}
	if created > 0 && created == managed && prior.managed == 0 && j.hasHistory() {
		j.add(reason.CreatesEverything, "", "the plan creates everything on a stack that was applied before: its state is not the one that it had")
	}
}

func (j *judgement) hasHistory() bool {
	return j.policy.HasHistory || j.baseline != nil && stateResources(j.baseline.raw["prior_state"]).managed > 0
}

// providers refuses a provider that the stack does not use yet, of a resource or
// of a data source: its code would run here for the first time.
func (j *judgement) providers() {
	if j.policy.Mode != Item || !j.hasHistory() {
		return
	}
	known := stateResources(j.plan.raw["prior_state"]).providers
	if j.baseline != nil {
		known = j.baseline.providers()
	} else if len(known) == 0 {
		return // nothing is known of the stack; creates-everything speaks
	}
	const fresh = "nothing in the stack uses this provider yet; its code would run here for the first time"
	told := map[string]bool{builtinProvider: true, "": true}
	for _, r := range j.plan.resources {
		if r.before == nil && !known[r.provider] && !told[r.provider] {
			told[r.provider] = true
			j.add(reason.NewProvider, r.address, fresh)
		}
	}
	if j.baseline == nil {
		return // what was read while planning stands in the state already
	}
	for name := range j.plan.providers() {
		if !known[name] && !told[name] {
			j.add(reason.NewProvider, name, fresh)
		}
	}
}

// providers are those that a plan knows: of its state, data sources included, and
// of its configuration.
func (s *shown) providers() map[string]bool {
	names := stateResources(s.raw["prior_state"]).providers
	maps.Copy(names, configuredProviders(s.raw["configuration"]))
	return names
}

// stateFacts is what a state in the plan's JSON holds.
type stateFacts struct {
	managed   int
	providers map[string]bool
}

func stateResources(value any) stateFacts {
	facts := stateFacts{providers: map[string]bool{}}
	state, _ := value.(map[string]any)
	values, _ := state["values"].(map[string]any)
	root, _ := values["root_module"].(map[string]any)
	facts.module(root)
	return facts
}

func (f *stateFacts) module(module map[string]any) {
	list, _ := module["resources"].([]any)
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		if object["mode"] == "managed" {
			f.managed++
		}
		if provider, ok := object["provider_name"].(string); ok {
			f.providers[provider] = true
		}
	}
	children, _ := module["child_modules"].([]any)
	for _, child := range children {
		inner, _ := child.(map[string]any)
		f.module(inner)
	}
}

func configuredProviders(value any) map[string]bool {
	names := map[string]bool{}
	root, _ := value.(map[string]any)
	providers, _ := root["provider_config"].(map[string]any)
	for _, entry := range providers {
		object, _ := entry.(map[string]any)
		if name, ok := object["full_name"].(string); ok {
			names[name] = true
		}
	}
	return names
}

// checks refuses a change with which a check or a condition of the configuration
// fails that does not fail without it. Terraform itself only warns of checks.
func (j *judgement) checks() {
	if j.policy.Mode != Item {
		return
	}
	failed := map[string]bool{}
	if j.baseline != nil {
		failed = failing(j.baseline.raw["checks"])
	}
	for name := range failing(j.plan.raw["checks"]) {
		if !failed[name] {
			j.add(reason.CheckFails, name, "the check fails with this change")
		}
	}
}

// failing is the names of the checks in a plan that do not hold.
func failing(value any) map[string]bool {
	names := map[string]bool{}
	list, _ := value.([]any)
	for _, entry := range list {
		object, _ := entry.(map[string]any)
		address, _ := object["address"].(map[string]any)
		name, _ := address["to_display"].(string)
		if status, _ := object["status"].(string); status != "pass" && status != "unknown" {
			names[name] = true
		}
	}
	return names
}
