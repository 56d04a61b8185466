package doctor

import (
	"context"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// rules shows a commit that is made as fixes are to the remote, on a branch of
// our own. The branch's own rules cannot be met without changing it.
func rules(ctx context.Context, p *patient, say voice) {
	if err := proposal.Trial(ctx, p.repo, access.RunID(time.Now())); err != nil {
		p.failUnlessDry(say, err, "a fix that is refused so is refused after its apply. Let the account of git_username make and delete branches below pm-todos/, and push commits\n"+
			"without what the remote demands of others (words in the message), or have it demand that of people only. Where it demands signed commits, set git_signing_key, and give the public half to the account as a signing key")
		return
	}
	signature := ", unsigned,"
	if signer, err := sshkey.Private(p.Settings.Repository.SigningKey); err == nil {
		signature = ", signed with " + sshkey.Describe(signer.PublicKey()) + ","
	}
	say.ok("", "a commit made as fixes are"+signature+" was taken, on a branch that is gone again; what hooks or protections demand of commits on "+p.repo.Branch()+" alone, only the first fix meets, after its apply")
}
