package git

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func startGit(t *testing.T, o Options) (*Server, *Repository) {
	t.Helper()
	o.Dir = t.TempDir()
	g, err := Start(o)
	must(t, err)
	t.Cleanup(func() { must(t, g.Close()) })
	r, err := g.Create("example/infra", "main")
	must(t, err)
	return g, r
}

// git runs the real git as a client, apart from the user's settings.
func git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(gitEnvironment(), "GIT_AUTHOR_NAME=Rita", "GIT_AUTHOR_EMAIL=rita@example.org", "GIT_COMMITTER_NAME=Rita", "GIT_COMMITTER_EMAIL=rita@example.org")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func status(t *testing.T, url string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	must(t, err)
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	must(t, err)
	must(t, response.Body.Close())
	return response.StatusCode
}

func TestCloneAndPush(t *testing.T) {
	_, r := startGit(t, Options{Username: "bot", Password: "pass word/@:"})
	first, err := r.Commit("main", "First\n\nWith a body.", map[string]string{"a.txt": "a\n", "dir/run.sh": "#!/bin/sh\n", `odd "na\me` + "\n.txt": "x"})
	must(t, err)
	clone := filepath.Join(t.TempDir(), "clone")
	mustGit(t, "", "clone", "--quiet", r.AuthURL(), clone)
	content, err := os.ReadFile(filepath.Join(clone, "a.txt"))
	must(t, err)
	if string(content) != "a\n" {
		t.Errorf("a.txt of the clone is %q", content)
	}
	info, err := os.Stat(filepath.Join(clone, "dir", "run.sh"))
	must(t, err)
	if info.Mode()&0o100 == 0 {
		t.Error("the script is not executable in the clone")
	}
	// Above one mebibyte of noise git sends the pack chunked.
	noise := make([]byte, 1<<20)
	_, err = rand.Read(noise)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(clone, "noise"), []byte(hex.EncodeToString(noise)), 0o600))
	mustGit(t, clone, "add", "noise")
	mustGit(t, clone, "commit", "--quiet", "--message", "Second")
	mustGit(t, clone, "push", "--quiet", "origin", "HEAD:main")

	log, err := r.Log("main")
	must(t, err)
	if len(log) != 2 {
		t.Fatalf("%d commits, want 2", len(log))
	}
	log[0].Hash, log[0].Parents[0] = "", strings.TrimSpace(log[0].Parents[0])
	want := []Commit{
		{Parents: []string{first}, Author: "Rita <rita@example.org>", Subject: "Second", Files: []string{"noise"}},
		{Hash: first, Parents: []string{}, Author: AuthorName + " <" + AuthorEmail + ">", Subject: "First", Body: "With a body.", Files: []string{"a.txt", "dir/run.sh", `"odd \"na\\me\n.txt"`}},
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestWantsCredentials(t *testing.T) {
	_, r := startGit(t, Options{Username: "bot", Password: "right"})
	_, err := r.Commit("main", "First", map[string]string{"a": "a"})
	must(t, err)
	if out, err := git(t, "", "ls-remote", r.URL()); err == nil {
		t.Errorf("without credentials: %s", out)
	}
	if out, err := git(t, "", "ls-remote", strings.Replace(r.AuthURL(), "right", "wrong", 1)); err == nil {
		t.Errorf("with a wrong password: %s", out)
	}
	mustGit(t, "", "ls-remote", r.AuthURL())
}

func TestIsDeterministic(t *testing.T) {
	var hashes [2]string
	for i := range hashes {
		_, r := startGit(t, Options{})
		var err error
		hashes[i], err = r.Commit("main", "Seed", map[string]string{"README.md": "# Site\n", "stacks/nfs/main.tf": "locals {}\n"})
		must(t, err)
	}
	if hashes[0] != hashes[1] {
		t.Errorf("equal content has hashes %s and %s", hashes[0], hashes[1])
	}
}

func TestRivalWins(t *testing.T) {
	g, r := startGit(t, Options{})
	_, err := r.Commit("main", "First", map[string]string{"a": "a", "gone": "x"})
	must(t, err)
	clone := filepath.Join(t.TempDir(), "clone")
	mustGit(t, "", "clone", "--quiet", r.URL(), clone)
	mustGit(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Mine")
	var rival string
	g.SetMiddleware(Before(1, IsPush, func() {
		var err error
		if rival, err = r.Commit("main", "Rival", map[string]string{"a": "b"}, "gone"); err != nil {
			t.Error(err)
		}
	}))
	if out, err := git(t, clone, "push", "--quiet", "origin", "HEAD:main"); err == nil {
		t.Errorf("the push went through: %s", out)
	}
	tip, err := r.Tip("main")
	must(t, err)
	if tip != rival {
		t.Errorf("tip is %s, want the rival's %s", tip, rival)
	}
	files, err := r.Files("main")
	must(t, err)
	if diff := cmp.Diff([]string{"a"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	content, err := r.ReadFile("main", "a")
	must(t, err)
	if content != "b" {
		t.Errorf("a is %q, want the rival's", content)
	}
}

func TestMiddleware(t *testing.T) {
	g, r := startGit(t, Options{})
	_, err := r.Commit("main", "First", map[string]string{"a": "a"})
	must(t, err)
	clone := filepath.Join(t.TempDir(), "clone")
	mustGit(t, "", "clone", "--quiet", r.URL(), clone)
	mustGit(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Mine")
	mine := strings.TrimSpace(mustGit(t, clone, "rev-parse", "HEAD"))

	g.SetMiddleware(Refuse(1, http.StatusBadGateway, IsPush))
	if _, err := git(t, clone, "push", "origin", "HEAD:main"); err == nil {
		t.Error("the refused push went through")
	}
	if tip, _ := r.Tip("main"); tip == mine {
		t.Error("the refused push moved the branch")
	}
	var pushes int
	for _, request := range g.Requests() {
		if strings.HasPrefix(request, "POST ") && strings.HasSuffix(request, "/git-receive-pack") {
			pushes++
		}
	}
	if pushes != 1 {
		t.Errorf("%d pushes recorded, want 1: %q", pushes, g.Requests())
	}
}

func TestMergedByAPerson(t *testing.T) {
	g, r := startGit(t, Options{})
	first, err := r.Commit("main", "First", map[string]string{"a": "a"})
	must(t, err)
	must(t, r.SetRef("refs/heads/side", first))
	_, err = r.Commit("main", "Second", map[string]string{"b": "b"})
	must(t, err)
	proposed, err := r.Commit("side", "Proposed", map[string]string{"a": "changed"})
	must(t, err)
	call := `{"head":"side","base":"main","title":"Change a"}`
	answer, err := http.Post(g.BaseURL()+"/api/v1/repos/"+r.Name()+"/pulls", "application/json", strings.NewReader(call))
	must(t, err)
	must(t, answer.Body.Close())
	must(t, g.Merge(1, "grace"))
	commits, err := r.Log("main")
	must(t, err)
	if top := commits[0]; len(top.Parents) != 2 || top.Parents[1] != proposed || !strings.HasPrefix(top.Author, "grace ") {
		t.Errorf("the merge is %+v", top)
	}
	if pull := g.Forge.Pulls()[0]; pull.State != "merged" || pull.MergedBy != "grace" {
		t.Errorf("the pull request is %+v", pull)
	}
	if err := g.Merge(2, "grace"); err == nil {
		t.Error("a pull request that is not there was merged")
	}
}

func TestProtectedBranch(t *testing.T) {
	_, r := startGit(t, Options{})
	_, err := r.Commit("main", "First", map[string]string{"a": "a"})
	must(t, err)
	must(t, r.Protect("main"))
	clone := filepath.Join(t.TempDir(), "clone")
	mustGit(t, "", "clone", "--quiet", r.URL(), clone)
	mustGit(t, clone, "commit", "--quiet", "--allow-empty", "--message", "Mine")
	out, err := git(t, clone, "push", "origin", "HEAD:main")
	if err == nil || !strings.Contains(out, "this branch is protected") {
		t.Errorf("push to the protected branch: %v: %s", err, out)
	}
	mustGit(t, clone, "push", "--quiet", "origin", "HEAD:refs/pm-todos/journal/x")
	refs, err := r.Refs("refs/pm-todos/")
	must(t, err)
	if len(refs) != 1 {
		t.Errorf("refs are %v, want the journal's", refs)
	}
	must(t, r.Protect(""))
	mustGit(t, clone, "push", "--quiet", "origin", "HEAD:main")
}

func TestCommitPages(t *testing.T) {
	_, r := startGit(t, Options{Username: "bot", Password: "x"})
	first, err := r.Commit("main", "First <b>", map[string]string{"a": "a"})
	must(t, err)
	stray, err := r.Commit("stray", "On no branch soon", map[string]string{"b": "b"})
	must(t, err)
	must(t, r.SetRef("refs/pm-todos/journal/x", stray))
	must(t, r.SetRef("refs/heads/stray", ""))
	for hash, want := range map[string]int{first: 200, first[:7]: 200, stray: 404, strings.Repeat("0", 40): 404} {
		if got := status(t, r.CommitURL(hash)); got != want {
			t.Errorf("page of %s: %d, want %d", hash, got, want)
		}
	}
}

func TestPartialClone(t *testing.T) {
	_, r := startGit(t, Options{AllowAnySHA1: true, AllowFilter: true})
	_, err := r.Commit("main", "First", map[string]string{"a": "a"})
	must(t, err)
	clone := filepath.Join(t.TempDir(), "clone")
	out := mustGit(t, "", "clone", "--bare", "--filter=blob:none", r.URL(), clone)
	if strings.Contains(out, "filtering not recognized") {
		t.Errorf("the filter was ignored: %s", out)
	}
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
