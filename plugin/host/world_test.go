package host

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
)

// patience bounds every wait of these tests; none of them asserts how long
// something takes.
const patience = 60 * time.Second

// TestMain lets more tests run side by side than there are processors: they
// wait for processes to end, most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// world is one way to reach a machine, with the files of that machine at hand.
type world struct {
	*Host
	cut    func() // ends the connection at once; nil for local
	freeze func() // the connection stays and carries nothing; nil for local
	server *sshServer
}

// everywhere is for what depends on how the scripts are reached: over SSH, and
// with every case on this machine too.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	if everyCase() {
		inWorlds(t, test, "ssh", "local")
	} else {
		inWorlds(t, test, "ssh")
	}
}

// anywhere is for what is in the scripts alone.
func anywhere(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	inWorlds(t, test, "local")
}

// overSSH is for what only SSH has.
func overSSH(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	inWorlds(t, test, "ssh")
}

// everyCase reports whether all cases are to be run, and not those alone that
// differ most.
func everyCase() bool { return os.Getenv("PM_TODOS_EVERY_CASE") != "" }

// sample is some cases of a table, or all of them where every case is asked for.
func sample[T any](t *testing.T, cases map[string]T, some ...string) map[string]T {
	t.Helper()
	if everyCase() {
		return cases
	}
	t.Logf("a sample, %q: PM_TODOS_EVERY_CASE=1 goes through every case", some)
	left := map[string]T{}
	for _, name := range some {
		one, ok := cases[name]
		if !ok {
			t.Fatalf("there is no case %q", name)
		}
		left[name] = one
	}
	return left
}

