package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// readable is what a command binds of the account, in order: "read FILE",
// "link NAME FILE" and "empty FOLDER".
func readable(command []string) (all []string) {
	from := slices.Index(command, "/tmp")
	for i := from + 1; i < len(command) && command[i] != "--chdir"; i++ {
		switch command[i] {
		case "--ro-bind-try":
			all = append(all, "read "+command[i+2])
		case "--symlink":
			all = append(all, "link "+command[i+2]+" "+command[i+1])
		case "--tmpfs":
			if command[i+1] != "/home/agent" {
				all = append(all, "empty "+command[i+1])
			}
		}
	}
	return all
}

func TestThreat26_OfAnAccountTheAgentHasItsProgramAlone(t *testing.T) {
	const home = "/home/u"
	for name, tc := range map[string]struct {
		home    string
		program sandbox.Program
		paths   []string
		want    []string
	}{
		"native": {
			program: sandbox.Program{Path: home + "/.local/bin/claude", Real: home + "/.local/share/claude/versions/2.1.330"},
			want:    []string{"read " + home + "/.local/share/claude/versions/2.1.330", "link " + home + "/.local/bin/claude " + home + "/.local/share/claude/versions/2.1.330"},
		},
		"npm of the system": {
			program: sandbox.Program{Path: "/usr/local/bin/claude", Real: "/usr/local/lib/node_modules/@anthropic-ai/claude-code/cli.js", Interpreter: "/usr/bin/node", RealInterp: "/usr/bin/node"},
		},
		"npm in a home": {
			program: sandbox.Program{Path: home + "/.npm/bin/claude", Real: home + "/.npm/lib/node_modules/@anthropic-ai/claude-code/cli.js", Interpreter: "/usr/bin/node", RealInterp: "/usr/bin/node"},
			want:    []string{"read " + home + "/.npm/lib/node_modules", "link " + home + "/.npm/bin/claude " + home + "/.npm/lib/node_modules/@anthropic-ai/claude-code/cli.js"},
		},
		"nvm": {
			program: sandbox.Program{
				Path: home + "/.nvm/v20/bin/claude", Real: home + "/.nvm/v20/lib/node_modules/c/cli.js",
				Interpreter: home + "/.nvm/v20/bin/node", RealInterp: home + "/.nvm/v20/bin/node",
			},
			want: []string{"read " + home + "/.nvm/v20/lib/node_modules", "read " + home + "/.nvm/v20/bin/node", "link " + home + "/.nvm/v20/bin/claude " + home + "/.nvm/v20/lib/node_modules/c/cli.js"},
		},
		"Python in an environment of its own": {
			program: sandbox.Program{
				Path: home + "/.local/bin/aider", Real: home + "/.venvs/aider/bin/aider",
				Interpreter: home + "/.venvs/aider/bin/python", RealInterp: "/usr/bin/python3.11", Prefix: home + "/.venvs/aider",
			},
			want: []string{"read " + home + "/.venvs/aider", "link " + home + "/.local/bin/aider " + home + "/.venvs/aider/bin/aider"},
		},
		"a file in the home itself": {
			program: sandbox.Program{Path: home + "/agent", Real: home + "/agent"},
			want:    []string{"read " + home + "/agent"},
		},
		"an odd place, and folders of the owner's choice": {
			program: sandbox.Program{Path: "/srv/tools/agent", Real: "/srv/tools/agent"},
			paths:   []string{"~/.local/share/uv", "/srv/tools/", "/usr/share/x"},
			want:    []string{"read " + home + "/.local/share/uv", "read /srv/tools"},
		},
		"a home inside of a system folder": {
			home:    "/usr/local/home/ci",
			program: sandbox.Program{Path: "/usr/local/home/ci/bin/agent", Real: "/usr/local/home/ci/bin/agent"},
			want:    []string{"empty /usr/local/home/ci", "read /usr/local/home/ci/bin/agent"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := sandbox.Machine{Bubblewrap: "/usr/bin/bwrap", Home: home, Program: tc.program}
			if tc.home != "" {
				m.Home = tc.home
			}
			boxes := sandbox.Boxes(m, sandbox.Policy{Mode: sandbox.Auto, Paths: tc.paths}, sandbox.Needs{ConfigVariable: "AGENT_HOME"})
			for _, box := range boxes {
				command := box.Command([]string{"-p", "x"})
				if diff := cmp.Diff(tc.want, readable(command)); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
				if tail := command[len(command)-4:]; !slices.Equal(tail, []string{"--", tc.program.Path, "-p", "x"}) {
					t.Errorf("it starts %q", tail)
				}
			}
			first := ""
			if strings.HasPrefix(tc.program.Interpreter, home) {
				first = tc.program.Interpreter[:strings.LastIndex(tc.program.Interpreter, "/")]
			}
			if got := boxes[0].PathFirst(); got != first {
				t.Errorf("%q comes first on PATH", got)
			}
		})
	}
}

