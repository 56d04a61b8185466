package run

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin/vault"
)

const perDocument = 5 // items

// estate is a repository with many stacks behind git's own http-backend, an item for
// each, and what is in production.
type estate struct {
	tb     testing.TB
	origin string
	url    string
	stacks int
	agent  time.Duration // how long it works

	atFirstTurn func() error // what others do while the first agent works

	mu         sync.Mutex
	production map[string]map[string]string // resources by stack
	applied    map[string]int               // how often, by stack
	turns      int
}

func stackName(i int) string { return fmt.Sprintf("stacks/service-%02d", i) }

func stackFile(threads int) string {
	return fmt.Sprintf("resource \"terraform_data\" \"server\" {\n  input = {\n    threads = %d\n  }\n}\n", threads)
}

func newEstate(tb testing.TB, stacks int) *estate {
	tb.Helper()
	e := &estate{tb: tb, origin: filepath.Join(tb.TempDir(), "origin.git"), stacks: stacks, production: map[string]map[string]string{}, applied: map[string]int{}}
	gittest.Git(tb, "", "init", "-q", "--template=", "--bare", "-b", "main", e.origin)
	for _, option := range []string{"http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"} {
		gittest.Git(tb, e.origin, "config", option, "true")
	}
	work := tb.TempDir()
	gittest.Git(tb, work, "clone", "-q", e.origin, ".")
	documents := map[string]string{}
	for i := range stacks {
		e.write(work, stackName(i)+"/main.tf", stackFile(8))
		found, err := fake.ResourcesOf(stackName(i), map[string]string{stackName(i) + "/main.tf": stackFile(8)})
		if err != nil {
			tb.Fatal(err)
		}
		e.production[stackName(i)] = found
		file := fmt.Sprintf("docs/post-mortems/2026-01-%02d-outage.md", 1+i/perDocument)
		if documents[file] == "" {
			documents[file] = "# An outage\n\n## Follow-ups\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n"
		}
		documents[file] += fmt.Sprintf("| P2 | Raise the threads of service %02d from 8 to 16 | Config | `threads` in `%s` | TODO |\n", i, stackName(i))
	}
	for file, content := range documents {
		e.write(work, file, content)
	}
	gittest.Git(tb, work, "add", "-A")
	gittest.Git(tb, work, "commit", "-qm", "an estate")
	gittest.Git(tb, work, "push", "-q", "origin", "HEAD:main")
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(gittest.Git(tb, e.origin, "--exec-path"), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + filepath.Dir(e.origin), "GIT_HTTP_EXPORT_ALL=1", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_COMMITTER_NAME=server", "GIT_COMMITTER_EMAIL=server@example.org",
		},
		Stderr: io.Discard,
	})
	tb.Cleanup(server.Close)
	e.url = server.URL + "/origin.git"
	return e
}

func (e *estate) write(work, file, content string) {
	e.tb.Helper()
	path := filepath.Join(work, file)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		e.tb.Fatal(err)
	}
}

