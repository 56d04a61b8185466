package report

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// violations holds a value against a schema, strictly: what the schema does not
// name may not be there.
func violations(s *schema, value any, place string) (found []string) {
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
			found = append(found, violations(s.Items, one, fmt.Sprintf("%s[%d]", place, i))...)
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
		found = append(found, violations(s.Properties[name], one, place+"."+name)...)
	}
	return found
}

func is[T any](value any) bool {
	_, ok := value.(T)
	return ok
}

// publishedSchema is the schema as users have it.
func publishedSchema(t *testing.T) *schema {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "summary.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := SummarySchema()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(content)); diff != "" {
		t.Errorf("docs/summary.schema.json is stale, run go generate (-want +got):\n%s", diff)
	}
	var s schema
	if err := json.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestSchemaDescribesEveryField(t *testing.T) {
	var walk func(s *schema, place string)
	walk = func(s *schema, place string) {
		for name, property := range s.Properties {
			if name == "" || !strings.HasSuffix(strings.TrimSuffix(property.Description, "…"), ".") && !strings.HasSuffix(property.Description, "…") {
				t.Errorf("%s.%s is described by %q", place, name, property.Description)
			}
			walk(property, place+"."+name)
		}
		if s.Items != nil {
			walk(s.Items, place+"[]")
		}
	}
	walk(publishedSchema(t), "$")
}

func TestSummariesFitTheSchema(t *testing.T) {
	s := publishedSchema(t)
	fits := func(t interface{ Fatal(...any) }, summary Summary) {
		content, err := Render(summary).JSON()
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(content, &value); err != nil {
			t.Fatal(err)
		}
		if found := violations(s, value, "$"); len(found) > 0 {
			t.Fatal(strings.Join(found, "\n"))
		}
	}
	fits(t, summary())
	fits(t, quiet())
	modes := rapid.SampledFrom([]string{"apply", "propose", "dry-run"})
	rapid.Check(t, func(t *rapid.T) {
		summary := drawSummary(t)
		summary.Mode = modes.Draw(t, "mode")
		fits(t, summary)
	})
}

// TestTheSchemaSaysNo holds the check itself to what it is for.
func TestTheSchemaSaysNo(t *testing.T) {
	s := publishedSchema(t)
	for name, change := range map[string]func(map[string]any){
		"another version":   func(v map[string]any) { v["schema"] = 3.0 },
		"an unknown field":  func(v map[string]any) { v["more"] = "x" },
		"a missing field":   func(v map[string]any) { delete(v, "totals") },
		"another type":      func(v map[string]any) { v["exit_code"] = "3" },
		"half a number":     func(v map[string]any) { v["exit_code"] = 0.5 },
		"another kind":      func(v map[string]any) { v["exit_kind"] = "fine" },
		"no time":           func(v map[string]any) { v["started"] = "yesterday" },
		"a list of nothing": func(v map[string]any) { v["warnings"] = []any{nil} },
		"an item's field":   func(v map[string]any) { v["items"].([]any)[0].(map[string]any)["more"] = 1.0 },
	} {
		content, err := Render(summary()).JSON()
		if err != nil {
			t.Fatal(err)
		}
		var value map[string]any
		if err := json.Unmarshal(content, &value); err != nil {
			t.Fatal(err)
		}
		change(value)
		if len(violations(s, value, "$")) == 0 {
			t.Errorf("%s fits", name)
		}
	}
}
