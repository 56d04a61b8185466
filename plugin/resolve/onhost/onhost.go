// Package onhost is a host as the room that resolves items sees it: a place
// where the agent works and where stacks are planned and applied, in the
// directory of one run.
package onhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/egressproxy"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// Limits of what an agent may do and leave behind in one turn.
const (
	maxAgentOutput = 64 << 20         // bytes of its stream of events
	agentIdle      = 10 * time.Minute // without a word of output
	agentGrace     = 10 * time.Second // between TERM and KILL
)

// Programs says what runs on a host.
type Programs struct {
	Agent    string       // program on the host
	Kind     agent.Kind   // of it
	Box      *sandbox.Box // that confines it, nil for none
	Commands host.Commands
	Prepare  host.Prepare
	Verify   string // shell command after the apply
	// Pins is what must stay as it is where stacks are planned; nil on a host that
	// agents alone work on.
	Pins    *host.Pins
	Timeout time.Duration
	// Unfit hears why a snapshot that the host kept was of no use.
	Unfit func(error)
	// Servers are all that the agent reaches in its sandbox, empty for what its host reaches.
	Servers egressproxy.Servers
}

// Records are the run directories on a host.
type Records struct {
	*host.Host
	owner, run string
}

// NewRecords are the run directories on a host, for a run that holds the lock of
// a shard of a remote's items. Closing them closes the host.
func NewRecords(h *host.Host, repo *gitrepo.Repo, shard, run string) *Records {
	sum := sha256.Sum256([]byte(repo.URL() + "\x00" + gitrepo.LockRef + shard))
	return &Records{h, hex.EncodeToString(sum[:]), run}
}

// Reclaim removes what earlier runs left, except what journals need.
func (r *Records) Reclaim(ctx context.Context, needed []host.Journaled) error {
	return r.Host.Reclaim(ctx, r.owner, r.run, needed)
}

// Close lets go of the host.
func (r *Records) Close(context.Context) error { return r.Host.Close() }

// Host is a host with the directory of this run.
type Host struct {
	*Records
	dir      *host.Run
	programs Programs
	spaces   int // workspaces made, for their names

	applied map[string]bool // ids of applies in dir, with whether they are settled
}

// Open makes the run's directory on a host.
func Open(ctx context.Context, h *host.Host, repo *gitrepo.Repo, shard, run string, programs Programs) (*Host, error) {
	branch := sha256.Sum256([]byte(repo.URL() + "\x00" + repo.Branch()))
	records := NewRecords(h.Keeping(hex.EncodeToString(branch[:]), programs.Unfit), repo, shard, run)
	dir, err := records.OpenRun(ctx, records.owner, run, programs.Pins)
	if err != nil {
		return nil, fmt.Errorf("open the run directory on %s: %w", h.Name(), err)
	}
	return &Host{Records: records, dir: dir, programs: programs, applied: map[string]bool{}}, nil
}

// Settled marks an apply as settled; one of this run when the run ends: until then
// nothing looks for the mark.
func (h *Host) Settled(ctx context.Context, id string) error {
	if _, own := h.applied[id]; own {
		h.applied[id] = true
		return nil
	}
	return h.Records.Settled(ctx, id)
}

// Close removes the run's directory, unless an apply in it is not settled. The
// host stays open.
func (h *Host) Close(ctx context.Context) error {
	var settled []string
	for id, is := range h.applied {
		if is {
			settled = append(settled, id)
		}
	}
	clear(h.applied)
	return h.dir.Close(ctx, settled...)
}

// space sends a commit to the host.
func (h *Host) space(ctx context.Context, name, commit string, snapshot host.Snapshot, kind host.Kind, prepare host.Prepare) (*host.Workspace, error) {
	h.spaces++
	return h.dir.Workspace(ctx, fmt.Sprintf("%s-%d", name, h.spaces), commit, snapshot, kind, prepare)
}

// Workspace is a work tree for the agent.
func (h *Host) Workspace(ctx context.Context, commit string, snapshot host.Snapshot) (seam.AgentSpace, error) {
	space, err := h.space(ctx, "agent", commit, snapshot, host.AgentTree, host.Prepare{})
	if err != nil {
		return nil, err
	}
	return agentSpace{space, h}, nil
}

type agentSpace struct {
	*host.Workspace
	host *Host
}

// Host is the name of the host.
func (s agentSpace) Host() string { return s.host.Name() }

// Turn has the agent work once.
func (s agentSpace) Turn(ctx context.Context, d agent.Definition, prompt []byte, budgetUSD float64) (agent.Report, error) {
	programs := s.host.programs
	call := programs.Kind.Command(programs.Agent, agent.Turn{Definition: d, Prompt: prompt, BudgetUSD: budgetUSD, Boxed: programs.Box != nil})
	exit, err := s.Supervise(ctx, host.Process{
		Argv: call.Argv, Env: call.Env, Stdin: call.Stdin,
		Timeout: programs.Timeout, Idle: agentIdle, Grace: agentGrace, MaxOutput: maxAgentOutput, Final: call.Final, Box: programs.Box, Servers: programs.Servers,
	})
	if err != nil {
		return agent.Report{}, err
	}
	if exit.Orphans {
		return agent.Report{}, fault.Mark(fault.Failed, fmt.Errorf("%w: it left processes behind that cannot be ended", host.ErrAltered))
	}
	if exit.Reason == host.Finished {
		exit.Code, exit.Reason = 0, "" // its result counts, not how it was made to end
	}
	report := programs.Kind.Decode(exit.Stdout, exit.Code, string(exit.Stderr))
	report.Ended, report.Login, report.Refused = string(exit.Reason), exit.Login, exit.Refused
	// Export looks at the account before it takes anything. Where nothing is taken
	// nothing else would.
	if !report.OK && programs.Pins != nil && programs.Pins.Account {
		if err := s.host.dir.Hold(ctx); err != nil {
			return agent.Report{}, err
		}
	}
	return report, nil
}

// Checkout is a workspace for stacks.
func (h *Host) Checkout(ctx context.Context, commit string, snapshot host.Snapshot) (seam.Checkout, error) {
	space, err := h.space(ctx, "plan", commit, snapshot, host.Checkout, h.programs.Prepare)
	if err != nil {
		return nil, err
	}
	return checkout{space, h}, nil
}

type checkout struct {
	space *host.Workspace
	host  *Host
}

// Plan plans a stack and keeps the plan file.
func (c checkout) Plan(ctx context.Context, stack string) (item.Plan, error) {
	return c.space.Plan(ctx, host.PlanSpec{Commands: c.host.programs.Commands, Dir: stack, Timeout: c.host.programs.Timeout})
}

// Apply applies the plan file that was judged.
func (c checkout) Apply(ctx context.Context, spec host.ApplySpec) (host.ApplyStatus, error) {
	c.host.applied[spec.ID] = false
	spec.Program, spec.Args = c.host.programs.Commands.Program, c.host.programs.Commands.Apply
	return c.space.Apply(ctx, spec)
}

// Verify runs verify_command.
func (c checkout) Verify(ctx context.Context, item []byte) (host.Exit, error) {
	return c.space.Run(ctx, c.host.programs.Verify, item, c.host.programs.Timeout)
}
