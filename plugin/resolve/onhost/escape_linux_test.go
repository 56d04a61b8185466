package onhost

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// What holds an attempt. An empty one says that nothing does.
const (
	kernel  = "the kernel: it is not in the sandbox, or may not"
	session = "the session of the run"
	export  = "the export: objects of a tree alone come back"
	varies  = "what the machine has"
)

// attempt is one way out that a hostile agent tries.
type attempt struct {
	name string
	try  func(prey) error // nil when it got through
	// proof looks from outside whether it got through, where the program itself
	// cannot know.
	proof   func(prey) bool
	sandbox string // what holds it in the sandbox
	network string // the same, where nothing does unless the sandbox has no network but its model's
	bare    string // and without one
	root    bool   // without a sandbox it gets through for root alone
}

func at(path string) func(prey) string {
	return func(p prey) string { return filepath.Join(p.Home, path) }
}

func beside(path string) func(prey) string {
	return func(p prey) string { return filepath.Join(p.Outside, path) }
}

func below(path string) func(prey) string {
	return func(p prey) string { return filepath.Join(p.Runs, path) }
}

// program is where the agent's program really is; the PATH leads to it by a link.
func program(p prey) string { return filepath.Join(p.Home, ".local/share/hostile/1.0/hostile") }

// segment is a file in the shared memory of the host.
func segment(p prey) string { return "/dev/shm/" + p.Mark }

// secrets are files with credentials, and what else of an account is nobody's business.
var secrets = []string{
	".aws/credentials", ".kube/config", ".vault-token", ".terraform.d/credentials.tfrc.json", ".terraformrc", ".git-credentials", ".netrc",
	".ssh/id_ed25519", ".docker/config.json", ".config/gcloud/application_default_credentials.json", ".claude/projects/infra/session.jsonl", ".bash_history",
}

// plantings are files that something runs or reads later, outside.
var plantings = []string{
	".bashrc", ".profile", ".local/bin/terraform", ".terraform.d/plugins/x", ".gitconfig", ".ssh/authorized_keys", ".ssh/rc",
	".claude/settings.json", ".claude/commands/x.md", ".claude.json", ".config/systemd/user/x.service",
}

var attempts = makeAttempts()

