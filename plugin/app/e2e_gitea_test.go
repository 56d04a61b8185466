package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/giteatest"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

// forgeSite is a site with an item on each of two stacks, whose remote is a
// repository of a real Gitea. sshd and Terraform are real too.
type forgeSite struct {
	*site
	forge    *giteatest.Server
	bot      giteatest.Account // that the run pushes as
	name     string            // of the repository
	settings map[string]string
}

// newForgeSite makes a repository of that name from the sample.
func newForgeSite(t *testing.T, forge *giteatest.Server, bot giteatest.Account, name string) forgeSite {
	t.Helper()
	forge = forge.For(t)
	o := only("2026-01-01-alert.md", twoItems)
	o.Terraform = oldestTerraform(t)
	s, settings := realSite(t, o)
	forge.Create(name, s.Repo.Path(), standin.SampleBranch, bot)
	s.Repo = git.ForeignRepository(forge.URL, forge.Repositories(), forge.Owner.Name+"/"+name)
	settings["PLUGIN_GIT_USERNAME"], settings["PLUGIN_GIT_PASSWORD"], settings["PLUGIN_SCOPE"] = bot.Name, bot.Token, "all"
	return forgeSite{site: s, forge: forge, bot: bot, name: name, settings: settings}
}

// done checks that both items are done and that the remote keeps nothing of the
// run.
func (f forgeSite) done() {
	f.t.Helper()
	f.wantsEnded("done", "done")
	doc := f.file(alertDocument)
	if strings.Count(doc, "| Done |") != 2 {
		f.t.Errorf("the rows are not done:\n%s", doc)
	}
	f.linksResolve(doc)
	if got := f.subjects(); len(got) != 3 {
		f.t.Errorf("commits: %q", got)
	}
	f.nothingPending()
	h := newHunt(f.site)
	h.add("the forge's token", f.bot.Token)
	h.search("the log", []byte(f.last))
	h.files(f.Workspace(), f.Home)
	h.nothing(f.t)
}

// applied is what the states of both stacks hold.
func (f forgeSite) applied() string {
	f.t.Helper()
	return fmt.Sprint(f.state("monitoring"), f.state("uptime-kuma"))
}

func TestRunOnARealGitea(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	forge := giteatest.Start(t)
	bot := forge.Account("ci-bot")
	t.Run("as it is", func(t *testing.T) {
		for name, check := range map[string]func(forgeSite){"proposals": forgeSite.proposes, "refusals": forgeSite.refuses} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check(newForgeSite(t, forge, bot, name))
			})
		}
	})
	// After the others: it disturbs the forge itself.
	t.Run("restarts, stalls and signed commits", func(t *testing.T) {
		newForgeSite(t, forge, bot, "signed").signs()
	})
}

// signedOnly are the rules of a branch that wants signed commits. Gitea wants the checks
// of what is merged, and lets pushes through that the rules allow.
var signedOnly = map[string]any{
	"enable_push": true, "require_signed_commits": true, "enable_status_check": true, "status_check_contexts": []string{"ci/woodpecker"},
}

// proposes are the runs on a branch that takes no pushes of ours: of two proposals one
// is merged by the button, applied, and its row merged by the button as well; the row of
// the other is reworded, so that it is taken back and proposed anew, and declined.
func (f forgeSite) proposes() {
	f.t.Helper()
	f.forge.Protect(f.name, standin.SampleBranch, map[string]any{"enable_push": false})
	f.settings["PLUGIN_MODE"] = "propose"
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed", "proposed")
	pulls := f.forge.Pulls(f.name)
	if len(pulls) != 2 || !strings.Contains(pulls[0].Title, "Add an alert on disk usage") || len(pulls[0].Labels) != 1 || pulls[0].Labels[0].Name != "pm-todos" {
		f.t.Fatalf("pull requests: %+v", pulls)
	}
	proposed := must[string](f.t)(f.Repo.Tip(pulls[0].Head.Ref))
	if _, said := f.forge.Do(f.bot, http.MethodGet, "repos/"+f.Repo.Name()+"/commits/"+proposed+"/status", nil); !strings.Contains(said, "nothing is forbidden") {
		f.t.Errorf("the proposed commit has the status %s", said)
	}
	f.forge.Merge(f.name, pulls[0].Number, "rebase-merge")
	client := must[forge.Forge](f.t)(forge.New(forge.Config{Kind: "gitea", Page: f.Repo.PageURL(), Token: secret.New(f.bot.Token)}, egress.Way{}))
	told := must[*forge.Pull](f.t)(client.Find(f.t.Context(), pulls[0].Head.Ref, standin.SampleBranch, int64(pulls[0].Number)))
	if told.Commit != proposed || told.OpenedBy != f.bot.Name || told.MergedBy != f.forge.Owner.Name || told.MergedAs != f.tip() {
		f.t.Errorf("the forge says of what was merged as %s: %+v", f.tip(), told)
	}
	reworded := strings.Replace(f.file(alertDocument), "every minute", "every second minute", 1)
	must[string](f.t)(f.Repo.Commit(standin.SampleBranch, "Reword\n", map[string]string{alertDocument: reworded}))
	tip, second := f.tip(), pulls[1].Head.Ref // which is another one once the branch is gone

	f.wants(0, f.run(f.settings))
	f.wantsEnded("done", "not-attempted proposal-withdrawn")
	f.says("approved by "+f.forge.Owner.Name, "the branch does not take the rows by a push")
	pulls = f.forge.Pulls(f.name)
	if len(pulls) != 3 || pulls[2].Head.Ref != rowsBranch || pulls[1].State != "closed" || f.tip() != tip || len(must[map[string]string](f.t)(f.Repo.Refs("refs/heads/"+second))) > 0 {
		f.t.Fatalf("pull requests %+v, commits %q", pulls, f.subjects())
	}
	if _, told := f.forge.Do(f.bot, http.MethodGet, fmt.Sprintf("repos/%s/issues/%d/comments", f.Repo.Name(), pulls[1].Number), nil); !strings.Contains(told, "says something else by now") {
		f.t.Errorf("comments: %s", told)
	}

	f.wants(0, f.run(f.settings))
	f.wantsEnded("skipped done-waiting-for-merge", "proposed")
	again := f.forge.Pulls(f.name)
	if len(again) != 4 || again[3].Head.Ref != second || again[3].State != "open" {
		f.t.Fatalf("pull requests %+v", again)
	}
	f.forge.Merge(f.name, again[2].Number, "squash")
	f.forge.ClosePull(f.name, again[3].Number)
	f.wants(0, f.run(f.settings))
	f.wantsEnded("skipped proposal-declined")
	if doc := f.file(alertDocument); strings.Count(doc, "| Done |") != 1 || f.paid() != 3 || len(f.forge.Pulls(f.name)) != 4 {
		f.t.Errorf("%d agents were paid, and the rows are\n%s", f.paid(), doc)
	}
	f.linksResolve(f.file(alertDocument))
	f.nothingPending()
}

