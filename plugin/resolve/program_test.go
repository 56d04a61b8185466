package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
)

// document holds the items, one a line: status, id, type, action, details.
const document = "docs/post-mortems/2026-01-01-test.md"

const (
	alerts  = "stacks/monitoring/alerts.tf"
	threads = "stacks/nfs/main.tf"
)

var repository = map[string]string{
	alerts: `resource "terraform_data" "alerts" {
  input = <<-YAML
    groups:
      - name: nodes
        rules:
          - alert: NodeDown
            expr: up{job="node"} == 0
            for: 5m
            labels:
              severity: critical
  YAML
}
`,
	threads: `resource "terraform_data" "nfs_server" {
  input = {
    threads = 8
  }
}
`,
	"README.md": "a repository\n",
}

// todo is an item with what the agent does for it.
type todo struct {
	id, kind, action, details string
	file                      string
	content                   string // of the file, where the repository does not have it otherwise
	edit                      func(string) string
	address                   string   // of the resource that it changes
	refused                   []string // servers that its agent asked for in vain
	takes                     time.Duration
}

func (i todo) line(status string) string {
	return strings.Join([]string{status, i.id, i.kind, i.action, i.details}, "|") + "\n"
}

var (
	alert = todo{
		id: "aaaa", kind: "Alert", action: "Add an alert on disk usage", details: "over 80 %", file: alerts, address: "terraform_data.alerts",
		edit: func(s string) string {
			if strings.Contains(s, "DiskUsage") {
				return s
			}
			rule := `          - alert: DiskUsage
            expr: node_filesystem_used_ratio > 0.8
            for: 10m
            labels:
              severity: warning
  YAML
`
			return strings.Replace(s, "  YAML\n}", rule+"}", 1)
		},
	}
	raise = todo{
		id: "bbbb", kind: "Config", action: "Raise the NFS threads from 8 to 16", details: "in `stacks/nfs`", file: threads, address: "terraform_data.nfs_server",
		edit: func(s string) string { return strings.Replace(s, "threads = 8", "threads = 16", 1) },
	}
	retries = todo{
		id: "dddd", kind: "Config", action: "Raise the NFS retries from 2 to 4", details: "in `stacks/nfs`", file: "stacks/nfs/client.tf", address: "terraform_data.nfs_client",
		content: "resource \"terraform_data\" \"nfs_client\" {\n  input = {\n    retries = 2\n  }\n}\n",
		edit:    func(s string) string { return strings.Replace(s, "retries = 2", "retries = 4", 1) },
	}
)

// site is a world with items, and the program that works on them.
type site struct {
	*fake.World
	t         *testing.T
	items     []todo
	files     map[string]string // of the branch at first
	mode      string
	terraform string // the host in use
	further   string // a second host of agents, "" for none
	shard     shard.Shard
	withLock  []string // locks that are taken with that of the run
	tune      func(*resolve.Options)
	runs      int
	lock      *fake.Lock

	mergers  map[string]string    // who merged which branch, by the forge; nil for no forge
	frozen   func() time.Duration // how long the program stands still, for its lock
	theirs   map[string]string    // what others pushed
	outcomes []item.Outcome       // of the last run
	taken    int                  // proposals that were taken back so far
}

func newSite(t *testing.T, items ...todo) *site {
	t.Helper()
	files := maps.Clone(repository)
	for _, item := range items {
		files[document] += item.line("TODO")
		if item.content != "" {
			files[item.file] += item.content
		}
	}
	s := &site{World: fake.New(t, files), t: t, items: items, files: files, mode: resolve.Apply, terraform: "terraform", frozen: func() time.Duration { return 0 }}
	for _, name := range []string{"stacks/monitoring", "stacks/nfs"} {
		fake.Applied(s.World, name, files)
	}
	for _, item := range items {
		s.Script(&fake.Turn{
			Of: item.action, Edit: map[string]func(string) string{item.file: item.edit}, Several: true,
			Report: agent.Report{OK: true, CostUSD: 0.1, CostKnown: true, Refused: item.refused}, Takes: item.takes,
		})
	}
	return s
}

