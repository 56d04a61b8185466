package host

import (
	"context"
	"errors"
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

// Workspace builds a workspace of a commit from a snapshot, which is a pack with its
// trees and blobs. One of the same name is replaced, unless an unsettled apply
// belongs to the run. For a Checkout the carry files are copied and the
// command is run; a *CommandError tells of its failure.
func (r *Run) Workspace(ctx context.Context, name, commit string, snapshot Snapshot, kind Kind, prepare Prepare) (*Workspace, error) {
	w := &Workspace{run: r, name: name, commit: commit, kind: kind, dir: r.dir + "/ws/" + name}
	if err := checkID("workspace name", name); err != nil {
		return nil, err
	}
	if !hashPattern().MatchString(commit) {
		return nil, fmt.Errorf("%s: %q is no full commit hash", w.building(), text.Line(commit, 80))
	}
	if kind == AgentTree && (prepare.Command != "" || len(prepare.Carry) > 0) {
		return nil, fmt.Errorf("%s: the agent's work tree takes neither carry files nor a prepare command", w.building())
	}
	if prepare.Timeout <= 0 {
		prepare.Timeout = 10 * time.Minute
	}
	base, write := snapshot(r.heldCommit())
	err := w.build(ctx, base, write, prepare)
	if errors.Is(err, errSnapshot) && ctx.Err() == nil {
		if r.host.tell != nil {
			r.host.tell(err)
		}
		r.held.Store("")
		base, write = snapshot("")
		err = w.build(ctx, base, write, prepare)
	}
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (w *Workspace) building() string { return "building the workspace " + w.name }

// build sends the pack that write writes, as it is read: that of a large repository
// is never held in memory. base is the commit that it builds on.
func (w *Workspace) build(ctx context.Context, base string, write func(io.Writer) error, prepare Prepare) error {
	carry, cached, err := pathspecs(prepare.Carry)
	if err != nil {
		return err
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(write(writer)) }()
	defer func() { _ = reader.Close() }() // ends write when the host gave up early
	a, err := w.do(ctx, script.Job{
		Doing: w.building(), Files: []string{"state", "snapshot", "workspace"},
		Payload: reader, Timeout: prepare.Timeout, Grace: 5 * time.Second,
		Watch: w.dir + "/out", Most: outputMost, Fetch: outputFetch,
		Variables: script.Variables{
			"run":         w.run.dir,
			"name":        w.name,
			"commit":      w.commit,
			"branch":      w.run.host.branch,
			"base":        base,
			"kind":        string(w.kind),
			"workdir":     prepare.Workdir,
			"carry":       carry,
			"carry_cache": cached,
			"prepare":     prepare.Command,
		},
	})
	if err != nil {
		return err
	}
	w.run.holds(a)
	return w.prepared(a)
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
