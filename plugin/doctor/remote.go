package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
)

// remote reads the repository, for the checks that look into it.
func remote(ctx context.Context, p *patient, say voice) {
	started := time.Now()
	repo, _, remove, err := p.Clone(ctx)
	if err != nil {
		say.fail("", err)
		return
	}
	p.remove, p.tip = remove, repo.Tip()
	if p.paths, err = repo.Files(p.tip); err == nil {
		p.commands, err = access.Commands(p.Settings, repo, p.tip)
	}
	if err != nil {
		say.fail("", err)
		return
	}
	p.repo = repo
	say.ok("", fmt.Sprintf("%s, branch %s is at %.12s, cloned in %s", repo.URL(), repo.Branch(), p.tip, time.Since(started).Round(time.Millisecond)))
}
