package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
	"github.com/zclconf/go-cty/cty"
)

// tfChange is what would become of one resource.
type tfChange struct {
	resource      tfResource // its address and name only, when it is deleted
	actions       []string
	before, after *tfObject
	reason        string // Terraform's action_reason
}

// diff compares a configuration with a state, ordered by address.
func diff(config *tfConfig, prior map[string]*tfObject) []tfChange {
	var changes []tfChange
	for _, address := range addresses(config.resources) {
		changes = append(changes, compare(config.resources[address], prior[address]))
	}
	for _, address := range addresses(prior) {
		if _, kept := config.resources[address]; !kept {
			_, name, _ := strings.Cut(address, ".")
			changes = append(changes, tfChange{
				resource: tfResource{address: address, name: name}, actions: []string{"delete"},
				before: prior[address], reason: "delete_because_no_resource_config",
			})
		}
	}
	slices.SortFunc(changes, func(a, b tfChange) int { return strings.Compare(a.resource.address, b.resource.address) })
	return changes
}

// compare plans one resource as the provider of terraform_data does: another
// triggers_replace replaces it, another input updates it.
func compare(resource tfResource, prior *tfObject) tfChange {
	fresh := &tfObject{id: cty.UnknownVal(cty.String), input: resource.input, output: cty.UnknownVal(resource.input.Type()), triggers: resource.triggers}
	if resource.input.IsKnown() && resource.input.IsNull() {
		fresh.output = cty.NullVal(cty.DynamicPseudoType)
	}
	change := tfChange{resource: resource, before: prior, after: fresh}
	switch {
	case prior == nil:
		change.actions = []string{"create"}
	case !prior.triggers.RawEquals(resource.triggers):
		change.actions, change.reason = []string{"delete", "create"}, "replace_because_cannot_update"
		if resource.createFirst {
			change.actions = []string{"create", "delete"}
		}
	case !prior.input.RawEquals(resource.input):
		change.actions = []string{"update"}
		fresh.id = prior.id
	default:
		change.actions = []string{"no-op"}
		change.after = prior
	}
	return change
}

// touches reports whether the change does anything.
func (c tfChange) touches() bool { return c.actions[0] != "no-op" }

// savedPlan is the stand-in's plan file. Like the real one it holds the
// configuration and the state that the plan was made of.
type savedPlan struct {
	Format  string            `json:"format"`
	Files   map[string]string `json:"files"`
	Serial  uint64            `json:"serial"`
	Lineage string            `json:"lineage"`
	Show    json.RawMessage   `json:"show"`
}

const savedPlanFormat = "stand-in plan 1"

// statePath is the state file of a configuration.
func (t run) statePath(config *tfConfig) string {
	path := config.backend
	if path == "" {
		path = "terraform.tfstate"
	}
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(t.dir, path)
}

func (t run) plan(args []string) (int, error) {
	if _, err := t.parse("plan", args, 0); err != nil {
		return 1, err
	}
	saved, changes, err := t.makePlan()
	if err != nil {
		return 1, err
	}
	touched := t.describe(changes)
	if t.planFile != "" {
		content, err := json.Marshal(saved)
		if err != nil {
			return 1, err
		}
		path := t.planFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(t.dir, path)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return 1, failure("Failed to write plan file", "%w", err)
		}
		_, _ = fmt.Fprintf(t.out, "\nSaved the plan to: %s\n", t.planFile)
	}
	if t.detailed && touched {
		return 2, nil
	}
	return 0, nil
}

// makePlan compares the configuration of the folder with its state.
func (t run) makePlan() (*savedPlan, []tfChange, error) {
	if text := t.setting("plan-error"); text != "" {
		return nil, nil, errors.New(text)
	}
	config, err := loadConfig(t.dir)
	if err != nil {
		return nil, nil, err
	}
	if err := t.initialized(config); err != nil {
		return nil, nil, err
	}
	path := t.statePath(config)
	unlock, err := t.lockState(path, "OperationTypePlan")
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	state, exists, err := readState(path)
	if err != nil {
		return nil, nil, err
	}
	prior, err := state.objects()
	if err != nil {
		return nil, nil, err
	}
	changes := diff(config, prior)
	for _, change := range changes {
		if change.resource.preventDestroy && slices.Contains(change.actions, "delete") {
			return nil, nil, failure("Instance cannot be destroyed", "  on %s:\n\nResource %s has lifecycle.prevent_destroy set, but the plan\ncalls for this resource to be destroyed.", change.resource.place, change.resource.address)
		}
	}
	show, err := showPlan(config, changes, prior, exists)
	if err != nil {
		return nil, nil, err
	}
	return &savedPlan{Format: savedPlanFormat, Files: config.files, Serial: state.Serial, Lineage: state.Lineage, Show: show}, changes, nil
}

// readPlan reads a plan file.
func (t run) readPlan(name string) (*savedPlan, error) {
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.dir, path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, failure("Failed to read the given file as a state or plan file", "%w", err)
	}
	saved := &savedPlan{}
	if err := json.Unmarshal(content, saved); err != nil || saved.Format != savedPlanFormat {
		return nil, failure("Failed to read the given file as a state or plan file", "%s is not a plan of the stand-in Terraform.", name)
	}
	return saved, nil
}

