package doctor

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

// issues lists those of the repository, where a run keeps some. It opens none.
func issues(ctx context.Context, p *patient, say voice) {
	if p.Settings.Report.Issues != settings.On {
		return // most owners never heard of them
	}
	const wayOut = "turn issues on for the repository, give forge_token a token that may write them, or set issues: false"
	switch f, err := p.Settings.Forge(); {
	case err != nil:
		say.warn("", "no issues will be opened: "+err.Error(), wayOut)
	case f == nil:
		say.warn("", "no issues will be opened: the forge of the remote is not known", "set forge")
	default:
		if _, err := f.Newest(ctx, ""); err != nil {
			say.warn("", "no issues will be opened: "+f.Name()+": "+err.Error(), wayOut)
			return
		}
		say.ok("", f.Name()+" lists the issues of the repository; whether the token may open some, only the first shows")
	}
}
