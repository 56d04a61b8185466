// Command benchmark compares a dry run of pm-todos with the clones that git
// makes, on generated repositories, in one run and taking turns:
//
//	go run ./docs/benchmark                                  # every size, takes minutes
//	go run ./docs/benchmark -commits 5000 -files 2000 -rounds 9
//	go run ./docs/benchmark -items 10000,20000,40000         # dry runs over many items instead
//
// It needs Go and git, and time(1) for the memory. The remote is git http-backend on loopback, in this
// process, so that what a client costs and what the server costs are apart. The
// documents hold items for people only, so a dry run ends with its list of
// items and contacts neither Vault nor a host.
package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

const branch = "main"

func main() {
	if handled, code := standin.Dispatch(os.Args); handled {
		os.Exit(code)
	}
	commits := flag.String("commits", "1000,5000,50000", "sizes of the history")
	files := flag.String("files", "2000,20000", "numbers of files")
	rounds := flag.Int("rounds", 5, "measurements of each kind; the medians are printed")
	items := flag.String("items", "", "numbers of items: measure dry runs over them instead")
	rows := flag.String("rows", "8,400,10000", "items of one document")
	flag.Parse()
	err := prepared(func(dir, program string) error {
		if *items != "" {
			return measureItems(dir, program, numbers(*items), numbers(*rows), *rounds)
		}
		return measureClones(dir, program, numbers(*commits), numbers(*files), *rounds)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func numbers(text string) []int {
	var out []int
	for word := range strings.SplitSeq(text, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(word)); err == nil && n > 0 {
			out = append(out, n)
		}
	}
	return out
}

// prepared measures in a folder of its own, with the program built.
func prepared(measure func(dir, program string) error) error {
	dir, err := os.MkdirTemp("", "pm-todos-benchmark-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program := filepath.Join(dir, "pm-todos")
	// Built as for the image, except for its size.
	if out, err := exec.Command("go", "build", "-tags", "urfave_cli_no_docs", "-o", program, ".").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return measure(dir, program)
}

func measureClones(dir, program string, commits, files []int, rounds int) error {
	for _, f := range files {
		for _, c := range commits {
			b := bench{dir: filepath.Join(dir, fmt.Sprintf("%d-%d", c, f)), program: program}
			if err := b.measure(c, f, rounds); err != nil {
				return fmt.Errorf("%d commits, %d files: %w", c, f, err)
			}
		}
	}
	return nil
}

// bench is one size.
type bench struct {
	dir, program string
	sent         atomic.Int64 // by the remote
}

// contestant is one way to get at the repository.
type contestant struct {
	name string
	args func(target string) *exec.Cmd
	cost []cost

	printed, summary int64 // bytes of the last one's output and of its summary.json
}

type cost struct {
	wall, cpu time.Duration
	memory    int64 // bytes at the peak, of the largest process
	received  int64 // bytes of answers
}

func (b *bench) measure(commits, files, rounds int) error {
	urls, closeAll, err := b.serve(commits, files)
	if err != nil {
		return err
	}
	defer closeAll()
	git := func(args ...string) func(string) *exec.Cmd {
		return func(target string) *exec.Cmd {
			return exec.Command("git", append(append([]string{"clone", "--quiet"}, args...), urls[0], target)...)
		}
	}
	dryRun := func(url string) func(string) *exec.Cmd {
		return func(target string) *exec.Cmd {
			cmd := exec.Command(b.program)
			cmd.Env = []string{
				"PATH=" + os.Getenv("PATH"), "PLUGIN_REMOTE=" + url, "PLUGIN_BRANCH=" + branch,
				"PLUGIN_MODE=dry-run", "PLUGIN_SUMMARY_DIR=" + target,
				// Never asked: no item of the documents is a safe one.
				"PLUGIN_HOSTS=nobody@host.invalid", "PLUGIN_VAULT_ADDR=http://127.0.0.1:1",
			}
			return cmd
		}
	}
	all := []*contestant{
		{name: "`git clone --depth 5`", args: git("--depth", "5")},
		{name: "`git clone --bare --single-branch`", args: git("--bare", "--single-branch")},
		{name: "`git clone --bare --filter=tree:0`", args: git("--bare", "--filter=tree:0")},
		{name: "dry run, filters offered", args: dryRun(urls[0])},
		{name: "dry run, no filters", args: dryRun(urls[1])},
	}
	for round := range rounds + 1 {
		for i, c := range all {
			one, err := b.once(c, filepath.Join(b.dir, fmt.Sprintf("target-%d", i)))
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if round > 0 { // the first round warms the caches up
				c.cost = append(c.cost, one)
			}
		}
	}
	report(commits, files, rounds, all)
	return nil
}

// serve generates the repository and offers it twice, with filters and without.
func (b *bench) serve(commits, files int) (urls [2]string, closeAll func(), err error) {
	var servers []*git.Server
	closeAll = func() {
		for _, s := range servers {
			_ = s.Close()
		}
	}
	for i, filters := range []bool{true, false} {
		server, err := git.Start(git.Options{
			Dir: filepath.Join(b.dir, fmt.Sprint("server-", i)), Middleware: b.count, AllowAnySHA1: filters, AllowFilter: filters,
		})
		if err != nil {
			return urls, closeAll, err
		}
		servers = append(servers, server)
		repo, err := server.Create("example/infra", branch)
		if err != nil {
			return urls, closeAll, err
		}
		if err := fill(repo.Path(), commits, files); err != nil {
			return urls, closeAll, err
		}
		urls[i] = repo.URL()
	}
	return urls, closeAll, nil
}

func (b *bench) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&countingWriter{w, &b.sent}, r)
	})
}

