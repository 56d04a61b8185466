package host

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// needBubblewrap skips where this machine cannot make a sandbox at all.
func needBubblewrap(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("bwrap")
	if err != nil {
		t.Skip("bubblewrap is not here: install the package bubblewrap")
	}
	if out, err := exec.Command(program, "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true").CombinedOutput(); err != nil {
		t.Skipf("bubblewrap makes no sandbox here: %s", out)
	}
	return program
}

// confined is this machine as a host, with an agent program in its account.
type confined struct {
	*world
	home, agent string
}

// programNeeds is what the agent program of these tests needs of its account.
func programNeeds() sandbox.Needs {
	return sandbox.Needs{ConfigVariable: "AGENT_CONFIG", ConfigFolder: ".agent", Login: "login.json", Settings: "settings.json", Environment: []string{"AGENT_*", "OTHER_KEY"}, KeyFile: ".agent.json", KeyName: "apiKey", KeyShape: "{%s}"}
}

// askLogin asks an agent program whether it is logged in.
var askLogin = []string{"auth", "status", "--json"}

// shellAgent is a program that is logged in when it finds its login, and runs
// its first argument as a shell does.
const shellAgent = `#!/bin/sh
case "$*" in
--version) echo 2.1.330 ;;
'auth status --json') [ -f "${AGENT_CONFIG:-$HOME/.agent}/login.json" ] ;;
*) eval "$1" ;;
esac
`

const login = `{"oauth": {"token": "aaa-111", "refresh": "bbb", "expires": 1700000000000, "scopes": ["user:inference"]}}` + "\n"

func newConfined(t *testing.T, environment ...string) *confined {
	t.Helper()
	c := &confined{world: localWorld(t), home: t.TempDir()}
	c.agent = filepath.Join(c.home, ".local/bin/agent")
	write(t, c.agent, shellAgent, 0o755)
	write(t, filepath.Join(c.home, ".agent/login.json"), login, 0o640)
	c.shell.Start = starting(append([]string{"HOME=" + c.home, "PATH=/usr/bin:/bin"}, environment...))
	return c
}

// wrapped puts a program bwrap in front of the real one.
func (c *confined) wrapped(t *testing.T, text string) {
	t.Helper()
	bin := t.TempDir()
	write(t, filepath.Join(bin, "bwrap"), "#!/bin/sh\n"+text, 0o755)
	c.shell.Start = starting([]string{"HOME=" + c.home, "PATH=" + bin + ":/usr/bin:/bin"})
}

func (c *confined) look(t *testing.T, mode sandbox.Mode) (Facts, error) {
	t.Helper()
	return c.Preflight(t.Context(), Need{Agent: c.agent, Status: askLogin, LogIn: "agent auth login", Sandbox: sandbox.Policy{Mode: mode}, Program: programNeeds()})
}

// box is the sandbox of the machine.
func (c *confined) box(t *testing.T) *sandbox.Box {
	t.Helper()
	facts, err := c.look(t, sandbox.Require)
	if err != nil || facts.Box == nil {
		t.Fatalf("%v %+v", err, facts.Warnings)
	}
	return facts.Box
}

// turn has the agent run a shell text in a workspace of one file.
func (c *confined) turn(t *testing.T, text string) (*Workspace, Exit) {
	t.Helper()
	box := c.box(t)
	_, ws := space(t, c.Host, makeRepository(t, oneFile), AgentTree, Prepare{})
	exit, err := ws.Supervise(t.Context(), Process{Argv: []string{c.agent, text}, Box: box})
	if err != nil || !exit.OK() {
		t.Fatalf("%v, exit code %d, %s\n%s\n%s", err, exit.Code, exit.Reason, exit.Stdout, exit.Stderr)
	}
	return ws, exit
}

