package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

// BenchmarkClone measures a clone of 2,000 commits, by path and
// over HTTP: process start and network apart, what a run pays before it reads
// its first document.
func BenchmarkClone(b *testing.B) {
	s := newSite(b, map[string]string{"README": "x"})
	var stream bytes.Buffer
	for i := range 2000 {
		text := fmt.Sprintf("resource %d\n%s", i, bytes.Repeat([]byte("a line of some length\n"), 20+i%50))
		fmt.Fprintf(&stream, "commit refs/heads/%s\ncommitter Ann <ann@example.org> %d +0000\ndata 2\nc\n", branchName, 1_700_000_000+i)
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", s.head())
		}
		fmt.Fprintf(&stream, "M 100644 inline stacks/%d/main-%d.tf\ndata %d\n%s\n", i%40, i%10, len(text), text)
	}
	if _, err := gittest.Input(s.origin, stream.Bytes(), "fast-import", "--quiet", "--force"); err != nil {
		b.Fatal(err)
	}
	gittest.Git(b, s.origin, "repack", "-q", "-a", "-d")
	for name, url := range map[string]string{"path": s.origin, "http": s.serve(nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := Clone(context.Background(), options(b, url))
				if err != nil {
					b.Fatal(err)
				}
				files, err := r.Files(r.Tip())
				if err != nil || len(files) != 41 {
					b.Fatalf("%d files, %v", len(files), err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