func TestWhatAProbeFound(t *testing.T) {
	const all = "noise\npm-todos-probe workspace held \npm-todos-probe secret held\npm-todos-probe environment held\npm-todos-probe write held\n" +
		"pm-todos-probe processes held\npm-todos-probe sockets held\npm-todos-probe privileges held\n"
	for name, tc := range map[string]struct {
		output  string
		written bool
		broken  string
	}{
		"all is held":       {output: all + "pm-todos-probe done\n"},
		"a file":            {output: all + "pm-todos-probe secret open /x\x1b[31m can be read\npm-todos-probe done\n", broken: "secret: /x can be read"},
		"said to be held":   {output: "pm-todos-probe secret open it\n" + all + "pm-todos-probe done\n", broken: "secret: it"},
		"written after all": {output: all + "pm-todos-probe done\n", written: true, broken: "write: a folder of the account"},
		"no word of one":    {output: strings.Replace(all, "sockets", "rockets", 1) + "pm-todos-probe done\n", broken: "sockets: the probe says nothing of it"},
		"cut short":         {output: all, broken: "did not come to an end"},
		"nothing":           {broken: "did not come to an end"},
	} {
		t.Run(name, func(t *testing.T) {
			checks, err := sandbox.ReadProbe(tc.output, tc.written)
			if err == nil {
				err = sandbox.Broken(checks)
			}
			if tc.broken == "" && err != nil || tc.broken != "" && (err == nil || !strings.Contains(err.Error(), tc.broken)) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWhyThereIsNoSandbox(t *testing.T) {
	installed := sandbox.Machine{Bubblewrap: "/usr/bin/bwrap", Version: "bubblewrap 0.8.0"}
	with := func(change func(*sandbox.Machine)) sandbox.Machine {
		m := installed
		change(&m)
		return m
	}
	for name, tc := range map[string]struct {
		machine sandbox.Machine
		said    string
		fix     string
	}{
		"not installed": {fix: "apt install bubblewrap"},
		"too old":       {machine: installed, said: "bwrap: Unknown option --unshare-cgroup-try", fix: "0.4 or newer"},
		"AppArmor": {
			machine: with(func(m *sandbox.Machine) { m.Kernel = []string{"kernel.apparmor_restrict_unprivileged_userns"} }),
			said:    "bwrap: setting up uid map: Permission denied", fix: "bwrap-userns-restrict",
		},
		"the kernel of Debian": {
			machine: with(func(m *sandbox.Machine) { m.Kernel = []string{"kernel.unprivileged_userns_clone"} }),
			said:    "bwrap: No permissions to create new namespace", fix: "kernel.unprivileged_userns_clone=1",
		},
		"no namespace left": {
			machine: with(func(m *sandbox.Machine) { m.Kernel = []string{"user.max_user_namespaces"} }), said: "bwrap: Creating new namespace failed", fix: "user.max_user_namespaces",
		},
		"a container": {machine: with(func(m *sandbox.Machine) { m.Container = true }), said: "bwrap: Can't mount proc on /newroot/proc", fix: "seccomp=unconfined"},
		"unknown":     {machine: installed, said: "bwrap: something", fix: "which shows what is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			parts := fault.Parts(tc.machine.Why(tc.said))
			if !strings.Contains(parts.Fix, tc.fix) || tc.said != "" && !strings.Contains(parts.Err.Error(), tc.said) {
				t.Errorf("%v, fix %q", parts.Err, parts.Fix)
			}
		})
	}
}
