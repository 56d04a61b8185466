package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// change is what would become of one resource.
type change struct {
	address       string
	resource      *resource // nil when it is deleted
	actions       []string
	before, after *object
	reason        string // Terraform's action_reason
}

const replaced = "replace_because_cannot_update"

// diff compares a configuration with a state, ordered by address.
func diff(c *config, prior map[string]*object) []change {
	var changes []change
	for address, r := range c.resources {
		changes = append(changes, compare(address, r, prior[address]))
	}
	for address, before := range prior {
		if c.resources[address] == nil {
			changes = append(changes, change{address: address, actions: []string{"delete"}, before: before, reason: "delete_because_no_resource_config"})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return strings.Compare(a.address, b.address) })
	return changes
}

// compare plans one resource as the provider of terraform_data does: another
// triggers_replace replaces it, another input updates it.
func compare(address string, r *resource, prior *object) change {
	fresh := &object{Input: r.input, Triggers: r.triggers}
	if bytes.Equal(r.input, null) {
		fresh.Output = null
	}
	c := change{address: address, resource: r, before: prior, after: fresh}
	same := func(old, now json.RawMessage) bool {
		return bytes.Equal(old, now) && !bytes.Contains(now, []byte(later))
	}
	switch {
	case prior == nil:
		c.actions = []string{"create"}
	case !same(prior.Triggers, r.triggers):
		c.actions, c.reason = []string{"delete", "create"}, replaced
	case !same(prior.Input, r.input):
		c.actions = []string{"update"}
		fresh.ID = prior.ID
	default:
		c.actions = []string{"no-op"}
		c.after = prior
	}
	return c
}

// touches reports whether the change does anything.
func (c change) touches() bool { return c.actions[0] != "no-op" }

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

func (t run) plan(args []string) (int, error) {
	if _, err := t.parse("plan", args, 0); err != nil {
		return 1, err
	}
	saved, touched, err := t.makePlan()
	if err != nil {
		return 1, err
	}
	if t.planFile != "" {
		content, err := json.Marshal(saved)
		if err == nil {
			err = os.WriteFile(t.path(t.planFile), content, 0o600)
		}
		if err != nil {
			return 1, failure("Failed to write plan file", "%w", err)
		}
		_, _ = fmt.Fprintf(t.out, "\nSaved the plan to: %s\n", t.planFile)
	}
	if t.detailed && touched {
		return 2, nil
	}
	return 0, nil
}

// makePlan compares the configuration of the folder with its state, prints the
// changes for people, and reports whether there are any.
func (t run) makePlan() (*savedPlan, bool, error) {
	if text := t.setting("plan-error"); text != "" {
		return nil, false, errors.New(text)
	}
	c, err := loadConfig(t.dir)
	if err == nil {
		err = t.initialized(c)
	}
	if err != nil {
		return nil, false, err
	}
	path := t.statePath(c)
	release, err := t.lockState(path, "OperationTypePlan")
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = release() }()
	s, exists, err := readState(path)
	if err != nil {
		return nil, false, err
	}
	prior, err := s.objects()
	if err != nil {
		return nil, false, err
	}
	changes := diff(c, prior)
	for _, one := range changes {
		if r := one.resource; r != nil && r.Lifecycle != nil && r.Lifecycle.PreventDestroy && one.actions[0] == "delete" {
			return nil, false, failure("Instance cannot be destroyed", "  on %s:\n\nResource %s has lifecycle.prevent_destroy set, but the plan\ncalls for this resource to be destroyed.", r.place(), one.address)
		}
	}
	show, err := showPlan(c, changes, prior, exists)
	return &savedPlan{Format: savedPlanFormat, Files: c.files, Serial: s.Serial, Lineage: s.Lineage, Show: show}, t.describe(changes), err
}

