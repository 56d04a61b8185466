package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

func judgeCommand() *cli.Command {
	return &cli.Command{
		Name:      "judge",
		Usage:     "say what the gates would do with commits, or with a plan",
		UsageText: "pm-todos judge [flags] [REV | A..B]",
		Description: "REV is a commit of a repository on this machine, A..B is all commits of B that are not in A, without merges; each is judged\n" +
			"as if an agent had made it for an item. The item's text is the commit message unless --action is given.\n" +
			"With --plan, the output of `terraform show -json` is judged too; without a revision, only the plan is.\n" +
			"Without a plan, the lane is the best that the commit could get.\n\n" +
			"Nothing is contacted and nothing is changed. The exit code is 0 for every lane, and 1 if something cannot be judged.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "type", Value: "Config", Usage: "type of the item: Alert, Config or Monitor"},
			&cli.StringFlag{Name: "action", Usage: "the item's action"},
			&cli.StringFlag{Name: "details", Usage: "the item's details"},
			&cli.StringFlag{Name: "plan", Usage: "file with the output of show -json for the commit's plan"},
			&cli.StringFlag{Name: "baseline", Usage: "the same for the plan of its parent"},
			&cli.StringFlag{Name: "repo", Value: ".", Usage: "folder of the repository"},
			formatFlag("text, or json, one object per judgement", "text", "json"),
		}, settingFlags(judgeSettings...)...),
		Action: judgeAction,
	}
}

// judgeSettings are those that say what a change may touch.
var judgeSettings = []string{
	"stacks", "protected", "allow_paths", "type_paths", "allow_resources", "automatic_creates", "max_changes", "tolerated", "state_paths", "terraform", "branch",
}

// judged is one judgement, as its JSON has it.
type judged struct {
	Commit   string         `json:"commit,omitempty"`
	Subject  string         `json:"subject,omitempty"`
	Stack    string         `json:"stack,omitempty"`
	Lane     gate.Lane      `json:"lane"`
	Planned  bool           `json:"planned"` // false: a lane that is not forbidden is the best that it could still be
	Findings []item.Finding `json:"findings"`
	Facts    []judgedFact   `json:"facts"`
}

// judgedFact is one effect of a plan.
type judgedFact struct {
	Place  string `json:"place"`
	Kind   string `json:"kind"`
	Rule   string `json:"rule"` // that proves it, "" when none does
	Detail string `json:"detail"`
}

// judge is one call of the command.
type judge struct {
	settings       settings.Settings
	item           card.Item
	plan, baseline []byte
	repo           *gitrepo.Repo
}

func judgeAction(c *cli.Context) (err error) {
	write := map[string]func(io.Writer, []judged) error{"text": writeJudged, "json": writeJudgedJSON}[c.String("format")]
	revisions, err := pathArguments(c, "REV")
	if err != nil {
		return err
	}
	j := judge{item: card.Item{Type: c.String("type"), Action: c.String("action"), Details: c.String("details")}}
	if j.settings, err = someSettings(c, judgeSettings); err != nil {
		return err
	}
	if j.plan, err = optionalFile(c.String("plan")); err != nil {
		return err
	}
	if j.baseline, err = optionalFile(c.String("baseline")); err != nil {
		return err
	}
	switch {
	case len(revisions) > 1:
		return usageError("one revision or range is judged at a time; %d are given", len(revisions))
	case len(revisions) == 0 && j.plan == nil:
		return usageError("name a commit, a range A..B, or a plan with --plan")
	case len(revisions) == 0:
		return write(c.App.Writer, []judged{j.planAlone()})
	}
	commits, err := commitsOf(c.Context, c.String("repo"), revisions[0])
	if err != nil {
		return err
	}
	if len(commits) > 1 && j.plan != nil {
		return usageError("a plan belongs to one commit, and the range has %d", len(commits))
	}
	results, err := j.commits(c, commits)
	if err != nil {
		return err
	}
	return write(c.App.Writer, results)
}

func optionalFile(name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	content, err := os.ReadFile(name) //nolint:gosec // a file that the user names
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return content, nil
}