func makeAttempts() []attempt {
	var all []attempt
	for _, file := range secrets {
		all = append(all, attempt{name: "reads ~/" + file, try: reading(at(file)), sandbox: kernel})
	}
	for _, file := range plantings {
		all = append(all, attempt{name: "writes ~/" + file, try: planting(at(file)), proof: isPlanted(at(file)), sandbox: kernel})
	}
	write := func(name string, path func(prey) string) attempt {
		return attempt{name: name, try: planting(path), proof: isPlanted(path), sandbox: kernel}
	}
	return append(
		all,
		attempt{name: "reads the run directory of another item", try: reading(below("other/ws/plan-1/plan/plan")), sandbox: kernel},
		attempt{name: "reads what other processes leave in /tmp", try: reading(beside("secret")), sandbox: kernel},
		attempt{name: "reads /etc/shadow", try: opens(unix.O_RDONLY, "/etc/shadow"), sandbox: kernel, root: true},
		attempt{name: "reads the snapshot of another repository", try: reading(below("../snapshots/other/one.pack")), sandbox: kernel},
		write("writes into the snapshots", below("../snapshots/other/two.pack")),
		write("writes into the plan workspace of another item", below("other/ws/plan-1/tree/scripts/tg")),
		write("writes beside its work tree", below("hostile/ws/agent-1/git/config")),
		write("writes into /tmp", beside("planted")),
		attempt{name: "writes below /usr", try: func(prey) error { return writesBelow("/usr") }, sandbox: kernel, root: true},
		attempt{name: "writes /etc/passwd", try: opens(unix.O_WRONLY, "/etc/passwd"), sandbox: kernel, root: true},
		attempt{name: "leaves jobs for cron and at", try: func(prey) error { return writesBelow("/var/spool") }, sandbox: kernel, root: true},
		attempt{name: "has the kernel start a program, by core_pattern", try: opens(unix.O_WRONLY, "/proc/sys/kernel/core_pattern"), sandbox: kernel, root: true},
		attempt{name: "replaces its own program", try: replacesItself, proof: isPlanted(program), sandbox: kernel},
		attempt{name: "reads secrets of its environment", try: readsEnvironment, sandbox: kernel},
		attempt{name: "reads the environment of others", try: everybody("environ"), sandbox: kernel},
		attempt{name: "reads files through the root of others", try: everybody("root/HOME/.aws/credentials"), sandbox: kernel},
		attempt{name: "reads the memory of others", try: readsMemory, sandbox: kernel, root: true},
		attempt{name: "traces others", try: traces, sandbox: kernel, root: true},
		attempt{name: "kills others", try: kills, proof: func(p prey) bool { return !runs(p.Doomed) }, sandbox: kernel},
		attempt{name: "attaches shared memory of others", try: readsSegment, sandbox: kernel},
		attempt{name: "reads the keyring of the account", try: searching(unix.KEY_SPEC_USER_KEYRING), sandbox: kernel},
		attempt{name: "reads the keyring of the session", try: searching(unix.KEY_SPEC_SESSION_KEYRING)},
		attempt{name: "uses the socket of an agent with keys", try: dialing("unix", func(p prey) string { return p.Socket }), sandbox: kernel},
		attempt{name: "reaches a listener on loopback", try: dialing("tcp", func(p prey) string { return p.Listener }), network: kernel},
		attempt{name: "asks its proxy for a listener on loopback", try: asksProxy, network: kernel},
		attempt{name: "uses a socket without a file", try: dialing("unix", func(p prey) string { return p.Abstract }), network: kernel},
		attempt{name: "sees sockets of services", try: seesSockets, sandbox: kernel, bare: varies},
		attempt{name: "uses files that its session has open", try: holdsFiles, sandbox: session, bare: session},
		attempt{name: "types into a terminal", try: injects, sandbox: session, bare: session},
		attempt{name: "becomes root of a namespace of its own and remounts", try: nests, sandbox: kernel, root: true},
		attempt{name: "mounts", try: mounts, sandbox: kernel, root: true},
		attempt{name: "gains privileges by set-uid programs", try: gainsPrivileges, sandbox: kernel},
		attempt{name: "makes the device of a disk", try: makesDevice, sandbox: kernel, bare: varies},
		attempt{name: "links a secret into its workspace", try: hardLinks, sandbox: kernel},
		attempt{name: "leaves links, pipes and repositories in its workspace", try: leavesLinks, proof: func(p prey) bool { return exists(beside("ran")(p)) }, sandbox: export, bare: export},
		attempt{name: "leaves a process in its group", try: staying("group", sameGroup), proof: stays("group"), sandbox: kernel, bare: session},
		attempt{name: "leaves a process in a session of its own", try: staying("session", ownSession), proof: stays("session"), sandbox: kernel, bare: session},
		attempt{name: "leaves a daemon", try: staying("daemon", daemon), proof: stays("daemon"), sandbox: kernel, bare: session},
		attempt{name: "leaves a daemon without its environment", try: staying("nameless", nameless), proof: stays("nameless"), sandbox: kernel},
		attempt{name: "fills the shared memory of the host", try: planting(segment), proof: isPlanted(segment), sandbox: kernel},
	)
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

// runs reports whether a process is there and no zombie.
func runs(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(rest, "Z")
}

// left are the processes of the hostile program that stayed in that way.
func left(p prey, how string) []int {
	var all []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		line, err := os.ReadFile(file)
		pid, bad := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && bad == nil && strings.Contains(string(line), "late\x00"+p.Mark+"\x00"+how+"\x00") && runs(pid) {
			all = append(all, pid)
		}
	}
	return all
}

func stays(how string) func(prey) bool {
	return func(p prey) bool { return len(left(p, how)) > 0 }
}

func keep(t *testing.T, file, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// victim is a process of the account with the secret in its environment. It ends
// with the test, however that ends.
func victim(t *testing.T, secret string) int {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "victim")
	cmd.Args[0], cmd.Env = hostileName, []string{"DATABASE_PASSWORD=" + secret}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // it may have been killed
	})
	return cmd.Process.Pid
}

