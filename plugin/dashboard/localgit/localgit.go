// Package localgit reads from the repository of a folder on this machine, by the
// machine's own git, what its history says of post-mortems.
package localgit

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
)

// Bounds of a history.
const (
	mostVersions = 50_000
	mostBytes    = 16 << 20 // of one version
)

// Repository is the repository of a folder. Without git, or outside of one, it knows
// nothing.
type Repository struct {
	root string // "" when there is none
	dir  string
}

// At is the repository of a folder.
func At(ctx context.Context, dir string) Repository {
	out, err := git(ctx, dir, "rev-parse", "--show-toplevel").Output()
	if err != nil {
		return Repository{dir: dir}
	}
	return Repository{strings.TrimRight(string(out), "\r\n"), dir}
}

// Name is what the repository calls a file, by its absolute path; outside of one it is
// the path from the folder.
func (r Repository) Name(file string) string {
	base := r.root
	if base == "" {
		base = r.dir
	} else if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if absolute, err := filepath.Abs(base); err == nil {
		if name, err := filepath.Rel(absolute, file); err == nil {
			file = name
		}
	}
	return filepath.ToSlash(file)
}

// History is what the commits of the repository say of documents, by their names, as
// far as it can be read: what fixed items, and when they were done.
func (r Repository) History(ctx context.Context, names []string, policy classify.Policy) (h dashboard.History, err error) {
	if r.root == "" || len(names) == 0 {
		return h, nil
	}
	if !r.hasCommits(ctx) {
		return h, nil
	}
	messages, err := git(ctx, r.root, "log", "--format=%H %ct%n%B%x00", "--grep=^Post-Mortem-Plan: ", "HEAD", "--").Output()
	if err != nil {
		return h, fmt.Errorf("read the history: %w", err)
	}
	for entry := range strings.SplitSeq(string(messages), "\x00") {
		head, message, _ := strings.Cut(strings.TrimLeft(entry, "\n"), "\n")
		hash, seconds, _ := strings.Cut(head, " ")
		if when, err := strconv.ParseInt(seconds, 10, 64); err == nil {
			h.AddCommit(hash, message, time.Unix(when, 0))
		}
	}
	versions, err := r.versions(ctx, names)
	if err != nil {
		return h, err
	}
	return h, r.read(ctx, versions, func(v version, src []byte) {
		h.AddVersion(postmortem.Parse(v.name, src, policy), v.when)
	})
}

// hasCommits reports whether HEAD is one: in a new repository it names a branch that is
// not there yet.
func (r Repository) hasCommits(ctx context.Context) bool {
	return git(ctx, r.root, "rev-parse", "--verify", "--quiet", "HEAD").Run() == nil
}

// version is a document as a commit had it.
type version struct {
	name, blob string
	when       time.Time
}

// versions lists those of documents on the first parents of HEAD, the oldest first.
func (r Repository) versions(ctx context.Context, names []string) ([]version, error) {
	args := []string{"log", "--reverse", "--first-parent", "--no-renames", "--diff-filter=AMT", "--raw", "-z", "--abbrev=64", "--format=%x01%ct", "HEAD", "--"}
	wanted, folders := map[string]bool{}, []string{}
	for _, name := range names {
		wanted[name] = true
		if folder := path.Dir(name); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
			args = append(args, ":(top,literal)"+folder)
		}
	}
	out, err := git(ctx, r.root, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("read the versions of the post-mortems: %w", err)
	}
	var all []version
	var when time.Time
	blob := ""
	for part := range strings.SplitSeq(string(out), "\x00") {
		part = strings.TrimLeft(part, "\n")
		switch {
		case strings.HasPrefix(part, "\x01"):
			seconds, err := strconv.ParseInt(strings.TrimSpace(part[1:]), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("read the versions of the post-mortems: %w", err)
			}
			when = time.Unix(seconds, 0)
		case strings.HasPrefix(part, ":"):
			if fields := strings.Fields(part); len(fields) == 5 {
				blob = fields[3]
			}
		case wanted[part] && blob != "":
			all = append(all, version{part, blob, when})
		}
	}
	return all[max(0, len(all)-mostVersions):], nil
}

// read hands out the contents of versions, in their order.
func (r Repository) read(ctx context.Context, versions []version, visit func(version, []byte)) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var names bytes.Buffer
	for _, v := range versions {
		names.WriteString(v.blob + "\n")
	}
	cmd := git(ctx, r.root, "cat-file", "--batch")
	cmd.Stdin = &names
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("read the versions of the post-mortems: %w", err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // whether all was read is known by then
	}()
	from := bufio.NewReader(out)
	for _, v := range versions {
		head, err := from.ReadString('\n')
		fields := strings.Fields(head)
		if err != nil || len(fields) != 3 {
			return fmt.Errorf("read %s as of %s: git says %q", v.name, v.when.UTC().Format(time.DateOnly), strings.TrimSpace(head))
		}
		size, err := strconv.Atoi(fields[2])
		if err != nil {
			return fmt.Errorf("read %s: %w", v.name, err)
		}
		src, err := io.ReadAll(io.LimitReader(from, int64(size)))
		if err == nil {
			_, err = from.Discard(1) // the line's end behind it
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", v.name, err)
		}
		if fields[1] == "blob" && size <= mostBytes {
			visit(v, src)
		}
	}
	return nil
}

// git runs no hook and no helper of the repository.
func git(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"}, args...)...) //nolint:gosec // names of files and hashes, behind --
	cmd.Dir = dir
	return cmd
}
