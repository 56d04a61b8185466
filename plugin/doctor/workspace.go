package doctor

import (
	"context"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/host"
)

// inWorkspace makes a workspace as a run does, for what can only be seen in
// one, and removes it.
func (p *patient) inWorkspace(ctx context.Context, h *host.Host, wrapped, plan bool, say voice) {
	run, err := h.OpenRun(ctx, "", "doctor-"+access.RunID(time.Now()), nil)
	if err != nil {
		say.as("workspace").fail(h.Name(), err)
		return
	}
	defer func() {
		if err := access.Closed(ctx, nil, func(ctx context.Context) error { return run.Close(ctx) }); err != nil {
			say.as("workspace").fail(h.Name(), err)
		}
	}()
	space, err := p.workspace(ctx, run)
	if err != nil {
		say.as("workspace").fail(h.Name(), err)
		return
	}
	if wrapped {
		p.wrapper(ctx, h.Name(), space, say.as("wrapper"))
	}
	if plan {
		p.planStack(ctx, h.Name(), space, say.as("plan"))
	}
}

// workspace is the branch's tip as Terraform gets it in a run.
func (p *patient) workspace(ctx context.Context, run *host.Run) (*host.Workspace, error) {
	pack, err := p.repo.Pack(p.tip)
	if err != nil {
		return nil, err
	}
	return run.Workspace(ctx, "doctor", p.tip, pack, host.Checkout, p.Settings.Hosts.Prepare)
}
