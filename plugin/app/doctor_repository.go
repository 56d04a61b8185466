package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/doctor"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// source is the repository as the check-up read it.
type source struct {
	repo     *gitrepo.Repo
	tip      string
	paths    []string
	commands settings.Commands
}

const noRepository = "the repository could not be read"

// forge reports whether pushes of this pipeline's forge do anything.
func (d *checkup) forge() {
	switch clone := d.s.CI.CloneURL; {
	case clone == "":
		d.skip("forge", "", "outside a pipeline: CI_REPO_CLONE_URL is not set")
	case d.s.ForeignForge():
		d.warn("forge", "", "remote is on another forge than this pipeline: its pushes do nothing, as they should when it is a mirror",
			"if this pipeline is to do the work, set remote: "+gitrepo.RedactURL(clone))
	default:
		d.ok("forge", "", "pushes of this pipeline's forge are acted on")
	}
}

// repository checks the remote: readable, pushable, with refs of our own. The
// function returned removes the clone.
func (d *checkup) repository(ctx context.Context) func() {
	started := time.Now()
	repo, _, remove, err := d.c.Opener(d.s).Clone(ctx)
	if err != nil {
		d.fail("remote", "", err)
		for _, check := range []string{"push", "refs", "rules"} {
			d.skip(check, "", noRepository)
		}
		return func() {}
	}
	closeClone := func() {
		if err := remove(); err != nil {
			d.fail("remote", "", fmt.Errorf("remove the clone: %w", err))
		}
	}
	src := &source{repo: repo, tip: repo.Tip()}
	if src.paths, err = repo.Files(src.tip); err == nil {
		src.commands, err = access.Commands(d.s, repo, src.tip)
	}
	if err != nil {
		d.fail("remote", "", err)
		return closeClone
	}
	d.source = src
	d.ok("remote", "", fmt.Sprintf("%s, branch %s is at %.12s, cloned in %s", repo.URL(), repo.Branch(), src.tip, time.Since(started).Round(time.Millisecond)))
	d.push(ctx, repo)
	d.ownRefs(ctx, repo)
	d.rules(ctx, repo)
	return closeClone
}

// push proves the right to push to the branch. A dry-run does not need it yet.
func (d *checkup) push(ctx context.Context, repo *gitrepo.Repo) {
	err := repo.CanPush(ctx)
	if err == nil {
		d.ok("push", "", "branch "+repo.Branch()+" may be pushed to (updated to where it is)")
		return
	}
	d.failUnlessDry("push", err, "let the user of git_username push to "+repo.Branch()+": a token with write access, and an exception in the branch's protection")
}

// ownRefs makes and deletes a ref, as a run does with lock, journal and ledger.
func (d *checkup) ownRefs(ctx context.Context, repo *gitrepo.Repo) {
	name, place := gitrepo.OwnRefs+"doctor/"+access.RunID(time.Now()), repo.OnRemote(gitrepo.OwnRefs)
	probe := ""
	tip, err := repo.Lookup(repo.Tip())
	if err == nil {
		probe, err = repo.Commit(tip.Hash, tip.Tree, "try a ref [ci skip]\n") // the tip itself could start a pipeline there
	}
	if err == nil {
		err = repo.SetRef(ctx, name, "", probe)
	}
	if err != nil {
		d.failUnlessDry("refs", err, "the run keeps lock, journal and ledger below "+place+"; allow the user of git_username to create and delete refs there, or, where the forge takes only branches and tags, set state_refs: heads/pm-todos-state")
		return
	}
	err = access.Closed(ctx, nil, func(ctx context.Context) error { return repo.SetRef(ctx, name, probe, "") })
	if err != nil {
		d.failUnlessDry("refs", err, "allow the user of git_username to delete refs below "+place+", and remove this one:\ngit push "+repo.URL()+" :"+repo.OnRemote(name))
		return
	}
	d.ok("refs", "", "refs below "+place+" can be created and deleted")
}

// rules shows a commit that is made as fixes are to the remote, on a branch of
// our own. The branch's own rules cannot be met without changing it.
func (d *checkup) rules(ctx context.Context, repo *gitrepo.Repo) {
	if err := proposal.Trial(ctx, repo, access.RunID(time.Now())); err != nil {
		d.failUnlessDry("rules", err, "a fix that is refused so is refused after its apply. Let the account of git_username make and delete branches below pm-todos/, and push commits\n"+
			"without what the remote demands of others (words in the message), or have it demand that of people only. Where it demands signed commits, set git_signing_key, and give the public half to the account as a signing key")
		return
	}
	d.ok("rules", "", "a commit made as fixes are"+d.signature()+" was taken, on a branch that is gone again; what hooks or protections demand of commits on "+repo.Branch()+" alone, only the first fix meets, after its apply")
}

