package postmortem

import (
	"encoding/json"
	"testing"
)

func seed(f *testing.F, add func([]byte)) {
	f.Helper()
	for _, file := range corpusFiles(f) {
		add(readFile(f, file))
	}
	for _, text := range []string{
		"", "|", "||\n|-|-|\n", "- [ ]", "\ufeff---\n", "+++\n+++", "a|b\n-|-\n=\n", "> - 1. [ ] a\n", "\t- [ ] a", "- \n\n  - [ ] a",
		"## Action items\n- [ ] a\n<!-- -->\n- [ ] b <!--\n-->", "```\n## Follow-up Implementation\n", "# a\r# b", "* * *\n- - -\n",
	} {
		add([]byte(text))
	}
}

// FuzzParse reads any bytes: never a panic, and what is read holds together.
func FuzzParse(f *testing.F) {
	seed(f, func(src []byte) { f.Add(src) })
	f.Fuzz(func(t *testing.T, src []byte) {
		doc := Inspect("d.md", src, defaultPolicy)
		checkDocument(t, src, doc.Document)
		for _, item := range doc.Items {
			doc.Evidence(item)
		}
		checkTyped(t, doc)
		if _, err := json.Marshal(doc.Listing()); err != nil {
			t.Error(err)
		}
	})
}

// FuzzUpdate marks one item of any document: one token changes, and one state.
func FuzzUpdate(f *testing.F) {
	seed(f, func(src []byte) { f.Add(src, 0) })
	f.Fuzz(func(t *testing.T, src []byte, index int) {
		before := Parse("d.md", src, defaultPolicy)
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
