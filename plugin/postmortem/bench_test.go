package postmortem

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sort"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ordinary is a document such as people write, repeated to a size.
func ordinary(size int) []byte {
	const block = `## Incident %d

Some ordinary text about NFS and what happened to it during the night of the
incident, with a [link](https://example.com/incidents/42) and ` + "`some code`" + `.

Another paragraph that tells what was resolved, by whom, and when it was found
to be over. It has a few lines, as paragraphs do.

- the mount hung because of a lost RPC
- the pods waited in uninterruptible sleep
  for the whole night

### P1 — Action items

| Priority | Action | Type | Details | Status |
|----------|--------|------|---------|--------|
| P2 | Add NFS RPC retransmission alert %d | Alert | PrometheusRule on node_nfs_rpc_retransmissions > 5 for 10m | TODO |
| P1 | Migrate the registry %d to an encrypted PVC | Migration | needs a maintenance window | TODO |
| P3 | Set the NFS timeout %d to 30 seconds | Config | in ` + "`stacks/nfs/main.tf`" + ` | Done |

- [ ] Add an uptime monitor for the registry %d (@alice, due 2026-05-01)
- [x] Restart the pods %d

` + "```yaml\n| not | a | row |\nkey: value\n```\n\n"
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, block, i, i, i, i, i, i)
	}
	return []byte(b.String())
}

// rows is one table of many rows.
func rows(n int) []byte {
	var b strings.Builder
	b.WriteString("## Action items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n")
	for i := range n {
		fmt.Fprintf(&b, "| P2 | Add the alert number %d for the service | Alert | PrometheusRule on errors_total > %d for 10m | TODO |\n", i, i)
	}
	return []byte(b.String())
}

// hostile documents are made to be slow to read.
func hostile() map[string][]byte {
	const header = "## Action items\n\n| Action | Status |\n|---|---|\n"
	repeat := func(s string, size int) string { return strings.Repeat(s, size/len(s)+1) }
	const size = 1 << 20
	documents := map[string]string{
		"wide header":             "|" + repeat(" Action |", size/2) + "\n|" + repeat("---|", size/2) + "\n",
		"wide header, rows":       "|" + strings.Repeat("a|", 4000) + "\n|" + strings.Repeat("-|", 4000) + "\n" + repeat("|x|\n", size),
		"wide rows":               header + repeat("|"+strings.Repeat("a|", 4000)+"\n", size),
		"huge cell":               header + "| " + repeat("Add an alert ", size) + " | TODO |\n",
		"huge cells":              header + repeat("| "+strings.Repeat("a, b. ", 5000)+" | TODO |\n", size),
		"long status":             header + repeat("| Add an alert | "+strings.Repeat("open ", 5000)+" |\n", size),
		"backticks":               header + repeat("| "+strings.Repeat("` `` ``` ", 3000)+" | TODO |\n", size),
		"brackets":                "## Action items\n\n" + repeat("- [ ] "+strings.Repeat("[", 5000)+"\n", size),
		"angles":                  "## Action items\n\n" + repeat("- [ ] "+strings.Repeat("<!-- <a ", 3000)+"\n", size),
		"short rows":              header + repeat("a\n", size/4),
		"short items":             header + repeat("a|b\n", size/4),
		"quotes":                  repeat(strings.Repeat("> ", 400)+"a\n", size),
		"lists on a line":         repeat(strings.Repeat("- ", 400)+"a\n", size),
		"sixteen levels":          repeat(strings.Repeat("- ", 16)+"a\n", size/4),
		"blank lines inside":      strings.Repeat("- ", 16) + "a" + repeat("\n", size),
		"blank gaps":              repeat(strings.Repeat("- ", 16)+"a\n\n\n\n", size/4),
		"stairs":                  stairs(size),
		"tags":                    repeat("<a b=\"c\" d='e' ffffffffffffffff gggggggggggg\n", size),
		"long tags":               repeat("<"+strings.Repeat("a ", 30000)+"\n\n", size),
		"comments":                repeat("<!-- a\n\n", size),
		"fences":                  repeat("```\n", size/2),
		"headings":                repeat("# Action items\n", size),
		"deep headings":           repeat("###### P1 — Action items (open)\n\n- [ ] a\n", size),
		"delimiters":              repeat("a|b\n-|-\n", size/2),
		"pipes":                   repeat("|", size),
		"one line":                repeat("- [ ] a ", size),
		"mentions":                "## Action items\n\n" + repeat("removed #1 \"a b c d\" resolved ABC-1 ", size),
		"zero bytes":              repeat("\x00", size),
		"details":                 repeat("<details>\n\n", size),
		"deep paragraphs":         strings.Repeat("- ", 16) + "a\n" + repeat(strings.Repeat("  ", 16)+"b\n\n", size),
		"tiny items to the limit": "## Action items\n\n" + strings.Repeat("- [ ] add an alert\n"+strings.Repeat("b", 60)+"\n\n", 13_000),
		"tiny rows to the limit":  header + repeat("| do something for it and the other"+strings.Repeat(" ", 20)+"| TODO |\n", size),
		"tiny lines to the limit": repeat("**aaaa** removed\n", size),
		"tables to the limit":     repeat("|Action|Status|\n|-|-|\n|a|TODO|\n"+strings.Repeat("b", 30)+"\n\n", size),
		"log to the limit":        "|Action|Commit|\n|-|-|\n" + repeat("|a/b.c|TODO abcd|\n", size),
		"tags in a task":          "## Action items\n\n" + repeat("- [ ] "+strings.Repeat("<a> ", 800)+"\n", size),
	}
	out := map[string][]byte{}
	for name, text := range documents {
		out[name] = []byte(text)
	}
	return out
}

