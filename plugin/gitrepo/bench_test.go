package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

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

// BenchmarkLog appends one line to a log of growing length, and reads it in a
// clone of its own.
func BenchmarkLog(b *testing.B) {
	const ref = OwnRefs + "ledger"
	line := append(bytes.Repeat([]byte("a line of the ledger "), 10), '\n')
	for _, lines := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			s := newSite(b, map[string]string{"README": "x"})
			if err := clone(b, s.origin).AppendLog(b.Context(), ref, bytes.Repeat(line, lines)); err != nil {
				b.Fatal(err)
			}
			wrote, before := 0, processorTime()
			for b.Loop() {
				if err := clone(b, s.origin).AppendLog(b.Context(), ref, line); err != nil {
					b.Fatal(err)
				}
				wrote++
				log, err := clone(b, s.origin).ReadLog(ref)
				if err != nil || len(log.Lines) != (lines+wrote)*len(line) {
					b.Fatalf("%d bytes, %v", len(log.Lines), err)
				}
			}
			b.ReportMetric(float64(processorTime()-before)/float64(b.N*lines), "cpu-ns/line")
		})
	}
}

// BenchmarkHistory reads every commit of a history of growing length, in which
// each fourth one is a merge.
func BenchmarkHistory(b *testing.B) {
	for _, commits := range []int{1_000, 10_000, 50_000} {
		b.Run(fmt.Sprint(commits), func(b *testing.B) {
			s := newSite(b, map[string]string{"README": "x"})
			var stream bytes.Buffer
			for i := 1; i <= commits; i++ {
				fmt.Fprintf(&stream, "commit refs/heads/%s\nmark :%d\ncommitter Ann <ann@example.org> %d +0000\ndata 2\nc\n", branchName, i, 1_700_000_000+i)
				if i > 1 {
					fmt.Fprintf(&stream, "from :%d\n", i-1)
				}
				if i%4 == 0 {
					fmt.Fprintf(&stream, "merge :%d\n", i-3)
				}
				fmt.Fprintf(&stream, "M 100644 inline main.tf\ndata %d\n%d\n", len(fmt.Sprint(i)), i)
			}
			if _, err := gittest.Input(s.origin, stream.Bytes(), "fast-import", "--quiet", "--force"); err != nil {
				b.Fatal(err)
			}
			r := clone(b, s.origin)
			before := processorTime()
			for b.Loop() {
				read := 0
				if err := r.Log(r.Tip(), func(Commit) bool { read++; return true }); err != nil || read != commits {
					b.Fatalf("%d commits, %v", read, err)
				}
			}
			b.ReportMetric(float64(processorTime()-before)/float64(b.N*commits), "cpu-ns/commit")
		})
	}
}

// processorTime is what this process has used of it: unlike the time that passes,
// it does not depend on what else the machine does.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // fails for no argument that is given here
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
