package plugin

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"pm-todos/plugin/standin"
)

// authorizedOptions are those by which docs/getting-started.md restricts the
// login: whatever a run needs works under them.
const authorizedOptions = `restrict,from="127.0.0.1"`

// realSSHD starts OpenSSH's own server for the host of a world, with further
// lines of configuration, and returns the target and its known_hosts line.
func realSSHD(t *testing.T, w *standin.World, lines ...string) (target, known string) {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Skip("needs a real sshd: install openssh-server")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if me.Uid == "0" {
		// sshd as root wants its privilege separation directory.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "host")
	if err != nil {
		t.Fatal(err)
	}
	hostKey, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	login, err := ssh.ParsePrivateKey([]byte(w.SSH.PrivateKey()))
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	config := fmt.Sprintf(`ListenAddress 127.0.0.1
Port %d
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %s/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv HOME=%s PATH=%s:/usr/local/bin:/usr/bin:/bin
%s
`, port, dir, dir, w.Home, filepath.Dir(w.Terraform.Program), strings.Join(lines, "\n"))
	for name, content := range map[string][]byte{
		"host_key": pem.EncodeToMemory(block), "authorized_keys": append([]byte(authorizedOptions+" "), ssh.MarshalAuthorizedKey(login.PublicKey())...), "sshd_config": []byte(config),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		_ = cmd.Wait() // killed on purpose
		if t.Failed() {
			t.Logf("sshd: %s", log.String())
		}
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	line := fmt.Sprintf("[127.0.0.1]:%d %s", port, ssh.MarshalAuthorizedKey(hostKey.PublicKey()))
	return me.Username + "@" + address, line
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// relay passes TCP connections on to an address; cut ends all that there are.
func relay(t *testing.T, to string) (address string, cut func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var open []net.Conn
	cut = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range open {
			_ = conn.Close() // it may be closed already
		}
		open = nil
	}
	t.Cleanup(func() { _ = listener.Close(); cut() })
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_ = to.Close()
	}
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			go pass(in, out)
			go pass(out, in)
		}
	}()
	return listener.Addr().String(), cut
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// realTerraforms are the Terraform programs of this machine, by version.
func realTerraforms(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, program := range []string{os.Getenv("PM_TODOS_TERRAFORM"), "terraform"} {
		path, err := exec.LookPath(program)
		if program == "" || err != nil {
			continue
		}
		cmd := exec.Command(path, "version")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "CHECKPOINT_DISABLE=1"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s version: %v", path, err)
		}
		version, _, _ := strings.Cut(string(out), "\n")
		found[strings.ReplaceAll(version, " ", "-")] = path
	}
	if len(found) == 0 {
		t.Skip("needs a real Terraform on the PATH or in PM_TODOS_TERRAFORM")
	}
	return found
}

// realSite is the sample behind a real sshd, a real git http-backend and a real
// Terraform; only Vault, Slack and the agent are stand-ins.
func realSite(t *testing.T, o standin.Options) (*site, map[string]string) {
	t.Helper()
	s := newSite(t, o)
	target, known := realSSHD(t, s.World)
	user, address, _ := strings.Cut(target, "@")
	through, cut := relay(t, address)
	target, known, s.cut = user+"@"+through, strings.ReplaceAll(known, port(address), port(through)), cut
	s.Vault.SetSecret("ci/infra", map[string]string{
		"devvm_ssh_key": s.SSH.PrivateKey(), "known_hosts": known, "slack_webhook": s.Slack.WebhookURL(),
	})
	return s, map[string]string{"PLUGIN_HOSTS": target}
}