func TestThreat26_SandboxIsProvedOnTheHost(t *testing.T) {
	needBubblewrap(t)
	bin := t.TempDir()
	agentProgram(t, filepath.Join(bin, "agent"), `[ -d "$HOME/config" ] && echo '{"loggedIn":true}'`)
	everywhere(t, func(t *testing.T, w *world) {
		facts, err := w.Preflight(t.Context(), Need{
			Agent: filepath.Join(bin, "agent"), Status: askLogin, Sandbox: sandbox.Policy{Mode: sandbox.Auto}, Program: programNeeds(),
		})
		if err != nil || facts.Box == nil || len(facts.Probed) < 7 {
			t.Fatalf("%+v %v", facts, err)
		}
		for _, one := range facts.Probed {
			if !one.Held {
				t.Errorf("%+v", one)
			}
		}
		left, err := filepath.Glob(filepath.Join(facts.Root, "runs", "*"))
		if err != nil || len(left) != 0 {
			t.Errorf("the probe left %v %v", left, err)
		}
	})
}

// oldBubblewrap is version 0.4, which knows no younger option.
const oldBubblewrap = `
for one in "$@"; do
	case $one in
	--) break ;;
	--version) echo "bubblewrap 0.4.0"; exit 0 ;;
	--clearenv | --perms | --chmod | --size | --disable-userns | --assert-userns-disabled | --add-seccomp-fd | --bind-fd | --ro-bind-fd | --overlay*)
		echo "bwrap: Unknown option $one" >&2
		exit 1 ;;
	esac
done
exec /usr/bin/bwrap "$@"
`

func TestSandboxOfDifferentMachines(t *testing.T) {
	t.Parallel()
	real := needBubblewrap(t)
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, c *confined)
		works   bool
		what    string // why not
		fix     string
	}{
		"version 0.4": {prepare: func(t *testing.T, c *confined) { c.wrapped(t, oldBubblewrap) }, works: true},
		"version 0.1": {
			prepare: func(t *testing.T, c *confined) {
				c.wrapped(t, `case "$*" in --version) echo "bubblewrap 0.1.7" ;; *) echo "bwrap: Unknown option --die-with-parent" >&2; exit 1 ;; esac`)
			},
			what: "bubblewrap 0.1.7 is too old", fix: "0.4 or newer",
		},
		"not installed": {
			prepare: func(_ *testing.T, c *confined) { c.within(real, "--ro-bind", "/dev/null", real) },
			what:    "bubblewrap is not installed", fix: "apt install bubblewrap",
		},
		"a container without user namespaces": {
			prepare: func(_ *testing.T, c *confined) {
				c.within(real, "--unshare-user", "--disable-userns", "--cap-drop", "ALL", "--proc", "/proc", "--setenv", "container", "test")
			},
			what: "makes no sandbox", fix: "; ",
		},
		"a program that confines nothing": {
			prepare: func(t *testing.T, c *confined) {
				c.wrapped(t, `[ "$1" != --version ] || exec echo bubblewrap 9; while [ "$1" != -- ]; do shift; done; shift; HOME=$PWD; ln -sf agent config; exec "$@"`)
			},
			what: "probe/secret can be read; write: ",
		},
		"an agent that needs more": {
			prepare: func(t *testing.T, c *confined) {
				write(t, filepath.Join(c.home, "tools/real"), shellAgent, 0o755)
				write(t, c.agent, "#!/bin/sh\nexec "+c.home+"/tools/real \"$@\"\n", 0o755)
			},
			what: "agent does not start in the sandbox", fix: "sandbox_paths",
		},
		"a login that is no file": {
			prepare: func(t *testing.T, c *confined) {
				write(t, c.agent, strings.Replace(shellAgent, "${AGENT_CONFIG:-$HOME/.agent}", c.home+"/.agent", 1), 0o755)
			},
			what: "finds no login in the sandbox", fix: "auth login",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfined(t)
			tc.prepare(t, c)
			facts, err := c.look(t, sandbox.Require)
			if tc.works {
				if err != nil || facts.Box == nil {
					t.Errorf("%v", err)
				}
				return
			}
			if facts.Box != nil || err == nil || fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), tc.what) || !strings.Contains(err.Error(), tc.fix) {
				t.Fatalf("required: %v", err)
			}
			if parts := fault.Parts(err); parts.Setting != "sandbox" || parts.Place != "local" {
				t.Errorf("%+v", parts)
			}
			facts, err = c.look(t, sandbox.Auto)
			warned := slices.ContainsFunc(facts.Warnings, func(err error) bool {
				return strings.Contains(err.Error(), "without a sandbox") && strings.Contains(err.Error(), tc.what)
			})
			if err != nil || facts.Box != nil || !warned {
				t.Errorf("auto: %v %v", err, facts.Warnings)
			}
			facts, err = c.look(t, sandbox.Off)
			if err != nil || facts.Box != nil || slices.ContainsFunc(facts.Warnings, func(err error) bool { return strings.Contains(err.Error(), "sandbox") }) {
				t.Errorf("off: %v %v", err, facts.Warnings)
			}
		})
	}
}

