// Package demo shows a whole run on one machine, against stand-ins for all that a run
// talks to.
package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/standin"
)

// ErrNotEmpty says that the folder for the world holds what it might overwrite.
var ErrNotEmpty = standin.ErrNotEmpty

// Run runs the plugin twice against a world of stand-ins, each time with the
// variables of that world, and shows what it left there. The world is kept in dir, or
// with none in a temporary folder.
func Run(dir string, out io.Writer, run func(environment map[string]string) error) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "pm-todos-demo-"); err != nil {
			return fmt.Errorf("make a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	world, err := standin.Start(standin.Options{Dir: dir, Prometheus: true})
	if err != nil {
		return fmt.Errorf("start the stand-ins: %w", err)
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	title(out, "A post-mortem was pushed. This is the plugin's run, against stand-ins on this machine.")
	if err := run(world.Settings()); err != nil {
		return err
	}
	if err := showEnd(world, out); err != nil {
		return err
	}
	before, err := world.Repo.Tip(standin.SampleBranch)
	if err != nil {
		return err
	}
	title(out, "The same run again: nobody changed anything. The refused item gets its second and last attempt; no commit is made.")
	if err := run(world.Settings()); err != nil {
		return err
	}
	after, err := world.Repo.Tip(standin.SampleBranch)
	if err != nil {
		return err
	}
	if before != after {
		return fmt.Errorf("the second run moved %s from %.12s to %.12s", standin.SampleBranch, before, after)
	}
	title(out, "Done. The branch is where the first run left it.")
	return nil
}

// showEnd prints what the run left: commits, the documents' changes, what was
// applied, and what Slack was told.
func showEnd(world *standin.World, out io.Writer) error {
	title(out, "New commits on the branch, each link of the documents is one of them")
	commits, err := world.Repo.Log(world.Second + ".." + standin.SampleBranch)
	if err != nil {
		return err
	}
	for _, c := range commits {
		_, _ = fmt.Fprintf(out, "%.12s %s\n", c.Hash, c.Subject)
		for _, file := range c.Files {
			_, _ = fmt.Fprintf(out, "             %s\n", file)
		}
	}
	title(out, "What changed in the documents")
	diff, err := world.Repo.Diff(world.Second, standin.SampleBranch, "docs/")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprint(out, diff)
	title(out, "What changed in the stacks, and was applied")
	if diff, err = world.Repo.Diff(world.Second, standin.SampleBranch, "stacks/"); err != nil {
		return err
	}
	_, _ = fmt.Fprint(out, diff)
	for i, message := range world.Slack.Messages() {
		title(out, fmt.Sprintf("Slack message %d of %d", i+1, len(world.Slack.Messages())))
		_, _ = fmt.Fprint(out, slackText(message.Body))
	}
	summary := filepath.Join(world.Workspace(), ".pm-todos", "summary.json")
	info, err := os.Stat(summary)
	if err != nil {
		return fmt.Errorf("look at the summary: %w", err)
	}
	title(out, fmt.Sprintf("The same report as files: summary.json (%d bytes), summary.md, slack.json", info.Size()))
	return nil
}

func title(out io.Writer, text string) { _, _ = fmt.Fprintf(out, "\n──── %s\n\n", text) }

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
		if text, ok := v["text"].(string); ok {
			b.WriteString(text)
			b.WriteByte('\n')
			return
		}
		for _, key := range []string{"text", "fields", "elements"} {
			texts(v[key], b)
		}
	}
}
