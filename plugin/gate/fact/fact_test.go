package fact_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
)

var update = flag.Bool("update", false, "write the facts into the fixtures; read every difference before you commit it")

// fixture is a plan for one resource, made from the sections of a file. Of the
// attributes, a text "@name" stands for the text of the section of that name.
// Sections before.yaml and after.yaml alone are the values of a helm_release.
type fixture struct {
	sections map[string]string
}

func readFixture(t *testing.T, file string) (fixture, *txtar.Archive) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{map[string]string{}}
	for _, section := range archive.Files {
		text := string(section.Data)
		if strings.HasSuffix(section.Name, ".quoted") { // for what a text file cannot hold
			section.Name = strings.TrimSuffix(section.Name, ".quoted")
			if text, err = strconv.Unquote(strings.TrimSpace(text)); err != nil {
				t.Fatal(err)
			}
		}
		f.sections[section.Name] = text
	}
	return f, archive
}

// value is a section as JSON, with the texts of other sections in it.
func (f fixture) value(t *testing.T, section string) any {
	t.Helper()
	text, ok := f.sections[section]
	if !ok {
		return nil
	}
	value, err := fact.ReadJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", section, err)
	}
	return f.expand(value)
}

func (f fixture) expand(value any) any {
	switch v := value.(type) {
	case string:
		if name, ok := strings.CutPrefix(v, "@"); ok {
			return f.sections[name]
		}
	case []any:
		for i := range v {
			v[i] = f.expand(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = f.expand(v[key])
		}
	}
	return value
}

// show is what show -json prints for the resource.
func (f fixture) show(t *testing.T, before, after string) []byte {
	t.Helper()
	kind := strings.TrimSpace(f.sections["type"])
	if kind == "" {
		kind = "helm_release"
	}
	old, now := f.value(t, before), f.value(t, after)
	if _, values := f.sections["before.yaml"]; values && now == nil {
		old, now = map[string]any{"values": []any{f.sections["before.yaml"]}}, map[string]any{"values": []any{f.sections["after.yaml"]}}
	}
	verb := "update"
	if old == nil {
		verb = "create"
	}
	expressions := f.value(t, "expressions")
	if expressions == nil {
		expressions = map[string]any{"values": map[string]any{}}
	}
	return printed(t, []any{map[string]any{
		"address": kind + ".one", "mode": "managed", "type": kind, "name": "one", "provider_name": "registry.terraform.io/x/x",
		"change": map[string]any{
			"actions": []any{verb}, "before": old, "after": now, "after_unknown": f.value(t, "unknown"),
			"before_sensitive": f.value(t, "sensitive"), "after_sensitive": f.value(t, "sensitive"),
		},
	}}, map[string]any{"resources": []any{map[string]any{"address": kind + ".one", "mode": "managed", "type": kind, "name": "one", "expressions": expressions}}})
}

func printed(t *testing.T, changes []any, module map[string]any) []byte {
	t.Helper()
	show, err := json.Marshal(map[string]any{
		"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": changes,
		"configuration": map[string]any{"root_module": module},
	})
	if err != nil {
		t.Fatal(err)
	}
	return show
}

func TestFacts(t *testing.T) {
	files, err := filepath.Glob("testdata/facts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			f, archive := readFixture(t, file)
			var baseline []byte
			if _, ok := f.sections["baseline"]; ok {
				baseline = f.show(t, "before", "baseline")
			}
			plan, err := read(f.show(t, "before", "after"), baseline)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, effect := range plan.Effects {
				for _, one := range effect.Facts {
					got.WriteString(line(one) + "\n")
				}
			}
			if *update {
				rewrite(t, file, archive, got.String())
			}
			if diff := cmp.Diff(f.sections["want"], got.String()); diff != "" && !*update {
				t.Error(diff)
			}
		})
	}
}

func rewrite(t *testing.T, file string, archive *txtar.Archive, want string) {
	t.Helper()
	original, err := txtar.ParseFile(file) // with the names of its sections
	if err != nil {
		t.Fatal(err)
	}
	archive.Files = nil
	for _, section := range original.Files {
		if section.Name != "want" {
			archive.Files = append(archive.Files, section)
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(want)})
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// line is a fact as the fixtures write it.
func line(f fact.Fact) string {
	text := string(f.Kind) + " " + f.Place.String()
	if f.Drift {
		text = "drift " + text
	}
	switch f.Kind {
	case fact.Opaque:
		return text + ": " + f.Why
	case fact.Order:
		return text
	case fact.Added:
		return text + ": " + short(f.After)
	case fact.Removed:
		return text + ": " + short(f.Before)
	}
	return text + ": " + short(f.Before) + " -> " + short(f.After)
}

// short is a tree on one line.
func short(n *fact.Node) string {
	if n == nil {
		return "absent"
	}
	mark := ""
	if n.Why != "" {
		mark = "?"
	}
	switch {
	case n.Document != nil:
		return mark + string(n.Document.Origin) + short(n.Document)
	case n.Kind == fact.Map:
		var parts []string
		for _, entry := range n.Entries {
			parts = append(parts, entry.Key+": "+short(entry.Value))
		}
		return mark + "{" + strings.Join(parts, ", ") + "}"
	case n.Kind == fact.List:
		var parts []string
		for _, elem := range n.Elems {
			parts = append(parts, short(elem))
		}
		return mark + "[" + strings.Join(parts, ", ") + "]"
	case n.Kind == fact.String && n.Style == fact.Plain:
		return mark + "plain " + n.Text
	case n.Kind == fact.String:
		return mark + strconv.Quote(n.Text)
	case n.Kind == fact.Number || n.Kind == fact.Bool:
		return mark + n.Text
	}
	return mark + fmt.Sprint(n.Kind)
}

// read takes the facts out of what the show command printed for a plan, and for
// the one of its base.
func read(show, baseline []byte) (*fact.Plan, error) {
	shown, err := fact.Show(show)
	if err != nil {
		return nil, err
	}
	var base *fact.Shown
	if baseline != nil {
		if base, err = fact.Show(baseline); err != nil {
			return nil, err
		}
	}
	return fact.Read(shown, base)
}