// within runs the host's shell in a container of bubblewrap.
func (c *confined) within(real string, options ...string) {
	argv := append([]string{"--bind", "/", "/", "--dev", "/dev"}, options...)
	argv = append(argv, "--", "sh", "-c", script.CommandLine)
	c.shell.Start = func(context.Context) (*script.Stream, error) {
		cmd := exec.Command(real, argv...)
		cmd.Env = []string{"HOME=" + c.home, "PATH=/usr/bin:/bin"}
		return start(cmd)
	}
}

// TestSandboxOfAnotherUser is the usual case: the account is not root, and has
// links in the path of its home.
func TestSandboxOfAnotherUser(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	if os.Getuid() != 0 {
		t.Skip("needs root, to be another user")
	}
	const user = 61234
	c := newConfined(t)
	base := t.TempDir()
	if err := os.Chmod(filepath.Dir(base), 0o711); err != nil {
		t.Fatal(err)
	}
	c.home = filepath.Join(base, "home")
	c.agent = filepath.Join(c.home, "agent")
	write(t, filepath.Join(base, "data/agent"), shellAgent, 0o755)
	write(t, filepath.Join(base, "data/.agent/login.json"), login, 0o600)
	if err := os.Symlink("data", c.home); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "-hR", fmt.Sprintf("%d:%d", user, user), base).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	c.shell.Root = ""
	c.shell.Start = func(context.Context) (*script.Stream, error) {
		cmd := exec.Command("sh", "-c", script.CommandLine)
		cmd.Env = []string{"HOME=" + c.home, "PATH=/usr/bin:/bin"}
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: user, Gid: user}}
		return start(cmd)
	}
	ws, exit := c.turn(t, `id -u; echo edited >>a; sed 's/111/222/' <"$AGENT_CONFIG/login.json" >new && cat new >"$AGENT_CONFIG/login.json" && rm new`)
	if strings.TrimSpace(string(exit.Stdout)) != fmt.Sprint(user) || exit.Login != nil {
		t.Errorf("%s %v", exit.Stdout, exit.Login)
	}
	wantFile(t, filepath.Join(ws.tree(), "a"), "a\nedited\n")
	wantFile(t, filepath.Join(c.home, ".agent/login.json"), strings.Replace(login, "111", "222", 1))
}

func wantFile(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v", file, got, err)
	}
}

