package app

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
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

// newForgeSite makes a repository of that name from the sample; rules are those
// of its branch, if any.
func newForgeSite(t *testing.T, forge *giteatest.Server, bot giteatest.Account, name string, rules map[string]any) forgeSite {
	t.Helper()
	forge = forge.For(t)
	o := only("2026-01-01-alert.md", twoItems)
	terraforms := realTerraforms(t)
	o.Terraform = terraforms[slices.Min(slices.Collect(maps.Keys(terraforms)))]
	s, settings := realSite(t, o)
	forge.Create(name, s.Repo.Path(), standin.SampleBranch, bot)
	if rules != nil {
		forge.Protect(name, standin.SampleBranch, rules)
	}
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
	signed := map[string]any{"enable_push": true, "require_signed_commits": true}
	// Its database takes one writer at a time: all of them at once wait for each other
	// longer than a run is patient.
	turns := make(chan struct{}, 3)
	t.Run("rules", func(t *testing.T) {
		for name, scenario := range map[string]struct {
			rules map[string]any
			check func(forgeSite)
		}{
			// Gitea wants the checks of what is merged, and lets pushes through that the rules allow.
			"status-checks":  {map[string]any{"enable_push": true, "enable_status_check": true, "status_check_contexts": []string{"ci/woodpecker"}}, forgeSite.implementsOnce},
			"no-pushes":      {map[string]any{"enable_push": false}, forgeSite.paysNobody},
			"pull-requests":  {nil, forgeSite.proposes},
			"buttons":        {nil, forgeSite.appliesWhatIsMerged},
			"withdrawn":      {nil, forgeSite.withdraws},
			"rows-proposed":  {map[string]any{"enable_push": false}, forgeSite.proposesRows},
			"signed-commits": {signed, forgeSite.stopsAfterARefusal},
			"signed-by-us":   {signed, forgeSite.signs},
			"signed-merges":  {signed, forgeSite.appliesWhatTheForgeSigned},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				turns <- struct{}{}
				defer func() { <-turns }()
				scenario.check(newForgeSite(t, forge, bot, name, scenario.rules))
			})
		}
	})
	// After the others: it disturbs the forge itself.
	t.Run("restarts-and-stalls", func(t *testing.T) {
		f := newForgeSite(t, forge, bot, "restarts-and-stalls", nil)
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
	})
}

func (f forgeSite) implementsOnce() {
	f.t.Helper()
	f.wants(0, f.run(f.settings))
	f.done()
	f.nothingLeft()
	tip := f.tip()
	f.wants(0, f.run(f.settings))
	if f.tip() != tip {
		f.t.Errorf("a second run made a commit: %q", f.subjects())
	}
}

// proposes is the run that opens a pull request for each item, of which one is
// merged by its button, and so applied, and one is closed.
func (f forgeSite) proposes() {
	f.t.Helper()
	before := fmt.Sprint(f.state("monitoring"))
	f.settings["PLUGIN_MODE"] = "propose"
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed", "proposed")
	pulls := f.forge.Pulls(f.name)
	if len(pulls) != 2 || !strings.Contains(pulls[0].Title, "Add an alert on disk usage") || len(pulls[0].Labels) != 1 || pulls[0].Labels[0].Name != "pm-todos" {
		f.t.Fatalf("pull requests: %+v", pulls)
	}
	if _, said := f.forge.Do(f.bot, http.MethodGet, "repos/"+f.Repo.Name()+"/commits/"+must[string](f.t)(f.Repo.Tip(pulls[0].Head.Ref))+"/status", nil); !strings.Contains(said, "nothing is forbidden") {
		f.t.Errorf("the proposed commit has the status %s", said)
	}
	f.forge.Merge(f.name, pulls[0].Number, "merge")
	f.forge.ClosePull(f.name, pulls[1].Number)
	f.wants(0, f.run(f.settings))
	f.wantsEnded("done", "skipped proposal-declined")
	if doc := f.file(alertDocument); strings.Count(doc, "| Done |") != 1 || fmt.Sprint(f.state("monitoring")) == before {
		f.t.Errorf("what was merged is not applied:\n%s", doc)
	}
	if pulls := f.forge.Pulls(f.name); len(pulls) != 2 || f.paid() != 2 {
		f.t.Errorf("pull requests: %+v; %d agents were paid", pulls, f.paid())
	}
}

