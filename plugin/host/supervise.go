package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/egressproxy"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// Process is one program to run under supervision.
type Process struct {
	Argv      []string          // program, found on the PATH of the host, and arguments
	Env       map[string]string // added to the cleaned environment
	Dir       string            // folder in the workspace, "" for its root
	Stdin     []byte            // its standard input, whole before it starts
	Timeout   time.Duration     // after which it is ended; 0 means 30 minutes
	Idle      time.Duration     // without output after which it is ended; 0 for none
	Grace     time.Duration     // between TERM and KILL; 0 means five seconds, which is also the most
	MaxOutput int64             // bytes of standard output and error after which it is ended; 0 means 64 MiB

	// Final is an extended regular expression, without backslashes, for the line
	// by which the program says that it is done; "" for none. When that is the
	// last of its lines that hold a brace, and nothing came after it for the time
	// Linger (0 means five seconds), the program is ended: see Finished.
	Final  string
	Linger time.Duration

	// Box confines it, in the root of the workspace: the program is the one of the
	// sandbox, whatever Argv names first. Nil runs it as it is.
	Box *sandbox.Box

	// Servers are all that it reaches in its sandbox, by a proxy; empty for what the
	// host reaches. Exit tells what else it asked for.
	Servers egressproxy.Servers
	proxy   string // socket on the host of the proxy to them
}

const (
	// graceMost keeps the end of a lost process within 20 seconds: the lease,
	// a second of waiting, this, and KILL.
	graceMost = 5 * time.Second
	// fileMost is the largest file that a supervised program may write.
	fileMost = 1 << 30
	// outputDefault is also how much of each output is brought back.
	outputDefault = 64 << 20
)

var envPattern = pattern.Lazy(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Supervise runs a program in the workspace and stays with it. It is ended
// (TERM to its process group, then KILL, and the group checked to be gone)
// when the context ends, the connection is lost or falls silent, its time is
// over, it floods, or does not end after its last word; Exit says which. What left the group is found by its
// environment; a process that left both cannot be found by its own user, and
// needs another account (agent_hosts) to be contained.
//
// An exit code other than 0 is no error. When the context ends, the Exit holds
// what could still be fetched and the error wraps the context's.
func (w *Workspace) Supervise(ctx context.Context, p Process) (Exit, error) {
	doing := "running " + strconv.Quote(path.Base(first(p.Argv)))
	// What the agent could get hold of runs nothing after it.
	w.run.host.shell.Retire()
	defer w.run.host.shell.Retire()
	if p.Box == nil || len(p.Servers) == 0 {
		return w.supervise(ctx, doing, p, true)
	}
	proxy, socket, err := w.run.host.openProxy(ctx, w.run.dir, p.Servers)
	if err != nil {
		return Exit{Code: -1}, fmt.Errorf("%s: %w", doing, err)
	}
	p.proxy = socket
	exit, err := w.supervise(ctx, doing, p, true)
	exit.Refused = proxy.Close()
	return exit, err
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func (w *Workspace) supervise(ctx context.Context, doing string, p Process, contain bool) (Exit, error) {
	p.fill()
	if err := p.check(); err != nil {
		return Exit{Code: -1}, fmt.Errorf("%s: %w", doing, err)
	}
	words, files := p.Argv, []string{"supervise"}
	variables := script.Variables{"boxed": ""}
	if p.Box != nil {
		words, files, variables = p.Box.Command(p.Argv[1:]), []string{"account", "box", "supervise"}, boxVariables(p.Box)
	}
	if p.proxy != "" {
		words = p.Box.Behind(p.proxy, p.Argv[1:])
	}
	argv, err := script.QuoteAll(words)
	if err != nil {
		return Exit{Code: -1}, fmt.Errorf("%s: %w", doing, err)
	}
	environment, err := exports(p.Env)
	if err != nil {
		return Exit{Code: -1}, fmt.Errorf("%s: %w", doing, err)
	}
	blocks, config, box := 0, "", ""
	if contain {
		blocks = fileMost / 512 // ulimit counts in blocks
		config = w.dir + "/in/gitconfig"
	}
	if p.Box != nil {
		box = w.dir + "/in/box"
	}
	maps.Copy(variables, script.Variables{
		"run":         w.run.dir,
		"ws":          w.dir,
		"dir":         p.Dir,
		"argv":        argv,
		"environment": environment,
		"input":       strconv.Itoa(len(p.Stdin)),
		"blocks":      strconv.Itoa(blocks),
		"config":      config,
	})
	a, err := w.do(ctx, script.Job{
		Doing: doing, Files: files, Payload: bytes.NewReader(p.Stdin),
		Timeout: p.Timeout, Idle: p.Idle, Grace: p.Grace, Signals: "TERM",
		Watch: w.dir + "/out", Most: p.MaxOutput, Fetch: p.MaxOutput, Mark: contain, Box: box,
		Final: p.Final, Linger: p.Linger, Variables: variables,
	})
	exit, err := outcome(ctx, a, err)
	if p.Box != nil && exit.Reason != Lost {
		exit.Login = w.returnLogin(ctx, p.Box)
	}
	return exit, err
}

// outcome is the Exit of an answer, also of one that was cut short.
func outcome(ctx context.Context, a *script.Answer, err error) (Exit, error) {
	if err == nil {
		return exitOf(a), nil
	}
	exit := Exit{Code: -1, Reason: Lost}
	if a != nil && a.Has("ended") {
		exit = exitOf(a)
	}
	if ctx.Err() != nil {
		exit.Reason = Cancelled
	}
	return exit, err
}

func (p *Process) fill() {
	if p.Timeout <= 0 {
		p.Timeout = 30 * time.Minute
	}
	if p.Grace <= 0 {
		p.Grace = 5 * time.Second
	}
	p.Grace = min(p.Grace, graceMost)
	if p.Linger <= 0 {
		p.Linger = 5 * time.Second
	}
	if p.MaxOutput <= 0 {
		p.MaxOutput = outputDefault
	}
}

func (p *Process) check() error {
	if len(p.Argv) == 0 || p.Argv[0] == "" {
		return errors.New("no program is named")
	}
	if strings.HasPrefix(p.Argv[0], "-") {
		return fmt.Errorf("%q is no program: it starts with a dash", p.Argv[0])
	}
	return checkFolder(p.Dir)
}

// checkFolder accepts a folder relative to the work tree that stays in it.
func checkFolder(dir string) error {
	clean := path.Clean(dir)
	if path.IsAbs(dir) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsRune(dir, 0) {
		return fmt.Errorf("folder %q leads out of the workspace", dir)
	}
	return nil
}

// exports is shell text that puts the variables into the environment.
func exports(env map[string]string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !envPattern().MatchString(name) {
			return "", fmt.Errorf("%q is no name of an environment variable", name)
		}
		value, err := script.Quote(env[name])
		if err != nil {
			return "", fmt.Errorf("environment variable %s: %w", name, err)
		}
		text.WriteString(name + "=" + value + "; export " + name + "\n")
	}
	return text.String(), nil
}