// refuses are the runs on a branch that takes no pushes of ours, which fails before any
// agent is paid, and then on one that wants signed commits of an account that signs none:
// Gitea refuses when the first fix is applied already, and says no more than that it had
// an internal error.
func (f forgeSite) refuses() {
	f.t.Helper()
	before, untouched, tip := f.applied(), fmt.Sprint(f.state("uptime-kuma")), f.tip()
	f.settings["PLUGIN_MAX_ATTEMPTS"] = "1"
	f.forge.Protect(f.name, standin.SampleBranch, map[string]any{"enable_push": false})
	f.wants(1, f.run(f.settings))
	f.wantsEnded("not-attempted push-refused", "not-attempted push-refused")
	f.says("mode: propose")
	if f.paid() != 0 || f.applied() != before || f.tip() != tip {
		f.t.Errorf("%d agents were paid, commits %q, states %s", f.paid(), f.subjects(), f.applied())
	}
	f.nothingLeft()
	f.forge.Unprotect(f.name, standin.SampleBranch)
	f.forge.Protect(f.name, standin.SampleBranch, signedOnly)
	f.wants(3, f.run(f.settings))
	f.wantsEnded("needs-person applied-not-on-branch", "not-attempted push-refused")
	f.says("pre-receive hook declined", "pm-todos settle ")
	if f.paid() != 1 || fmt.Sprint(f.state("uptime-kuma")) != untouched || f.tip() != tip {
		f.t.Errorf("%d agents were paid, commits %q, states %s", f.paid(), f.subjects(), f.applied())
	}
	f.forge.Unprotect(f.name, standin.SampleBranch)
	f.wants(0, f.run(f.settings))
	f.done()
	if f.paid() != 2 {
		f.t.Errorf("%d agents were paid for two items", f.paid())
	}
}

// signs is the run of an account that signs its commits, with a key that the forge
// knows, on a branch that wants that. The forge restarts during one apply, and stalls
// during the other.
func (f forgeSite) signs() {
	f.t.Helper()
	key := sshdtest.Key(f.t)
	f.forge.SigningKey(f.bot, key)
	f.forge.Protect(f.name, standin.SampleBranch, signedOnly)
	f.settings["PLUGIN_GIT_SIGNING_KEY"], f.settings["PLUGIN_AUTHOR_EMAIL"] = key, f.bot.Email
	f.wants(0, f.executed(f.settings, func(_ process, line string) {
		switch {
		case strings.Contains(line, "applying the judged plan") && strings.Contains(line, "stacks/monitoring"):
			f.forge.Stop()
			f.forge.Start()
		case strings.Contains(line, "applying the judged plan"):
			f.forge.Pause(3 * time.Second)
		}
	}))
	f.done()
	for _, commit := range must[[]git.Commit](f.t)(f.Repo.Log(f.Second + ".." + standin.SampleBranch)) {
		_, told := f.forge.Do(f.bot, http.MethodGet, "repos/"+f.Repo.Name()+"/git/commits/"+commit.Hash, nil)
		if !strings.Contains(told, `"verified":true`) {
			f.t.Errorf("the forge does not take %q for signed: %s", commit.Subject, told)
		}
	}
}
