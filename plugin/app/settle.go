package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

func settleCommand() *cli.Command {
	return &cli.Command{
		Name:      "settle",
		Usage:     "close an item that needs a person now (exit code 3), once you have checked its stack",
		ArgsUsage: "ITEM",
		Description: "If a run cannot be sure of what it applied, the item's journal stays on the remote, and runs exit 3 until it is settled.\n" +
			"ITEM is the id that the report names. The settings are those of the plugin's run (PLUGIN_*).",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "landed", Usage: "production matches the fix: the fix is pushed to the branch, the row is marked Done"},
			&cli.BoolFlag{Name: "abandon", Usage: "it does not, and you have dealt with it: the journal is removed, the row stays as it is"},
		}, settingFlags()...),
		Action: func(c *cli.Context) error {
			item, landed, err := settleArguments(c)
			if err != nil {
				return err
			}
			return withConsole(c, func(s settings.Settings, console console.Console) error {
				return settle(c.Context, s, console, item, landed)
			})
		},
	}
}

// settleArguments is the item and what is said of it. The flag may stand behind
// the item, where the command line's parser takes it for an argument.
func settleArguments(c *cli.Context) (item string, landed bool, err error) {
	said := map[string]bool{"--landed": c.Bool("landed"), "--abandon": c.Bool("abandon")}
	var items []string
	for _, arg := range c.Args().Slice() {
		if _, flag := said[arg]; flag {
			said[arg] = true
			continue
		}
		items = append(items, arg)
	}
	if len(items) != 1 || said["--landed"] == said["--abandon"] {
		return "", false, usageError("settle needs the id of one item, and either --landed or --abandon")
	}
	return items[0], said["--landed"], nil
}

// settle closes one item on a person's word, under the lock.
func settle(ctx context.Context, s settings.Settings, c console.Console, item string, landed bool) (err error) {
	repo, _, remove, err := c.Opener(s).Clone(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	id := access.RunID(time.Now())
	lock, err := run.Lock(ctx, s, c, repo, gitrepo.Lease{Run: id, Host: "pm-todos settle"})
	if err != nil {
		return err
	}
	defer func() { err = access.Released(ctx, err, lock.Release) }()
	s.Documents.Scope = settings.ScopeAll // a journal may be of any document
	sel, err := access.Select(s, repo, repo.Tip(), c.Log)
	if err != nil {
		return err
	}
	left, err := journal.Unsettled(ctx, repo, item, sel.Known())
	if err != nil {
		return errors.Join(err, proposal.NotSettled(repo, item))
	}
	commit := left.Fix
	if landed {
		if commit, err = recordLanded(ctx, s, c, repo, sel, left); err != nil {
			return err
		}
	}
	if err := left.Settled(ctx, repo, id, commit, landed); err != nil {
		return err
	}
	return tellSettled(c.Out, left, commit, landed)
}

// recordLanded brings the fix to the branch and marks the row.
func recordLanded(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, sel access.Selection, left journal.Left) (string, error) {
	rules, err := rules(s, repo)
	if err != nil {
		return "", err
	}
	out, err := left.Landed(ctx, repo, rules)
	if err != nil {
		return "", err
	}
	sel.Pushed = nil // what else was pushed is for a run to write
	_, err = run.Update(ctx, s, repo, sel, []item.Outcome{out}, time.Now(), c.Log)
	return out.Commit, err
}

// rules is what every change is judged by, without the secrets of a run.
func rules(s settings.Settings, repo *gitrepo.Repo) (policy.Rules, error) {
	commands, err := access.Commands(s, repo, repo.Tip())
	if err != nil {
		return policy.Rules{}, err
	}
	paths, err := repo.Files(repo.Tip())
	if err != nil {
		return policy.Rules{}, fmt.Errorf("list the files: %w", err)
	}
	return policy.Rules{Scope: s.ScopeIn(paths), Secrets: s.Secrets(), Wrapper: commands.Program}, nil
}

func tellSettled(out io.Writer, left journal.Left, commit string, landed bool) error {
	text := fmt.Sprintf("%s of %s is given up; its commit %.12s was not touched, on the branch or off it\n", left.Item.ID, left.Item.Document, commit)
	if landed {
		text = fmt.Sprintf("%s of %s is done, by %.12s\n", left.Item.ID, left.Item.Document, commit)
	}
	_, err := io.WriteString(out, text)
	return err
}