// run is what a run of a shard does between its hosts and its report.
func (e *estate) run(ctx context.Context, of shard.Shard) (outcomes []item.Outcome, err error) {
	block := map[string]string{
		"remote": e.url, "branch": "main", "hosts": "local", "scope": "all", "max_items": "100", "budget_usd": "100", "parallel": "1", "shard": of.String(),
	}
	s, err := settings.Read(func(name string) string { return block[name] }, settings.CI{Event: "cron"}, nil)
	if err != nil {
		return nil, err
	}
	j := newJob(s, console.Console{Log: zerolog.Nop()})
	repo, commit, remove, err := j.Opener(s).Clone(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	j.repo = repo
	if err := j.readDocuments(commit); err != nil {
		return nil, err
	}
	lots, err := j.firstLots()
	if err != nil {
		return nil, err
	}
	lock, err := Lock(ctx, s, j.Console, repo, gitrepo.Lease{Run: j.id, Host: "here", Shard: of.String()}, lots...)
	if err != nil {
		return nil, err
	}
	defer func() { err = access.Closed(ctx, err, lock.Release) }()
	if err := j.readDocuments(repo.Tip()); err != nil {
		return nil, err
	}
	deal, err := j.deal()
	if err != nil {
		return nil, err
	}
	on := &grounds{e, repo}
	resolver, err := resolve.New(ctx, resolve.Options{
		Run: j.id, Mode: resolve.Apply, Branch: "main", MaxItems: 100, MaxAttempts: 2, MaxOpen: 3, Parallel: 1, BudgetUSD: 100, ItemTimeout: time.Hour,
		Agent: resolve.Agent{Name: "resolver"}, Scope: deal.Scope, Row: j.row, Locks: lock, LockWait: time.Minute, Shard: of, Deal: deal,
		Dial: func(context.Context, string) (seam.ApplyRecords, error) { return nil, errors.New("there is one host") },
	}, repo, on, on, zerolog.Nop())
	if err != nil {
		return nil, err
	}
	settled, err := resolver.Settle(ctx, j.read.Known())
	if err != nil {
		return nil, err
	}
	done, err := resolver.Items(ctx, without(j.read.Todo(), settled))
	j.outcomes = append(settled, done...)
	return j.outcomes, errors.Join(err, j.record(ctx, resolver))
}

// all runs every shard at the same time, and a run of all items beside them where
// that is wanted.
func (e *estate) all(of int, beside bool) (outcomes []item.Outcome) {
	e.tb.Helper()
	shards := []shard.Shard{}
	for number := 1; of > 1 && number <= of; number++ {
		shards = append(shards, shard.Shard{Number: number, Of: of})
	}
	if of == 1 || beside {
		shards = append(shards, shard.Shard{})
	}
	var together sync.WaitGroup
	var mu sync.Mutex
	for _, one := range shards {
		together.Go(func() {
			out, err := e.run(e.tb.Context(), one)
			if err != nil {
				e.tb.Errorf("the run of shard %q: %v", one, err)
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes = append(outcomes, out...)
		})
	}
	together.Wait()
	return outcomes
}

// complete looks whether every item was done, and once.
func (e *estate) complete() {
	e.tb.Helper()
	for i := range e.stacks {
		name := stackName(i)
		if e.applied[name] != 1 {
			e.tb.Errorf("%s was applied %d times", name, e.applied[name])
		}
		if got := gittest.Git(e.tb, e.origin, "show", "main:"+name+"/main.tf"); got+"\n" != stackFile(16) {
			e.tb.Errorf("%s is on the branch as\n%s", name, got)
		}
	}
	if e.turns != e.stacks {
		e.tb.Errorf("%d items were paid for %d times", e.stacks, e.turns)
	}
	rows, marked := 0, 0
	for i := range (e.stacks + perDocument - 1) / perDocument {
		document := gittest.Git(e.tb, e.origin, "show", fmt.Sprintf("main:docs/post-mortems/2026-01-%02d-outage.md", 1+i))
		rows += strings.Count(document, "postmortem-todo-resolver |")
		marked += strings.Count(document, "| Done |")
	}
	if rows != e.stacks || marked != e.stacks {
		e.tb.Errorf("of %d items %d are marked, and %d have a follow-up row", e.stacks, marked, rows)
	}
	if left := gittest.Git(e.tb, e.origin, "for-each-ref", "--format=%(refname)", "refs/pm-todos/"); left != "refs/pm-todos/ledger" {
		e.tb.Errorf("left on the remote: %s", left)
	}
}

// grounds are the hosts of one run.
type grounds struct {
	*estate
	repo *gitrepo.Repo
}

func (g *grounds) Name() string                                    { return "here" }
func (g *grounds) Settled(context.Context, string) error           { return nil }
func (g *grounds) Reclaim(context.Context, []host.Journaled) error { return nil }
func (g *grounds) Close(context.Context) error                     { return nil }

// FenceApply is never asked: no run was cut short.
func (g *grounds) FenceApply(_ context.Context, id, _ string) (host.ApplyStatus, error) {
	g.tb.Errorf("the apply %s of a run that goes on is settled by another", id)
	return host.ApplyStatus{Unknown: true}, nil
}

func (g *grounds) Workspace(_ context.Context, commit string, snapshot host.Snapshot) (seam.AgentSpace, error) {
	_, write := snapshot("")
	return &desk{grounds: g, commit: commit}, write(io.Discard)
}

func (g *grounds) Checkout(_ context.Context, commit string, snapshot host.Snapshot) (seam.Checkout, error) {
	_, write := snapshot("")
	return &table{grounds: g, commit: commit}, write(io.Discard)
}

// desk is where the agent works.
type desk struct {
	*grounds
	commit, tree string
}

func (d *desk) Host() string { return "here" }

func (d *desk) Turn(ctx context.Context, _ agent.Definition, prompt []byte, _ float64) (agent.Report, error) {
	d.mu.Lock()
	d.turns++
	first := d.turns == 1
	d.mu.Unlock()
	if first && d.atFirstTurn != nil {
		if err := d.atFirstTurn(); err != nil {
			return agent.Report{}, err
		}
	}
	select {
	case <-time.After(d.agent):
	case <-ctx.Done():
	}
	for i := range d.stacks {
		if strings.Contains(string(prompt), fmt.Sprintf("service %02d from", i)) {
			made, err := d.repo.WithFiles(d.commit, map[string][]byte{stackName(i) + "/main.tf": []byte(stackFile(16))}, "theirs\n")
			if err != nil {
				return agent.Report{}, err
			}
			commit, err := d.repo.Lookup(made)
			d.tree = commit.Tree
			return agent.Report{OK: true, CostUSD: 0.1, CostKnown: true}, err
		}
	}
	return agent.Report{}, fmt.Errorf("asked for something else:\n%s", prompt)
}

// Export brings back what is in the clone already, with a pack that has nothing.
func (d *desk) Export(context.Context, int64) (string, []byte, error) {
	nothing := []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00")
	sum := sha1.Sum(nothing)
	return d.tree, append(nothing, sum[:]...), nil
}

// table is where stacks are planned and applied.
type table struct {
	*grounds
	commit string
	wanted map[string]string
}

func (t *table) Plan(_ context.Context, stack string) (item.Plan, error) {
	content, err := t.repo.ReadFile(t.commit, stack+"/main.tf")
	if err != nil {
		return item.Plan{}, err
	}
	if t.wanted, err = fake.ResourcesOf(stack, map[string]string{stack + "/main.tf": string(content)}); err != nil {
		return item.Plan{}, err
	}
	t.mu.Lock()
	has := maps.Clone(t.production[stack])
	t.mu.Unlock()
	show, err := fake.Show(has, t.wanted)
	sum := sha256.Sum256(append([]byte(stack+t.commit), show...))
	return item.Plan{SHA256: hex.EncodeToString(sum[:]), Show: show}, err
}

func (t *table) Apply(_ context.Context, spec host.ApplySpec) (host.ApplyStatus, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.production[spec.Dir] = t.wanted
	t.applied[spec.Dir]++
	return host.ApplyStatus{Began: true, Ended: true, Commit: spec.Commit, SHA256: spec.SHA256, Progress: true}, nil
}

func (t *table) Verify(context.Context, []byte) (host.Exit, error) { return host.Exit{}, nil }

// TestShardsDoEveryItemOnce has runs of one, two and four shards work at the stacks
// of a repository behind git's own server, at the same time: of few stacks, and of
// more than one shard, unless every case is asked for.
func TestShardsDoEveryItemOnce(t *testing.T) {
	t.Parallel()
	everyCase := os.Getenv("PM_TODOS_EVERY_CASE") != ""
	if !everyCase {
		t.Log("a sample: PM_TODOS_EVERY_CASE=1 goes through every case")
	}
	for _, stacks := range []int{5, 20} {
		for _, of := range []int{1, 2, 4} {
			if !everyCase && (stacks > 5 || of < 2) {
				continue
			}
			t.Run(fmt.Sprintf("%d stacks, %d shards", stacks, of), func(t *testing.T) {
				e := newEstate(t, stacks)
				for _, out := range e.all(of, false) {
					if out.State != item.Done {
						t.Errorf("%s is %s: %+v", out.Item.Action, out.State, out)
					}
				}
				e.complete()
			})
		}
	}
	t.Run("a run of all items beside two shards", func(t *testing.T) {
		e := newEstate(t, 5)
		e.all(2, true)
		e.all(1, false) // what they left to each other
		e.complete()
	})
}

// BenchmarkShards tells how long the shards of a repository take together, with an
// agent that takes AGENT_SECONDS for each item, else next to nothing. With -short
// there are five stacks.
func BenchmarkShards(b *testing.B) {
	agent, err := time.ParseDuration(cmp.Or(os.Getenv("AGENT_SECONDS"), "0.02") + "s")
	if err != nil {
		b.Fatal(err)
	}
	for _, stacks := range []int{5, 20, 80} {
		if testing.Short() && stacks > 5 {
			break
		}
		for _, of := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("stacks=%d/shards=%d", stacks, of), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					e := newEstate(b, stacks)
					e.agent = agent
					b.StartTimer()
					e.all(of, false)
					b.StopTimer()
					e.complete()
					b.StartTimer()
				}
			})
		}
	}
}

