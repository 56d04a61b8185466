// Package demo shows a whole run on one machine, against stand-ins for all that a run
// talks to.
package demo

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// ErrNotEmpty says that the folder for the world holds what it might overwrite.
var ErrNotEmpty = standin.ErrNotEmpty

// doubted is a post-mortem whose item no rule can prove: who may mount a share is for a
// person to decide.
//
//go:embed 2026-06-02-new-nodes-without-storage.md
var doubted string

// person is who merges what the run proposes.
const person = "grace"

// Run shows the plugin's runs against a world of stand-ins, each with the variables
// of that world: a first one, one after a person merged what it had proposed, and one
// that finds nothing left. The world is kept in dir, or with none in a temporary
// folder.
func Run(dir string, out io.Writer, run func(environment map[string]string) error) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "pm-todos-demo-"); err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	world, err := standin.Start(standin.Options{
		Dir: dir, Prometheus: true,
		Files: map[string]string{"docs/post-mortems/2026-06-02-new-nodes-without-storage.md": doubted},
	})
	if err != nil {
		return fmt.Errorf("start the stand-ins: %w", err)
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	s := &show{World: world, out: out, tip: world.Second}

	s.title("1. Post-mortems were pushed. This is the plugin's run, against stand-ins on this machine")
	if err := run(world.Settings()); err != nil {
		return err
	}
	if err := errors.Join(s.changes(), s.proposal()); err != nil {
		return err
	}

	s.title("2. " + text.Capital(person) + " looks at the pull request, and merges it. The next run applies what she approved; the refused item gets its second and last attempt")
	if err := world.Git.Merge(1, person); err != nil {
		return err
	}
	if s.tip, err = world.Repo.Tip(standin.SampleBranch); err != nil {
		return err
	}
	if err := run(world.Settings()); err != nil {
		return err
	}
	if err := errors.Join(s.changes(), s.applied()); err != nil {
		return err
	}

	s.title("3. The same run again: nobody changed anything, and nothing is left to do. No commit is made")
	if err := run(world.Settings()); err != nil {
		return err
	}
	if tip, err := world.Repo.Tip(standin.SampleBranch); err != nil || tip != s.tip {
		return errors.Join(err, fmt.Errorf("the last run moved %s from %.12s to %.12s", standin.SampleBranch, s.tip, tip))
	}
	return s.files()
}

// show is what the demo has shown so far.
type show struct {
	*standin.World
	out  io.Writer
	tip  string // of the branch
	told int    // messages of Slack
}

// changes prints what a run left: commits, the documents' changes, what was applied,
// and what Slack was told.
func (s *show) changes() error {
	tip, err := s.Repo.Tip(standin.SampleBranch)
	if err != nil {
		return err
	}
	commits, err := s.Repo.Log(s.tip + ".." + tip)
	if err != nil {
		return err
	}
	s.title("New commits on the branch, to which the documents link")
	for _, c := range commits {
		_, _ = fmt.Fprintf(s.out, "%.12s %s\n", c.Hash, c.Subject)
		for _, file := range c.Files {
			_, _ = fmt.Fprintf(s.out, "             %s\n", file)
		}
	}
	for _, of := range [...]struct{ folder, said string }{{"docs/", "What changed in the documents"}, {"stacks/", "What changed in the stacks, and was applied"}} {
		diff, err := s.Repo.Diff(s.tip, tip, of.folder)
		if err != nil {
			return err
		}
		if diff != "" {
			s.title(of.said)
			_, _ = fmt.Fprint(s.out, diff)
		}
	}
	s.tip = tip
	messages := s.Slack.Messages()
	for i, message := range messages[s.told:] {
		s.title(fmt.Sprintf("Slack message %d of this run", i+1))
		_, _ = fmt.Fprint(s.out, slackText(message.Body))
	}
	s.told = len(messages)
	return nil
}

// proposal prints the pull request that the run opened.
func (s *show) proposal() error {
	pulls := s.Git.Forge.Pulls()
	if len(pulls) != 1 {
		return fmt.Errorf("the run opened %d pull requests, not one", len(pulls))
	}
	pull := pulls[0]
	s.title("The pull request of what no rule proves")
	_, _ = fmt.Fprintf(s.out, "#%d %s\nfrom %s\ninto %s\n\n", pull.Number, pull.Title, pull.Head, pull.Base)
	for line := range strings.Lines(escaped().ReplaceAllString(pull.Body, "$1")) {
		_, _ = fmt.Fprintln(s.out, strings.Join(text.Wrap(strings.TrimSpace(line), 80), "\n"))
	}
	diff, err := s.Repo.Diff(s.tip, pull.Commit, "stacks/nfs/")
	_, _ = fmt.Fprint(s.out, "\n"+diff)
	return err
}

// applied reports as an error that what was merged is not in the state.
func (s *show) applied() error {
	state, err := s.State("nfs")
	if err == nil && !strings.Contains(fmt.Sprint(state), "10.0.16.0/20") {
		err = errors.New("what was merged was not applied")
	}
	return err
}

// escaped is a sign that Markdown takes as it is: a forge does not show the stroke.
var escaped = pattern.Lazy(`\\([[:punct:]])`)

// files names the files that a run leaves beside its log.
func (s *show) files() error {
	summary := filepath.Join(s.Workspace(), ".pm-todos", "summary.json")
	if _, err := os.Stat(summary); err != nil {
		return fmt.Errorf("look at the summary: %w", err)
	}
	s.title("Done. Each run left its report also as summary.json, summary.md and slack.json")
	return nil
}

// title begins a part, in lines that fit on a terminal.
func (s *show) title(said string) {
	_, _ = fmt.Fprintf(s.out, "\n──── %s\n\n", strings.Join(text.Wrap(said, 74), "\n     "))
}

// slackText is the texts of a message's blocks, in their order, as a channel
// shows them without the formatting.
func slackText(body map[string]any) string {
	var b strings.Builder
	blocks, _ := body["blocks"].([]any)
	for _, block := range blocks {
		texts(block, &b)
	}
	if b.Len() == 0 {
		plain, _ := json.MarshalIndent(body, "", "  ")
		b.Write(plain)
		b.WriteByte('\n')
	}
	return b.String()
}

func texts(value any, b *strings.Builder) {
	switch v := value.(type) {
	case []any:
		for _, one := range v {
			texts(one, b)
		}
	case map[string]any:
		if said, ok := v["text"].(string); ok {
			b.WriteString(said)
			b.WriteByte('\n')
			return
		}
		for _, key := range []string{"text", "fields", "elements"} {
			texts(v[key], b)
		}
	}
}
