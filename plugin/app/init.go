package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/run"
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
		told := v.Default
		if told == "" {
			told = "a placeholder to fill in"
		}
		flags = append(flags, &cli.StringFlag{Name: v.Name, Usage: v.Usage, DefaultText: told})
	}
	return &cli.Command{
		Name:      "init",
		Usage:     "write pipelines, agent definition, skills, template, index page and reporting guide into a repository",
		UsageText: "pm-todos init [--dry-run] [--diff] [flags] [DIR]",
		Description: "DIR is the root of the repository; the default is the current folder. An existing file is never overwritten:\n" +
			"it is listed, and --diff shows how it differs. Nothing is written outside DIR, and after an error\n" +
			"no file is left behind.\n\n" +
			"Flags set what differs from team to team. A value that is not given becomes a placeholder FILL_IN_NAME; the\n" +
			"placeholders are listed at the end of every call.\n\n" +
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
	targets = append(targets, index)
	dryRun := c.Bool("dry-run")
	if !dryRun {
		if err := scaffold.Write(root, targets); err != nil {
			return fmt.Errorf("init: nothing was written: %w", err)
		}
	}
	if c.String("format") == "json" {
		return writeJSON(c.App.Writer, initListing(targets, dryRun))
	}
	var b strings.Builder
	tellTargets(&b, targets, dryRun, c.Bool("diff"))
	blank := tellBlanks(&b, targets)
	tellNextSteps(&b, values, blank, dryRun)
	if _, err := io.WriteString(c.App.Writer, b.String()); err != nil {
		return fmt.Errorf("print what was done: %w", err)
	}
	return nil
}

// initSettings are the values that become settings of the plugin. They are
// checked as those are, so that no pipeline fails over them.
var initSettings = []string{"mode", "hosts", "agent_hosts", "vault_addr", "vault_role", "vault_secret", "pages_url"}