func (i todo) item() item.Item {
	return item.Item{Document: document, ID: i.id, Date: "2026-01-01", Priority: "P2", Action: i.action, Type: i.kind, Details: i.details}
}

// rowOf is an item as a document has it.
func rowOf(content, id string) (row item.Item, open, ok bool) {
	for line := range strings.Lines(content) {
		if cells := strings.Split(strings.TrimSuffix(line, "\n"), "|"); len(cells) == 5 && cells[1] == id {
			of := todo{id: id, kind: cells[2], action: cells[3], details: cells[4]}.item()
			of.Approval = cells[0] == "APPROVED"
			return of, cells[0] == "TODO" || of.Approval, true
		}
	}
	return item.Item{}, false, false
}

// open are the items of a commit that are still to do, and all of them.
func (s *site) read(clone *fake.Clone, commit string) (open []item.Item, known map[record.Ref]item.Item) {
	content, err := clone.ReadFile(commit, document)
	if err != nil {
		s.t.Fatal(err)
	}
	known = map[record.Ref]item.Item{}
	for _, item := range s.items {
		known[record.RefOf(item.item())] = item.item()
		row, isOpen, _ := rowOf(string(content), item.id)
		if isOpen && record.TextSum(row) == record.TextSum(item.item()) {
			open = append(open, row)
		}
	}
	return open, known
}

var scope = policy.Scope{
	Stacks: []string{"stacks/*"}, AllowPaths: []string{"stacks/**"}, Protected: []string{"vault"}, Documents: []string{"docs/post-mortems/*.md"},
	MaxChanges: 10,
}

// ending is how a run ended.
type ending struct {
	idle bool // there was nothing to do
	died bool // as by SIGKILL
	err  error
}

// run is one run of the program.
func (s *site) run() (end ending) {
	s.t.Helper()
	s.runs++
	name := s.name(s.runs)
	s.outcomes = nil
	ended := make(chan struct{})
	go func() { // a run that dies takes its goroutines with it, and not the test's
		defer close(ended)
		end.idle, end.err = s.work(name)
	}()
	<-ended
	if end.died = s.Died(name); end.died && s.lock != nil {
		s.lock.End()
	}
	return end
}

func (s *site) name(run int) string { return fmt.Sprintf("run-%d", run) }

var errLost = fault.Mark(fault.Temporary, errors.New("another run has the lock"))

// work is the order of a run's stages. Nothing of it is deferred: a program that
// dies leaves everything as it is.
func (s *site) work(run string) (idle bool, err error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	clone := s.Clone(run)
	open, _ := s.read(clone, clone.Tip())
	if records, _ := proposal.Records(clone); len(open)+len(records) == 0 && len(journal.Seen(clone)) == 0 {
		return true, nil
	}
	lock, err := clone.Lock(s.shard.String(), s.withLock...)
	if err != nil {
		return false, err
	}
	s.lock = lock
	go lock.Keep(func() { cancel(errLost) }, s.frozen)
	err = s.locked(ctx, clone, lock, run)
	return false, errors.Join(err, lock.Release())
}

