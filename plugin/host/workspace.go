package host

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Kind is what a workspace is for.
type Kind string

const (
	// AgentTree is a work tree without .git for the agent: every file is the
	// byte sequence of its blob, the repository's agent settings and hooks are
	// taken out, and its git directory lies beside it.
	AgentTree Kind = "agent"
	// Checkout is a shallow repository, detached at the commit, for Terraform.
	Checkout Kind = "checkout"
)

// Prepare is what a Checkout gets beside the commit.
type Prepare struct {
	Workdir string        // a person's checkout on the host, source of Carry; "~/" is the home there
	Carry   []string      // globs relative to Workdir, ** allowed: its ignored files that match are copied in
	Command string        // shell text run in the workspace, from the settings; empty for none
	Timeout time.Duration // of all of it; 0 means ten minutes
}

// A Workspace is one work tree on a host, made for one run.
type Workspace struct {
	run    *Run
	name   string
	commit string
	kind   Kind
	dir    string // absolute; the work tree is dir/tree
	seal   seal
}

// tree is the absolute path of the work tree on the host.
func (w *Workspace) tree() string { return w.dir + "/tree" }

var hashPattern = pattern.Lazy(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// outputMost is how much output of the commands around a plan is let pass,
// and outputFetch how much of it is brought back.
const (
	outputMost  = 256 << 20
	outputFetch = 256 << 10
)

// Stream is what write writes, as it is read: the pack of a large repository is
// never held in memory. Closing it ends write when the host gave up early.
func Stream(write func(io.Writer) error) io.ReadCloser {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(write(writer)) }()
	return reader
}

// Workspace builds a workspace from a pack that holds the commit, its trees
// and its blobs. One of the same name is replaced, unless an unsettled apply
// belongs to the run. For a Checkout the carry files are copied and the
// command is run; a *CommandError tells of its failure.
func (r *Run) Workspace(ctx context.Context, name, commit string, pack io.Reader, kind Kind, prepare Prepare) (*Workspace, error) {
	w := &Workspace{run: r, name: name, commit: commit, kind: kind, dir: r.dir + "/ws/" + name}
	doing := "building the workspace " + name
	if err := checkID("workspace name", name); err != nil {
		return nil, err
	}
	if !hashPattern().MatchString(commit) {
		return nil, fmt.Errorf("%s: %q is no full commit hash", doing, text.Line(commit, 80))
	}
	if kind == AgentTree && (prepare.Command != "" || len(prepare.Carry) > 0) {
		return nil, fmt.Errorf("%s: the agent's work tree takes neither carry files nor a prepare command", doing)
	}
	carry, cached, err := pathspecs(prepare.Carry)
	if err != nil {
		return nil, err
	}
	if prepare.Timeout <= 0 {
		prepare.Timeout = 10 * time.Minute
	}
	a, err := w.do(ctx, script.Job{
		Doing: doing, Files: []string{"state", "workspace"},
		Payload: pack, Timeout: prepare.Timeout, Grace: 5 * time.Second,
		Watch: w.dir + "/out", Most: outputMost, Fetch: outputFetch,
		Variables: script.Variables{
			"run":         r.dir,
			"name":        name,
			"commit":      commit,
			"kind":        string(kind),
			"workdir":     prepare.Workdir,
			"carry":       carry,
			"carry_cache": cached,
			"prepare":     prepare.Command,
		},
	})
	if err != nil {
		return nil, err
	}
	if err := w.prepared(a); err != nil {
		return nil, err
	}
	return w, nil
}

// prepared checks how the build, and the prepare command in it, ended.
func (w *Workspace) prepared(a *script.Answer) error {
	h, exit := w.run.host, exitOf(a)
	if exit.Reason != "" || a.Has("code") && exit.Code != 0 {
		return h.commandError(a.Step, exit)
	}
	if dir := string(a.Block("workspace")); dir != w.dir {
		return fmt.Errorf("building the workspace %s on %s: %w: step %s ended without a result", w.name, h.Name(), script.ErrAnswer, text.Line(a.Step, 60))
	}
	return nil
}

// pathspecs turns carry globs into git pathspecs, quoted. cached is "1" when
// one of them names Terraform's own cache folder, which is left out else.
func pathspecs(globs []string) (quoted, cached string, err error) {
	cached = "0"
	specs := make([]string, len(globs))
	for i, glob := range globs {
		if err := checkGlob(glob); err != nil {
			return "", "", err
		}
		if strings.Contains(glob, ".terraform/") {
			cached = "1"
		}
		specs[i] = ":(glob)" + path.Clean(glob)
	}
	quoted, err = script.QuoteAll(specs)
	return quoted, cached, err
}

func checkGlob(glob string) error {
	clean := path.Clean(glob)
	if glob == "" || path.IsAbs(glob) || clean == ".." || strings.HasPrefix(clean, "../") || strings.ContainsAny(glob, "\x00\n") {
		return fault.Mark(fault.Failed, fmt.Errorf("carry pattern %q: it must be relative to workdir and stay in it", glob))
	}
	return nil
}

// Run runs a shell command of the settings (verify_command) in the root of
// the workspace, with stdin as its standard input. An exit code other than 0
// is no error. The process group is ended when it leaves something behind.
func (w *Workspace) Run(ctx context.Context, command string, stdin []byte, timeout time.Duration) (Exit, error) {
	return w.supervise(ctx, "running the command", Process{
		Argv: []string{"sh", "-c", command}, Stdin: stdin, Timeout: timeout, Grace: 5 * time.Second, MaxOutput: outputMost,
	}, false)
}

// commandError marks a failed command with what its output shows.
func (h *Host) commandError(step string, exit Exit) error {
	output := script.Tail(exit.Stdout) + "\n" + script.Tail(exit.Stderr)
	err := &CommandError{Host: h.Name(), Step: text.Line(step, 60), Code: exit.Code, Reason: exit.Reason, Output: strings.TrimSpace(output)}
	raw := string(exit.Stdout) + string(exit.Stderr)
	switch {
	case script.IsFull(raw):
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: %w on %s, free some there", err, script.ErrDiskFull, h.Name()))
	case script.IsProcessLimit(raw):
		return h.shell.NoProcesses(err.Step, err)
	case strings.Contains(raw, stateLocked), strings.Contains(raw, "Error locking state"):
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: %w: another run is at work, or died; its ID and owner stand above, never force-unlock a lock that is in use", err, ErrStateLock))
	}
	return fault.Mark(fault.Failed, err)
}