func TestThreat9_SandboxKnowsNothingOfTheAccount(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	secrets := []string{
		"AWS_SECRET_ACCESS_KEY=leaked", "KUBECONFIG=/leaked", "VAULT_TOKEN=leaked", "TF_VAR_x=leaked", "GIT_ASKPASS=/leaked", "SSH_AUTH_SOCK=/leaked",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/leaked", "XDG_RUNTIME_DIR=/leaked", "MULTI=one\nleaked=leaked\nexport leaked",
	}
	c := newConfined(t, append(secrets, "AGENT_KEY=kept", "LANG=C.UTF-8")...)
	for _, file := range []string{".aws/credentials", ".kube/config", ".ssh/id_ed25519", ".agent/history.jsonl"} {
		write(t, filepath.Join(c.home, file), "leaked", 0o600)
	}
	write(t, filepath.Join(c.home, ".agent/settings.json"), `{"hooks": {"x": "leaked"}, "env": {"AGENT_URL" : "https://gw.example:8443/a?b=c&d=$(echo leaked)",
		"OTHER_KEY":"of-settings", "AWS_SECRET_ACCESS_KEY": "leaked", "AGENT_ESCAPED": "lea\"ked" , "PATH": "leaked"}}`, 0o600)
	write(t, filepath.Join(c.home, ".agent.json"), `{"projects": {"leaked": 1}, "apiKey": "sk-1", "mcpServers": "leaked"}`, 0o600)
	_, exit := c.turn(t, `cat "$AGENT_CONFIG/.agent.json"; env; tr '\000' '\n' <"/proc/$PPID/environ"; ls -A "$HOME" "$AGENT_CONFIG" '`+c.home+`' /workspace; cat '`+c.home+`'/.*/* 2>/dev/null; true`)
	said := string(exit.Stdout)
	const url = "AGENT_URL=https://gw.example:8443/a?b=c&d=$(echo leaked)\n"
	if strings.Contains(strings.ReplaceAll(said, url, ""), "leaked") {
		t.Errorf("something of the account is known:\n%s", said)
	}
	for _, want := range []string{"AGENT_KEY=kept\n", "LANG=C.UTF-8\n", "HOME=/home/agent\n", "\n.agent.json\nlogin.json\n", "{\"apiKey\": \"sk-1\"}\n", url, "OTHER_KEY=of-settings\n", c.home + ":\n.local\n", "/workspace:\na\nsub\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in:\n%s", want, said)
		}
	}
}

// TestThreat9_SandboxKnowsNoVariableThatAShellPassesUnseen: bash, which is sh on many
// systems, hands on what it cannot name, and its functions.
func TestThreat9_SandboxKnowsNoVariableThatAShellPassesUnseen(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(bash, filepath.Join(bin, "sh")); err != nil {
		t.Fatal(err)
	}
	c := newConfined(t)
	c.shell.Start = func(context.Context) (*script.Stream, error) {
		cmd := exec.Command(bash, "-c", script.CommandLine)
		cmd.Env = []string{"HOME=" + c.home, "PATH=" + bin + ":/usr/bin:/bin", "LANG=C.UTF-8", "db.password=leaked", "A-KEY=two\nleaked", "1KEY=leaked", "BASH_FUNC_login%%=() {  echo leaked=leaked\n}"}
		return start(cmd)
	}
	_, exit := c.turn(t, `env; cat /proc/1/environ "/proc/$PPID/environ" | tr '\000' '\n'`)
	if said := string(exit.Stdout); strings.Contains(said, "leaked") || !strings.Contains(said, "LANG=C.UTF-8\n") {
		t.Errorf("it knows\n%s", said)
	}
}

// await is until the file is there.
func await(t *testing.T, file string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s does not come", file)
			return
		}
	}
}

// alive is the processes of this machine whose command line has a word.
func alive(t *testing.T, word string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), word) {
			found = append(found, file+" "+string(line))
		}
	}
	return found
}

// late is a process that leaves its group, its session and its environment, and
// is known by a word.
func late(word string) string {
	return `true >/tmp/` + word + `; setsid env -i /bin/sh -c "trap '' TERM HUP; echo up >/workspace/up; exec tail -f /tmp/` + word + `" >/dev/null 2>&1 </dev/null &
		until [ -e up ]; do sleep 0.1; done; `
}

