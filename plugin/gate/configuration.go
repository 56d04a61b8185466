package gate

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// builtinProvider is the provider of terraform_data, which every Terraform
// has.
const builtinProvider = "terraform.io/builtin/terraform"

// provisioned is the resources that the configuration in the plan gives
// provisioners, which run when they are created: by module path, mode, type and
// name.
type provisioned map[string]bool

func (p provisioned) has(r resource) bool {
	return p[fact.WithoutKeys(r.module)+"|"+r.mode+"|"+r.kind+"|"+r.name]
}

// module notes those of a module and of the modules that it calls.
func (p provisioned) module(prefix string, module any) {
	for _, entry := range fact.MemberList(module, "resources") {
		if !empty(fact.Member(entry, "provisioners")) {
			p[prefix+"|"+fact.MemberText(entry, "mode")+"|"+fact.MemberText(entry, "type")+"|"+fact.MemberText(entry, "name")] = true
		}
	}
	for name, call := range fact.MemberObject(module, "module_calls") {
		p.module(strings.TrimPrefix(prefix+".module."+name, "."), fact.Member(call, "module"))
	}
}

// history refuses a plan that creates everything where something existed.
func (j *judgement) history() {
	if j.policy.Mode != Item {
		return
	}
	prior := stateResources(j.plan.Object["prior_state"])
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
		j.add(reason.CreatesEverything, "", "the plan creates everything on a stack that was applied before: it does not use the same state")
	}
}

// hasHistory reports whether the stack was applied before.
func (j *judgement) hasHistory() bool {
	return j.baseline != nil && stateResources(j.baseline.Object["prior_state"]).managed > 0
}

// providers refuses a provider that the stack does not use yet, of a resource or
// of a data source: its code would run here for the first time.
func (j *judgement) providers() {
	if j.policy.Mode != Item || !j.hasHistory() {
		return
	}
	known := j.baseline.providers()
	told := map[string]bool{builtinProvider: true, "": true}
	tell := func(name, place string) {
		if !known[name] && !told[name] {
			told[name] = true
			j.add(reason.NewProvider, place, "nothing in the stack uses this provider yet; its code would run here for the first time")
		}
	}
	for _, r := range j.plan.resources {
		if r.before == nil {
			tell(r.provider, r.address)
		}
	}
	for name := range j.plan.providers() {
		tell(name, name)
	}
}

// providers are those that a plan knows: of its state, data sources included, and
// of its configuration.
func (s *shown) providers() map[string]bool {
	names := stateResources(s.Object["prior_state"]).providers
	for _, entry := range fact.MemberObject(fact.Member(s.Object, "configuration"), "provider_config") {
		if name, ok := fact.Member(entry, "full_name").(string); ok {
			names[name] = true
		}
	}
	return names
}

// stateFacts is what a state in the plan's JSON holds.
type stateFacts struct {
	managed   int
	providers map[string]bool
}

func stateResources(state any) stateFacts {
	facts := stateFacts{providers: map[string]bool{}}
	facts.module(fact.Member(fact.Member(state, "values"), "root_module"))
	return facts
}

func (f *stateFacts) module(module any) {
	for _, entry := range fact.MemberList(module, "resources") {
		if fact.MemberText(entry, "mode") == "managed" {
			f.managed++
		}
		if provider := fact.MemberText(entry, "provider_name"); provider != "" {
			f.providers[provider] = true
		}
	}
	for _, child := range fact.MemberList(module, "child_modules") {
		f.module(child)
	}
}

// checks refuses a change with which a check or a condition of the configuration
// fails that does not fail without it. Terraform itself only warns of checks.
func (j *judgement) checks() {
	if j.policy.Mode != Item {
		return
	}
	failed := map[string]bool{}
	if j.baseline != nil {
		failed = failing(j.baseline.Object)
	}
	for name := range failing(j.plan.Object) {
		if !failed[name] {
			j.add(reason.CheckFails, name, "the check fails with this change")
		}
	}
}

// failing is the names of the checks in a plan that do not hold.
func failing(plan any) map[string]bool {
	names := map[string]bool{}
	for _, entry := range fact.MemberList(plan, "checks") {
		if status := fact.MemberText(entry, "status"); status != "pass" && status != "unknown" {
			names[fact.MemberText(fact.Member(entry, "address"), "to_display")] = true
		}
	}
	return names
}
