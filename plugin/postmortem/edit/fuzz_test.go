package edit

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
)

// FuzzUpdate marks one item of any document: one token changes, and one state.
func FuzzUpdate(f *testing.F) {
	seed(f, func(src []byte) { f.Add(src, 0) })
	f.Fuzz(func(t *testing.T, src []byte, index int) {
		checkTyped(t, "d.md", src)
		before := postmortem.Parse("d.md", src, defaultPolicy)
		if index < 0 || index >= len(before.Items) {
			return
		}
		result, err := Update("d.md", src, []Edit{{Item: before.Items[index], Done: true}})
		if err != nil {
			t.Fatal(err)
		}
		checkOneState(t, src, before, index, result)
	})
}

// FuzzFollowUp writes any text into the table of any document.
func FuzzFollowUp(f *testing.F) {
	seed(f, func(src []byte) { f.Add(src, "Add alert | `A`", "Alert", true) })
	f.Fuzz(func(t *testing.T, src []byte, action, kind string, done bool) {
		row := Row{Date: "2026-04-14", Action: action, Priority: kind, Type: kind}
		if done {
			row.Commit, row.URL = hash, "https://e.example/"+kind
		}
		checkIdempotent(t, src, []Edit{{Row: &row}})
	})
}
