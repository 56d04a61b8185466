package gate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/program"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Mode says what a plan is judged for.
type Mode int

// The three plans of an item.
const (
	Baseline Mode = iota // of the untouched base: nothing may be pending
	Item                 // of the fix commit: only allowed changes, and at least one
	Confirm              // after the apply: nothing may be left
)

// PlanPolicy is what the plan gate allows.
type PlanPolicy struct {
	Type           string   // the item's type, for messages
	AllowResources []string // patterns of addresses or types, * stands for any text; none allows all that is not refused otherwise
	MaxChanges     int      // resources created or updated by one item; 0 stands for defaultMaxChanges
	Tolerated      []string // what changes in every plan: addresses of null_resource, terraform_data and time_*, and output.NAME
	Mode           Mode
	Baseline       []byte // what show printed for the baseline plan of the stack; without it nothing is tolerated in Item and Confirm
}

// DefaultMaxChanges is the limit of resources when the policy names none.
const defaultMaxChanges = 10

// judgement is one judgement of the plan gate.
type judgement struct {
	findings
	policy   PlanPolicy
	plan     *shown
	baseline *shown      // nil when there is none or it cannot be read
	given    provisioned // provisioners
	counts   item.Counts
	tolerate int // pending changes that are tolerated
	pending  int // pending changes of resources that are not
}

// Plan judges what the show command printed for a saved plan. The verdict has
// no finding only when everything the plan would do is in the allow-list.
// Whatever goes wrong inside refuses the plan.
func Plan(show []byte, p PlanPolicy) item.Verdict {
	_, verdict := judgePlan(show, p)
	return verdict
}

// judgePlan is Plan, and what was read for it.
func judgePlan(show []byte, p PlanPolicy) (j *judgement, verdict item.Verdict) {
	j = &judgement{policy: p, given: provisioned{}}
	defer func() {
		if recover() != nil {
			j.add(reason.GateError, "", "the plan gate failed on this plan; it is refused to be safe")
			verdict = item.Verdict{Findings: j.sorted()}
		}
	}()
	if p.Mode != Baseline && p.Mode != Item && p.Mode != Confirm {
		j.add(reason.GateError, "", "the plan gate was asked for a mode that it does not know")
		return j, item.Verdict{Findings: j.sorted()}
	}
	j.plan = readShow(show, &j.findings)
	if j.plan == nil {
		return j, item.Verdict{Findings: j.sorted()}
	}
	if p.Mode != Baseline && len(p.Baseline) > 0 {
		var unused findings
		if j.baseline = readShow(p.Baseline, &unused); j.baseline == nil || len(unused.list) > 0 {
			j.add(reason.PlanUnreadable, "", "the baseline plan cannot be read, so there is nothing to compare with")
			j.baseline = nil
		}
	}
	j.given.module("", fact.Member(j.plan.Object["configuration"], "root_module"))
	j.judge()
	return j, item.Verdict{Counts: j.counts, Findings: j.sorted()}
}

// judge runs every check; the order does not matter, all are told.
func (j *judgement) judge() {
	j.flags()
	j.addresses()
	for _, r := range j.plan.resources {
		j.resource(r)
	}
	j.drift()
	j.outputs()
	j.checks()
	j.history()
	j.providers()
	j.nothing()
	if j.policy.Mode == Item {
		most := j.policy.MaxChanges
		if most <= 0 {
			most = defaultMaxChanges
		}
		if n := j.counts.Create + j.counts.Update; n > most {
			j.add(reason.TooManyChanges, "", fmt.Sprintf("the plan creates or updates %d resources; max_changes is %d", n, most))
		}
	}
}

// flags judges what the plan says about itself as a whole.
func (j *judgement) flags() {
	raw := j.plan.Object
	if v, there := raw["errored"]; there && v != false {
		j.add(reason.PlanErrored, "", "the plan is marked as errored")
	}
	if v, there := raw["complete"]; there && v != true {
		j.add(reason.PlanIncomplete, "", "the plan is marked as incomplete (-target, or deferred changes)")
	}
	if !empty(raw["deferred_changes"]) {
		j.add(reason.Deferred, "", "the plan defers changes to a later plan")
	}
	if !empty(raw["action_invocations"]) || !empty(raw["deferred_action_invocations"]) {
		j.add(reason.ActionInvocation, "", "the plan invokes provider actions")
	}
	if v, there := raw["applyable"]; there {
		if applyable, ok := v.(bool); !ok || applyable != j.changesAnything() {
			j.add(reason.PlanNotApplyable, "", "the plan's applyable flag contradicts the changes that it lists")
		}
	}
}

