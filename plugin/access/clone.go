package access

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Clone clones the branch with its whole history into a directory that
// nobody else can read, and says which commit is to be read: the branch's tip,
// or the head of a pull request. The function returned removes the clone.
func (o Opener) Clone(ctx context.Context) (repo *gitrepo.Repo, commit string, remove func() error, err error) {
	s := o.Settings
	log := o.Log.With().Str("stage", "clone").Logger()
	dir, err := os.MkdirTemp("", "pm-todos-") // needs no HOME
	if err != nil {
		return nil, "", nil, fault.WithFix(fmt.Errorf("make a temporary directory for the clone: %w", err),
			"give the program one that this user may write: docker run --read-only needs --tmpfs /tmp, Kubernetes an emptyDir at /tmp; or name one in TMPDIR")
	}
	undo := func() error { return os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			err = errors.Join(err, undo())
		}
	}()
	log.Info().Str("remote", gitrepo.RedactURL(s.Repository.URL)).Str("branch", s.Repository.Branch).Msg("cloning at full depth")
	started := time.Now()
	options := s.Repository.Options
	options.Dir, options.Levels, options.Ahead = dir, documentLevels(s.Documents.PostMortems), readFirst(s)
	options.Progress = func(line string) { log.Debug().Msg(line) }
	options.Retrying = retrying(o.Log)
	repo, err = gitrepo.Clone(ctx, options)
	if err != nil {
		return nil, "", nil, fmt.Errorf("clone: %w", err)
	}
	clone := repo // the named result is nil again when a step below fails
	undo = func() error {
		cost := clone.Cost()
		log.Debug().Bool("filtered", cost.Filtered).Int("answers", cost.Packs).Int("objects", cost.Objects).
			Int64("bytes", cost.Bytes).Msg("received from the remote in all")
		return errors.Join(clone.Close(), os.RemoveAll(dir))
	}
	commit = repo.Tip()
	if s.CI.PullRequest() && s.CI.SHA != "" {
		commit = s.CI.SHA
		if err := repo.FetchRef(ctx, s.CI.Ref, commit); err != nil {
			return nil, "", nil, fmt.Errorf("fetch the pull request: %w", err)
		}
	}
	cost := repo.Cost()
	line := log.Info().Str("commit", commit).Int("objects", cost.Objects).Int64("bytes", cost.Bytes).
		Str("took", time.Since(started).Round(time.Millisecond).String())
	if cost.Filtered {
		line.Msg("cloned: every commit; folders and files are fetched when they are read")
	} else {
		line.Str("why", text.Line(cost.Why, 200)).Msg("cloned: every commit, folder and file")
	}
	return repo, commit, undo, nil
}

// readFirst is what a run reads of a clone before anything else.
func readFirst(s settings.Settings) gitrepo.Ahead {
	ahead := gitrepo.Ahead{Files: func(path string) bool {
		return len(DocumentPaths([]string{path}, s.Documents.PostMortems)) > 0
	}}
	if s.CI.PullRequest() {
		ahead.Files = nil // its documents are not those of the branch
	}
	if s.Documents.Scope == settings.ScopeChanged {
		ahead.Logs = []string{record.LedgerRef}
	}
	return ahead
}

// Commands completes the Terraform settings from what the repository
// has.
func Commands(s settings.Settings, repo *gitrepo.Repo, commit string) (host.Commands, error) {
	beside, err := repo.Files(commit, path.Dir(settings.Wrapper))
	if err != nil {
		return host.Commands{}, fmt.Errorf("look for %s: %w", settings.Wrapper, err)
	}
	return s.TerraformCommands(slices.Contains(beside, settings.Wrapper)), nil
}

// retrying tells of acts on the remote that are tried again. That somebody else was
// faster is nothing to look after where several runs write.
func retrying(log zerolog.Logger) func(error, time.Duration) {
	return func(err error, pause time.Duration) {
		level, what := zerolog.WarnLevel, "an operation on the remote failed; trying again"
		if errors.Is(err, gitrepo.ErrRefMoved) {
			level, what = zerolog.DebugLevel, "somebody else pushed at the same time; trying again"
		}
		log.WithLevel(level).Str("stage", "remote").Err(err).Str("pause", pause.Round(time.Millisecond).String()).Msg(what)
	}
}
