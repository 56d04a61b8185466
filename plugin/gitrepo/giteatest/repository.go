package giteatest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Do makes one request to the API as an account and returns status and body of
// its answer. The path is without /api/v1/.
func (s *Server) Do(as Account, method, path string, body any) (status int, answer string) {
	s.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+"/api/v1/"+path, bytes.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "token "+as.Token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, s.read(response)
}

func (s *Server) read(response *http.Response) string {
	s.t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close()
	return string(text)
}

func (s *Server) write(as Account, method, path string, body any) {
	s.t.Helper()
	if status, answer := s.Do(as, method, path, body); status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
}

// Create makes a repository of the owner from a branch of a local one. writers
// may push to it.
func (s *Server) Create(name, from, branch string, writers ...Account) {
	s.t.Helper()
	s.write(s.Owner, http.MethodPost, "user/repos", map[string]any{"name": name, "default_branch": branch})
	address, err := url.Parse(s.URL + "/" + s.Owner.Name + "/" + name + ".git")
	if err != nil {
		s.t.Fatal(err)
	}
	address.User = url.UserPassword(s.Owner.Name, s.Owner.Token)
	cmd := exec.Command("git", "-C", from, "push", "--quiet", address.String(), "refs/heads/"+branch) //nolint:gosec // git on what the test made
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("push to %s: %v: %s", name, err, out)
	}
	for _, writer := range writers {
		s.write(s.Owner, http.MethodPut, fmt.Sprintf("repos/%s/%s/collaborators/%s", s.Owner.Name, name, writer.Name), map[string]any{"permission": "write"})
	}
}

// Protect sets the rules of a branch, in the words of the API: enable_push,
// require_signed_commits, enable_status_check and others.
func (s *Server) Protect(repository, branch string, rules map[string]any) {
	s.t.Helper()
	rules["rule_name"] = branch
	s.write(s.Owner, http.MethodPost, fmt.Sprintf("repos/%s/%s/branch_protections", s.Owner.Name, repository), rules)
}

// Unprotect takes the rules of a branch away.
func (s *Server) Unprotect(repository, branch string) {
	s.t.Helper()
	s.write(s.Owner, http.MethodDelete, fmt.Sprintf("repos/%s/%s/branch_protections/%s", s.Owner.Name, repository, branch), nil)
}

// Pull is a pull request.
type Pull struct {
	Number int
	State  string // open or closed
	Title  string
	Body   string
	Labels []struct{ Name string }
	Head   struct{ Ref string }
}

// Pulls are the pull requests of a repository, the oldest first.
func (s *Server) Pulls(repository string) (all []Pull) {
	s.t.Helper()
	status, answer := s.Do(s.Owner, http.MethodGet, fmt.Sprintf("repos/%s/%s/pulls?state=all&sort=oldest", s.Owner.Name, repository), nil)
	if err := json.Unmarshal([]byte(answer), &all); status != http.StatusOK || err != nil {
		s.t.Fatalf("pull requests of %s: %d %s: %v", repository, status, answer, err)
	}
	return all
}

// Merge merges a pull request as a button of its page does: merge, rebase,
// rebase-merge, squash or fast-forward-only. While Gitea looks for conflicts it
// asks to try again.
func (s *Server) Merge(repository string, number int, button string) {
	s.t.Helper()
	path := fmt.Sprintf("repos/%s/%s/pulls/%d/merge", s.Owner.Name, repository, number)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		status, answer := s.Do(s.Owner, http.MethodPost, path, map[string]any{"Do": button})
		switch {
		case status < 300:
			return
		case status != http.StatusMethodNotAllowed || time.Now().After(end):
			s.t.Fatalf("merge %s: %d %s", path, status, answer)
		}
	}
}

// ClosePull closes a pull request without merging it.
func (s *Server) ClosePull(repository string, number int) {
	s.t.Helper()
	s.write(s.Owner, http.MethodPatch, fmt.Sprintf("repos/%s/%s/pulls/%d", s.Owner.Name, repository, number), map[string]any{"state": "closed"})
}

// SigningKey gives an account the public half of a private key in OpenSSH's
// format, and verifies it as its owner does on the page of the account's keys:
// only the signatures of a verified key count.
func (s *Server) SigningKey(of Account, private string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "signing")
	if err := os.WriteFile(file, []byte(private), 0o600); err != nil {
		s.t.Fatal(err)
	}
	public := s.output(exec.Command("ssh-keygen", "-y", "-f", file), "") //nolint:gosec // a file of the test
	s.write(of, http.MethodPost, "user/keys", map[string]any{"title": "signing", "key": public})
	fingerprint := strings.Fields(s.output(exec.Command("ssh-keygen", "-l", "-f", file), ""))[1] //nolint:gosec // a file of the test

	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	pages := &http.Client{Jar: jar}
	s.post(pages, "/user/login", url.Values{"user_name": {of.Name}, "password": {s.password}})
	keys := "/user/settings/keys"
	response, err := pages.Get(s.URL + keys + "?" + url.Values{"verify_ssh": {fingerprint}}.Encode())
	if err != nil {
		s.t.Fatal(err)
	}
	token := verification().FindStringSubmatch(s.read(response))
	if token == nil {
		s.t.Fatalf("the page of %s's keys shows no token to sign", of.Name)
	}
	sign := exec.Command("ssh-keygen", "-Y", "sign", "-n", "gitea", "-f", file) //nolint:gosec // a file of the test
	signature := s.output(sign, html.UnescapeString(token[1]))
	s.post(pages, keys, url.Values{
		"type": {"verify_ssh"}, "title": {"none"}, "content": {public}, "fingerprint": {fingerprint}, "signature": {signature},
	})
}

// verification is what the page of keys asks an owner to sign.
var verification = pattern.Lazy(`echo -n (?:&#39;|'|&quot;|")?([0-9a-f]{64})`)

func (s *Server) post(pages *http.Client, path string, form url.Values) {
	s.t.Helper()
	response, err := pages.PostForm(s.URL+path, form)
	if err != nil {
		s.t.Fatal(err)
	}
	if text := s.read(response); response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s %s", path, response.Status, text)
	}
}

func (s *Server) output(cmd *exec.Cmd, stdin string) string {
	s.t.Helper()
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v", cmd, err)
	}
	return string(out)
}