func (s *site) locked(ctx context.Context, clone *fake.Clone, lock *fake.Lock, run string) error {
	if _, err := clone.Fetch(ctx); err != nil {
		return err
	}
	open, known := s.read(clone, clone.Tip())
	paths, err := clone.Files(clone.Tip())
	if err != nil {
		return err
	}
	terraform, err := s.Machine(s.terraform).Open(ctx, s.shard.String(), run)
	if err != nil {
		return err
	}
	agents, err := s.Machine("agents").Open(ctx, s.shard.String(), run)
	if err != nil {
		return err
	}
	opts := resolve.Options{
		Run: run, Mode: s.mode, Branch: "main", MaxItems: 5, MaxAttempts: 9, MaxOpen: 3, BudgetUSD: 5, ItemTimeout: 30 * time.Minute,
		Agent: resolve.Agent{Name: "resolver"}, Scope: scope, ApplyMerged: true,
		Row: func(commit string, ref record.Ref) (row item.Item, open, ok bool, err error) {
			content, err := clone.ReadFile(commit, document)
			row, open, ok = rowOf(string(content), ref.Item)
			return row, open, ok, err
		},
		MayPush: len(s.withLock) > 0,
		Locks:   lock, LockWait: 10 * time.Minute, Shard: s.shard,
		Dial: func(_ context.Context, name string) (seam.ApplyRecords, error) {
			return s.Machine(name).Records(s.shard.String(), run), nil
		},
	}
	if s.mergers != nil {
		opts.Forge = s.answers()
	}
	if s.Metrics != nil {
		opts.Prometheus = fake.PrometheusOf(s.World, run)
	}
	if s.tune != nil {
		s.tune(&opts)
	}
	opts.Deal = shard.New(clone, opts.Scope, paths)
	open, _ = opts.Deal.Split(s.shard, open)
	workplace := seam.AgentHost(agents)
	if s.further != "" {
		other, err := s.Machine(s.further).Open(ctx, s.shard.String(), run)
		if err != nil {
			return err
		}
		workplace = onhost.Fleet{{AgentHost: agents, Bears: 1}, {AgentHost: other, Bears: 1}}
	}
	resolver, err := resolve.New(ctx, opts, clone, workplace, terraform, zerolog.Nop())
	if err != nil {
		return err
	}
	settled, err := resolver.Settle(ctx, known)
	s.outcomes = settled
	if err == nil {
		var done []item.Outcome
		done, err = resolver.Items(ctx, slices.DeleteFunc(open, func(one item.Item) bool {
			return slices.ContainsFunc(settled, func(out item.Outcome) bool { return out.Item.ID == one.ID })
		}))
		s.outcomes = append(s.outcomes, done...)
		_, taken := resolver.Withdrawn()
		s.taken += len(taken)
	}
	if err == nil && !resolver.Loaded(ctx, s.outcomes) {
		s.outcomes = resolver.AwaitLoaded(ctx, s.outcomes)
	}
	ending := context.WithoutCancel(ctx)
	return errors.Join(err, s.record(ending, clone, resolver), resolver.Close(ending))
}

// record marks the rows of what was done, and closes the books.
func (s *site) record(ctx context.Context, clone *fake.Clone, resolver *resolve.Resolver) error {
	if resolver.Refused() && !slices.ContainsFunc(s.outcomes, func(out item.Outcome) bool { return out.State == item.Done }) {
		return resolver.WriteResults(ctx)
	}
	tip, err := clone.Publish(ctx, func(tip string) (string, error) {
		content, err := clone.ReadFile(tip, document)
		if err != nil {
			return "", err
		}
		rows := string(content)
		for _, out := range s.outcomes {
			if out.State == item.Done {
				row := "|" + out.Item.ID + "|"
				rows = strings.Replace(rows, "TODO"+row, "DONE"+row, 1)
			}
		}
		if rows == string(content) {
			return tip, nil
		}
		return clone.WithFiles(tip, map[string]string{document: rows}, record.DocsMessage([]string{"2026-01-01"}, nil))
	})
	if err != nil {
		return errors.Join(err, resolver.WriteResults(ctx))
	}
	open, _ := s.read(clone, tip)
	var left []record.Ref
	for _, item := range open {
		left = append(left, record.RefOf(item))
	}
	return resolver.Finish(ctx, tip, s.outcomes, left)
}

// done reports whether the row of an item says that it is done.
func (s *site) done(item todo) bool { return strings.Contains(s.File(document), item.line("DONE")) }

// fixes are the fix commits of an item on the branch.
func (s *site) fixes(item todo) (list []record.Evidence) {
	for _, c := range s.History() {
		if e, ok := record.ParseEvidence(c.Message); ok && e.Item == item.id {
			list = append(list, e)
		}
	}
	return list
}

func (s *site) stackOf(item todo) *fake.Stack {
	return s.Stack(strings.Join(strings.Split(item.file, "/")[:2], "/"))
}

// outcome is what the last run said of an item.
func (s *site) outcome(one todo) item.Outcome {
	for _, out := range s.outcomes {
		if out.Item.ID == one.id {
			return out
		}
	}
	return item.Outcome{}
}
