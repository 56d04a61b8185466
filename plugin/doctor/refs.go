package doctor

import (
	"context"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// ownRefs makes and deletes a ref, as a run does with lock, journal and ledger.
func ownRefs(ctx context.Context, p *patient, say voice) {
	name, place := gitrepo.OwnRefs+"doctor/"+access.RunID(time.Now()), p.repo.OnRemote(gitrepo.OwnRefs)
	probe := ""
	tip, err := p.repo.Lookup(p.tip)
	if err == nil {
		probe, err = p.repo.Commit(tip.Hash, tip.Tree, "try a ref [ci skip]\n") // the tip itself could start a pipeline there
	}
	if err == nil {
		err = p.repo.SetRef(ctx, name, "", probe)
	}
	if err != nil {
		p.failUnlessDry(say, err, "the run keeps lock, journal and ledger below "+place+"; allow the user of git_username to create and delete refs there, or, where the forge takes only branches and tags, set state_refs: heads/pm-todos-state")
		return
	}
	err = access.Closed(ctx, nil, func(ctx context.Context) error { return p.repo.SetRef(ctx, name, probe, "") })
	if err != nil {
		p.failUnlessDry(say, err, "allow the user of git_username to delete refs below "+place+", and remove this one:\ngit push "+p.repo.URL()+" :"+p.repo.OnRemote(name))
		return
	}
	say.ok("", "refs below "+place+" can be created and deleted")
}