// commitsOf are the full hashes that a revision or a range names, the oldest
// first.
func commitsOf(ctx context.Context, dir, revision string) ([]string, error) {
	arguments := []string{"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"}
	if strings.Contains(revision, "..") {
		arguments = []string{"rev-list", "--reverse", "--no-merges", "--end-of-options", revision, "--"}
	}
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"}, arguments...)...) //nolint:gosec // the revision follows --end-of-options
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s names no commit of the repository in %s", text.Quote(revision), text.Quote(dir))
	}
	commits := strings.Fields(string(out))
	if len(commits) == 0 {
		return nil, fmt.Errorf("the range %s is empty", text.Quote(revision))
	}
	return commits, nil
}

// commits judges each of some commits of a repository on this machine.
func (j *judge) commits(c *cli.Context, commits []string) (results []judged, err error) {
	dir := c.String("repo")
	j.settings.Repository.URL = hereGit(c.Context, dir, "rev-parse", "--absolute-git-dir")
	if j.settings.Repository.Branch == "" {
		j.settings.Repository.Branch = hereGit(c.Context, dir, "symbolic-ref", "--short", "HEAD")
	}
	if j.settings.Repository.Branch == "" {
		return nil, fmt.Errorf("no branch is checked out in %s; name the one that has the commits with --branch", text.Quote(dir))
	}
	j.settings.Report.LogLevel = "warn" // the judgements are the output
	j.settings.Repository.Author.Name, j.settings.Repository.Author.Email = "pm-todos", "pm-todos@localhost"
	console, closeConsole := console.New(c.App.Version, j.settings, c.App.ErrWriter, console.MayColour(c.App.ErrWriter, os.Getenv))
	defer func() { err = errors.Join(err, closeConsole()) }()
	repo, _, remove, err := console.Opener(j.settings).Clone(c.Context)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	j.repo = repo
	for _, commit := range commits {
		one, err := j.commit(commit)
		if err != nil {
			return nil, fmt.Errorf("judge %.12s: %w", commit, err)
		}
		results = append(results, one)
	}
	return results, nil
}

// commit judges one commit against its first parent.
func (j *judge) commit(hash string) (judged, error) {
	commit, err := j.repo.Lookup(hash)
	if err != nil {
		return judged{}, fmt.Errorf("the branch %s does not have it; name the one that does with --branch: %w", j.repo.Branch(), err)
	}
	subject, _, _ := strings.Cut(commit.Message, "\n")
	out := judged{Commit: hash, Subject: text.Line(subject, 72)}
	if commit.Parent == "" {
		return judged{}, errors.New("it has no parent to compare it with")
	}
	diff, err := j.repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return judged{}, fmt.Errorf("compare it with its parent: %w", err)
	}
	paths, err := j.repo.Files(commit.Parent)
	if err != nil {
		return judged{}, fmt.Errorf("list the files of its parent: %w", err)
	}
	scope := j.settings.ScopeIn(paths)
	rules := policy.Rules{Scope: scope, Wrapper: j.settings.TerraformCommands(slices.Contains(paths, settings.Wrapper)).Program}
	allowed, err := rules.Diff(j.repo, j.item.Type, commit.Parent)
	if err != nil {
		return judged{}, err
	}
	changeset := gate.Compare(diff, allowed)
	verdict := changeset.Verdict()
	out.Stack = verdict.Stack
	item := j.item
	if item.Action == "" && item.Details == "" {
		item.Action = commit.Message
	}
	switch {
	case !verdict.Passed():
		out.result(gate.Judgement{Lane: gate.Forbidden, Findings: verdict.Findings})
	case j.plan == nil:
		lane := gate.Approval
		if card.Has(item.Type) {
			lane = gate.Automatic
		}
		out.result(gate.Judgement{Lane: lane})
	default:
		out.result(gate.Judge(j.plan, scope.Plan(item.Type, j.baseline), gate.Request{
			Item: item, Owner: scope.Owner(item.Type), Changeset: changeset, Stack: verdict.Stack,
		}))
	}
	out.Planned = j.plan != nil
	return out, nil
}

