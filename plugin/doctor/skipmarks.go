package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// habitDepth is how many commits are looked at for the habit of skip marks.
const habitDepth = 200

// skipMarks looks for post-mortems that were committed with a mark that keeps
// Woodpecker from starting this pipeline.
func skipMarks(_ context.Context, p *patient, say voice) {
	seen, touching, marked, newest := 0, 0, 0, ""
	var problem error
	err := p.repo.Log(p.tip, func(c gitrepo.Commit) bool {
		if seen++; seen > habitDepth {
			return false
		}
		if c.Parent == "" || record.IsOwn(c.Message) {
			return true
		}
		changed, err := p.repo.Changed(c.Parent, c.Hash)
		if problem = err; err != nil {
			return false
		}
		if len(access.DocumentPaths(changed, p.Settings.Documents.PostMortems)) == 0 {
			return true
		}
		touching++
		if record.SkipsPipeline(c.Message) {
			if marked++; newest == "" {
				newest = fmt.Sprintf("%.12s", c.Hash)
			}
		}
		return true
	})
	switch err = errors.Join(err, problem); {
	case err != nil:
		say.fail("", err)
	case marked > 0:
		say.warn("", fmt.Sprintf("%d of the last %d commits of post-mortems have a skip mark, the newest is %s: such a push starts no pipeline", marked, touching, newest),
			"commit post-mortems without [ci skip]; until then a cron entry with scope: all picks them up")
	case touching == 0:
		say.ok("", "no commit of post-mortems to look at yet")
	default:
		say.ok("", fmt.Sprintf("no skip mark in the last %s that touch post-mortems", text.Counted(touching, "commit")))
	}
}