// changesAnything reports whether the plan lists anything that an apply would
// do.
func (j *judgement) changesAnything() bool {
	for _, r := range j.plan.resources {
		if !r.is("no-op") || r.previous != "" || r.importing {
			return true
		}
	}
	for _, o := range j.plan.outputs {
		if !o.is("no-op") {
			return true
		}
	}
	return false
}

// addresses refuses an address that occurs twice: the second could hide
// behind the first.
func (j *judgement) addresses() {
	seen := map[string]bool{}
	for _, r := range j.plan.resources {
		if seen[r.address] && !r.deposed {
			j.add(reason.AddressMismatch, r.address, "the plan lists this address twice")
		}
		seen[r.address] = true
		seen[r.previous] = true // a move is refused as such
	}
	if j.baseline == nil {
		return
	}
	for _, r := range j.baseline.resources {
		if r.mode == "managed" && !seen[r.address] && !r.is("create") {
			j.add(reason.ResourceMissing, r.address, "the baseline plan has this resource and this plan does not: they do not use the same state")
		}
	}
}

// resource judges one entry of resource_changes.
func (j *judgement) resource(r resource) {
	quiet := r.is("no-op") || r.is("read") && r.mode == "data"
	if r.is("no-op") && (!reflect.DeepEqual(r.before, r.after) || mayDiffer(r.unknown)) {
		j.add(reason.UnknownAction, r.address, "the plan says no-op but shows a difference")
	}
	if quiet && !r.importing && r.previous == "" && !r.deposed && !r.replaces && knownMode(r.mode) {
		return
	}
	if j.tolerated(r) {
		j.tolerate++
		return
	}
	j.pending++
	switch j.policy.Mode {
	case Baseline:
		j.add(reason.Drift, r.address, "pending before any change was made: "+describe(r))
	case Confirm:
		j.add(reason.NotConverged, r.address, "still pending after the apply: "+describe(r))
	default:
		j.change(r)
	}
}

// mayDiffer reports whether a mask of unknown values has any.
func mayDiffer(mask any) bool {
	switch m := mask.(type) {
	case bool:
		return m
	case []any:
		return slices.ContainsFunc(m, mayDiffer)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(m)), mayDiffer)
	}
	return false
}

func knownMode(mode string) bool { return mode == "managed" || mode == "data" }

// change judges what an item would do to a resource.
func (j *judgement) change(r resource) {
	for _, code := range refusedActions(r) {
		j.add(code, r.address, "only no-op, read, create and update are allowed: "+describe(r))
	}
	switch {
	case r.mode == "managed" && r.is("create"):
		j.counts.Create++
	case r.mode == "managed" && r.is("update"):
		j.counts.Update++
	default:
		return
	}
	if len(j.policy.AllowResources) > 0 && !allowed(r, j.policy.AllowResources) {
		j.add(reason.OutsideAllowResources, r.address, "the resource is outside allow_resources of the type "+j.policy.Type)
	}
	j.programs(r)
}

// programs refuses a resource with which a program would run where Terraform
// runs.
func (j *judgement) programs(r resource) {
	if program.RunsAtApply(r.kind) {
		j.add(reason.CodeAtApply, r.address, "resources of this type run programs or write files on the Terraform host")
	}
	if r.is("create") && j.given.has(r) {
		j.add(reason.CodeAtApply, r.address, "the resource has provisioners, which would run when it is created")
	}
}

