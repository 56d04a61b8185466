package postmortem

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
)

var update = flag.Bool("update", false, "write the golden files of testdata/documents again")

const corpus = "../../testdata/documents"

// corpusFiles lists the documents of the corpus.
func corpusFiles(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(corpus, "*.md"))
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

func readFile(tb testing.TB, name string) []byte {
	tb.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return content
}

// TestDocuments compares what is read from each document of the corpus with
// the golden JSON beside it. A new case is one Markdown file; go test
// ./plugin/postmortem -update writes its golden, which is then read by a
// person.
func TestDocuments(t *testing.T) {
	files := corpusFiles(t)
	if len(files) < 80 {
		t.Fatalf("the corpus has %d documents, want at least 80", len(files))
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) {
			doc := Parse(name, readFile(t, file), defaultPolicy)
			golden := strings.TrimSuffix(file, ".md") + ".json"
			got := indented(t, doc)
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(readFile(t, golden)), string(got)); diff != "" {
				t.Errorf("read otherwise than %s (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func indented(t *testing.T, doc *Document) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(doc.Listing()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGoldensBelongToDocuments finds goldens that no document is left of.
func TestGoldensBelongToDocuments(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, err := os.Stat(strings.TrimSuffix(file, ".json") + ".md"); err != nil {
			t.Errorf("%s has no document", file)
		}
	}
}

// defaultPolicy is the policy of a run with no settings given.
var defaultPolicy = classify.Policy{
	SafeTypes:  []term.Type{term.Alert, term.Config, term.Monitor},
	Inferred:   classify.Tables,
	Protected:  []string{"vault", "dbaas", "traefik", "authentik", "kyverno"},
	AllowPaths: []string{"stacks/**"},
}