// appliesWhatIsMerged has a person merge by the buttons that the other scenarios do
// not press: it is applied, and the forge says who approved.
func (f forgeSite) appliesWhatIsMerged() {
	f.t.Helper()
	f.settings["PLUGIN_MODE"] = "propose"
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed", "proposed")
	pulls := f.forge.Pulls(f.name)
	f.forge.Merge(f.name, pulls[0].Number, "fast-forward-only")
	f.forge.Merge(f.name, pulls[1].Number, "rebase-merge")
	client := must[forge.Forge](f.t)(forge.New(forge.Config{Kind: "gitea", Page: f.Repo.PageURL(), Token: secret.New(f.bot.Token)}, egress.Way{}))
	proposed := must[string](f.t)(f.Repo.Tip(pulls[1].Head.Ref))
	told := must[*forge.Pull](f.t)(client.Find(f.t.Context(), pulls[1].Head.Ref, standin.SampleBranch, int64(pulls[1].Number)))
	if told.Commit != proposed || told.OpenedBy != f.bot.Name || told.MergedBy != f.forge.Owner.Name || told.MergedAs != f.tip() {
		f.t.Errorf("the forge says of what was merged as %s: %+v", f.tip(), told)
	}
	f.wants(0, f.run(f.settings))
	f.wantsEnded("done", "done")
	f.says("approved by " + f.forge.Owner.Name)
	if doc := f.file(alertDocument); strings.Count(doc, "| Done |") != 2 || f.paid() != 2 {
		f.t.Errorf("%d agents were paid, and the rows are\n%s", f.paid(), doc)
	}
	f.linksResolve(f.file(alertDocument))
	f.nothingPending()
}

// proposesRows are the runs on a branch that takes no pushes: fixes and rows are
// merged by the button, and nothing is done twice.
func (f forgeSite) proposesRows() {
	f.t.Helper()
	f.settings["PLUGIN_MODE"] = "propose"
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed", "proposed")
	for _, pull := range f.forge.Pulls(f.name) {
		f.forge.Merge(f.name, pull.Number, "squash")
	}
	f.applyTip("monitoring")
	f.applyTip("uptime-kuma")
	tip := f.tip()
	f.wants(0, f.run(f.settings))
	f.wantsEnded("done", "done")
	pulls := f.forge.Pulls(f.name)
	if last := pulls[len(pulls)-1]; len(pulls) != 3 || last.Head.Ref != rowsBranch || f.tip() != tip {
		f.t.Fatalf("pull requests %+v, commits %q", pulls, f.subjects())
	}
	f.wants(0, f.run(f.settings))
	f.wantsEnded("skipped done-waiting-for-merge", "skipped done-waiting-for-merge")
	f.forge.Merge(f.name, pulls[len(pulls)-1].Number, "rebase")
	f.wants(0, f.run(f.settings))
	if doc := f.file(alertDocument); strings.Count(doc, "| Done |") != 2 || f.paid() != 2 || len(f.forge.Pulls(f.name)) != 3 {
		f.t.Errorf("%d agents were paid, and the rows are\n%s", f.paid(), doc)
	}
	f.nothingPending()
}

// withdraws is a person who rewords a row that is proposed: its pull request is
// closed with a comment and its branch deleted, and the item is proposed anew, on a
// branch of the same name.
func (f forgeSite) withdraws() {
	f.t.Helper()
	f.settings["PLUGIN_MODE"] = "propose"
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed", "proposed")
	first := f.forge.Pulls(f.name)[0]
	reworded := strings.Replace(f.file(alertDocument), "over 80 %", "over 90 %", 1)
	must[string](f.t)(f.Repo.Commit(standin.SampleBranch, "Reword\n", map[string]string{alertDocument: reworded}))
	f.wants(0, f.run(f.settings))
	f.wantsEnded("not-attempted proposal-withdrawn", "proposed proposed")
	if pull := f.forge.Pulls(f.name)[0]; pull.State != "closed" || len(must[map[string]string](f.t)(f.Repo.Refs("refs/heads/"+first.Head.Ref))) > 0 {
		f.t.Errorf("pull request %+v", pull)
	}
	if _, told := f.forge.Do(f.bot, http.MethodGet, fmt.Sprintf("repos/%s/issues/%d/comments", f.Repo.Name(), first.Number), nil); !strings.Contains(told, "says something else by now") {
		f.t.Errorf("comments: %s", told)
	}
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed proposed", "proposed")
	if pulls := f.forge.Pulls(f.name); len(pulls) != 3 || pulls[2].Head.Ref != first.Head.Ref || pulls[2].State != "open" || f.paid() != 3 {
		f.t.Errorf("pull requests %+v; %d agents were paid", pulls, f.paid())
	}
}

