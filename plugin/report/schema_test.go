package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/jsonschema"
	"github.com/pm-todos/pm-todos/plugin/jsonschema/schematest"
)

// publishedSchema is the schema as users have it.
func publishedSchema(t *testing.T) *jsonschema.Schema {
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
	var s jsonschema.Schema
	if err := json.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

func TestSchemaDescribesEveryField(t *testing.T) {
	var walk func(s *jsonschema.Schema, place string)
	walk = func(s *jsonschema.Schema, place string) {
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
		if found := schematest.Violations(s, value, "$"); len(found) > 0 {
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
		if len(schematest.Violations(s, value, "$")) == 0 {
			t.Errorf("%s fits", name)
		}
	}
}
