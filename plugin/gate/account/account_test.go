package account_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pm-todos/pm-todos/plugin/gate/account"
	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/item"
)

var update = flag.Bool("update", false, "write what is not accounted for into the fixtures; read every difference before you commit it")

// The sections of a fixture: base/PATH is a file that stays, old/PATH and
// new/PATH one that differs, plan the plan's resource changes by address, each
// [before, after], and configuration its root module; or show is what Terraform
// printed. The stack is stacks/a.
func TestFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, got := "", judge(t, archive)
			for i, section := range archive.Files {
				if section.Name == "want" {
					want = string(section.Data)
					archive.Files = archive.Files[:i]
				}
			}
			if *update {
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func judge(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	files, base := map[string]*item.File{}, map[string][]byte{}
	var order []string
	var changes map[string][2]any
	module := map[string]any{}
	var printed []byte
	of := func(path string) *item.File {
		if files[path] == nil {
			files[path] = &item.File{Path: path, Kind: item.Modified}
			order = append(order, path)
		}
		return files[path]
	}
	for _, section := range archive.Files {
		side, path, _ := strings.Cut(section.Name, "/")
		switch side {
		case "base":
			base[path] = section.Data
		case "old":
			of(path).Old, base[path] = section.Data, section.Data
		case "new":
			of(path).New = section.Data
		case "plan":
			decode(t, section.Data, &changes)
		case "show":
			printed = section.Data
		case "configuration":
			decode(t, section.Data, &module)
		}
	}
	var list []item.File
	for _, path := range order {
		file := files[path]
		if file.Old == nil {
			file.Kind = item.Added
		} else if file.New == nil {
			file.Kind = item.Deleted
		}
		list = append(list, *file)
	}
	if printed == nil {
		printed = show(t, changes, module)
	}
	plan, err := read(printed)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, one := range filesOf(plan, list, base) {
		fmt.Fprintf(&got, "%s:%d: %s\n", one.File, one.Line, one.Why)
	}
	return got.String()
}

func filesOf(plan *fact.Plan, files []item.File, base map[string][]byte) []fact.Fact {
	before, after := hclfile.NewTree(nil, base).Sides(files)
	return account.Files(plan, files, before, after, "stacks/a")
}

func decode(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// show is the plan as the show command prints it.
func show(t *testing.T, changes map[string][2]any, module map[string]any) []byte {
	t.Helper()
	list := []any{}
	for address, sides := range changes {
		verb := "update"
		if sides[0] == nil {
			verb = "create"
		}
		parts := strings.Split(fact.WithoutKeys(address), ".")
		list = append(list, map[string]any{
			"address": address, "mode": "managed", "type": parts[len(parts)-2], "name": parts[len(parts)-1],
			"module_address": strings.Join(strings.Split(address, ".")[:len(parts)-2], "."),
			"change":         map[string]any{"actions": []any{verb}, "before": sides[0], "after": sides[1]},
		})
	}
	text, err := json.Marshal(map[string]any{"format_version": "1.2", "resource_changes": list, "configuration": map[string]any{"root_module": module}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTemplatesOfThousandsOfLines(t *testing.T) {
	var old strings.Builder
	old.WriteString("%{ if enabled ~}\nrules:\n")
	for i := range 1000 {
		fmt.Fprintf(&old, "  - alert: A%d\n    expr: |\n      rate(metric_%d{job=\"${job}\"}[5m])\n        > %d\n    annotations:\n      summary: \"{{ $labels.instance }}\"\n", i, i, i)
	}
	rule := "  - alert: New\n    expr: rate(new{job=\"${job}\"}[5m]) > 7\n"
	rendered := func(text string) string {
		return strings.ReplaceAll(strings.TrimPrefix(text, "%{ if enabled ~}\n"), "${job}", "x")
	}
	with := func(extra string) []fact.Fact {
		now := strings.Replace(old.String(), "  - alert: A500\n", rule+extra+"  - alert: A500\n", 1)
		changes := map[string][2]any{"helm_release.p": {
			map[string]any{"values": []any{rendered(old.String())}},
			map[string]any{"values": []any{rendered(strings.Replace(old.String(), "  - alert: A500\n", rule+"  - alert: A500\n", 1))}},
		}}
		plan, err := read(show(t, changes, map[string]any{}))
		if err != nil {
			t.Fatal(err)
		}
		file := item.File{Path: "stacks/a/values.tpl", Kind: item.Modified, Old: []byte(old.String()), New: []byte(now)}
		return filesOf(plan, []item.File{file}, nil)
	}
	if facts := with(""); len(facts) > 0 {
		t.Errorf("%v", facts)
	}
	if facts := with("%{ if prod }\n  - alert: Hidden\n%{ endif }\n"); len(facts) != 1 || facts[0].Line != 3006 {
		t.Errorf("%v", facts)
	}
}

func FuzzFiles(f *testing.F) {
	f.Add("main.tf", "locals { a = 1 }", "locals { a = 2 }")
	f.Add("main.tf", "module \"m\" {\n source = \"./\" \n}", "resource \"a\" \"b\" {\n lifecycle {}\n}")
	f.Add("x.tfvars", "a = 1", "a = [1]")
	f.Add("terragrunt.hcl", "inputs = { a = 1 }", "inputs = { \"a\" = 2, (b) = 1 }\nterraform { source = \"..//x\" }")
	f.Add("x.yaml", "a: 1\nb: 2", "a: 2\nb: ${x}")
	f.Add("x.tpl", "%{ for x in y }\n- a", "- $${a} ${b {c} d}")
	f.Fuzz(func(t *testing.T, name, old, now string) {
		plan, err := read([]byte(`{"format_version": "1.2", "resource_changes": [{"address": "a.b", "type": "a", "mode": "managed", "change": {"actions": ["update"], "before": {"x": 1}, "after": {"x": 2}}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		file := item.File{Path: name, Kind: item.Modified, Old: []byte(old), New: []byte(now)}
		filesOf(plan, []item.File{file}, nil)
		file.New = file.Old
		for _, one := range filesOf(plan, []item.File{file}, nil) {
			if !strings.HasSuffix(one.Why, "read") && !strings.Contains(one.Why, "JSON") && !strings.Contains(one.Why, "chart") {
				t.Errorf("a file that is the same: %s", one.Why)
			}
		}
	})
}

// read takes the facts out of what the show command printed.
func read(show []byte) (*fact.Plan, error) {
	shown, err := fact.Show(show)
	if err != nil {
		return nil, err
	}
	return fact.Read(shown, nil)
}
