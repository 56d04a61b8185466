package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/judge"
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

func judgeAction(c *cli.Context) (err error) {
	write := map[string]func(io.Writer, []judge.Judgement) error{"text": writeJudged, "json": writeJudgedJSON}[c.String("format")]
	revisions, err := pathArguments(c, "REV")
	if err != nil {
		return err
	}
	j := judge.Judge{Item: card.Item{Type: c.String("type"), Action: c.String("action"), Details: c.String("details")}}
	if j.Settings, err = someSettings(c, judgeSettings); err != nil {
		return err
	}
	if j.Plan, err = optionalFile(c.String("plan")); err != nil {
		return err
	}
	if j.Baseline, err = optionalFile(c.String("baseline")); err != nil {
		return err
	}
	switch {
	case len(revisions) > 1:
		return usageError("one revision or range is judged at a time; %d are given", len(revisions))
	case len(revisions) == 0 && j.Plan == nil:
		return usageError("name a commit, a range A..B, or a plan with --plan")
	case len(revisions) == 0:
		return write(c.App.Writer, []judge.Judgement{j.PlanAlone()})
	}
	commits, err := commitsOf(c.Context, c.String("repo"), revisions[0])
	if err != nil {
		return err
	}
	if len(commits) > 1 && j.Plan != nil {
		return usageError("a plan belongs to one commit, and the range has %d", len(commits))
	}
	results, err := judgeCommits(c, j, commits)
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

// judgeCommits judges each of some commits of a repository on this machine.
func judgeCommits(c *cli.Context, j judge.Judge, commits []string) (results []judge.Judgement, err error) {
	dir := c.String("repo")
	j.Settings.Repository.URL = hereGit(c.Context, dir, "rev-parse", "--absolute-git-dir")
	if j.Settings.Repository.Branch == "" {
		j.Settings.Repository.Branch = hereGit(c.Context, dir, "symbolic-ref", "--short", "HEAD")
	}
	if j.Settings.Repository.Branch == "" {
		return nil, fmt.Errorf("no branch is checked out in %s; name the one that has the commits with --branch", text.Quote(dir))
	}
	j.Settings.Report.LogLevel = "warn" // the judgements are the output
	j.Settings.Repository.Author.Name, j.Settings.Repository.Author.Email = "pm-todos", "pm-todos@localhost"
	console, closeConsole := console.New(c.App.Version, j.Settings, c.App.ErrWriter, console.MayColour(c.App.ErrWriter, os.Getenv))
	defer func() { err = errors.Join(err, closeConsole()) }()
	repo, _, remove, err := console.Opener(j.Settings).Clone(c.Context)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	j.Repo = repo
	for _, commit := range commits {
		one, err := j.Commit(commit)
		if err != nil {
			return nil, fmt.Errorf("judge %.12s: %w", commit, err)
		}
		results = append(results, one)
	}
	return results, nil
}

func writeJudgedJSON(w io.Writer, results []judge.Judgement) error {
	for _, one := range results {
		if err := writeJSON(w, one); err != nil {
			return fmt.Errorf("print a judgement: %w", err)
		}
	}
	return nil
}

func writeJudged(w io.Writer, results []judge.Judgement) error {
	if _, err := io.WriteString(w, judge.Text(results)); err != nil {
		return fmt.Errorf("print the judgements: %w", err)
	}
	return nil
}
