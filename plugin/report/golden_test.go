package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/item"
)

var update = flag.Bool("update", false, "write the golden files anew")

// render is every target, by the name of its golden file.
func render(t *testing.T, s Summary, items []item.Item) map[string][]byte {
	t.Helper()
	v := Render(s)
	files := map[string][]byte{"summary.md": v.Markdown()}
	for name, look := range map[string]Look{"table.txt": {}, "table-narrow.txt": {Width: 60}, "table-colour.txt": {Colour: true}} {
		var table bytes.Buffer
		if err := v.Table(&table, look); err != nil {
			t.Fatal(err)
		}
		files[name] = table.Bytes()
	}
	content, err := v.JSON()
	if err != nil {
		t.Fatal(err)
	}
	files["summary.json"] = content
	// plugin/notify writes these for each kind of chat.
	for name, m := range map[string]Message{"result": v.Result(), "glance": v.Glance(), "details": v.Details(), "fixed": v.Fixed(), "started": Started(s, Start{Items: items, Limit: 5, Doubtful: true})} {
		if content, err = encode(name, m); err != nil {
			t.Fatal(err)
		}
		files[name+".json"] = content
	}
	return files
}

func TestGolden(t *testing.T) {
	full := summary()
	var items []item.Item
	for _, outcome := range full.Outcomes {
		items = append(items, outcome.Item)
	}
	// One text in every field there is: what a new field lacks shows here.
	everywhere := hostile(evil, 1, goodLinks)
	everywhere.Redactor = full.Redactor
	for folder, files := range map[string]map[string][]byte{
		"hostile": render(t, everywhere, []item.Item{everywhere.Outcomes[0].Item}),
		"full":    render(t, full, items),
		"quiet":   render(t, quiet(), items[:1]),
	} {
		for name, got := range files {
			t.Run(folder+"/"+name, func(t *testing.T) {
				path := filepath.Join("testdata", folder, name)
				if *update {
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatalf("%v; write it with go test -update", err)
				}
				if diff := cmp.Diff(string(want), string(got)); diff != "" {
					t.Errorf("%s differs (-golden +now):\n%s", path, diff)
				}
			})
		}
	}
}
