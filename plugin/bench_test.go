package plugin

import (
	"fmt"
	"io"
	"testing"

	"pm-todos/plugin/standin"
)

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
	s, err := settingsFrom(environment)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		console, closeConsole := NewConsole("bench", s, io.Discard, false)
		if err := Run(b.Context(), s, console); err != nil {
			b.Fatal(err)
		}
		if err := closeConsole(); err != nil {
			b.Fatal(err)
		}
	}
}