// short is a folder in which sockets can be made, whose paths have 107 bytes at most.
func short(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "host") //nolint:usetesting // its names are too long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// prepare makes a machine with things to steal, and a hostile program as agent.
func prepare(t *testing.T) prey {
	t.Helper()
	p := prey{Home: short(t), Outside: short(t), Secret: "secret-" + rand.Text(), Mark: "mark-" + rand.Text()}
	p.Runs = filepath.Join(p.Home, ".cache/pm-todos/runs")
	for _, file := range secrets {
		keep(t, at(file)(p), "token = "+p.Secret+"\n")
	}
	keep(t, at(".bashrc")(p), "# mine\n")
	keep(t, beside("secret")(p), p.Secret)
	keep(t, below("other/ws/plan-1/plan/plan")(p), p.Secret)
	keep(t, below("../snapshots/other/one.pack")(p), p.Secret)
	keep(t, below("other/ws/plan-1/tree/scripts/tg")(p), "#!/bin/sh\n")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	keep(t, program(p), string(self))
	if err := errors.Join(os.Chmod(program(p), 0o700), os.MkdirAll(at(".local/bin")(p), 0o700), os.Symlink("../share/hostile/1.0/hostile", at(".local/bin/hostile")(p))); err != nil {
		t.Fatal(err)
	}
	p.Watched, p.Doomed = victim(t, p.Secret), victim(t, p.Secret)
	p.Socket = beside("agent.sock")(p)
	p.Abstract = "@" + p.Mark
	for _, one := range []struct {
		network, address string
		into             *string
	}{{"unix", p.Socket, &p.Socket}, {"unix", p.Abstract, &p.Abstract}, {"tcp", "127.0.0.1:0", &p.Listener}} {
		listener, err := net.Listen(one.network, one.address)
		if err != nil {
			t.Fatal(err)
		}
		*one.into = listener.Addr().String()
		t.Cleanup(func() { _ = listener.Close() })
	}
	t.Cleanup(func() { _ = os.Remove(segment(p)) })
	p.Segment = sharedMemory(t, p.Secret)
	return p
}

// sharedMemory is a segment that goes with this process, however that ends.
func sharedMemory(t *testing.T, secret string) int {
	t.Helper()
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := unix.SysvShmAttach(id, 0, 0)
	_, marked := unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	if err := errors.Join(err, marked); err != nil {
		t.Fatal(err)
	}
	copy(memory, secret)
	t.Cleanup(func() { _ = unix.SysvShmDetach(memory) })
	return id
}

