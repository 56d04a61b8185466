// Package seam is what the room that resolves items asks of the outside: a
// remote, a host where the agent works, and one where stacks are planned and
// applied. Whoever fulfils it, the rules above are the same.
package seam

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Remote is the repository: what stands on its remote, and the clone of it in
// which everything is read, judged and made.
type Remote interface {
	History
	Content
	Maker
	Fetcher
	Pusher
	Logs
}

// History reads the commits of the clone.
type History interface {
	Tip() string // of the branch, as last seen or published
	Lookup(commit string) (gitrepo.Commit, error)
	Log(from string, fn func(gitrepo.Commit) bool) error
	Contains(tip, commit string) (bool, error)
	Touched(a, b, folder string) (bool, error)
}

// Content reads what is in the clone's commits.
type Content interface {
	Files(commit string, below ...string) ([]string, error)
	Prefetch(commit string, paths []string) error
	ReadFile(commit, path string) ([]byte, error)
	Diff(base, tree string) (item.Change, error)
	// Pack gets everything of a commit, which the snapshot hands on.
	Pack(commit string) (gitrepo.Snapshot, error)
}

// Maker makes objects in the clone, of which the remote learns nothing yet.
type Maker interface {
	Import(base, tree string, pack io.Reader, limit int64) error
	Commit(parent, tree, message string) (string, error)
	Replay(commit, onto, guard string) (string, error)
}

// Fetcher learns what stands on the remote.
type Fetcher interface {
	Fetch(ctx context.Context) (tip string, err error)
	FetchRefs(ctx context.Context, prefix string) (map[string]string, error)
	// Seen are the refs of ours with a prefix as of the last Fetch, which brought those
	// below refs/pm-todos/ and no branches.
	Seen(prefix string) map[string]string
	OnRemote(ref string) string // the name that a ref of ours has there
}

// Pusher changes what stands on the remote.
type Pusher interface {
	CanPush(ctx context.Context) error
	Publish(ctx context.Context, build func(tip string) (string, error)) (string, error)
	PushBranch(ctx context.Context, name, commit string) error
	SetRef(ctx context.Context, name, old, now string) error
	// Reserve is SetRef and CanPush at once, both or nothing.
	Reserve(ctx context.Context, name, old, now string) error
}

// Logs reads and writes the ledger.
type Logs interface {
	ReadLog(ref string) (gitrepo.Log, error)
	// AppendLog adds lines, and deletes at once what they settle, if the remote can.
	AppendLog(ctx context.Context, ref string, lines []byte, settled ...gitrepo.Standing) error
	CompactLog(ctx context.Context, ref string, summarise func([]byte) ([]byte, error)) error
}

// AgentHost is where the agent works.
type AgentHost interface {
	Name() string
	Workspace(ctx context.Context, commit string, snapshot host.Snapshot) (AgentSpace, error)
	Directory
}

// ErrHostGone is with the trouble of a host of agents that is left out from now on,
// while others are not: an item that met it may come again.
var ErrHostGone = fault.Mark(fault.Temporary, errors.New("agents work on the other hosts from now on"))

// AgentSpace is one work tree of the agent.
type AgentSpace interface {
	Host() string // that it is on
	// Turn has the agent work in it once. The error says that its end is unknown.
	Turn(ctx context.Context, d agent.Definition, prompt []byte, budgetUSD float64) (agent.Report, error)
	Export(ctx context.Context, limit int64) (tree string, pack []byte, err error)
}

// TerraformHost is where stacks are planned and applied.
type TerraformHost interface {
	ApplyRecords
	// Checkout makes a workspace that holds exactly one commit.
	Checkout(ctx context.Context, commit string, snapshot host.Snapshot) (Checkout, error)
}

// ApplyRecords are the run directories of one host, which know how applies ended.
type ApplyRecords interface {
	Name() string
	// FenceApply tells how an apply ended, once it has; one that did not begin
	// never will after it.
	FenceApply(ctx context.Context, id, judged string) (host.ApplyStatus, error)
	Settled(ctx context.Context, id string) error
	Directory
}

// Directory is the place of a run on a host.
type Directory interface {
	// Reclaim removes what earlier runs left, except what journals need.
	Reclaim(ctx context.Context, needed []host.Journaled) error
	// Close removes this run's own, unless an apply in it is not settled.
	Close(ctx context.Context) error
}

// Checkout is one workspace in which stacks are planned and applied.
type Checkout interface {
	Plan(ctx context.Context, stack string) (item.Plan, error)
	// Apply applies the plan that was saved last. The host knows program and
	// arguments.
	Apply(ctx context.Context, spec host.ApplySpec) (host.ApplyStatus, error)
	// Verify runs the owner's own check with the item as JSON.
	Verify(ctx context.Context, item []byte) (host.Exit, error)
}

// Prometheus is asked about rules. It changes nothing.
type Prometheus interface {
	// Known tells what of the rules' expressions selects nothing.
	Known(ctx context.Context, rules []item.Rule) ([]evidence.Unknown, error)
	// WouldHaveFired evaluates one of the rules over times that have passed.
	WouldHaveFired(ctx context.Context, r item.Rule, rules []item.Rule, incident item.Incident) (evidence.Backtest, error)
	// Loaded tells what of the watched is not loaded and healthy. Await asks until
	// nothing is missing, or its time is over.
	Loaded(ctx context.Context, watched []item.Watch) ([]evidence.Missing, error)
	Await(ctx context.Context, watched []item.Watch) ([]evidence.Missing, error)
}

// Locks keep other runs away from what this one works at. They stand on the remote.
type Locks interface {
	// Take takes the lock of a name, and waits that long for another run that has
	// it. fresh is false when it was held before.
	Take(ctx context.Context, name string, wait time.Duration) (fresh bool, err error)
	Drop(ctx context.Context, name string) error
	// Held fetches, and asks at the same look whether all that were taken, and that of
	// the run, are held still.
	Held(ctx context.Context) error
}

// StackLock is the name of the lock of a stack. Whoever plans, applies or settles
// something there has it.
func StackLock(stack string) string { return "stack " + stack }

// CleanupTime bounds what still has to be written after a run was cancelled.
// Woodpecker kills a container 20 s after its SIGTERM.
const CleanupTime = 15 * time.Second