// initValues are the values that were given. Its error names everything that is
// wrong with them.
func initValues(c *cli.Context) (map[string]string, error) {
	values := map[string]string{}
	for _, v := range scaffold.Values() {
		if text := strings.TrimSpace(c.String(v.Name)); text != "" {
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
			problem(name, gitrepo.CheckBranch(text))
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

// firstIndex is the index page of the post-mortems that are there.
func firstIndex(c *cli.Context, root *os.Root) (scaffold.Target, error) {
	s, err := someSettings(c, searchSettings)
	if err != nil {
		return scaffold.Target{}, err
	}
	files, unread := matchingDocuments(root.FS(), []string{scaffold.Folder + "/*.md"})
	var listed []report.IndexEntry
	for _, file := range files {
		src, err := root.ReadFile(file)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		listed = append(listed, run.IndexEntry(postmortem.Parse(file, src, s.DocumentPolicy()), src, nil))
	}
	if len(unread) > 0 {
		return scaffold.Target{}, fmt.Errorf("init: read the post-mortems for the index page: %w", errors.Join(unread...))
	}
	page, err := report.Index(settings.DefaultIndex, listed)
	if err != nil {
		return scaffold.Target{}, err
	}
	targets, err := scaffold.Compare(root, []scaffold.File{{Path: settings.DefaultIndex, Content: page}})
	if err != nil {
		return scaffold.Target{}, fmt.Errorf("init: %w", err)
	}
	return targets[0], nil
}

// tellTargets says of every file what became of it.
func tellTargets(b *strings.Builder, targets []scaffold.Target, dryRun, diff bool) {
	differs := false
	for _, t := range targets {
		said := became(t, dryRun)
		differs = differs || said == leftDifferent
		fmt.Fprintf(b, "%-46s %s\n", t.Path, said)
	}
	if diff {
		for _, t := range targets {
			text := t.Diff()
			switch {
			case text == "":
			case t.Path == settings.DefaultIndex: // a page for browsers, with all that it needs inside
				fmt.Fprintf(b, "\n%s is not shown; pm-todos index --output - prints it\n", t.Path)
			default:
				b.WriteString("\n" + text)
			}
		}
	} else if differs {
		b.WriteString("\n--diff shows how those that differ would look.\n")
	}
}

const leftDifferent = "differs, left as it is"

// became is what became of a file.
func became(t scaffold.Target, dryRun bool) string {
	switch {
	case t.Standing == scaffold.Same:
		return "unchanged"
	case t.Standing == scaffold.Differs && report.IsIndex(t.Present):
		return "older, left as it is; pm-todos index brings it up to date"
	case t.Standing == scaffold.Differs:
		return leftDifferent
	case dryRun:
		return "would be written"
	default:
		return "written"
	}
}

// blank is a place that somebody has to fill in.
type blank struct {
	Path string `json:"path"`
	Line int    `json:"line"`
	Text string `json:"text"`
	What string `json:"what"`
}

func blanks(targets []scaffold.Target) []blank {
	usage := map[string]string{}
	for _, v := range scaffold.Values() {
		usage[v.Name] = fmt.Sprintf("%s, such as %s", v.Usage, v.Example)
	}
	all := []blank{}
	for _, t := range targets {
		content := t.Content
		if t.Standing != scaffold.Absent {
			content = t.Present
		}
		for _, one := range scaffold.Blanks(content) {
			if what, ours := usage[one.Name]; ours {
				all = append(all, blank{t.Path, one.Line, one.Text, what})
			}
		}
	}
	return all
}

// tellBlanks lists the places that somebody has to fill in.
func tellBlanks(b *strings.Builder, targets []scaffold.Target) (any bool) {
	all := blanks(targets)
	if len(all) > 0 {
		b.WriteString("\nLeft to fill in:\n")
	}
	for _, one := range all {
		fmt.Fprintf(b, "  %s:%d: %s: %s\n", one.Path, one.Line, one.Text, one.What)
	}
	return len(all) > 0
}

// initListing is what the command says, for programs.
func initListing(targets []scaffold.Target, dryRun bool) any {
	type file struct {
		Path  string `json:"path"`
		State string `json:"state"`
	}
	var files []file
	for _, t := range targets {
		files = append(files, file{t.Path, became(t, dryRun)})
	}
	return struct {
		Files  []file  `json:"files"`
		Blanks []blank `json:"fill_in"`
	}{files, blanks(targets)}
}

// tellNextSteps ends the command with what there is to do now.
func tellNextSteps(b *strings.Builder, values map[string]string, blank, dryRun bool) {
	if dryRun {
		b.WriteString("\nNothing was written. Without --dry-run the files marked \"would be written\" are.\n")
		return
	}
	standard := map[string]string{}
	for _, v := range scaffold.Values() {
		standard[v.Name] = v.Default
	}
	value := func(name string) string {
		if values[name] != "" {
			return text.Line(values[name], 0)
		}
		return standard[name]
	}
	begin := ""
	if mode := value("mode"); mode != string(settings.ModeDryRun) {
		begin = ", whatever is to come later: it is " + mode + " there"
	}
	var steps []string
	if blank {
		steps = append(steps, "Fill in the places above. Lines that begin with # work without.")
	}
	steps = append(steps,
		"In Vault, put the fields devvm_ssh_key, known_hosts and, for Slack, slack_webhook into "+value("vault-secret")+
			",\n     and let the role "+value("vault-role")+" of the Kubernetes auth method read that path.",
		"In Woodpecker, add the secret git_token (a token that may push) for the events push, cron and manual, and\n"+
			"     the cron jobs postmortem-todos (once a day) and pages (an hour later).",
		"Commit and push:\n"+
			"       git add .woodpecker .claude docs\n"+
			"       git commit -m 'Close the follow-up items of post-mortems with pm-todos'",
		"Check everything that a run needs, with the settings in the environment: pm-todos doctor",
		"Begin with mode: dry-run in .woodpecker/postmortem-todos.yml"+begin+". Run the pipeline by hand and read its log.\n"+
			"     When you like what it would do, set the mode to propose, and after a few merged proposals to apply.",
		"After the next incident: pm-todos new \"WHAT BROKE\"",
	)
	b.WriteString("\nNext steps:\n")
	for i, step := range steps {
		fmt.Fprintf(b, "  %d. %s\n", i+1, step)
	}
}
