package edit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"pgregory.net/rapid"
)

// corpusFiles lists the documents of the corpus.
func corpusFiles(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join("../../../testdata/documents", "*.md"))
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

// defaultPolicy is the policy of a run with no settings given.
var defaultPolicy = classify.Policy{
	SafeTypes:  []term.Type{term.Alert, term.Config, term.Monitor},
	Inferred:   classify.Tables,
	Protected:  []string{"vault", "dbaas", "traefik", "authentik", "kyverno"},
	AllowPaths: []string{"stacks/**"},
}

// fragment draws pieces that documents are made of, sound ones and others.
func fragment() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"# Title\n", "## Action items\n", "### P1 — Prevention\n", "## Timeline\n", "## Follow-up Implementation\n", "**Action items**:\n",
			"\n", "\n\n\n", "text\n", "text #1 was superseded\n", "> quote\n", "```\n", "~~~\n", "<!--\n", "-->\n", "<details>\n\n", "</details>\n\n", "---\n", "===\n",
			"| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n", "| Action | Owner | Status |\n|---|---|---|\n",
			"Action | Status\n-|-\n", logHead, "\r\n", "\ufeff", "\xff", "\x00", "|", "  ", "\t", "\\",
		}),
		rapid.Custom(func(t *rapid.T) string {
			cells := rapid.SliceOfN(cell(), 2, 6).Draw(t, "cells")
			return "| " + strings.Join(cells, " | ") + " |\n"
		}),
		rapid.Custom(func(t *rapid.T) string {
			indent := strings.Repeat(" ", rapid.IntRange(0, 6).Draw(t, "indent"))
			box := rapid.SampledFrom([]string{"- [ ] ", "* [x] ", "1. [ ] ", "- [~] ", "- ", "- [] "}).Draw(t, "box")
			return indent + box + cell().Draw(t, "action") + "\n"
		}),
		rapid.StringN(0, 20, 40),
	)
}

func cell() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"TODO", "**TODO**", "todo", "Done", "未着手", "wip", "TODO (x)", "", "P1", "Alert", "Config", "Add alert A", "Add alert B", "Set timeout",
			"Add PrometheusRule for x", "Delete x", "[Alert] Add alert", "`a \\| b`", "☐", "viktor", "~~Add alert~~", "<x>", "…", "a\\|b", "`x",
		}),
		rapid.StringMatching(`[ -~]{0,20}`),
	)
}

func document() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		return []byte(strings.Join(rapid.SliceOfN(fragment(), 0, 40).Draw(t, "fragments"), ""))
	})
}

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
