// Package git stands in for a git remote over HTTP.
package git

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
)

// Options say how the git remote behaves.
type Options struct {
	Dir string // folder that receives the bare repositories; created when absent
	// Username and Password are asked for by basic authentication. With an
	// empty Username everybody may read and push.
	Username, Password string
	// Middleware wraps every request to the git protocol, for tests that drop
	// replies, refuse, or let a rival in; see also SetMiddleware.
	Middleware func(http.Handler) http.Handler
	// AllowAnySHA1 and AllowFilter switch on uploadpack.allowAnySHA1InWant and
	// uploadpack.allowFilter in the repositories created afterwards.
	AllowAnySHA1, AllowFilter bool
}

// Server is a git remote over HTTP: `git http-backend` behind net/http, with
// a page for every commit so that links to commits resolve.
type Server struct {
	Forge *forge.Forge // its pull requests, as Gitea's API has them

	options  Options
	base     string
	backend  string
	server   *http.Server
	mu       sync.Mutex
	handler  http.Handler // of the git protocol, with the middleware around it
	requests []string
}

var (
	repositoryName = pattern.Lazy(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`)
	commitPage     = pattern.Lazy(`^/([A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*)/commit/([0-9a-f]{7,40})$`)
	branchPage     = pattern.Lazy(`^/([A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*)/src/branch/(.+)$`)
)

// httpBackend is the path of git http-backend.
var httpBackend = sync.OnceValues(func() (string, error) {
	execPath, err := runGit("", nil, "--exec-path")
	if err != nil {
		return "", fmt.Errorf("folder of git's own programs: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(execPath), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return "", fmt.Errorf("the git remote needs git http-backend, which belongs to git: %w", err)
	}
	return backend, nil
})

// Start starts a git remote on a free port of the loopback interface.
func Start(o Options) (*Server, error) {
	backend, err := httpBackend()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("folder of the git remote: %w", err)
	}
	o.Dir = dir
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("folder of the git remote: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for the stand-in git remote: %w", err)
	}
	g := &Server{options: o, backend: backend, base: "http://" + listener.Addr().String()}
	g.Forge = &forge.Forge{Token: o.Password, Tip: func(repository, branch string) string {
		tip, _ := (&Repository{server: g, name: repository}).Tip(branch)
		return tip
	}}
	g.SetMiddleware(o.Middleware)
	g.server = &http.Server{Handler: http.HandlerFunc(g.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

// Close stops the server. The repositories stay where they are.
func (g *Server) Close() error { return g.server.Close() }

// BaseURL is the address without a path, such as http://127.0.0.1:34567.
func (g *Server) BaseURL() string { return g.base }

// Requests are the requests seen so far, as "METHOD /path?query".
func (g *Server) Requests() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]string(nil), g.requests...)
}

// SetMiddleware replaces what is around the git protocol; nil takes it away.
func (g *Server) SetMiddleware(wrap func(http.Handler) http.Handler) {
	var handler http.Handler = http.HandlerFunc(g.serveGit)
	if wrap != nil {
		handler = wrap(handler)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.handler = handler
}

func (g *Server) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.requests = append(g.requests, r.Method+" "+r.URL.RequestURI())
	handler := g.handler
	g.mu.Unlock()
	if g.Forge.Serves(r.URL.Path) {
		g.Forge.ServeHTTP(w, r)
		return
	}
	if m := commitPage().FindStringSubmatch(r.URL.Path); m != nil {
		g.servePage(w, m[1], m[2])
		return
	}
	if m := branchPage().FindStringSubmatch(r.URL.Path); m != nil {
		g.serveBranch(w, m[1], m[2])
		return
	}
	handler.ServeHTTP(w, r)
}

// serveGit checks the credentials and hands the request to git http-backend.
func (g *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	if g.options.Username != "" {
		user, password, ok := r.BasicAuth()
		if !ok || !same(user, g.options.Username) || !same(password, g.options.Password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="stand-in git remote"`)
			http.Error(w, "credentials are needed", http.StatusUnauthorized)
			return
		}
	}
	// net/http/cgi refuses chunked bodies, and git sends packs above one
	// mebibyte that way.
	if r.ContentLength < 0 {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "the request broke off", http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength, r.TransferEncoding = int64(len(body)), nil
	}
	backend := cgi.Handler{
		Path:   g.backend,
		Dir:    g.options.Dir,
		Env:    append(gitEnvironment(), "GIT_PROJECT_ROOT="+g.options.Dir, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: io.Discard,
	}
	backend.ServeHTTP(w, r)
}

// servePage is the forge's page of one commit. Like a forge's, it does not
// exist for commits that no branch contains.
func (g *Server) servePage(w http.ResponseWriter, name, sha string) {
	repo := &Repository{server: g, name: strings.TrimSuffix(name, ".git")}
	branches, err := runGit(repo.Path(), nil, "for-each-ref", "--contains", sha, "--format=%(refname:short)", "refs/heads")
	if err != nil || strings.TrimSpace(branches) == "" {
		http.Error(w, "no such commit on any branch", http.StatusNotFound)
		return
	}
	text, err := runGit(repo.Path(), nil, "show", "--stat", "--format=fuller", sha)
	if err != nil {
		http.Error(w, "the commit cannot be read", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, "<!doctype html><title>%s</title><pre>%s\non: %s</pre>\n",
		sha, html.EscapeString(text), html.EscapeString(strings.Join(strings.Fields(branches), ", ")))
}

// serveBranch is the forge's page of a branch, or of a path on it, which is all
// that follows the branch's name.
func (g *Server) serveBranch(w http.ResponseWriter, name, place string) {
	repo := &Repository{server: g, name: name}
	branches, err := repo.Refs("refs/heads/")
	if err != nil {
		http.Error(w, "no such repository", http.StatusNotFound)
		return
	}
	for ref := range branches {
		rest, ok := strings.CutPrefix(place+"/", strings.TrimPrefix(ref, "refs/heads/")+"/")
		if !ok {
			continue
		}
		text, err := runGit(repo.Path(), nil, "show", ref+":"+strings.TrimSuffix(rest, "/"))
		if err != nil {
			break
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, "<!doctype html><title>%s</title><pre>%s</pre>\n", html.EscapeString(place), html.EscapeString(text))
		return
	}
	http.Error(w, "no such branch, or nothing there", http.StatusNotFound)
}

// Merge is a person who merges a pull request: its branch comes to the branch that it
// was opened into by a merge commit, and the forge names the account.
func (g *Server) Merge(number int, account string) (err error) {
	pulls := g.Forge.Pulls()
	if number < 1 || number > len(pulls) {
		return fmt.Errorf("there is no pull request %d", number)
	}
	pull := pulls[number-1]
	dir, err := os.MkdirTemp(g.options.Dir, "merge-")
	if err != nil {
		return fmt.Errorf("merge pull request %d: %w", number, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repo := &Repository{server: g, name: pull.Repository}
	message := fmt.Sprintf("Merge pull request #%d: %s", number, pull.Title)
	for _, args := range [][]string{
		{"clone", "--quiet", "--branch", pull.Base, repo.Path(), dir},
		{"-C", dir, "-c", "user.name=" + account, "-c", "user.email=" + account + "@example.org", "merge", "--quiet", "--no-ff", "-m", message, "origin/" + pull.Head},
		{"-C", dir, "push", "--quiet", "origin", "HEAD"},
	} {
		if _, err := runGit("", nil, args...); err != nil {
			return fmt.Errorf("merge pull request %d: %w", number, err)
		}
	}
	g.Forge.Change(number, func(p *forge.Pull) { p.State, p.MergedBy = "merged", account })
	return nil
}

// IsPush matches the request that carries a push's updates, for middleware.
func IsPush(r *http.Request) bool {
	return r.Method == http.MethodPost && path.Base(r.URL.Path) == "git-receive-pack"
}

// Before is middleware that calls act ahead of the first n requests that
// match, for example to let a rival push in between.
func Before(n int, match func(*http.Request) bool, act func()) func(http.Handler) http.Handler {
	take := countdown(n, match)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if take(r) {
				act()
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Refuse is middleware that answers the first n requests that match with an
// HTTP status and nothing else.
func Refuse(n, status int, match func(*http.Request) bool) func(http.Handler) http.Handler {
	take := countdown(n, match)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if take(r) {
				http.Error(w, http.StatusText(status), status)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// countdown tells of the first n requests that match.
func countdown(n int, match func(*http.Request) bool) func(*http.Request) bool {
	var mu sync.Mutex
	return func(r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if n <= 0 || !match(r) {
			return false
		}
		n--
		return true
	}
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// gitEnvironment keeps the user's and the system's git settings out.
func gitEnvironment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}
}

// runGit runs git in a repository and returns what it printed.
func runGit(repository string, stdin io.Reader, args ...string) (string, error) {
	if repository != "" {
		args = append([]string{"--git-dir=" + repository, "-c", "core.quotePath=false"}, args...)
	}
	cmd := exec.Command("git", args...)
	cmd.Env = gitEnvironment()
	cmd.Stdin = stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