// planAlone judges a plan of which nobody knows the change.
func (j *judge) planAlone() judged {
	scope := j.settings.ScopeIn(nil)
	var out judged
	out.result(gate.Judge(j.plan, scope.Plan(j.item.Type, j.baseline), gate.Request{Item: j.item, Owner: scope.Owner(j.item.Type)}))
	return out
}

func (out *judged) result(g gate.Judgement) {
	out.Lane, out.Planned, out.Findings, out.Facts = g.Lane, true, g.Findings, []judgedFact{}
	if out.Findings == nil {
		out.Findings = []item.Finding{}
	}
	for _, p := range g.Facts {
		out.Facts = append(out.Facts, judgedFact{Place: p.Place(), Kind: string(p.Fact.Kind), Rule: p.Rule, Detail: p.Why})
	}
}

func writeJudgedJSON(w io.Writer, results []judged) error {
	for _, one := range results {
		if err := writeJSON(w, one); err != nil {
			return fmt.Errorf("print a judgement: %w", err)
		}
	}
	return nil
}

// writeJudged prints one judgement whole, and of several a line each and a
// table.
func writeJudged(w io.Writer, results []judged) error {
	var b strings.Builder
	if len(results) == 1 {
		results[0].whole(&b)
	} else {
		for _, one := range results {
			fmt.Fprintf(&b, "%.12s  %-9s  %s", one.Commit, one.Lane, one.Subject)
			if codes := one.codes(); len(codes) > 0 {
				fmt.Fprintf(&b, "  %s", codes)
			}
			b.WriteByte('\n')
		}
		judgedTable(&b, results)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the judgements: %w", err)
	}
	return nil
}

func (out judged) whole(b *strings.Builder) {
	fmt.Fprintf(b, "lane: %s", out.Lane)
	if !out.Planned && out.Lane != gate.Forbidden {
		b.WriteString(" at best; only a plan shows the effects (--plan)")
	}
	b.WriteByte('\n')
	if out.Stack != "" {
		fmt.Fprintf(b, "stack: %s\n", text.Line(out.Stack, 0))
	}
	for _, f := range out.Findings {
		fmt.Fprintf(b, "forbidden  %s\n", text.Line(f.String(), 0))
	}
	for _, f := range out.Facts {
		if f.Rule != "" {
			fmt.Fprintf(b, "proved     %s %s (%s)\n", f.Kind, text.Line(f.Place, 0), f.Rule)
		} else {
			fmt.Fprintf(b, "unproved   %s %s: %s\n", f.Kind, text.Line(f.Place, 0), text.Line(f.Detail, 0))
		}
	}
}

// codes are those of the findings, each once.
func (out judged) codes() []reason.Code {
	var codes []reason.Code
	for _, f := range out.Findings {
		if !slices.Contains(codes, f.Code) {
			codes = append(codes, f.Code)
		}
	}
	return codes
}

// judgedTable says how many commits are in each lane, and what forbids most.
func judgedTable(b *strings.Builder, results []judged) {
	lanes, codes := map[gate.Lane]int{}, map[reason.Code]int{}
	for _, one := range results {
		lanes[one.Lane]++
		for _, code := range one.codes() {
			codes[code]++
		}
	}
	fmt.Fprintf(b, "\n%s\n", text.Counted(len(results), "commit"))
	for _, lane := range []gate.Lane{gate.Automatic, gate.Approval, gate.Forbidden, gate.NoEffect} {
		if n := lanes[lane]; n > 0 {
			fmt.Fprintf(b, "  %-9s  %4d  %3d %%\n", lane, n, n*100/len(results))
		}
	}
	names := slices.SortedFunc(maps.Keys(codes), func(x, y reason.Code) int {
		return cmp.Or(codes[y]-codes[x], cmp.Compare(x, y))
	})
	if len(names) > 0 {
		b.WriteString("forbidden by\n")
	}
	for _, code := range names {
		fmt.Fprintf(b, "  %-22s  %4d\n", code, codes[code])
	}
	if slices.ContainsFunc(results, func(one judged) bool { return !one.Planned }) {
		b.WriteString("Without plans: automatic is the best that these could still be.\n")
	}
}