func TestThreat26_NothingOutlivesTheSandbox(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	for name, wait := range map[string]string{"ended by itself": "", "cancelled": "sleep 300"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfined(t)
			box := c.box(t)
			_, ws := space(t, c.Host, makeRepository(t, oneFile), AgentTree, Prepare{})
			word := "late-" + filepath.Base(filepath.Dir(c.home))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if wait != "" {
				go func() {
					await(t, filepath.Join(ws.tree(), "up"))
					cancel()
				}()
			}
			exit, err := ws.Supervise(ctx, Process{Argv: []string{"agent", late(word) + wait}, Box: box})
			if (err == nil) != (wait == "") || exit.Orphans {
				t.Errorf("%v %+v", err, exit)
			}
			if said, err := os.ReadFile(filepath.Join(ws.dir, "in/box")); err != nil || !strings.Contains(string(said), "child-pid") {
				t.Errorf("bubblewrap said %q of its namespace, %v", said, err)
			}
			for _, copied := range []string{"agent", "in/login"} {
				if exists(filepath.Join(ws.dir, copied)) {
					t.Errorf("%s is still there", copied)
				}
			}
			if found := alive(t, word); len(found) > 0 {
				t.Errorf("still there: %q", found)
			}
		})
	}
}

// TestSandboxFindsWhatAProgramConsistsOf is about installs as npm, nvm and pipx
// make them, with a script for the interpreter.
func TestSandboxFindsWhatAProgramConsistsOf(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	link := func(t *testing.T, to, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	// A shell by another name is the interpreter.
	shell := func(t *testing.T, file string) {
		t.Helper()
		source, err := os.Open("/bin/sh")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = source.Close() }()
		content, err := io.ReadAll(source)
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, string(content), 0o755)
	}
	script := func(first string) string { return strings.Replace(shellAgent, "#!/bin/sh", first, 1) }
	for name, install := range map[string]func(t *testing.T, home string){
		"native": func(t *testing.T, home string) {
			write(t, home+"/.local/share/agent/versions/2.1", shellAgent, 0o755)
			link(t, home+"/.local/share/agent/versions/2.1", home+"/bin/agent")
		},
		"npm": func(t *testing.T, home string) {
			write(t, home+"/npm/lib/node_modules/agent/part.sh", "", 0o644)
			write(t, home+"/npm/lib/node_modules/agent/cli.js", script("#!/bin/sh\n. "+home+"/npm/lib/node_modules/agent/part.sh || exit 9"), 0o755)
			link(t, "../npm/lib/node_modules/agent/cli.js", home+"/bin/agent")
		},
		"nvm": func(t *testing.T, home string) {
			shell(t, home+"/bin/nodish")
			write(t, home+"/lib/node_modules/agent/cli.js", script("#!/usr/bin/env nodish"), 0o755)
			link(t, "../lib/node_modules/agent/cli.js", home+"/bin/agent")
		},
		"pipx": func(t *testing.T, home string) {
			write(t, home+"/venv/pyvenv.cfg", "", 0o644)
			link(t, "/bin/sh", home+"/venv/bin/python")
			write(t, home+"/venv/bin/agent", script("#!"+home+"/venv/bin/python"), 0o755)
			link(t, "../venv/bin/agent", home+"/bin/agent")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfined(t)
			c.shell.Start = starting([]string{"HOME=" + c.home, "PATH=" + c.home + "/bin:/usr/bin:/bin"})
			install(t, c.home)
			c.agent = "agent"
			write(t, filepath.Join(c.home, "secret"), "", 0o600)
			ws, exit := c.turn(t, `echo edited >a; ! [ -e '`+c.home+`/secret' ] && echo fine`)
			if string(exit.Stdout) != "fine\n" {
				t.Errorf("%s", exit.Stdout)
			}
			wantFile(t, filepath.Join(ws.tree(), "a"), "edited\n")
		})
	}
}