// signature tells what commits are signed with.
func (d *checkup) signature() string {
	signer, err := sshkey.Private(d.s.Repository.SigningKey)
	if err != nil {
		return ", unsigned,"
	}
	return ", signed with " + sshkey.Describe(signer.PublicKey()) + ","
}

// failUnlessDry is for what a dry-run can do without.
func (d *checkup) failUnlessDry(check string, err error, fix string) {
	f := doctor.Failure(check, "", err)
	if fault.Of(err) != fault.Temporary {
		f.Fix = fix // what passes needs no mending
	}
	if d.s.Mode == settings.ModeDryRun {
		f.Status, f.Text = doctor.Warn, f.Text+" (a dry-run does not need it)"
	}
	d.report.Add(f)
}

// documents counts what the globs name.
func (d *checkup) documents() {
	if d.source == nil {
		d.skip("documents", "", noRepository)
		return
	}
	s := d.s
	s.Documents.Scope = settings.ScopeAll
	sel, err := access.Select(s, d.source.repo, d.source.tip, d.c.Log)
	if err != nil {
		d.fail("documents", "", err)
		return
	}
	if len(sel.All) == 0 {
		d.warn("documents", "", "no file matches post_mortems: "+strings.Join(s.Documents.PostMortems, ", "), "set post_mortems to where the documents are, such as docs/**/*.md")
		return
	}
	left, malformed := 0, 0
	for _, doc := range sel.Documents {
		left += len(doc.Skipped()) + len(doc.Unclear())
		malformed += len(doc.Problems)
	}
	d.ok("documents", "", fmt.Sprintf("%d documents; %d items are safe, %d are left to people", len(sel.All), len(sel.Safe()), left))
	for _, problem := range sel.Unreadable {
		d.warn("documents", "", "cannot be read: "+problem, "")
	}
	if malformed > 0 {
		d.warn("documents", "", fmt.Sprintf("%d rows or lines cannot be used", malformed), "pm-todos lint "+strings.Join(s.Documents.PostMortems, " "))
	}
}

// habitDepth is how many commits are looked at for the habit of skip marks.
const habitDepth = 200

// skipHabit looks for post-mortems that were committed with a mark that keeps
// Woodpecker from starting this pipeline.
func (d *checkup) skipHabit() {
	if d.source == nil {
		d.skip("ci skip", "", noRepository)
		return
	}
	seen, touching, marked, newest := 0, 0, 0, ""
	var problem error
	err := d.source.repo.Log(d.source.tip, func(c gitrepo.Commit) bool {
		if seen++; seen > habitDepth {
			return false
		}
		if c.Parent == "" || record.IsOwn(c.Message) {
			return true
		}
		changed, err := d.source.repo.Changed(c.Parent, c.Hash)
		if problem = err; err != nil {
			return false
		}
		if len(access.DocumentPaths(changed, d.s.Documents.PostMortems)) == 0 {
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
		d.fail("ci skip", "", err)
	case marked > 0:
		d.warn("ci skip", "", fmt.Sprintf("%d of the last %d commits of post-mortems have a skip mark, the newest is %s: such a push starts no pipeline", marked, touching, newest),
			"commit post-mortems without [ci skip]; until then a cron entry with scope: all picks them up")
	case touching == 0:
		d.ok("ci skip", "", "no commit of post-mortems to look at yet")
	default:
		d.ok("ci skip", "", fmt.Sprintf("no skip mark in the last %s that touch post-mortems", text.Counted(touching, "commit")))
	}
}

// definition looks for orders that contradict the built-in contract.
func (d *checkup) definition() {
	file := resolve.DefinitionFile(d.s.Agent.Name)
	if d.source == nil {
		d.skip("definition", file, noRepository)
		return
	}
	text, err := d.source.repo.ReadFile(d.source.tip, file)
	if errors.Is(err, gitrepo.ErrNotFound) {
		d.ok("definition", file, "the repository has none; the built-in one is used")
		return
	}
	if err != nil {
		d.fail("definition", file, err)
		return
	}
	orders, ignored := resolve.DefinitionOrders(text)
	note := ""
	if len(ignored) > 0 {
		note = "; without effect here: " + strings.Join(ignored, ", ")
	}
	if len(orders) == 0 {
		d.ok("definition", file, "its prompt agrees with the built-in contract"+note)
		return
	}
	for _, order := range orders {
		d.warn("definition", file, order, "")
	}
	d.warn("definition", file, "the contract comes last and wins, but an agent that is told both may stop and ask"+note,
		"take these lines out: this program plans, applies, commits, pushes and marks rows itself")
}

// stackFolders is the folders of the repository that are planned on their own.
func (d *checkup) stackFolders() []string {
	return resolve.StackFolders(slices.Clone(d.source.paths), d.s.Terraform.Stacks)
}