// paysNobody is the run on a branch that takes no pushes of ours: it fails before
// any agent is paid and counts no attempt, since the next run has the right.
func (f forgeSite) paysNobody() {
	f.t.Helper()
	before, tip := f.applied(), f.tip()
	f.settings["PLUGIN_MAX_ATTEMPTS"] = "1"
	f.wants(1, f.run(f.settings))
	f.wantsEnded("not-attempted push-refused", "not-attempted push-refused")
	f.says("mode: propose")
	if f.paid() != 0 || f.applied() != before || f.tip() != tip {
		f.t.Errorf("%d agents were paid, commits %q, states %s", f.paid(), f.subjects(), f.applied())
	}
	f.nothingLeft()
	f.forge.Unprotect(f.name, standin.SampleBranch)
	f.wants(0, f.run(f.settings))
	f.done()
}

// stopsAfterARefusal is the run on a branch that wants signed commits of an
// account that signs none. Gitea refuses when the first fix is applied already,
// and says no more than that it had an internal error.
func (f forgeSite) stopsAfterARefusal() {
	f.t.Helper()
	untouched, tip := fmt.Sprint(f.state("uptime-kuma")), f.tip()
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

// appliesWhatTheForgeSigned is of a branch that wants signed commits, of an account
// that signs none: the forge signs what its button merges, which is applied, and the
// rows wait on a branch of their own.
func (f forgeSite) appliesWhatTheForgeSigned() {
	f.t.Helper()
	f.settings["PLUGIN_MODE"] = "propose"
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed", "proposed")
	f.forge.Merge(f.name, f.forge.Pulls(f.name)[0].Number, "squash")
	f.settings["PLUGIN_MODE"] = "apply"
	tip := f.tip()
	f.wants(0, f.run(f.settings))
	f.wantsEnded("done", "proposed proposed")
	f.says("approved by "+f.forge.Owner.Name, "pre-receive hook declined", "the branch does not take the rows by a push")
	pulls := f.forge.Pulls(f.name)
	if len(pulls) != 3 || pulls[2].Head.Ref != rowsBranch || f.tip() != tip {
		f.t.Fatalf("pull requests %+v, commits %q", pulls, f.subjects())
	}
	f.wants(0, f.run(f.settings))
	f.wantsEnded("skipped done-waiting-for-merge", "proposed proposed")
	f.forge.Merge(f.name, pulls[2].Number, "squash")
	f.wants(0, f.run(f.settings))
	f.wantsEnded("proposed proposed")
	if doc := f.file(alertDocument); strings.Count(doc, "| Done |") != 1 || f.paid() != 2 || len(f.forge.Pulls(f.name)) != 3 {
		f.t.Errorf("%d agents were paid, and the rows are\n%s", f.paid(), doc)
	}
	f.nothingPending()
}

// signs is the run of an account that signs its commits, with a key that the
// forge knows.
func (f forgeSite) signs() {
	f.t.Helper()
	key := sshdtest.Key(f.t)
	f.forge.SigningKey(f.bot, key)
	f.settings["PLUGIN_GIT_SIGNING_KEY"], f.settings["PLUGIN_AUTHOR_EMAIL"] = key, f.bot.Email
	f.implementsOnce()
	for _, commit := range must[[]git.Commit](f.t)(f.Repo.Log(f.Second + ".." + standin.SampleBranch)) {
		_, told := f.forge.Do(f.bot, http.MethodGet, "repos/"+f.Repo.Name()+"/git/commits/"+commit.Hash, nil)
		if !strings.Contains(told, `"verified":true`) {
			f.t.Errorf("the forge does not take %q for signed: %s", commit.Subject, told)
		}
	}
}
