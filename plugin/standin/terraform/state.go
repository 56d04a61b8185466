package terraform

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// tfProvider is the address of the provider built into Terraform.
const tfProvider = "terraform.io/builtin/terraform"

// tfState is a state file of version 4, of terraform_data resources only.
type tfState struct {
	Version          int               `json:"version"`
	TerraformVersion string            `json:"terraform_version"`
	Serial           uint64            `json:"serial"`
	Lineage          string            `json:"lineage"`
	Outputs          map[string]any    `json:"outputs"`
	Resources        []tfStateResource `json:"resources"`
	CheckResults     any               `json:"check_results"`
}

type tfStateResource struct {
	Mode      string            `json:"mode"`
	Type      string            `json:"type"`
	Name      string            `json:"name"`
	Provider  string            `json:"provider"`
	Instances []tfStateInstance `json:"instances"`
}

type tfStateInstance struct {
	SchemaVersion int          `json:"schema_version"`
	Attributes    tfAttributes `json:"attributes"`
	Sensitive     []any        `json:"sensitive_attributes"`
	CreateFirst   bool         `json:"create_before_destroy,omitempty"`
}

// tfAttributes are a resource's attributes; those of any type are kept with
// their type.
type tfAttributes struct {
	ID       string          `json:"id"`
	Input    json.RawMessage `json:"input"`
	Output   json.RawMessage `json:"output"`
	Triggers json.RawMessage `json:"triggers_replace"`
}

// tfObject is a terraform_data resource as values, some perhaps unknown.
type tfObject struct{ id, input, output, triggers cty.Value }

// value is the object as the plan's JSON shows it.
func (o *tfObject) value() cty.Value {
	if o == nil {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return cty.ObjectVal(map[string]cty.Value{"id": o.id, "input": o.input, "output": o.output, "triggers_replace": o.triggers})
}

// readState reads a state file; exists is false, and the state empty, when
// there is none.
func readState(path string) (state *tfState, exists bool, err error) {
	state = &tfState{Version: 4, TerraformVersion: Version, Outputs: map[string]any{}, Resources: []tfStateResource{}}
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return state, false, nil
	}
	if err != nil {
		return nil, false, failure("Error loading state", "%w", err)
	}
	// An interrupted first run of the real program leaves an empty file.
	if len(content) == 0 {
		return state, false, nil
	}
	if err := json.Unmarshal(content, state); err != nil {
		return nil, false, failure("Error loading state", "%s: %w", path, err)
	}
	return state, true, nil
}