// inWorlds runs the test in each of the worlds. Where there is no sshd, the server of
// these tests stands for it.
func inWorlds(t *testing.T, test func(t *testing.T, w *world), names ...string) {
	t.Helper()
	t.Parallel()
	for _, name := range names {
		open := localWorld
		if name == "ssh" {
			open = sshdWorld
			if _, err := os.Stat(sshdtest.Program); err != nil {
				open = sshWorld
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// quick is a tempo for tests: what takes seconds in production takes few.
func quick() script.Tempo {
	return script.Tempo{Heartbeat: 300 * time.Millisecond, Lease: 8 * time.Second, Slack: 30 * time.Second}
}

// localWorld is this machine with a home of its own.
func localWorld(t *testing.T) *world {
	t.Helper()
	h, err := Local(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(cleanEnvironment(), func(entry string) bool { return strings.HasPrefix(entry, "HOME=") })
	h.shell.Start = starting(append(env, "HOME="+t.TempDir()))
	h.shell.Tempo = quick()
	return &world{Host: h}
}

func sshWorld(t *testing.T) *world {
	t.Helper()
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, client.PublicKey(), hostKey)
	p := openProxy(t, server.address)
	return dialWorld(t, p, sshclient.Login{Key: secretOf(key), KnownHosts: knownHosts(p.address, hostKey.PublicKey())}, "tester", server)
}

func dialWorld(t *testing.T, p *proxy, s sshclient.Login, name string, server *sshServer) *world {
	t.Helper()
	target, err := sshclient.ParseTarget(name + "@" + p.address)
	if err != nil {
		t.Fatal(err)
	}
	s.Target, s.KeepAlive = target, 3*time.Second
	h, err := Dial(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	h.shell.Tempo = quick()
	t.Cleanup(func() { _ = h.Close() })
	return &world{Host: h, cut: p.cut, freeze: p.freeze, server: server}
}

// sshdWorld is a real OpenSSH server, run as whoever runs the test.
func sshdWorld(t *testing.T) *world {
	t.Helper()
	d := startSSHD(t)
	p := openProxy(t, d.Address)
	s := sshclient.Login{Key: secretOf(d.key), KnownHosts: knownHosts(p.address, d.HostKey.PublicKey())}
	skipWithoutShell(t, s, d.User+"@"+p.address, d.Log)
	w := dialWorld(t, p, s, d.User, nil)
	w.shell.Root = t.TempDir() // and not in the home of whoever runs the test
	return w
}

// unusable is why the account of these tests cannot be used over SSH; it is
// found out once.
var unusable struct {
	once sync.Once
	why  string
}

// skipWithoutShell skips when the account of this test cannot be used over SSH.
func skipWithoutShell(t *testing.T, s sshclient.Login, target, log string) {
	t.Helper()
	unusable.once.Do(func() {
		var err error
		if s.Target, err = sshclient.ParseTarget(target); err != nil {
			t.Fatal(err)
		}
		h, err := Dial(t.Context(), s)
		switch {
		case errors.Is(err, sshclient.ErrAuth) && strings.Contains(read(t, log), "account is locked"):
			unusable.why = "the account of this test is locked, sshd lets nobody in: usermod -p '*' " + s.Target.User
			return
		case err != nil:
			t.Fatalf("%v\n%s", err, read(t, log))
		}
		defer func() { _ = h.Close() }()
		h.shell.Root = t.TempDir()
		if _, err = h.OpenRun(t.Context(), "", "probe", nil); errors.Is(err, script.ErrAnswer) {
			unusable.why = "the account of this test has no login shell: " + err.Error()
		}
	})
	if unusable.why != "" {
		t.Skip(unusable.why)
	}
}

func write(t testing.TB, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func exists(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

func eventually(t testing.TB, what string, ask func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ask() {
			return
		}
	}
	t.Fatalf("still not so: %s", what)
}

// onceThere calls act as soon as the file exists, unless the test ends before.
func onceThere(t testing.TB, file string, act func()) {
	go func() {
		for !exists(file) {
			select {
			case <-t.Context().Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		act()
	}()
}

// lives reports whether a process is there and no zombie.
func lives(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// pids are the numbers that a script left in a file, one per line.
func pids(t testing.TB, file string, count int) []int {
	t.Helper()
	var all []int
	eventually(t, "process ids in "+filepath.Base(file), func() bool {
		all = nil
		b, _ := os.ReadFile(file)
		for _, field := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(field); err == nil {
				all = append(all, n)
			}
		}
		return len(all) >= count && bytes.HasSuffix(b, []byte("\n"))
	})
	return all
}

func gone(t testing.TB, all []int) {
	t.Helper()
	for _, pid := range all {
		eventually(t, "process "+strconv.Itoa(pid)+" is gone", func() bool { return !lives(pid) })
	}
}

// repository is a git repository with its last commit as a pack.
type repository struct {
	dir    string
	commit string
	pack   []byte
}

func git(t testing.TB, dir string, stdin []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b",
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// makeRepository commits an empty tree first, so that the pack is one of a
// shallow snapshot. A name that ends with "*" is executable, one with "@" is a
// link to its text.
func makeRepository(t testing.TB, files map[string]string) repository {
	t.Helper()
	r := repository{dir: t.TempDir()}
	git(t, r.dir, nil, "init", "-q", "--template=")
	git(t, r.dir, nil, "commit", "-q", "--allow-empty", "-m", "before")
	for name, text := range files {
		switch {
		case strings.HasSuffix(name, "*"):
			write(t, filepath.Join(r.dir, strings.TrimSuffix(name, "*")), text, 0o755)
		case strings.HasSuffix(name, "@"):
			link := filepath.Join(r.dir, strings.TrimSuffix(name, "@"))
			if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink(text, link)); err != nil {
				t.Fatal(err)
			}
		default:
			write(t, filepath.Join(r.dir, name), text, 0o644)
		}
	}
	write(t, filepath.Join(r.dir, ".git/info/attributes"), "* -text -filter -ident !eol !working-tree-encoding\n", 0o644)
	git(t, r.dir, nil, "-c", "core.autocrlf=false", "add", "-A", "-f")
	git(t, r.dir, nil, "commit", "-q", "-m", "snapshot")
	r.commit = strings.TrimSpace(string(git(t, r.dir, nil, "rev-parse", "HEAD")))
	objects := git(t, r.dir, nil, "rev-list", "--objects", "--max-count=1", "HEAD")
	r.pack = git(t, r.dir, objects, "pack-objects", "--stdout", "-q")
	return r
}

// take imports an exported pack and lists the tree.
func (r repository) take(t testing.TB, tree string, pack []byte) map[string]string {
	t.Helper()
	git(t, r.dir, pack, "unpack-objects", "-q")
	listed := map[string]string{}
	for line := range strings.Lines(string(git(t, r.dir, nil, "-c", "core.quotePath=false", "ls-tree", "-r", tree))) {
		meta, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		fields := strings.Fields(meta)
		text := ""
		if fields[1] == "blob" {
			text = string(git(t, r.dir, nil, "cat-file", "blob", fields[2]))
		}
		listed[name] = fields[0] + " " + text
	}
	return listed
}

// space opens a run and builds a workspace in it.
func space(t testing.TB, h *Host, r repository, kind Kind, prepare Prepare) (*Run, *Workspace) {
	t.Helper()
	run, err := h.OpenRun(t.Context(), "", "run-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := run.Workspace(t.Context(), "work", r.commit, sends(r.pack), kind, prepare)
	if err != nil {
		t.Fatal(err)
	}
	return run, w
}

// sh runs a shell text under supervision and wants it to succeed.
func sh(t testing.TB, w *Workspace, text string) Exit {
	t.Helper()
	exit, err := w.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", text}})
	if err != nil || !exit.OK() {
		t.Fatalf("%s: %+v, %v\n%s", text, exit.Reason, err, exit.Stderr)
	}
	return exit
}

// sends is a snapshot that is always sent as a whole.
func sends(pack []byte) Snapshot {
	return func(string) (string, func(io.Writer) error) {
		return "", func(w io.Writer) error {
			_, err := w.Write(pack)
			return err
		}
	}
}