type countingWriter struct {
	http.ResponseWriter
	sent *atomic.Int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

func (c *countingWriter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (b *bench) once(c *contestant, target string) (cost, error) {
	defer func() { _ = os.RemoveAll(target) }()
	before := b.sent.Load()
	cmd := c.args(target)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	peak := measured(cmd, target+".memory")
	began := time.Now()
	err := cmd.Run()
	one := cost{wall: time.Since(began), received: b.sent.Load() - before}
	if err != nil {
		return one, fmt.Errorf("%w: %s", err, out.String())
	}
	one.memory = peak()
	c.printed = int64(out.Len())
	if info, err := os.Stat(filepath.Join(target, "summary.json")); err == nil {
		c.summary = info.Size()
	}
	one.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return one, nil
}

// measured puts time(1) in front of a command, if it is installed, and returns a
// function that reads the peak memory. What the kernel says of a child of this
// process counts this process's own memory at its start.
func measured(cmd *exec.Cmd, file string) func() int64 {
	program, err := exec.LookPath("time")
	if err != nil {
		return func() int64 { return 0 }
	}
	cmd.Args = append([]string{program, "-f", "%M", "-o", file}, cmd.Args...)
	cmd.Path = program
	return func() int64 {
		text, _ := os.ReadFile(file)
		kilobytes, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		return kilobytes << 10
	}
}

// report prints the medians, as they are and as a ratio to the shallow clone's
// and the full clone's wall time.
func report(commits, files, rounds int, all []*contestant) {
	fmt.Printf("\n%d commits, %d files, medians of %d\n\n", commits, files, rounds)
	fmt.Println("| | wall | to depth 5 | to full bare | CPU | peak memory | received |")
	fmt.Println("|---|---|---|---|---|---|---|")
	wall := func(c *contestant) float64 {
		return median(c.cost, func(c cost) int64 { return int64(c.wall) }) / 1e9
	}
	for _, c := range all {
		fmt.Printf("| %s | %.2f s | %.2f | %.2f | %.2f s | %.0f MB | %.2f MB |\n", c.name, wall(c), wall(c)/wall(all[0]), wall(c)/wall(all[1]),
			median(c.cost, func(c cost) int64 { return int64(c.cpu) })/1e9,
			median(c.cost, func(c cost) int64 { return c.memory })/1e6,
			median(c.cost, func(c cost) int64 { return c.received })/1e6)
	}
}

func median(costs []cost, of func(cost) int64) float64 {
	values := make([]int64, len(costs))
	for i, c := range costs {
		values[i] = of(c)
	}
	slices.SortFunc(values, cmp.Compare)
	return float64(values[len(values)/2])
}

// fill generates a history by git fast-import and packs it as a forge does.
func fill(path string, commits, files int) error {
	r, w := io.Pipe()
	go func() { _ = w.CloseWithError(history(w, commits, files)) }()
	for _, step := range []struct {
		stdin io.Reader
		args  []string
	}{
		{r, []string{"fast-import", "--quiet"}},
		{nil, []string{"repack", "-a", "-d", "-q"}},
	} {
		cmd := exec.CommandContext(context.Background(), "git", append([]string{"-C", path}, step.args...)...)
		cmd.Stdin = step.stdin
		if out, err := cmd.CombinedOutput(); err != nil {
			return errors.Join(fmt.Errorf("git %s: %w: %s", step.args[0], err, out), r.Close())
		}
	}
	return nil
}

// history writes a stream for git fast-import: stacks of Terraform files, of
// which each commit changes one, and documents, of which every fiftieth does.
func history(out io.Writer, commits, files int) error {
	const documents = 60
	var b bytes.Buffer
	for c := range commits {
		fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Ann <ann@example.org> %d +0000\n", branch, 1_600_000_000+c*600)
		data(&b, fmt.Sprintf("stacks: change number %d\n\nThe reason is in ticket %d.\n", c, c*7919%100000))
		switch {
		case c == 0:
			for f := range files {
				file(&b, stack(f), terraform(f, 0))
			}
			for d := range documents {
				file(&b, document(d), postMortem(d, 0))
			}
		case c%50 == 0:
			file(&b, document(c/50%documents), postMortem(c/50%documents, c))
		default:
			f := c * 7919 % files
			file(&b, stack(f), terraform(f, c))
		}
		if _, err := b.WriteTo(out); err != nil {
			return err
		}
	}
	return nil
}

func data(b *bytes.Buffer, text string) { fmt.Fprintf(b, "data %d\n%s\n", len(text), text) }

func file(b *bytes.Buffer, name, text string) {
	fmt.Fprintf(b, "M 100644 inline %s\n", name)
	data(b, text)
}

func stack(f int) string {
	return fmt.Sprintf("stacks/stack-%03d/module-%d/part-%d.tf", f%100, f/100%5, f)
}

func terraform(f, version int) string {
	var b strings.Builder
	for line := range 60 {
		n := f*31 + line
		if line%20 == version%20 {
			n += version * 104729
		}
		fmt.Fprintf(&b, "resource \"example_thing\" \"r%d\" { value = %d }\n", line, n)
	}
	return b.String()
}

func document(d int) string {
	return fmt.Sprintf("docs/post-mortems/2025-%02d-%02d-incident-%d.md", d%12+1, d%28+1, d)
}

func postMortem(d, version int) string {
	return fmt.Sprintf(`# Post-mortem: incident %d

The service was down for %d minutes.

## Action items

| Priority | Action | Type | Details | Status |
|----------|--------|------|---------|--------|
| P1 | Move database %d to the new cluster | Migration | step by step | TODO |
| P2 | Find out why replica %d lagged | Investigation | last seen in %d | TODO |
`, d, version%500, d, d, version)
}