// write puts the state in place as a whole, one serial further.
func (s *tfState) write(path string) error {
	if s.Lineage == "" {
		s.Lineage = program.NewID()
	}
	s.Serial++
	slices.SortFunc(s.Resources, func(a, b tfStateResource) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + "." + rand.Text()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(temporary, append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// objects are the resources of the state by address.
func (s *tfState) objects() (map[string]*tfObject, error) {
	objects := map[string]*tfObject{}
	for _, r := range s.Resources {
		address := r.Type + "." + r.Name
		if r.Type != "terraform_data" || len(r.Instances) != 1 {
			return nil, failure("Unsupported state", "%s is in the state.\n%s", address, errSupport)
		}
		attributes := r.Instances[0].Attributes
		object := &tfObject{id: cty.StringVal(attributes.ID)}
		for target, raw := range map[*cty.Value]json.RawMessage{&object.input: attributes.Input, &object.output: attributes.Output, &object.triggers: attributes.Triggers} {
			value, err := ctyjson.Unmarshal(raw, cty.DynamicPseudoType)
			if err != nil {
				return nil, failure("Error loading state", "%s: %w", address, err)
			}
			*target = value
		}
		objects[address] = object
	}
	return objects, nil
}

// remove takes a resource out.
func (s *tfState) remove(name string) {
	s.Resources = slices.DeleteFunc(s.Resources, func(r tfStateResource) bool { return r.Name == name })
}

// put adds a resource or replaces it.
func (s *tfState) put(resource tfResource, object *tfObject) error {
	attributes := tfAttributes{ID: object.id.AsString()}
	for target, value := range map[*json.RawMessage]cty.Value{&attributes.Input: object.input, &attributes.Output: object.output, &attributes.Triggers: object.triggers} {
		raw, err := ctyjson.Marshal(value, cty.DynamicPseudoType)
		if err != nil {
			return fmt.Errorf("state of %s: %w", resource.address, err)
		}
		*target = raw
	}
	s.remove(resource.name)
	s.Resources = append(s.Resources, tfStateResource{
		Mode: "managed", Type: "terraform_data", Name: resource.name, Provider: `provider["` + tfProvider + `"]`,
		Instances: []tfStateInstance{{Attributes: attributes, Sensitive: []any{}, CreateFirst: resource.createFirst}},
	})
	return nil
}

// StateInputs are the inputs of the terraform_data resources in a state file,
// by address, as JSON decodes them. It reads the files of the real Terraform
// too. There are none when the file does not exist.
func StateInputs(path string) (map[string]any, error) {
	state, _, err := readState(path)
	if err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	inputs := map[string]any{}
	for _, r := range state.Resources {
		for _, instance := range r.Instances {
			var kept struct {
				Value any `json:"value"`
			}
			if err := json.Unmarshal(instance.Attributes.Input, &kept); err != nil {
				return nil, fmt.Errorf("state file %s: %s.%s: %w", path, r.Type, r.Name, err)
			}
			inputs[r.Type+"."+r.Name] = kept.Value
		}
	}
	return inputs, nil
}

// stateLock is what the lock file says of its holder, in Terraform's form.
type stateLock struct {
	ID, Operation, Info, Who, Version, Created, Path string
}

// lockPath is the file that is locked for a state file.
func lockPath(state string) string {
	return filepath.Join(filepath.Dir(state), "."+filepath.Base(state)+".lock.info")
}

// HoldStateLock takes the lock of a state file as another run of the stand-in
// Terraform would, until release. It fails at once when somebody has it.
func HoldStateLock(state, operation string) (release func() error, err error) {
	path := lockPath(state)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("state lock %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state lock %s: %w", path, err)
	}
	fail := func(err error) (func() error, error) {
		_ = file.Close()
		return nil, fmt.Errorf("state lock %s: %w", path, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fail(err)
	}
	// The holder before may have removed the file between our two calls.
	ours, errOurs := file.Stat()
	there, errThere := os.Stat(path)
	if errOurs != nil || errThere != nil || !os.SameFile(ours, there) {
		return fail(syscall.EAGAIN)
	}
	content, err := json.Marshal(stateLock{
		ID: program.NewID(), Operation: operation, Who: "stand-in@localhost", Version: Version,
		Created: time.Now().UTC().Format(time.RFC3339Nano), Path: state,
	})
	if err != nil {
		return fail(err)
	}
	if err := errors.Join(file.Truncate(0), writeAt(file, content)); err != nil {
		return fail(err)
	}
	return func() error { return errors.Join(os.Remove(path), file.Close()) }, nil
}

func writeAt(file *os.File, content []byte) error {
	_, err := file.WriteAt(content, 0)
	return err
}

// lockState waits for the lock as long as -lock-timeout says.
func (t run) lockState(state, operation string) (func(), error) {
	if t.noLock {
		return func() {}, nil
	}
	deadline := time.Now().Add(t.lockTimeout)
	for {
		release, err := HoldStateLock(state, operation)
		if err == nil {
			return func() { _ = release() }, nil
		}
		if !errors.Is(err, syscall.EAGAIN) || time.Now().After(deadline) {
			return nil, lockError(state, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func lockError(state string, cause error) error {
	var holder stateLock
	if content, err := os.ReadFile(lockPath(state)); err == nil {
		// A holder that has just begun may not have written it yet.
		_ = json.Unmarshal(content, &holder)
	}
	return failure("Error acquiring the state lock", "Error message: %w\nLock Info:\n  ID:        %s\n  Path:      %s\n  Operation: %s\n  Who:       %s\n  Version:   %s\n  Created:   %s\n  Info:      %s\n\nTerraform acquires a state lock to protect the state from being written\nby multiple users at the same time. Please resolve the issue above and try\nagain. For most commands, you can disable locking with the \"-lock=false\"\nflag, but this is not recommended.",
		cause, holder.ID, state, holder.Operation, holder.Who, holder.Version, holder.Created, holder.Info)
}

// addresses are the keys of a map by address, sorted.
func addresses[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
