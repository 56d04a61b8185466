package terraform

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// provider is the address of the provider built into Terraform.
const provider = "terraform.io/builtin/terraform"

// null is a value that is not there.
var null = json.RawMessage("null")

// state is a state file of version 4, of terraform_data resources only.
type state struct {
	Version          int             `json:"version"`
	TerraformVersion string          `json:"terraform_version"`
	Serial           uint64          `json:"serial"`
	Lineage          string          `json:"lineage"`
	Outputs          tree            `json:"outputs"`
	Resources        []stateResource `json:"resources"`
	CheckResults     any             `json:"check_results"`
}

type stateResource struct {
	Mode      string          `json:"mode"`
	Type      string          `json:"type"`
	Name      string          `json:"name"`
	Provider  string          `json:"provider"`
	Instances []stateInstance `json:"instances"`
}

type stateInstance struct {
	SchemaVersion int    `json:"schema_version"`
	Attributes    object `json:"attributes"`
	Sensitive     []any  `json:"sensitive_attributes"`
}

// object is a resource's attributes; those of any type are kept with their type.
// An empty ID and a nil output are those that the apply will tell.
type object struct {
	ID       string          `json:"id"`
	Input    json.RawMessage `json:"input"`
	Output   json.RawMessage `json:"output"`
	Triggers json.RawMessage `json:"triggers_replace"`
}

// readState reads a state file; exists is false, and the state empty, when
// there is none.
func readState(path string) (s *state, exists bool, err error) {
	s = &state{Version: 4, TerraformVersion: Version, Outputs: tree{}, Resources: []stateResource{}}
	content, err := os.ReadFile(path)
	// An interrupted first run of the real program leaves an empty file.
	if errors.Is(err, os.ErrNotExist) || err == nil && len(content) == 0 {
		return s, false, nil
	}
	var flat bytes.Buffer // equal values are equal bytes
	if err == nil {
		err = json.Compact(&flat, content)
	}
	if err == nil {
		err = json.Unmarshal(flat.Bytes(), s)
	}
	if err != nil {
		return nil, false, failure("Error loading state", "%s: %w", path, err)
	}
	return s, true, nil
}

// write puts the state in place as a whole, one serial further.
func (s *state) write(path string) error {
	if s.Lineage == "" {
		s.Lineage = program.NewID()
	}
	s.Serial++
	slices.SortFunc(s.Resources, func(a, b stateResource) int { return cmp.Compare(a.Name, b.Name) })
	content, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	temporary := path + "." + rand.Text()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(temporary, append(content, '\n'), 0o600)); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// objects are the resources of the state by address.
func (s *state) objects() (map[string]*object, error) {
	objects := map[string]*object{}
	for _, r := range s.Resources {
		address := r.Type + "." + r.Name
		if r.Type != "terraform_data" || len(r.Instances) != 1 {
			return nil, failure("Unsupported state", "%s is in the state.\n%s", address, errSupport)
		}
		objects[address] = &r.Instances[0].Attributes
	}
	return objects, nil
}

// put adds a resource, replaces it, or takes it out when there is no object.
func (s *state) put(address string, o *object) {
	s.Resources = slices.DeleteFunc(s.Resources, func(r stateResource) bool { return r.Name == nameOf(address) })
	if o != nil {
		s.Resources = append(s.Resources, stateResource{
			Mode: "managed", Type: "terraform_data", Name: nameOf(address), Provider: `provider["` + provider + `"]`,
			Instances: []stateInstance{{Attributes: *o, Sensitive: []any{}}},
		})
	}
}

// StateInputs are the inputs of the terraform_data resources in a state file,
// by address, as JSON decodes them. It reads the files of the real Terraform
// too. There are none when the file does not exist.
func StateInputs(path string) (map[string]any, error) {
	s, _, err := readState(path)
	if err != nil {
		return nil, fmt.Errorf("state file %s: %w", path, err)
	}
	inputs := map[string]any{}
	for _, r := range s.Resources {
		for _, instance := range r.Instances {
			inputs[r.Type+"."+r.Name] = plain(instance.Attributes.Input)
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
// Terraform would, until release. It fails at once when somebody has it. The lock is
// the kernel's, so that it ends with its holder; the file stays.
func HoldStateLock(state, operation string) (release func() error, err error) {
	path := lockPath(state)
	content, err := json.Marshal(stateLock{
		ID: program.NewID(), Operation: operation, Who: "stand-in@localhost", Version: Version,
		Created: time.Now().UTC().Format(time.RFC3339Nano), Path: state,
	})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o750)
	}
	var file *os.File
	if err == nil {
		file, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	}
	if err == nil {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("state lock %s: %w", path, err)
	}
	// Closing alone would leave the lock to a child that is just being started.
	return func() error { return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close()) }, nil
}

// lockState waits for the lock as long as -lock-timeout says.
func (t run) lockState(state, operation string) (func() error, error) {
	deadline := time.Now().Add(t.lockTimeout)
	for {
		release, err := HoldStateLock(state, operation)
		if err == nil {
			return release, nil
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
		_ = json.Unmarshal(content, &holder) // one that has just begun may not have written it yet
	}
	return failure("Error acquiring the state lock", "Error message: %w\nLock Info:\n  ID:        %s\n  Path:      %s\n  Operation: %s\n  Who:       %s\n  Version:   %s\n  Created:   %s\n  Info:      %s",
		cause, holder.ID, state, holder.Operation, holder.Who, holder.Version, holder.Created, holder.Info)
}
