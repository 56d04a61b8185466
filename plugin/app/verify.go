package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/audit"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// errNotBorneOut stands for findings of verify that were printed one by one already.
var errNotBorneOut = errors.New("the branch does not bear out all that the documents say")

// verifySettings are the settings that say where the repository is and how its
// documents and stacks are found.
func verifySettings() []string {
	names := append([]string{"stacks"}, searchSettings...)
	for _, g := range settings.Groups() {
		for _, e := range g.Entries {
			if g.Title == "Repository" {
				names = append(names, e.Name)
			}
		}
	}
	return names
}

func verifyCommand() *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "check from git alone that every row implemented by " + postmortem.Resolver + " has its commit and its evidence",
		UsageText: "pm-todos verify [flags] [DOCUMENT...]",
		Description: "A DOCUMENT is the path of a post-mortem in the repository; without one, all that match post_mortems are read.\n" +
			"The repository is the setting remote (a URL or a path, bare or not), else the one of the current folder.\n" +
			"Neither Vault nor a host is contacted, and nothing is changed.\n\n" +
			"For every row whose column Implemented By says " + postmortem.Resolver + ": its commit is on the branch, the\n" +
			"commit's trailers name this document and item and the plan that was judged, it touches only its stack, it was not\n" +
			"reverted, and the item says Done. Conversely, every fix commit on the branch has its row, and its item says Done.\n\n" +
			"Proposals that wait are listed, and are not findings. There is one line for each finding, with its fix. The exit code is 1 if there are findings.",
		Flags: append([]cli.Flag{
			formatFlag("text, one line per finding, or json, one object", "text", "json"),
		}, settingFlags(verifySettings()...)...),
		Action: verifyAction,
	}
}

func verifyAction(c *cli.Context) (err error) {
	write := map[string]func(io.Writer, audit.Result) error{"text": writeFindings, "json": writeJSON[audit.Result]}[c.String("format")]
	paths, err := pathArguments(c, "DOCUMENT")
	if err != nil {
		return err
	}
	s, err := repositorySettings(c)
	if err != nil {
		return err
	}
	if err := forgetSecrets(); err != nil {
		return err
	}
	s.Report.LogLevel = "warn" // what was found is the output
	console, closeConsole := console.New(c.App.Version, s, c.App.ErrWriter, console.MayColour(c.App.ErrWriter, os.Getenv))
	defer func() { err = errors.Join(err, closeConsole()) }()
	found, err := verify(c.Context, s, console, paths)
	if err != nil {
		return err
	}
	if err := write(c.App.Writer, found); err != nil {
		return fmt.Errorf("print the findings: %w", err)
	}
	if len(found.Findings) > 0 {
		return alreadyReported(errNotBorneOut)
	}
	return nil
}

// repositorySettings reads the settings of the repository and its documents.
// Where none is named it is the one of the current folder, at the branch that
// is checked out there.
func repositorySettings(c *cli.Context) (settings.Settings, error) {
	given := flagTexts(c)
	remote := cmp.Or(given("remote"), hereGit(c.Context, ".", "rev-parse", "--absolute-git-dir"))
	branch := given("branch")
	if branch == "" && remote != "" {
		branch = hereGit(c.Context, remote, "symbolic-ref", "--short", "HEAD") // nothing for a URL
	}
	return settings.ReadRepository(verifySettings(), func(setting string) string {
		switch setting {
		case "remote":
			return remote
		case "branch":
			return branch
		}
		return given(setting)
	}, settings.ReadCI(os.Getenv))
}

// hereGit is one line that git says of a repository on this machine, "" when it
// says nothing.
func hereGit(ctx context.Context, dir string, args ...string) string {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"}, args...)...) //nolint:gosec // constant arguments
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func verify(ctx context.Context, s settings.Settings, c console.Console, paths []string) (found audit.Result, err error) {
	repo, commit, remove, err := c.Opener(s).Clone(ctx)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	docs, err := documentsAt(s, repo, commit, paths)
	if err != nil {
		return found, err
	}
	found, err = audit.Verify(ctx, repo, docs, s.Terraform.Stacks)
	found.Commit = commit
	return found, err
}

// documentsAt reads the documents of a commit that the paths name, or all.
func documentsAt(s settings.Settings, repo *gitrepo.Repo, commit string, paths []string) ([]*postmortem.Document, error) {
	if len(paths) == 0 {
		all, err := repo.Files(commit)
		if err != nil {
			return nil, fmt.Errorf("list the files of %.12s: %w", commit, err)
		}
		paths = access.DocumentPaths(all, s.Documents.PostMortems)
	}
	var docs []*postmortem.Document
	for _, file := range paths {
		src, err := repo.ReadFile(commit, file)
		if errors.Is(err, gitrepo.ErrNotFound) {
			return nil, fmt.Errorf("the branch %s has no %s; documents are named by their path in the repository", repo.Branch(), text.Quote(file))
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		docs = append(docs, postmortem.Parse(file, src, s.DocumentPolicy()))
	}
	return docs, nil
}

// writeFindings prints one line per finding, in the form that editors and CI logs
// understand, and a summary.
func writeFindings(w io.Writer, v audit.Result) error {
	for _, d := range v.Findings {
		about := ""
		if d.Action != "" {
			about = " [" + d.Action + "]"
		}
		line := fmt.Sprintf("%s:%d: %s: %s%s (fix: %s)", d.Document, max(d.Line, 1), d.Code, d.Detail, about, d.Fix)
		if _, err := fmt.Fprintln(w, text.Line(line, 0)); err != nil {
			return err
		}
	}
	for _, said := range v.Evidence {
		line := fmt.Sprintf("%s: %.12s: Prometheus said: %s", said.Document, said.Commit, said.Text)
		if _, err := fmt.Fprintln(w, text.Line(line, 0)); err != nil {
			return err
		}
	}
	for _, p := range v.Proposals {
		line := fmt.Sprintf("%s:%d: %s: proposal %s: %s", p.Document, max(p.Line, 1), p.Item, p.State, p)
		if _, err := fmt.Fprintln(w, text.Line(line, 0)); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%s at %.12s: %s, %s implemented by %s, %s: %s\n", v.Branch, v.Commit,
		text.Counted(v.Documents, "document"), text.Counted(v.Rows, "row"), postmortem.Resolver, text.Counted(v.Fixes, "fix commit"), text.Counted(len(v.Findings), "finding"))
	_, err := io.WriteString(w, text)
	return err
}
