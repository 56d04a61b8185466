package gitrepo

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

const branchName = "master"

// site is a bare origin and a person's work tree of it.
type site struct {
	tb     testing.TB
	origin string // bare repository
	work   string // a person's clone
}

// sites are folders with an origin and a work tree, one for each set of files
// that a test began with, which the sites of tests copy.
var sites = struct {
	sync.Mutex

	root   string
	folder map[string]string // by the files
}{folder: map[string]string{}}

// lasting makes a folder that outlives the test.
func lasting() (folder string, err error) {
	if sites.root == "" {
		if sites.root, err = os.MkdirTemp("", "pm-todos-test-"); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(sites.root, "")
}

// begun is the folder of a site whose only commit holds the files.
func begun(tb testing.TB, files map[string]string) string {
	tb.Helper()
	sites.Lock()
	defer sites.Unlock()
	key := fmt.Sprintf("%q", files)
	if folder, ok := sites.folder[key]; ok {
		return folder
	}
	folder := must(lasting())(tb)
	for _, args := range [][]string{
		{"init", "-q", "--template=", "--bare", "-b", branchName, "origin.git"},
		{"init", "-q", "--template=", "-b", branchName, "work"},
		{"-C", "work", "remote", "add", "origin", "../origin.git"},
		{"-C", "origin.git", "config", "uploadpack.allowFilter", "true"},
		{"-C", "origin.git", "config", "uploadpack.allowAnySHA1InWant", "true"},
		{"-C", "origin.git", "config", "receive.autogc", "false"},
		{"-C", "origin.git", "config", "core.fsync", "none"},
	} {
		gittest.Git(tb, folder, args...)
	}
	s := siteIn(tb, folder)
	s.commit("first", files)
	s.push()
	sites.folder[key] = folder
	return folder
}

func TestMain(m *testing.M) {
	// Tests mostly wait: for git, and between tries.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(sites.root)
	os.Exit(code)
}

// newSite makes an origin with one commit that holds the files.
func newSite(tb testing.TB, files map[string]string) *site {
	tb.Helper()
	return copied(tb, begun(tb, files))
}

// copied is a site as another one is that lies in the folder.
func copied(tb testing.TB, folder string) *site {
	tb.Helper()
	root := tb.TempDir()
	if err := os.CopyFS(root, os.DirFS(folder)); err != nil {
		tb.Fatal(err)
	}
	return siteIn(tb, root)
}

func siteIn(tb testing.TB, root string) *site {
	return &site{tb: tb, origin: filepath.Join(root, "origin.git"), work: filepath.Join(root, "work")}
}

// filters lets clients leave objects out, as forges do, or not.
func (s *site) filters(on bool) {
	s.tb.Helper()
	for _, name := range []string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"} {
		gittest.Git(s.tb, s.origin, "config", name, strconv.FormatBool(on))
	}
}

// commit writes the files, removes those whose text is "-", and commits.
func (s *site) commit(message string, files map[string]string) string {
	s.tb.Helper()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := filepath.Join(s.work, name)
		if files[name] == "-" {
			gittest.Git(s.tb, s.work, "rm", "-q", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.tb.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(files[name]), 0o644); err != nil {
			s.tb.Fatal(err)
		}
	}
	gittest.Git(s.tb, s.work, "add", "-A")
	gittest.Git(s.tb, s.work, "commit", "-q", "--allow-empty", "-m", message)
	return s.head()
}

// head is the commit of the work tree, as git keeps it.
func (s *site) head() string {
	s.tb.Helper()
	name := "HEAD"
	for {
		text := strings.TrimSpace(string(must(os.ReadFile(filepath.Join(s.work, ".git", name)))(s.tb)))
		ref, named := strings.CutPrefix(text, "ref: ")
		if !named {
			return text
		}
		name = ref
	}
}

func (s *site) push() {
	gittest.Git(s.tb, s.work, "push", "-q", "--force", "origin", "HEAD:"+branchName)
}

// remoteTip is the branch as the origin has it.
func (s *site) remoteTip() string {
	return gittest.Git(s.tb, s.origin, "rev-parse", "refs/heads/"+branchName)
}

// hook installs a hook in the origin.
func (s *site) hook(name, script string) {
	s.tb.Helper()
	file := filepath.Join(s.origin, "hooks", name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		s.tb.Fatal(err)
	}
}

const (
	login    = "ci"
	password = "swordfish-3141"
)

// serve offers the origin over HTTP, behind basic auth, and returns its URL. wrap
// may stand in front of it. What answers is what git's own backend starts.
func (s *site) serve(wrap func(http.Handler) http.Handler) string {
	s.tb.Helper()
	return s.serveBy(s.direct(), wrap)
}

// serveByGit does so by git's own backend.
func (s *site) serveByGit(wrap func(http.Handler) http.Handler) string {
	s.tb.Helper()
	return s.serveBy(&cgi.Handler{
		Path: filepath.Join(gittest.Git(s.tb, s.origin, "--exec-path"), "git-http-backend"),
		Env: []string{
			"GIT_PROJECT_ROOT=" + filepath.Dir(s.origin), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=" + login,
			"HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_COMMITTER_NAME=server", "GIT_COMMITTER_EMAIL=server@example.org",
		},
		Stderr: io.Discard,
	}, wrap)
}

func (s *site) serveBy(backend http.Handler, wrap func(http.Handler) http.Handler) string {
	if wrap != nil {
		backend = wrap(backend)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != login || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	s.tb.Cleanup(server.Close)
	return server.URL + "/" + filepath.Base(s.origin)
}

// largest is the largest file that the tests read, a tenth of MaxFileSize unless
// they are asked for hostile inputs in full size.
var largest = func() int {
	if os.Getenv("PM_TODOS_HOSTILE") == "full" {
		return MaxFileSize
	}
	return 1600 << 10
}()

func options(tb testing.TB, url string) Options {
	return Options{
		Access: wire.Access{URL: url, Username: login, Password: secret.New(password), Timeout: 30 * time.Second, Pauses: shortPauses},
		Branch: branchName, Dir: tb.TempDir(), Author: Signature{Name: "pm-todos", Email: "pm-todos@localhost"}, maxFile: int64(largest),
	}
}

// shortPauses are those of a test, in which the remote does not need to rest.
func shortPauses() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = time.Millisecond, 5*time.Millisecond
	return b
}

// clone opens the remote with the usual options.
func clone(tb testing.TB, url string) *Repo {
	tb.Helper()
	r, err := Clone(context.Background(), options(tb, url))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// must fails the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// linear fails the test unless the origin's branch has no merges, is whole,
// and holds every one of the commits.
func (s *site) linear(commits []string) {
	s.tb.Helper()
	gittest.Git(s.tb, s.origin, "fsck", "--strict", "--no-dangling")
	if merges := gittest.Git(s.tb, s.origin, "rev-list", "--merges", branchName); merges != "" {
		s.tb.Errorf("merges on the branch: %s", merges)
	}
	history := gittest.Git(s.tb, s.origin, "rev-list", branchName)
	for _, c := range commits {
		if !strings.Contains(history, c) {
			s.tb.Errorf("commit %s is not on the branch", c)
		}
	}
}

// Refs lists the remote's refs whose full name starts with the prefix, as they
// are now.
func (r *Repo) Refs(ctx context.Context, prefix string) (map[string]string, error) {
	all, err := r.remote.List(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for name, h := range all {
		if strings.HasPrefix(name, prefix) {
			found[name] = h.String()
		}
	}
	return found, nil
}
