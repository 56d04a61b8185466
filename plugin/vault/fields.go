package vault

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Fields is what Vault gave.
type Fields struct {
	Path     string  // API path of the secret, empty when none was read
	SSH      *SSHKey // the signed key, when one was asked for
	Warnings []error // what should be better, for the log

	values map[string]secret.String
	odd    map[string]string   // fields without text: their JSON kind by name
	plain  map[string]struct{} // numbers and booleans among the values
}

func (f *Fields) fill(path string, data map[string]any) {
	f.Path, f.values, f.odd, f.plain = path, map[string]secret.String{}, map[string]string{}, map[string]struct{}{}
	for name, value := range data {
		switch value := value.(type) {
		case string:
			f.values[name] = secret.New(value)
		case json.Number:
			f.values[name], f.plain[name] = secret.New(value.String()), struct{}{}
		case bool:
			f.values[name], f.plain[name] = secret.New(fmt.Sprint(value)), struct{}{}
		case nil:
			f.odd[name] = "null"
		case []any:
			f.odd[name] = "a list"
		default:
			f.odd[name] = "an object"
		}
	}
}

// Get is the value of a field. When it is missing, empty or no text, the error
// (fault.Failed) names the path and the fields that exist, never a value.
func (f Fields) Get(name string) (secret.String, error) {
	value, ok := f.Lookup(name)
	if ok {
		return value, nil
	}
	reason := "there is no such field"
	if _, exists := f.values[name]; exists {
		reason = "it is empty"
	}
	if kind, exists := f.odd[name]; exists {
		reason = "it is " + kind + ", not text"
	}
	names := "the secret has no fields"
	if all := f.Names(); len(all) > 0 {
		names = "the fields are " + text.Line(strings.Join(all, ", "), 500)
	}
	err := fault.WithFix(errors.New("vault: no secret was read"), "set vault_secret")
	if f.Path != "" {
		err = fault.WithFix(fmt.Errorf("vault: field %q of %s: %s", name, f.Path, reason), "%s; add it, or name another in the settings", names)
	}
	return secret.String{}, fault.Mark(fault.Failed, err)
}

// Lookup is the value of a field, and whether it exists and is not blank.
func (f Fields) Lookup(name string) (secret.String, bool) {
	value, ok := f.values[name]
	return value, ok && strings.TrimSpace(value.Reveal()) != ""
}

// Names are the names of all fields, sorted.
func (f Fields) Names() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(f.values)), maps.Keys(f.odd))
	slices.Sort(names)
	return names
}

// Secrets is every text that must not be printed: all fields but numbers,
// booleans and those named (public ones, such as known_hosts), and the private
// key that was signed.
func (f Fields) Secrets(except ...string) []secret.String {
	var all []secret.String
	for _, name := range f.Names() {
		value, ok := f.values[name]
		if _, plain := f.plain[name]; ok && !plain && !slices.Contains(except, name) {
			all = append(all, value)
		}
	}
	if f.SSH != nil {
		all = append(all, f.SSH.Private)
	}
	return all
}
