// Package vaulttest starts a real Vault for tests, with what surrounds it: the
// Kubernetes API server that it asks about service accounts, and a proxy that
// disturbs the way to it.
//
// It shares no code with the client under test: it speaks Vault's HTTP API with
// the root token by itself.
package vaulttest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Variable names the environment variable that holds the path of the real
// Vault: the program of .ci/vault.
const Variable = "PM_TODOS_VAULT"

// Server is a Vault of one test, in a process of its own. Any failure to talk to
// it fails the test.
type Server struct {
	Addr      string `json:"addr"`     // base URL, http
	TLSAddr   string `json:"tls_addr"` // base URL of the same Vault, https
	CA        string `json:"ca"`       // PEM, for TLSAddr
	RootToken string `json:"root_token"`

	t        testing.TB
	mu       sync.Mutex // one command at a time
	commands io.WriteCloser
	answers  *bufio.Reader
}

// Start starts Vault, unsealed and with nothing mounted. The test is skipped
// where there is no real Vault, and stops it when it ends.
func Start(t testing.TB) *Server {
	t.Helper()
	program := os.Getenv(Variable)
	if program == "" {
		t.Skipf("needs a real Vault: build .ci/vault and set %s to the program, as .ci/run does", Variable)
	}
	cmd := exec.Command(program) //nolint:gosec // the program under test is named by whoever runs the test
	cmd.Env = []string{}
	var log bytes.Buffer
	cmd.Stderr = &log
	commands, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	t.Cleanup(func() {
		if err := commands.Close(); err != nil { // which ends it
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("Vault: %v", err)
		}
		if t.Failed() {
			t.Logf("Vault: %s", log.String())
		}
	})
	s := &Server{t: t, commands: commands, answers: bufio.NewReader(answers)}
	first, err := s.answers.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(first, s)
	}
	if err != nil {
		t.Fatalf("Vault did not say where it listens: %v", err)
	}
	return s
}

// Seal seals Vault: everything is answered with 503 from now on.
func (s *Server) Seal() { s.t.Helper(); s.command("seal") }

// Unseal ends what Seal began.
func (s *Server) Unseal() { s.t.Helper(); s.command("unseal") }

func (s *Server) command(name string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := fmt.Fprintln(s.commands, name); err != nil {
		s.t.Errorf("%s: %v", name, err)
		return
	}
	if answer, err := s.answers.ReadString('\n'); err != nil || answer != "ok\n" {
		s.t.Errorf("%s: %q, %v", name, answer, err)
	}
}

// Do makes one request as root and returns status and body of its answer. The
// path is without /v1/.
func (s *Server) Do(method, path string, body map[string]any) (status int, answer map[string]any) {
	s.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.Addr+"/v1/"+path, bytes.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("X-Vault-Token", s.RootToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(text) > 0 && json.Unmarshal(text, &answer) != nil {
		s.t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	return response.StatusCode, answer
}

// Write writes as root and returns the data of the answer. A new KV v2 mount
// refuses for a moment; then it is tried again.
func (s *Server) Write(path string, body map[string]any) map[string]any {
	s.t.Helper()
	for {
		status, answer := s.Do(http.MethodPost, path, body)
		switch {
		case status < 300:
			data, _ := answer["data"].(map[string]any)
			return data
		case status == http.StatusBadRequest && strings.Contains(fmt.Sprint(answer["errors"]), "Upgrading from non-versioned"):
			time.Sleep(20 * time.Millisecond)
		default:
			s.t.Fatalf("write %s: %d %v", path, status, answer["errors"])
		}
	}
}

// Mount mounts an engine such as kv, with options such as its version.
func (s *Server) Mount(path, kind string, options map[string]any) {
	s.t.Helper()
	s.Write("sys/mounts/"+path, map[string]any{"type": kind, "options": options})
}

// Policy writes a policy in HCL.
func (s *Server) Policy(name, rules string) {
	s.t.Helper()
	s.Write("sys/policies/acl/"+name, map[string]any{"policy": rules})
}

// Alive reports whether the token with that accessor still exists.
func (s *Server) Alive(accessor string) bool {
	s.t.Helper()
	status, answer := s.Do(http.MethodPost, "auth/token/lookup-accessor", map[string]any{"accessor": accessor})
	if status != http.StatusOK && !strings.Contains(fmt.Sprint(answer["errors"]), "invalid accessor") {
		s.t.Errorf("look up an accessor: %d %v", status, answer)
	}
	return status == http.StatusOK
}

// Tokens counts the tokens that exist, the root token included.
func (s *Server) Tokens() int {
	s.t.Helper()
	status, answer := s.Do("LIST", "auth/token/accessors", nil)
	data, _ := answer["data"].(map[string]any)
	keys, _ := data["keys"].([]any)
	if status != http.StatusOK || len(keys) == 0 {
		s.t.Fatalf("list the accessors: %d %v", status, answer)
	}
	return len(keys)
}