// sshKey is a private key that opens nothing.
func sshKey(tb testing.TB) string {
	tb.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// BenchmarkManyRepositories has five hundred repositories, each with five items, come
// to their dry runs, fifty at a time, on one git server and one Vault: up to where a
// host would be connected to. The Vault is a stand-in, the git server git's own. With
// -short there are twenty.
func BenchmarkManyRepositories(b *testing.B) {
	repositories, together := 500, 50
	if testing.Short() {
		repositories, together = 20, 5
	}
	e := newEstate(b, 5)
	for i := range repositories {
		if err := os.CopyFS(fmt.Sprintf("%s/%d.git", filepath.Dir(e.origin), i), os.DirFS(e.origin)); err != nil {
			b.Fatal(err)
		}
	}
	jwt := filepath.Join(b.TempDir(), "jwt")
	if err := os.WriteFile(jwt, []byte("a.b.c"), 0o600); err != nil {
		b.Fatal(err)
	}
	store, err := vault.Start(vault.Options{Role: "ci", JWT: "a.b.c", Secrets: map[string]map[string]string{"ci/infra": {"devvm_ssh_key": sshKey(b)}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	dry := func(i int) error {
		block := map[string]string{
			"remote": fmt.Sprintf("%s/%d.git", strings.TrimSuffix(e.url, "/origin.git"), i), "branch": "main", "scope": "all", "mode": "dry-run",
			"vault_addr": store.Addr(), "vault_jwt_path": jwt, "hosts": "wizard@127.0.0.1", "host_fingerprints": "SHA256:" + strings.Repeat("A", 43),
		}
		s, err := settings.Read(func(name string) string { return block[name] }, settings.CI{Event: "cron"}, nil)
		if err != nil {
			return err
		}
		j := newJob(s, console.Console{Log: zerolog.Nop(), Redactor: &secret.Redactor{}})
		repo, commit, remove, err := j.Opener(s).Clone(b.Context())
		if err != nil {
			return err
		}
		j.repo = repo
		err = j.readDocuments(commit)
		if err == nil && len(j.read.Safe) != 5 {
			err = fmt.Errorf("%d items are to be done", len(j.read.Safe))
		}
		if err == nil {
			_, err = j.fetchKeys(b.Context())
		}
		return errors.Join(err, remove())
	}
	for b.Loop() {
		asked := len(store.Calls())
		var at atomic.Int64
		var runs sync.WaitGroup
		took := make([]time.Duration, repositories)
		for range together {
			runs.Go(func() {
				for i := int(at.Add(1)) - 1; i < repositories; i = int(at.Add(1)) - 1 {
					began := time.Now()
					if err := dry(i); err != nil {
						b.Errorf("repository %d: %v", i, err)
					}
					took[i] = time.Since(began)
				}
			})
		}
		runs.Wait()
		slices.Sort(took)
		b.ReportMetric(took[repositories/2].Seconds(), "s/run(median)")
		b.ReportMetric(took[repositories-1].Seconds(), "s/run(longest)")
		b.ReportMetric(float64(len(store.Calls())-asked)/float64(repositories), "vault-requests/run")
	}
}
