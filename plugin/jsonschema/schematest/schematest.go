// Package schematest holds values against a schema, for tests.
package schematest

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/jsonschema"
)

// Violations holds a value against a schema, strictly: what the schema does not
// name may not be there.
func Violations(s *jsonschema.Schema, value any, place string) (found []string) {
	say := func(format string, args ...any) { found = append(found, place+": "+fmt.Sprintf(format, args...)) }
	fits := map[string]bool{"string": is[string](value), "boolean": is[bool](value), "number": is[float64](value), "array": is[[]any](value), "object": is[map[string]any](value)}
	number, whole := value.(float64)
	fits["integer"] = whole && number == math.Trunc(number)
	if !fits[s.Type] {
		return []string{fmt.Sprintf("%s: %v is no %s", place, value, s.Type)}
	}
	if text, ok := value.(string); ok && s.Enum != nil && !slices.Contains(s.Enum, text) {
		say("%q is none of %q", text, s.Enum)
	}
	if _, err := time.Parse(time.RFC3339, fmt.Sprint(value)); s.Format == "date-time" && err != nil {
		say("%v", err)
	}
	if s.Const != 0 && number != float64(s.Const) {
		say("%v is not %d", value, s.Const)
	}
	if list, ok := value.([]any); ok {
		for i, one := range list {
			found = append(found, Violations(s.Items, one, fmt.Sprintf("%s[%d]", place, i))...)
		}
	}
	object, ok := value.(map[string]any)
	if !ok {
		return found
	}
	for _, name := range s.Required {
		if _, ok := object[name]; !ok {
			say("%s is missing", name)
		}
	}
	for name, one := range object {
		if s.Properties[name] == nil {
			say("%s is not described", name)
			continue
		}
		found = append(found, Violations(s.Properties[name], one, place+"."+name)...)
	}
	return found
}

func is[T any](value any) bool {
	_, ok := value.(T)
	return ok
}