// refusedActions is the codes of what is outside the allow-list in one entry.
func refusedActions(r resource) []reason.Code {
	var codes []reason.Code
	has := func(verb string) bool { return slices.Contains(r.verbs, verb) }
	switch {
	case has("delete") && has("create"):
		codes = append(codes, reason.Replace)
	case has("delete"):
		codes = append(codes, reason.Delete)
	case has("forget"):
		codes = append(codes, reason.Forget)
	case !r.is("no-op") && !r.is("read") && !r.is("create") && !r.is("update"):
		codes = append(codes, reason.UnknownAction)
	case !knownMode(r.mode), r.is("read") && r.mode != "data", r.mode == "data" && !r.is("read") && !r.is("no-op"):
		codes = append(codes, reason.UnknownAction)
	case r.is("create") && r.before != nil, r.is("update") && (r.before == nil || r.after == nil), r.is("create") && r.after == nil:
		codes = append(codes, reason.UnknownAction)
	}
	if r.deposed {
		codes = append(codes, reason.Deposed)
	}
	if r.importing {
		codes = append(codes, reason.Import)
	}
	if r.previous != "" {
		codes = append(codes, reason.Moved)
	}
	if r.replaces && !slices.Contains(codes, reason.Replace) {
		codes = append(codes, reason.Replace)
	}
	return codes
}

// describe says in words what would be done, from a fixed vocabulary: nothing
// of the plan's own text is repeated.
func describe(r resource) string {
	if len(r.verbs) == 0 {
		return "no action is named"
	}
	words := make([]string, 0, len(r.verbs)+3)
	for _, verb := range r.verbs {
		if !slices.Contains([]string{"no-op", "read", "create", "update", "delete", "forget"}, verb) {
			verb = "an action that the gate does not know"
		}
		words = append(words, verb)
	}
	text := strings.Join(words, " and ")
	for _, more := range []struct {
		on   bool
		text string
	}{
		{r.deposed, "of a deposed object"},
		{r.importing, "with an import"},
		{r.previous != "", "with a move"},
		{r.replaces, "with paths that force a replacement"},
	} {
		if more.on {
			text += ", " + more.text
		}
	}
	return text
}

// drift judges what changed outside Terraform. On the untouched base it counts
// when something is gone, has moved, or has a change pending; a computed
// attribute that moved on by itself does not.
func (j *judgement) drift() {
	pending := map[string]bool{}
	for _, r := range j.plan.resources {
		pending[r.address] = !r.is("no-op") && !r.is("read") && !j.tolerated(r)
	}
	for _, r := range j.plan.drifts {
		known := r.is("update") || r.is("delete") || r.is("no-op") || r.is("create") || r.is("read")
		switch {
		case !known || r.importing:
			j.add(reason.UnknownAction, r.address, "changed outside Terraform in a way that the gate does not know")
		case j.policy.Mode == Baseline && (r.is("delete") || r.previous != "" || r.is("update") && pending[r.address]):
			j.add(reason.Drift, r.address, "changed outside Terraform: "+describe(r))
		}
	}
}

// outputs judges the changes of outputs.
func (j *judgement) outputs() {
	for name, o := range j.plan.outputs {
		place := outputPlace(name)
		switch {
		case o.is("no-op"), j.toleratedOutput(name, o):
		case j.policy.Mode != Item && j.tolerate > 0 && followsResource(o):
			// Of a tolerated resource, which is new in every plan.
		case j.policy.Mode == Baseline:
			j.add(reason.Drift, place, "the output has a change pending before any change was made")
		case j.policy.Mode == Confirm:
			j.add(reason.NotConverged, place, "the output still has a pending change after the apply")
		case o.is("delete"):
			j.add(reason.OutputRemoved, place, "the output would be removed; others may read it")
		case !o.is("create") && !o.is("update"):
			j.add(reason.UnknownAction, place, "only no-op, create and update are allowed for outputs")
		}
	}
}

// followsResource reports whether a resource that is about to change may be why an
// output changes.
func followsResource(o action) bool { return !empty(o.unknown) && (o.is("update") || o.is("create")) }

// nothing refuses an item's plan that would change nothing.
func (j *judgement) nothing() {
	if j.policy.Mode != Item || j.pending > 0 {
		return
	}
	for name, o := range j.plan.outputs {
		if !o.is("no-op") && !j.toleratedOutput(name, o) && (j.tolerate == 0 || empty(o.unknown)) {
			return
		}
	}
	j.add(reason.NoEffect, "", "the plan would change nothing")
}
