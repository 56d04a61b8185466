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
		if _, err := json.Marshal(doc.Listing()); err != nil {
			t.Error(err)
		}
	})
}