// keyrings puts the secret into the keyring of the account and into that of the
// session of which sshd will be. The kernel forgets it after some minutes.
func keyrings(t *testing.T, p *prey) {
	t.Helper()
	p.Key = "pm-todos-" + p.Mark
	runtime.LockOSThread() // a session belongs to a thread; this one ends with the test
	_, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
	if err == nil { // as PAM does it
		_, err = unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_SESSION_KEYRING, 0, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, ring := range []int{unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_SESSION_KEYRING} {
		key, err := unix.AddKey("user", p.Key, []byte(p.Secret), ring)
		if err == nil {
			_, err = unix.KeyctlInt(unix.KEYCTL_SET_TIMEOUT, key, 300, 0, 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// enter logs in at a real sshd, which hands secrets on in its environment.
func enter(t *testing.T, p prey) *host.Host {
	t.Helper()
	key := sshdtest.Key(t)
	server := sshdtest.Start(t, sshdtest.Config{
		Authorized: []string{sshdtest.Authorized(t, key)}, Home: p.Home,
		Env: []string{"AWS_SECRET_ACCESS_KEY=" + p.Secret, "VAULT_TOKEN=" + p.Secret, "SSH_AUTH_SOCK=" + p.Socket},
	})
	target, err := sshclient.ParseTarget(server.User + "@" + server.Address)
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Dial(t.Context(), sshclient.Login{Target: target, Key: secret.New(key), KnownHosts: []byte(server.Known())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// hostileSpace is a workspace of a run whose agent is the hostile program.
func hostileSpace(t *testing.T, h *host.Host, programs Programs) (agentSpace, string) {
	t.Helper()
	origin := t.TempDir()
	gittest.Git(t, origin, "init", "-q", "--template=")
	keep(t, filepath.Join(origin, "stacks/a/main.tf"), "locals {\n  a = 1\n}\n")
	gittest.Git(t, origin, "add", "-A")
	gittest.Git(t, origin, "commit", "-q", "-m", "first")
	commit := gittest.Git(t, origin, "rev-parse", "HEAD")
	dir, err := h.OpenRun(t.Context(), "", "hostile", nil)
	if err != nil {
		t.Fatal(err)
	}
	run := &Host{Records: &Records{Host: h, run: "hostile"}, dir: dir, programs: programs}
	space, err := run.Workspace(t.Context(), commit, func(string) (string, func(io.Writer) error) {
		return "", func(w io.Writer) error {
			pack, err := gittest.Input(origin, []byte(commit+"\n"), "pack-objects", "--revs", "--stdout", "-q")
			if err == nil {
				_, err = w.Write(pack)
			}
			return err
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return space.(agentSpace), origin
}

// turn has the hostile program work once and returns what it says of its attempts,
// and which servers it was kept from.
func turn(t *testing.T, space agentSpace, p prey) (said map[string]string, refused []string) {
	t.Helper()
	prompt, err := json.Marshal(p) //nolint:gosec // of a test
	if err != nil {
		t.Fatal(err)
	}
	report, err := space.Turn(t.Context(), agent.NewDefinition(nil, "fixer", ""), prompt, 1)
	if err != nil || !report.OK {
		t.Fatalf("the turn: %+v, %v", report, err)
	}
	said = map[string]string{}
	text, err := os.ReadFile(below("hostile/ws/agent-1/tree/said.json")(p))
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	if err != nil || len(said) != len(attempts) {
		t.Fatalf("it tells of %d attempts, of %d: %v", len(said), len(attempts), err)
	}
	return said, report.Refused
}

// ask is what a run asks of the host of its agent, with the network of its model
// or of the host.
func ask(mode sandbox.Mode, model bool) host.Need {
	kind := agent.KindOf("claude", "")
	need := host.Need{Agent: hostileName, Status: kind.Status, Sandbox: sandbox.Policy{Mode: mode}, Program: kind.Needs}
	if model {
		need.Network = host.Network{Servers: func(env map[string]string) []string { return kind.Servers("", env) }, Variables: kind.Endpoints, Required: true}
	}
	return need
}

func TestThreat26_WhatHoldsAHostileAgent(t *testing.T) {
	for name, test := range map[string]struct {
		need host.Need
		held func(attempt) string
	}{
		"without a sandbox": {ask(sandbox.Off, false), func(a attempt) string {
			if a.root && os.Getuid() != 0 {
				return varies
			}
			return a.bare
		}},
		"in the sandbox, with the network of the host": {ask(sandbox.Require, false), func(a attempt) string { return a.sandbox }},
		"in the sandbox": {ask(sandbox.Require, true), func(a attempt) string { return a.sandbox + a.network }},
	} {
		t.Run(name, func(t *testing.T) {
			if test.need.Sandbox.Mode == sandbox.Require {
				needSandbox(t)
			}
			p := prepare(t)
			keyrings(t, &p)
			h := enter(t, p)
			facts, err := h.Preflight(t.Context(), test.need)
			if err != nil {
				t.Fatal(err)
			}
			space, origin := hostileSpace(t, h, Programs{Agent: hostileName, Kind: agent.KindOf("claude", ""), Box: facts.Box, Servers: facts.Servers, Timeout: 10 * time.Minute})
			said, refused := turn(t, space, p)
			if told := slices.Contains(refused, p.Listener); told != (test.need.Network.Servers != nil) {
				t.Errorf("of what it asked its proxy for is told: %q", refused)
			}
			for _, a := range attempts {
				held, through := test.held(a), said[a.name] == ""
				if a.proof != nil {
					through = a.proof(p)
				}
				if held != varies && through != (held == "") {
					t.Errorf("it %s: got through is %v, what holds it is %q; it says %q", a.name, through, held, said[a.name])
				}
			}
			for _, how := range []string{"group", "session", "daemon", "nameless"} {
				for _, pid := range left(p, how) {
					_ = unix.Kill(pid, unix.SIGKILL)
				}
			}
			leavesNothing(t, space, origin, p, facts.Box != nil)
		})
	}
}

// needSandbox skips where this machine cannot make a sandbox at all.
func needSandbox(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true").CombinedOutput(); err != nil {
		t.Skipf("bubblewrap makes no sandbox here: %v %s", err, out)
	}
}

// leavesNothing takes back what the hostile program left: links as links, and
// neither a pipe nor a repository, and nothing of theirs was run.
func leavesNothing(t *testing.T, space agentSpace, origin string, p prey, boxed bool) {
	t.Helper()
	tree, pack, err := space.Export(t.Context(), 1<<20)
	if err == nil {
		_, err = gittest.Input(origin, pack, "unpack-objects", "-q")
	}
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(gittest.Git(t, origin, "ls-tree", "-r", tree)) {
		meta, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		fields := strings.Fields(meta)
		content := gittest.Git(t, origin, "cat-file", "blob", fields[2])
		if link := name == "stolen" || name == "home"; link != (fields[0] == "120000") {
			t.Errorf("%s comes back as %s", name, fields[0])
		}
		if strings.Contains(content, p.Secret) && (boxed || name != "hard") {
			t.Errorf("%s comes back with a secret", name)
		}
		names = append(names, name)
	}
	want := []string{"home", "said.json", "stacks/a/main.tf", "stolen"}
	if !boxed {
		want = append([]string{"hard"}, want...)
	}
	if got := slices.DeleteFunc(names, func(name string) bool { return name == "disk" }); !slices.Equal(got, want) {
		t.Errorf("what comes back is %q, want %q", got, want)
	}
	if exists(beside("ran")(p)) {
		t.Error("something of it was run")
	}
}
