// Package giteatest runs a real Gitea for tests, on loopback, and sets up
// accounts, repositories and rules in it as an administrator and the owners of
// accounts do: by its command line, its API and its pages. It uses no code that
// is under test.
package giteatest

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/freeport"
)

// Variable names the environment variable that holds the path of the real
// Gitea: the program of .ci/gitea, with Gitea's folders templates and options
// beside it.
const Variable = "PM_TODOS_GITEA"

// Server is one Gitea with nothing in it but its administrator, as a test sees it.
// Any failure to talk to it fails that test.
type Server struct {
	URL   string // without a final slash
	Owner Account

	t testing.TB
	*service
}

// service is what every test sees of one Gitea.
type service struct {
	program  string
	dir      string
	address  string
	log      *os.File
	process  *os.Process
	ended    chan struct{} // closed when the process is
	password string        // of every account
}

// For is the same Gitea for a subtest, which fails alone.
func (s *Server) For(t testing.TB) *Server {
	own := *s
	own.t = t
	return &own
}

// Start starts Gitea. The test is skipped where there is none, and stops it when
// it ends.
func Start(t testing.TB) *Server {
	t.Helper()
	program := os.Getenv(Variable)
	if program == "" {
		t.Skipf("needs a real Gitea: build .ci/gitea and set %s to the program, as .ci/run does", Variable)
	}
	s := &Server{t: t, service: &service{program: program, dir: t.TempDir(), address: freeport.Address(t), password: "giteatest-password"}}
	s.URL = "http://" + s.address
	s.configure()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(s.dir, "signing")).CombinedOutput(); err != nil { //nolint:gosec // a file of the test
		t.Fatalf("make a key to sign with: %v: %s", err, out)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	s.log = log
	t.Cleanup(func() {
		s.Stop()
		_ = s.log.Close()
		if t.Failed() {
			if text, err := os.ReadFile(s.log.Name()); err == nil {
				t.Logf("Gitea: %s", text)
			}
		}
	})
	s.run("migrate")
	s.Owner = s.account("example", "--admin")
	s.Start()
	return s
}

// configure writes the configuration of a forge that contacts nobody.
func (s *Server) configure() {
	s.t.Helper()
	me, err := user.Current()
	if err != nil {
		s.t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	text := strings.NewReplacer(
		"@DIR@", s.dir, "@USER@", me.Username, "@PORT@", port, "@STATIC@", filepath.Dir(s.program), "@SECRET@", strings.Repeat("giteatest-", 7),
	).Replace(configuration)
	if err := os.WriteFile(s.config(), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// configuration of every server. Gitea refuses to run as root without being
// asked twice; tests in a container are. It signs the commits that its buttons
// make, without which it merges nothing into a branch that wants signed ones.
const configuration = `
RUN_MODE = prod
RUN_USER = @USER@
WORK_PATH = @DIR@
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = @PORT@
ROOT_URL = http://127.0.0.1:@PORT@/
STATIC_ROOT_PATH = @STATIC@
OFFLINE_MODE = true
DISABLE_SSH = true
[database]
DB_TYPE = sqlite3
PATH = @DIR@/gitea.db
SQLITE_JOURNAL_MODE = WAL
SQLITE_TIMEOUT = 30000
[repository]
ROOT = @DIR@/repositories
[repository.signing]
SIGNING_KEY = @DIR@/signing.pub
SIGNING_NAME = Gitea
SIGNING_EMAIL = gitea@example.org
SIGNING_FORMAT = ssh
MERGES = always
[security]
INSTALL_LOCK = true
SECRET_KEY = @SECRET@
INTERNAL_TOKEN = @SECRET@
PASSWORD_HASH_ALGO = pbkdf2_v1
[log]
LEVEL = Warn
[actions]
ENABLED = false
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
`

func (s *Server) config() string { return filepath.Join(s.dir, "app.ini") }

// Repositories is the folder of the bare repositories, <owner>/<name>.git.
func (s *Server) Repositories() string { return filepath.Join(s.dir, "repositories") }

func (s *Server) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, append(args, "--config", s.config())...) //nolint:gosec // the program is named by whoever runs the test
	// Gitea writes git settings into its own HOME; nothing of the user's reaches it.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir, "USER=" + os.Getenv("USER")}
	cmd.Dir, cmd.Stderr = s.dir, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it outlives no test that is killed
	return cmd
}

// run runs one of Gitea's commands and returns what it printed.
func (s *Server) run(args ...string) string {
	s.t.Helper()
	cmd := s.command(args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("gitea %s: %v: %s", args[0], err, out.String())
	}
	return strings.TrimSpace(out.String())
}

// Start starts the server again after Stop, where it was. A Gitea whose port
// somebody else has at that moment logs so and goes on without: it is started
// again.
func (s *Server) Start() {
	s.t.Helper()
	for range 3 {
		s.launch()
		if s.healthy(time.Minute) {
			return
		}
		s.Stop()
	}
	s.t.Fatal("Gitea does not answer")
}

func (s *Server) launch() {
	s.t.Helper()
	cmd := s.command("web")
	cmd.Stdout = s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	s.process, s.ended = cmd.Process, ended
	go func() {
		_ = cmd.Wait() // stopped on purpose
		close(ended)
	}()
}

// healthy waits until the server says that it is.
func (s *Server) healthy(within time.Duration) bool {
	client := http.Client{Timeout: 5 * time.Second}
	for end := time.Now().Add(within); time.Now().Before(end); {
		if response, err := client.Get(s.URL + "/api/healthz"); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return true
			}
		}
		select {
		case <-s.ended:
			return false
		case <-time.After(50 * time.Millisecond):
		}
	}
	return false
}

// Stop stops the server at once, as a machine does that fails. What it keeps
// stays for Start.
func (s *Server) Stop() {
	if s.process == nil {
		return
	}
	if err := s.process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("stop Gitea: %v", err)
	}
	<-s.ended
	s.process = nil
}

// Pause has the server answer nothing for a while; connections are taken and
// wait.
func (s *Server) Pause(while time.Duration) {
	s.t.Helper()
	if err := s.process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(while)
	if err := s.process.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
}

// Account is somebody who may log in.
type Account struct {
	Name  string
	Email string
	Token string // with every right of the account, to be used as a password of git
}

// Account makes an account.
func (s *Server) Account(name string) Account {
	s.t.Helper()
	return s.account(name)
}

func (s *Server) account(name string, more ...string) Account {
	s.t.Helper()
	a := Account{Name: name, Email: name + "@example.org"}
	create := []string{"admin", "user", "create", "--username", name, "--email", a.Email, "--password", s.password, "--must-change-password=false"}
	s.run(append(create, more...)...)
	// What it logs of a slow database stands on standard output as well, before the token
	// or after it.
	printed := s.run("admin", "user", "generate-access-token", "--username", name, "--scopes", "all", "--raw")
	a.Token = regexp.MustCompile(`\b[0-9a-f]{40}\b`).FindString(printed)
	if a.Token == "" {
		s.t.Fatalf("no token for %s: %s", name, printed)
	}
	return a
}
