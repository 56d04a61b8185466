package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/scaffold"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// initCommand writes what a repository needs to work with this program.
func initCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "write nothing; only say what would be written"},
		&cli.BoolFlag{Name: "diff", Usage: "show new files, and how existing ones differ, as a unified diff"},
		formatFlag("text, or json, one object with the files and what is left to fill in", "text", "json"),
	}
	for _, v := range scaffold.Values() {
		flags = append(flags, &cli.StringFlag{Name: v.Name, Usage: v.Usage, DefaultText: v.Default})
	}
	return &cli.Command{
		Name:      "init",
		Usage:     "write pipelines, agent definition, skills, template, index page and reporting guide into a repository",
		UsageText: "pm-todos init [--dry-run] [--diff] [flags] [DIR]",
		Description: "DIR is the root of the repository; the default is the current folder. An existing file is never overwritten:\n" +
			"it is listed, and --diff shows how it differs. Nothing is written outside DIR, and after an error\n" +
			"no file is left behind.\n\n" +
			"Flags set what differs from team to team. A value without a default that is not given becomes a placeholder\n" +
			"FILL_IN_NAME; the placeholders are listed at the end of every call.\n\n" +
			"The exit code is 1 if a file cannot be written, 2 if a flag is wrong, else 0.",
		Flags:  flags,
		Action: initAction,
	}
}

func initAction(c *cli.Context) error {
	values, err := initValues(c)
	if err != nil {
		return err
	}
	given, err := pathArguments(c, "DIR")
	if err != nil {
		return err
	}
	dir := "."
	switch len(given) {
	case 0:
	case 1:
		dir = given[0]
	default:
		return usageError("init takes one DIR, and got %d", len(given))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("init: %w; name a folder that exists", err)
	}
	if err := isRepositoryRoot(c, dir); err != nil {
		return errors.Join(err, root.Close())
	}
	err = initialise(c, root, values)
	if closing := root.Close(); err == nil && closing != nil {
		err = fmt.Errorf("init: close the folder: %w", closing)
	}
	return err
}

// isRepositoryRoot refuses a subfolder of a repository, and warns of a folder
// that is in none: Woodpecker reads its pipelines at the root alone.
func isRepositoryRoot(c *cli.Context, dir string) error {
	at, err := filepath.Abs(dir)
	if err == nil {
		at, err = filepath.EvalSymlinks(at)
	}
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	switch top := repositoryRoot(at); top {
	case at:
		return nil
	case "":
		return tellProblem(c, fmt.Errorf("warning: %s is in no git repository; Woodpecker reads .woodpecker only at the root of one", at))
	default:
		return fmt.Errorf("init: %s is a subfolder of the repository %s, and Woodpecker reads .woodpecker only at its root; run pm-todos init %s",
			text.Line(at, 0), text.Line(top, 0), shellWord(top))
	}
}

// initialise writes the files into a repository and says what is left to do.
func initialise(c *cli.Context, root *os.Root, values map[string]string) error {
	if err := pipelinesAreRead(root); err != nil {
		return err
	}
	files, err := scaffold.Files(values)
	if err != nil {
		return usageError("%w", err)
	}
	targets, err := scaffold.Compare(root, files)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	index, err := firstIndex(c, root)
	if err != nil {
		return err
	}
	targets = append(targets, index...)
	dryRun := c.Bool("dry-run")
	if !dryRun {
		if err := scaffold.Write(root, targets); err != nil {
			return fmt.Errorf("init: nothing was written: %w", err)
		}
	}
	done := scaffold.Done{Targets: targets, Values: values, DryRun: dryRun}
	if c.String("format") == "json" {
		return writeJSON(c.App.Writer, done.Listing())
	}
	if _, err := io.WriteString(c.App.Writer, done.Text(c.Bool("diff"))); err != nil {
		return fmt.Errorf("print what was done: %w", err)
	}
	return nil
}