func (t run) show(args []string) (int, error) {
	words, err := t.parse("show", args, 1)
	if err != nil {
		return 1, err
	}
	_, _ = fmt.Fprint(t.out, t.setting("show-noise"))
	if len(words) == 0 {
		return t.showState()
	}
	saved, err := t.readPlan(words[0])
	if err != nil {
		return 1, err
	}
	if t.jsonOutput {
		_, err := fmt.Fprintf(t.out, "%s\n", saved.Show)
		return 0, err
	}
	var plan struct {
		Changes []struct {
			Address string `json:"address"`
			Change  struct {
				Actions []string `json:"actions"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(saved.Show, &plan); err != nil {
		return 1, err
	}
	for _, change := range plan.Changes {
		_, _ = fmt.Fprintf(t.out, "  # %s: %s\n", change.Address, strings.Join(change.Change.Actions, ", "))
	}
	return 0, nil
}

func (t run) apply(args []string) (int, error) {
	words, err := t.parse("apply", args, 1)
	if err != nil {
		return 1, err
	}
	var saved *savedPlan
	switch {
	case len(words) == 1:
		saved, err = t.readPlan(words[0])
	case t.approve:
		var changes []tfChange
		saved, changes, err = t.makePlan()
		t.describe(changes)
	default:
		return 1, failure("Cannot confirm apply", "The stand-in cannot ask for approval: give a plan file or -auto-approve.")
	}
	if err != nil {
		return 1, err
	}
	return t.carryOut(saved)
}

// carryOut changes the state as a plan says, unless the state has moved since.
func (t run) carryOut(saved *savedPlan) (int, error) {
	config, err := parseConfig(saved.Files, now())
	if err != nil {
		return 1, err
	}
	path := t.statePath(config)
	unlock, err := t.lockState(path, "OperationTypeApply")
	if err != nil {
		return 1, err
	}
	defer unlock()
	state, _, err := readState(path)
	if err != nil {
		return 1, err
	}
	if state.Serial != saved.Serial || state.Lineage != saved.Lineage {
		return 1, failure("Saved plan is stale", "The given plan file can no longer be applied because the state was changed by\nanother operation after the plan was created.")
	}
	prior, err := state.objects()
	if err != nil {
		return 1, err
	}
	if delay, err := time.ParseDuration(strings.TrimSpace(t.setting("apply-delay"))); err == nil {
		time.Sleep(delay)
	}
	var counts [3]int
	left, limited := -1, false
	if text := strings.TrimSpace(t.setting("apply-fail-after")); text != "" {
		if left, err = strconv.Atoi(text); err != nil {
			return 1, fmt.Errorf("setting apply-fail-after: %w", err)
		}
		limited = true
	}
	for _, change := range diff(config, prior) {
		if !change.touches() {
			continue
		}
		if limited && left <= 0 {
			return 1, fmt.Errorf("the stand-in was told to fail\n\n  with %s,\n  on %s", change.resource.address, change.resource.place)
		}
		left--
		if err := t.applyOne(state, change, path); err != nil {
			return 1, err
		}
		count(&counts, change.actions)
	}
	_, err = fmt.Fprintf(t.out, "\nApply complete! Resources: %d added, %d changed, %d destroyed.\n", counts[0], counts[1], counts[2])
	return 0, err
}

// applyOne changes one resource and saves the state, so that an apply that is
// cut short leaves a true record.
func (t run) applyOne(state *tfState, change tfChange, path string) error {
	address := change.resource.address
	if change.after == nil {
		_, _ = fmt.Fprintf(t.out, "%s: Destroying...\n%s: Destruction complete after 0s\n", address, address)
		state.remove(change.resource.name)
		return state.write(path)
	}
	done := *change.after
	if !done.id.IsKnown() {
		done.id = cty.StringVal(program.NewID())
	}
	done.output = done.input
	if err := state.put(change.resource, &done); err != nil {
		return err
	}
	verb := "Creation"
	if change.actions[0] == "update" {
		verb = "Modifications"
	}
	_, _ = fmt.Fprintf(t.out, "%s: %s complete after 0s [id=%s]\n", address, verb, done.id.AsString())
	return state.write(path)
}

// count adds a change to what was added, changed and destroyed.
func count(counts *[3]int, actions []string) {
	for _, action := range actions {
		if i := slices.Index([]string{"create", "update", "delete"}, action); i >= 0 {
			counts[i]++
		}
	}
}

// describe prints the changes for people and reports whether there are any.
func (t run) describe(changes []tfChange) bool {
	words := map[string]string{
		"create": "will be created", "update": "will be updated in-place", "delete": "will be destroyed",
		"delete,create": "must be replaced", "create,delete": "must be replaced",
	}
	var counts [3]int
	for _, change := range changes {
		if change.touches() {
			_, _ = fmt.Fprintf(t.out, "  # %s %s\n", change.resource.address, words[strings.Join(change.actions, ",")])
			count(&counts, change.actions)
		}
	}
	if counts == [3]int{} {
		_, _ = fmt.Fprint(t.out, "\nNo changes. Your infrastructure matches the configuration.\n")
		return false
	}
	_, _ = fmt.Fprintf(t.out, "\nPlan: %d to add, %d to change, %d to destroy.\n", counts[0], counts[1], counts[2])
	return true
}
