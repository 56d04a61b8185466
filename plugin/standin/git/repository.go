package git

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// Identity of the commits that the stand-ins make.
const (
	AuthorName  = "Ada Operator"
	AuthorEmail = "ada@example.org"
)

// firstCommit is the time of a repository's first commit. Times are made up so
// that equal content has equal hashes on every machine and day.
var firstCommit = time.Date(2026, 4, 14, 9, 0, 0, 0, time.UTC)

// Repository is one bare repository of a Server.
type Repository struct {
	Executable []string // paths that Commit makes executable, beside scripts

	server  *Server
	name    string
	mu      sync.Mutex
	commits int
}

// Commit is one commit as Log lists it.
type Commit struct {
	Hash    string   // full
	Parents []string // full hashes
	Author  string   // name <address>
	Subject string
	Body    string // without the subject, trimmed
	Files   []string
}

// Create makes an empty bare repository; name is "owner/repo". Its default
// branch is branch.
func (g *Server) Create(name, branch string) (*Repository, error) {
	if !repositoryName().MatchString(name) {
		return nil, fmt.Errorf("repository name %q: it must look like owner/repo", name)
	}
	r := &Repository{server: g, name: name}
	if _, err := runGit("", nil, "init", "--quiet", "--bare", "--template=", "--initial-branch="+branch, r.Path()); err != nil {
		return nil, fmt.Errorf("repository %s: %w", name, err)
	}
	config, err := os.OpenFile(filepath.Join(r.Path(), "config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("repository %s: %w", name, err)
	}
	// No upkeep after each push: a world does not live long enough to need it.
	_, err = fmt.Fprintf(config, "[http]\n\treceivepack = true\n[uploadpack]\n\tallowAnySHA1InWant = %v\n\tallowFilter = %v\n"+
		"[receive]\n\tautogc = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[core]\n\tfsync = none\n",
		g.options.AllowAnySHA1, g.options.AllowFilter)
	if err := errors.Join(err, config.Close()); err != nil {
		return nil, fmt.Errorf("repository %s: %w", name, err)
	}
	return r, nil
}

// ForeignRepository is a repository of another server, whose clone URLs begin
// with base and whose bare repositories lie in the folder dir, as Gitea's do.
func ForeignRepository(base, dir, name string) *Repository {
	return &Repository{server: &Server{base: base, options: Options{Dir: dir}}, name: name}
}

// Name is "owner/repo".
func (r *Repository) Name() string { return r.name }

// Path is the bare repository on disk.
func (r *Repository) Path() string {
	return filepath.Join(r.server.options.Dir, filepath.FromSlash(r.name)+".git")
}

// URL is the clone URL, without credentials.
func (r *Repository) URL() string { return r.server.base + "/" + r.name + ".git" }

// AuthURL is the clone URL with the credentials in it, for a git command line.
func (r *Repository) AuthURL() string {
	u, err := url.Parse(r.URL())
	if err != nil || r.server.options.Username == "" {
		return r.URL()
	}
	u.User = url.UserPassword(r.server.options.Username, r.server.options.Password)
	return u.String()
}

// PageURL is the repository's page, to which /commit/<hash> is added.
func (r *Repository) PageURL() string { return r.server.base + "/" + r.name }

// CommitURL is the page of a commit: 200 when a branch contains it, else 404.
func (r *Repository) CommitURL(hash string) string { return r.PageURL() + "/commit/" + hash }

// Commit adds one commit to a branch, which it creates when absent, as a rival
// who pushed would. Files are path to content; content that starts with "#!"
// is executable. Deleted are paths to take away. It returns the full hash.
func (r *Repository) Commit(branch, message string, files map[string]string, deleted ...string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	when := firstCommit.Add(time.Duration(r.commits) * time.Minute).Unix()
	var s bytes.Buffer
	_, _ = fmt.Fprintf(&s, "commit refs/heads/%s\ncommitter %s <%s> %d +0000\ndata %d\n%s\n",
		branch, AuthorName, AuthorEmail, when, len(message), message)
	if _, err := r.Tip(branch); err == nil {
		_, _ = fmt.Fprintf(&s, "from refs/heads/%s^0\n", branch)
	}
	for _, path := range deleted {
		_, _ = fmt.Fprintf(&s, "D %s\n", importPath(path))
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		mode := "644"
		if strings.HasPrefix(files[path], "#!") || slices.Contains(r.Executable, path) {
			mode = "755"
		}
		_, _ = fmt.Fprintf(&s, "M %s inline %s\ndata %d\n%s\n", mode, importPath(path), len(files[path]), files[path])
	}
	if _, err := runGit(r.Path(), &s, "fast-import", "--quiet", "--date-format=raw"); err != nil {
		return "", fmt.Errorf("commit to %s of %s: %w", branch, r.name, err)
	}
	r.commits++
	return r.Tip(branch)
}

// importPath is a path as git fast-import reads it.
func importPath(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// Tip is the full hash of a branch's last commit.
func (r *Repository) Tip(branch string) (string, error) {
	out, err := runGit(r.Path(), nil, "rev-parse", "--verify", "--quiet", "refs/heads/"+branch+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("branch %s of %s does not exist: %w", branch, r.name, err)
	}
	return strings.TrimSpace(out), nil
}

// ReadFile is a file's content at a branch, tag or hash.
func (r *Repository) ReadFile(revision, path string) (string, error) {
	out, err := runGit(r.Path(), nil, "cat-file", "blob", revision+":"+path)
	if err != nil {
		return "", fmt.Errorf("file %s at %s of %s: %w", path, revision, r.name, err)
	}
	return out, nil
}

// Files are the paths at a branch, tag or hash.
func (r *Repository) Files(revision string) ([]string, error) {
	out, err := runGit(r.Path(), nil, "ls-tree", "-r", "-z", "--name-only", revision)
	if err != nil {
		return nil, fmt.Errorf("files at %s of %s: %w", revision, r.name, err)
	}
	return strings.FieldsFunc(out, func(c rune) bool { return c == 0 }), nil
}

// Log lists the commits of a branch, tag, hash or range, newest first.
func (r *Repository) Log(revision string) ([]Commit, error) {
	const start, field = "\x1e", "\x1f"
	out, err := runGit(r.Path(), nil, "log", "--name-only", "--format="+start+"%H"+field+"%P"+field+"%an <%ae>"+field+"%s"+field+"%b"+field, revision, "--")
	if err != nil {
		return nil, fmt.Errorf("log of %s in %s: %w", revision, r.name, err)
	}
	var commits []Commit
	for record := range strings.SplitSeq(out, start) {
		parts := strings.Split(record, field)
		if len(parts) != 6 {
			continue
		}
		commits = append(commits, Commit{
			Hash: parts[0], Parents: strings.Fields(parts[1]), Author: parts[2], Subject: parts[3],
			Body:  strings.TrimSpace(parts[4]),
			Files: strings.FieldsFunc(parts[5], func(c rune) bool { return c == '\n' }),
		})
	}
	return commits, nil
}

// Diff is the unified diff between two revisions, limited to paths.
func (r *Repository) Diff(from, to string, paths ...string) (string, error) {
	out, err := runGit(r.Path(), nil, append([]string{"diff", "--no-color", "--no-ext-diff", from, to, "--"}, paths...)...)
	if err != nil {
		return "", fmt.Errorf("diff in %s: %w", r.name, err)
	}
	return out, nil
}

// Refs are the refs under a prefix such as refs/pm-todos/, with their hashes.
func (r *Repository) Refs(prefix string) (map[string]string, error) {
	out, err := runGit(r.Path(), nil, "for-each-ref", "--format=%(refname) %(objectname)", prefix)
	if err != nil {
		return nil, fmt.Errorf("refs of %s: %w", r.name, err)
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		if name, hash, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			refs[name] = hash
		}
	}
	return refs, nil
}

// SetRef creates or moves a ref; an empty hash deletes it.
func (r *Repository) SetRef(ref, hash string) error {
	args := []string{"update-ref", ref, hash}
	if hash == "" {
		args = []string{"update-ref", "-d", ref}
	}
	if _, err := runGit(r.Path(), nil, args...); err != nil {
		return fmt.Errorf("ref %s of %s: %w", ref, r.name, err)
	}
	return nil
}

// InstallHook puts a shell script in place as one of git's hooks, such as
// pre-receive or update. An empty script takes it away.
func (r *Repository) InstallHook(name, script string) error {
	path := filepath.Join(r.Path(), "hooks", name)
	if script == "" {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("hook %s of %s: %w", name, r.name, err)
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("hook %s of %s: %w", name, r.name, err)
	}
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		return fmt.Errorf("hook %s of %s: %w", name, r.name, err)
	}
	return nil
}

// Protect makes the remote refuse every push to a branch, as a forge with
// branch protection does; an empty branch lifts it.
func (r *Repository) Protect(branch string) error {
	if branch == "" {
		return r.InstallHook("update", "")
	}
	return r.InstallHook("update", "#!/bin/sh\nif [ \"$1\" = "+program.Quote("refs/heads/"+branch)+
		" ]; then\n\techo 'this branch is protected' >&2\n\texit 1\nfi\n")
}