// readPlan reads a plan file.
func (t run) readPlan(name string) (*savedPlan, error) {
	saved := &savedPlan{}
	content, err := os.ReadFile(t.path(name))
	if err == nil {
		err = json.Unmarshal(content, saved)
	}
	if err == nil && saved.Format != savedPlanFormat {
		err = errors.New(name + " is not a plan of the stand-in Terraform")
	}
	if err != nil {
		return nil, failure("Failed to read the given file as a state or plan file", "%w", err)
	}
	return saved, nil
}

func (t run) show(args []string) (int, error) {
	words, err := t.parse("show", args, 1)
	if err != nil {
		return 1, err
	}
	if len(words) == 0 || !t.jsonOutput {
		return 1, failure("Nothing to show", "The stand-in shows plan files as JSON.")
	}
	saved, err := t.readPlan(words[0])
	if err != nil {
		return 1, err
	}
	_, err = fmt.Fprintf(t.out, "%s\n", saved.Show)
	return 0, err
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
		saved, _, err = t.makePlan()
	default:
		err = failure("Cannot confirm apply", "The stand-in cannot ask for approval: give a plan file or -auto-approve.")
	}
	if err != nil {
		return 1, err
	}
	return t.carryOut(saved)
}

// carryOut changes the state as a plan says, unless the state has moved since. It
// saves the state after each resource, so that an apply that is cut short leaves a
// true record.
func (t run) carryOut(saved *savedPlan) (int, error) {
	c, err := parseConfig(saved.Files, time.Now().UTC().Format(time.RFC3339))
	if err != nil {
		return 1, err
	}
	path := t.statePath(c)
	release, err := t.lockState(path, "OperationTypeApply")
	if err != nil {
		return 1, err
	}
	defer func() { _ = release() }()
	s, _, err := readState(path)
	if err != nil {
		return 1, err
	}
	if s.Serial != saved.Serial || s.Lineage != saved.Lineage {
		return 1, failure("Saved plan is stale", "The given plan file can no longer be applied because the state was changed by\nanother operation after the plan was created.")
	}
	prior, err := s.objects()
	if err != nil {
		return 1, err
	}
	if delay, err := time.ParseDuration(t.setting("apply-delay")); err == nil {
		time.Sleep(delay)
	}
	left, limit := strconv.Atoi(t.setting("apply-fail-after"))
	changes := slices.DeleteFunc(diff(c, prior), func(c change) bool { return !c.touches() })
	for i, one := range changes {
		if limit == nil && i >= left {
			return 1, fmt.Errorf("the stand-in was told to fail\n\n  with %s", one.address)
		}
		if one.after != nil {
			one.after.Output = one.after.Input
			if one.after.ID == "" {
				one.after.ID = program.NewID()
			}
		}
		s.put(one.address, one.after)
		if err := s.write(path); err != nil {
			return 1, err
		}
		_, _ = fmt.Fprintf(t.out, "%s: %s complete after 0s\n", one.address, strings.Join(one.actions, ", "))
	}
	n := counts(changes)
	_, err = fmt.Fprintf(t.out, "\nApply complete! Resources: %d added, %d changed, %d destroyed.\n", n["create"], n["update"], n["delete"])
	return 0, err
}

func counts(changes []change) map[string]int {
	n := map[string]int{}
	for _, one := range changes {
		for _, action := range one.actions {
			n[action]++
		}
	}
	delete(n, "no-op")
	return n
}

// describe prints the changes for people and reports whether there are any.
func (t run) describe(changes []change) bool {
	n := counts(changes)
	if len(n) == 0 {
		_, _ = fmt.Fprint(t.out, "\nNo changes. Your infrastructure matches the configuration.\n")
		return false
	}
	for _, one := range changes {
		if one.touches() {
			_, _ = fmt.Fprintf(t.out, "  # %s: %s\n", one.address, strings.Join(one.actions, ", "))
		}
	}
	_, _ = fmt.Fprintf(t.out, "\nPlan: %d to add, %d to change, %d to destroy.\n", n["create"], n["update"], n["delete"])
	return true
}
