package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

// BenchmarkParse reads the whole corpus of documents: how many a second, and
// with how much memory.
func BenchmarkParse(b *testing.B) {
	names, err := filepath.Glob("../../testdata/documents/*.md")
	if err != nil || len(names) == 0 {
		b.Fatalf("no documents: %v", err)
	}
	documents := make([][]byte, len(names))
	bytes := 0
	for i, name := range names {
		if documents[i], err = os.ReadFile(name); err != nil {
			b.Fatal(err)
		}
		bytes += len(documents[i])
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	for b.Loop() {
		for i, src := range documents {
			postmortem.Parse(names[i], src, defaultPolicy)
		}
	}
	b.ReportMetric(float64(b.N*len(documents))/b.Elapsed().Seconds(), "documents/s")
}

// BenchmarkDryRun is the whole dry run against the stand-ins: settings, clone,
// documents, Vault login, host preflight, summary files.
func BenchmarkDryRun(b *testing.B) {
	files := map[string]string{}
	for i := range 200 {
		name := fmt.Sprintf("docs/post-mortems/2025-01-01-%03d.md", i)
		files[name] = document(fmt.Sprintf("| P2 | Add alert number %d | Alert | above %d | TODO |", i, i))
	}
	w, err := standin.Start(standin.Options{Dir: b.TempDir(), Files: files})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			b.Error(err)
		}
	}()
	environment := w.Settings()
	environment["PLUGIN_MODE"] = "dry-run"
	s, err := settings.FromEnvironment(environment)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		console, closeConsole := console.New("bench", s, io.Discard, false)
		if err := run.Run(b.Context(), s, console); err != nil {
			b.Fatal(err)
		}
		if err := closeConsole(); err != nil {
			b.Fatal(err)
		}
	}
}