func TestEndToEndWithRealComponents(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	for version, terraform := range realTerraforms(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			rows := document(
				"| P2 | Add an alert on NFS retransmissions: it's `$(touch PWNED)`; rm -rf ~ | Alert | over 5 for 10 minutes | TODO |",
				"| P1 | Migrate Vault to encrypted PVC | Migration | by hand | TODO |",
				"| P3 | Raise the threads of the NFS server to 16 | Config | `stacks/nfs` | TODO |",
			)
			o := only("2026-04-14-nfs.md", rows)
			o.Terraform = terraform
			s, settings := realSite(t, o)
			before := len(s.state("monitoring"))
			s.wants(0, s.run(settings))

			if got := s.subjects(); len(got) != 2 || !strings.HasPrefix(got[0], "fix(post-mortem): Add an alert on NFS") ||
				got[1] != "docs: update post-mortem follow-up [PM-2026-04-14] [ci skip]" {
				t.Errorf("commits: %q", got)
			}
			if after := len(s.state("monitoring")); after != before+1 {
				t.Errorf("monitoring has %d resources, want %d", after, before+1)
			}
			doc := s.file("docs/post-mortems/2026-04-14-nfs.md")
			body, table, _ := strings.Cut(doc, "## Follow-up Implementation")
			if want := strings.Replace(rows, "over 5 for 10 minutes | TODO", "over 5 for 10 minutes | Done", 1); strings.TrimSpace(body) != strings.TrimSpace(want) {
				t.Errorf("more than one status token changed:\n%s", body)
			}
			for _, row := range []string{
				"| P2 | Alert | [`", "| postmortem-todo-resolver |",
				"| — | Migrate Vault to encrypted PVC | P1 | Migration | — | Needs human review |",
				"| — | Raise the threads of the NFS server to 16 | P3 | Config | — | Needs human review |",
			} {
				if !strings.Contains(table, row) {
					t.Errorf("the table lacks %q:\n%s", row, table)
				}
			}
			s.linksResolve(doc)
			s.says("replace")
			s.nothingLeft()
			s.nothingSecret()
			tip := s.tip()
			s.wants(0, s.run(settings))
			if s.tip() != tip {
				t.Errorf("a second run made a commit: %q", s.subjects())
			}
		})
	}
}

func TestEndToEndRefusalsAndRivals(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	for version, terraform := range realTerraforms(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for name, edit := range map[string]string{
				"protected stack":   `printf '\nresource "terraform_data" "x" {\n  input = "x"\n}\n' >>stacks/vault/main.tf`,
				"terraform wrapper": `printf 'exit 0\n' >>scripts/tg`,
				"ci pipeline":       `mkdir -p .woodpecker; echo 'steps: []' >.woodpecker/evil.yml`,
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
					o.Terraform, o.AgentScript = terraform, edit
					o.Files["scripts/tg"] = wrapper
					s, settings := realSite(t, o)
					before := s.state("monitoring")
					s.wants(0, s.run(settings))
					if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
						t.Errorf("the row is not TODO:\n%s", doc)
					}
					if after := s.state("monitoring"); len(after) != len(before) {
						t.Errorf("something was applied: %v", after)
					}
					s.nothingLeft()
				})
			}
			t.Run("rival between clone and push, through the wrapper", func(t *testing.T) {
				t.Parallel()
				o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
				o.Terraform = terraform
				o.Files["scripts/tg"] = wrapper
				s, settings := realSite(t, o)
				s.Git.SetMiddleware(standin.Before(4, standin.IsPush, func() {
					if _, err := s.Repo.Commit(standin.SampleBranch, "rival\n", map[string]string{"notes.txt": time.Now().String()}); err != nil {
						t.Error(err)
					}
				}))
				s.wants(0, s.run(settings))
				doc := s.file(alertDocument)
				if !strings.Contains(doc, "| over 80 % | Done |") || !strings.Contains(strings.Join(s.subjects(), "\n"), "rival") {
					t.Errorf("commits %q, document:\n%s", s.subjects(), doc)
				}
				s.linksResolve(doc)
				s.nothingLeft()
				s.nothingSecret()
			})
		})
	}
}

// wrapper is a scripts/tg such as repositories have: it initialises by itself
// and hands the plan's path on as the last argument.
const wrapper = `#!/bin/sh
set -eu
verb=$1
shift
[ "${1:-}" = --non-interactive ] && shift
case $verb in
plan) terraform init -input=false >/dev/null ;;
esac
exec terraform "$verb" "$@"
`