// stairs is a list that nests deeper with every line.
func stairs(size int) string {
	var b strings.Builder
	for depth := 0; b.Len() < size; depth = (depth + 1) % 40 {
		b.WriteString(strings.Repeat("  ", depth) + "- [ ] a\n")
	}
	return b.String()
}

// benchmarkParse reports beside the time: peak-heap/byte, the highest heap that
// is seen while the collector runs often, and alloc/byte, all that is ever
// allocated; both for each byte of the document.
func benchmarkParse(b *testing.B, src []byte) {
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		Parse("docs/2026-04-14-x.md", src, defaultPolicy)
	}
	b.StopTimer()
	b.ReportMetric(float64(peakHeap(src))/float64(len(src)), "peak-heap/byte")
	b.ReportMetric(float64(allocated(src))/float64(len(src)), "alloc/byte")
}

// allocated is how many bytes are allocated while a document is read. It does
// not depend on the machine.
func allocated(src []byte) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	Parse("docs/2026-04-14-x.md", src, defaultPolicy)
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// peakHeap is the highest heap, above that before, that is seen while a document
// is read and the collector runs whenever the heap has grown by a twentieth.
func peakHeap(src []byte) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(5))
	runtime.GC()
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	heap := func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	before, peak := heap(), uint64(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		Parse("docs/2026-04-14-x.md", src, defaultPolicy)
	}()
	for {
		select {
		case <-done:
			return max(peak, before) - before
		case <-time.After(100 * time.Microsecond):
			peak = max(peak, heap())
		}
	}
}

func BenchmarkParseOrdinary(b *testing.B) { benchmarkParse(b, ordinary(1<<20)) }

// BenchmarkParseBesideCmark reads 10 MiB here and with cmark-gfm, in turns, and
// reports both rates in CPU time and their ratio.
func BenchmarkParseBesideCmark(b *testing.B) {
	program, err := exec.LookPath("cmark-gfm")
	if err != nil {
		b.Skip("cmark-gfm is not installed")
	}
	src := ordinary(10 << 20)
	file := filepath.Join(b.TempDir(), "ordinary.md")
	if err := os.WriteFile(file, src, 0o600); err != nil {
		b.Fatal(err)
	}
	var here, there time.Duration
	for b.Loop() {
		before := cpuTime(b)
		Parse("docs/2026-04-14-x.md", src, defaultPolicy)
		here += cpuTime(b) - before
		cmd := exec.Command(program, "-e", "table", "-e", "strikethrough", "-e", "tasklist", file)
		if err := cmd.Run(); err != nil {
			b.Fatal(err)
		}
		there += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	mebibytes := float64(b.N) * 10 * 1.048576
	b.ReportMetric(mebibytes/here.Seconds(), "MB/cpu-s")
	b.ReportMetric(mebibytes/there.Seconds(), "cmark-MB/cpu-s")
	b.ReportMetric(here.Seconds()/there.Seconds(), "times-cmark")
}

// cpuTime is what this process has used, its collector of garbage included.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func BenchmarkParse100000Rows(b *testing.B) { benchmarkParse(b, rows(100_000)) }

func BenchmarkParseHostile(b *testing.B) {
	documents := hostile()
	names := make([]string, 0, len(documents))
	for name := range documents {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) { benchmarkParse(b, documents[name]) })
	}
}
