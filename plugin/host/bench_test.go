package host

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// BenchmarkItem is what one item costs on a host beyond the agent and
// Terraform: both workspaces, the agent's turn, export, plan, apply, confirm.
func BenchmarkItem(b *testing.B) {
	files := terraformFiles()
	for i := range 2000 {
		files[fmt.Sprintf("modules/m%d/file%d.tf", i%50, i)] = fmt.Sprintf("# %d\n%s", i, noise(2000))
	}
	r := makeRepository(b, files)
	hostKey, _ := newKey(b)
	client, key := newKey(b)
	server := serve(b, client.PublicKey(), hostKey)
	h, err := Dial(b.Context(), sshclient.Login{Target: server.target(b), Key: secretOf(key), KnownHosts: knownHosts(server.address, hostKey.PublicKey())})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	s := &sender{repository: r, t: b, first: r.commit, packs: map[string][]byte{}}
	run := s.open(h, "bench")
	if err := runItem(b, run, s, "first"); err != nil {
		b.Fatal(err)
	}
	first := s.sent.Swap(0)
	before := server.count()
	for i := 0; b.Loop(); i++ {
		if err := runItem(b, run, s, fmt.Sprint(i)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(server.count()-before)/float64(b.N), "sessions/op")
	b.ReportMetric(float64(first)/1e6, "MB-sent-first")
	b.ReportMetric(float64(s.sent.Load())/float64(b.N), "B-sent/op")
}

func runItem(b *testing.B, run *Run, s *sender, id string) error {
	ctx := b.Context()
	agent, err := run.Workspace(ctx, "agent-"+id, s.commit, s.snapshot(s.commit), AgentTree, Prepare{})
	if err != nil {
		return err
	}
	if _, err := agent.Supervise(ctx, Process{Argv: []string{"sh", "-c", "echo x >>stacks/a/main.tf"}}); err != nil {
		return err
	}
	if _, _, err := agent.Export(ctx, 1<<20); err != nil {
		return err
	}
	stack, err := run.Workspace(ctx, "plan-"+id, s.commit, s.snapshot(s.commit), Checkout, Prepare{})
	if err != nil {
		return err
	}
	plan, err := stack.Plan(ctx, planSpec())
	if err != nil {
		return err
	}
	if _, err := stack.Apply(ctx, applySpec("apply-"+id, plan.SHA256)); err != nil {
		return err
	}
	_, err = stack.Plan(ctx, planSpec())
	return err
}

// BenchmarkTurn is what a turn costs beyond the agent's own work, without a
// sandbox and in one.
func BenchmarkTurn(b *testing.B) {
	r := makeRepository(b, oneFile)
	hostKey, _ := newKey(b)
	client, key := newKey(b)
	server := serve(b, client.PublicKey(), hostKey)
	h, err := Dial(b.Context(), sshclient.Login{Target: server.target(b), Key: secretOf(key), KnownHosts: knownHosts(server.address, hostKey.PublicKey())})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	program := filepath.Join(b.TempDir(), "agent")
	write(b, program, "#!/bin/sh\ncase $1 in --version) echo 2.1.330 ;; auth) echo '{\"loggedIn\":true}' ;; esac\n", 0o755)
	facts, err := h.Preflight(b.Context(), Need{Agent: program, Status: askLogin, Sandbox: sandbox.Policy{Mode: sandbox.Auto}})
	if err != nil {
		b.Fatal(err)
	}
	_, ws := space(b, h, r, AgentTree, Prepare{})
	for name, box := range map[string]*sandbox.Box{"bare": nil, "sandbox": facts.Box} {
		b.Run(name, func(b *testing.B) {
			if name == "sandbox" && box == nil {
				b.Skip("this machine makes no sandbox: ", facts.Warnings)
			}
			for b.Loop() {
				if exit, err := ws.Supervise(b.Context(), Process{Argv: []string{program}, Box: box}); err != nil || !exit.OK() {
					b.Fatalf("%+v %v", exit, err)
				}
			}
		})
	}
}
