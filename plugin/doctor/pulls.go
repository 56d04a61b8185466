package doctor

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// pulls asks the forge about the pull requests of a branch that has none: that
// shows its API, the repository and the token.
func pulls(ctx context.Context, p *patient, say voice) {
	f, err := p.Settings.Forge()
	switch {
	case !p.Settings.Proposes():
		say.skip("", "proposals are made with mode: propose or doubtful: propose")
		return
	case err != nil:
		say.warn("", "proposals will be branches without pull requests: "+err.Error(), "set forge and forge_token, or forge: none")
		return
	case f == nil:
		say.ok("", "proposals are branches without pull requests: forge is none, or the forge of the remote is not known")
		return
	}
	if _, err := f.Find(ctx, proposal.Prefix+"doctor", p.Settings.Repository.Branch, 0); err != nil {
		say.warn("", "proposals will be branches without pull requests: "+f.Name()+": "+err.Error(), "give forge_token a token that may read and open pull requests, or set forge: none")
		return
	}
	say.ok("", f.Name()+" lists the pull requests of the repository; whether the token may open some, only the first shows")
}