// initSettings are the values that become settings of the plugin. They are
// checked as those are, so that no pipeline fails over them.
var initSettings = []string{"mode", "hosts", "agent_hosts", "vault_addr", "vault_role", "vault_secret", "forge", "chat_kind", "pages_url"}

// initValues are the values that were given. Its error names everything that is
// wrong with them.
func initValues(c *cli.Context) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range scaffold.Values() {
		if text := strings.TrimSpace(c.String(v.Name)); text != "" && text != v.Default {
			values[v.Name] = text
		}
	}
	_, problems := settings.ReadSome(initSettings, func(setting string) string { return values[flagName(setting)] })
	problem := func(name string, err error) { problems = append(problems, settings.Problems(name, err)...) }
	for _, name := range []string{"vault-addr", "issues-url", "status-url", "dashboard-url"} {
		if text := values[name]; text != "" {
			problem(name, settings.CheckURL(text))
		}
	}
	for _, name := range []string{"branch", "pages-branch"} {
		if text := values[name]; text != "" && text != "${CI_REPO_DEFAULT_BRANCH}" {
			problem(name, refname.CheckBranch(text))
		}
	}
	if text := values["image"]; text != "" {
		problem("image", settings.CheckProgram(text))
	}
	for _, name := range []string{"hosts", "agent-hosts"} {
		if values[name] == settings.LocalHost {
			problem(name, errors.New("local does not work in a pipeline's container, which has neither agent nor Terraform; name the machine that has, as user@host"))
		}
	}
	return values, settings.Wrong(problems)
}

// pipelinesAreRead refuses a repository whose only pipeline is a file at its
// root: Woodpecker looks into the folder first, and would no longer run it.
func pipelinesAreRead(root *os.Root) error {
	entries, err := fs.ReadDir(root.FS(), ".woodpecker")
	if err == nil {
		for _, entry := range entries {
			if ext := path.Ext(entry.Name()); ext == ".yml" || ext == ".yaml" {
				return nil
			}
		}
	}
	for _, name := range []string{".woodpecker.yaml", ".woodpecker.yml"} {
		if _, err := root.Lstat(name); err == nil {
			return fmt.Errorf("init: with a folder .woodpecker Woodpecker would no longer read %s; move it first: mkdir -p .woodpecker && git mv %s .woodpecker/main%s",
				name, name, path.Ext(name))
		}
	}
	return nil
}

// firstIndex is the index of the post-mortems that are there.
func firstIndex(c *cli.Context, root *os.Root) ([]scaffold.Target, error) {
	s, err := someSettings(c, slices.Concat(searchSettings, indexSettings))
	if err != nil {
		return nil, err
	}
	files, unread := matchingDocuments(root.FS(), []string{scaffold.Folder + "/*.md"})
	var present dashboard.Files
	data, feed := dashboard.Beside(settings.DefaultIndex)
	present.Page, _ = root.ReadFile(settings.DefaultIndex) // scaffold.Compare says what is in the way
	present.JSON, _ = root.ReadFile(data)
	present.Feed, _ = root.ReadFile(feed)
	known := dashboard.Known{Recorded: dashboard.Recall(present.JSON), Targets: s.Report.Targets, Today: time.Now()}
	var listed []dashboard.Document
	for _, file := range files {
		src, err := root.ReadFile(file)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		listed = append(listed, known.Read(postmortem.Parse(file, src, s.DocumentPolicy()), file))
	}
	if len(unread) > 0 {
		return nil, fmt.Errorf("init: read the post-mortems for the index page: %w", errors.Join(unread...))
	}
	index, err := dashboard.Write(settings.DefaultIndex, listed, s.Report.Targets, present, time.Now())
	if err != nil {
		return nil, err
	}
	targets, err := scaffold.Compare(root, []scaffold.File{{Path: settings.DefaultIndex, Content: index.Page}, {Path: data, Content: index.JSON}, {Path: feed, Content: index.Feed}})
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	for i := range targets {
		targets[i].Page, targets[i].Older = true, targets[i].Standing == scaffold.Differs && dashboard.IsOwn(targets[i].Present)
	}
	return targets, nil
}
