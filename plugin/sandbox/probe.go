package sandbox

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Check is one thing that was tried in the sandbox.
type Check struct {
	Name string // workspace, secret, environment, write, processes, sockets or privileges
	Held bool   // it is as it should be
	Text string // what was found, one line
}

// Names of the checks, in their order, and what each says when all is well.
var checks = []struct{ name, held string }{
	{"workspace", "the workspace and the agent's own configuration can be written"},
	{"secret", "a file of the account cannot be read"},
	{"environment", "variables of the account are not there"},
	{"write", "nothing outside of the workspace can be written"},
	{"processes", "processes of the account cannot be seen"},
	{"sockets", "neither an SSH agent nor D-Bus nor a container engine is in reach"},
	{"privileges", "it has no capabilities and can gain none"},
}

// mark begins each line of the probe.
const mark = "pm-todos-probe"

// script is the probe. Its standard input says what was planted outside: a file
// that must not be read, a folder that must not be written to, a word on the command line of
// a process, and then sockets, a line each. PM_TODOS_PLANTED is in the environment of the account.
const script = `
say() { printf '` + mark + ` %s %s %s\n' "$1" "$2" "${3:-}"; }
IFS= read -r secret; IFS= read -r outside; IFS= read -r word
for folder in . "$HOME/config"; do
	{ true >"$folder/.probe"; } 2>/dev/null && rm "$folder/.probe" || { say workspace open "$folder cannot be written"; failed=1; }
done
[ -n "${failed:-}" ] || say workspace held
if [ -e "$secret" ] || { read -r line <"$secret"; } 2>/dev/null; then say secret open "$secret can be read"; else say secret held; fi
if [ -n "${PM_TODOS_PLANTED:-}${SSH_AUTH_SOCK:-}${DBUS_SESSION_BUS_ADDRESS:-}" ]; then say environment open "variables of the account are there"; else say environment held; fi
{ mkdir -p "$outside" && true >"$outside/written"; } 2>/dev/null
failed=
for folder in /usr /etc/ssl/certs; do
	{ true >"$folder/.probe"; } 2>/dev/null && failed=$folder
done
{ true >>/proc/sys/kernel/core_pattern; } 2>/dev/null && failed=/proc/sys
if [ -n "$failed" ]; then say write open "$failed can be written"; else say write held; fi
failed=
for process in /proc/[0-9]*; do
	case $(tr '\000' ' ' <"$process/cmdline" 2>/dev/null) in *"$word"*) failed=$process ;; esac
done
if [ -n "$failed" ]; then say processes open "$failed belongs to the account"; else say processes held; fi
failed=
while IFS= read -r socket; do
	[ ! -e "$socket" ] || failed=$socket
done
if [ -n "$failed" ]; then say sockets open "$failed is there"; else say sockets held; fi
if grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status && grep -q '^NoNewPrivs:[[:space:]]*1$' /proc/self/status; then say privileges held; else say privileges open "it has capabilities, or can gain them"; fi
printf '` + mark + ` %s\n' done
`

// Probe is the command that looks from inside at what the sandbox lets through,
// to be started as Command is.
func (b Box) Probe() []string {
	return append(b.bounds(), "--", "/bin/sh", "-c", script)
}

// ReadProbe is what a probe found. written reports whether the file that it tried
// to write outside is there. The error says that the probe did not come to its end.
func ReadProbe(output string, written bool) ([]Check, error) {
	found := map[string]Check{}
	ended := false
	for line := range strings.Lines(output) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case words[0] != mark || len(words) < 2:
		case words[1] == "done":
			ended = true
		case len(words) > 2:
			// Of two lines on one thing, the worse one counts.
			one := Check{Name: words[1], Held: words[2] == "held"}
			if len(words) > 3 {
				one.Text = text.Line(words[3], 300)
			}
			if earlier, twice := found[one.Name]; !twice || earlier.Held {
				found[one.Name] = one
			}
		}
	}
	if !ended {
		return nil, errors.New("its probe did not come to an end")
	}
	all := make([]Check, 0, len(checks))
	for _, c := range checks {
		one, said := found[c.name]
		switch {
		case !said:
			one = Check{Name: c.name, Text: "the probe says nothing of it"}
		case c.name == "write" && written:
			one.Held, one.Text = false, "a folder of the account can be written"
		case one.Held:
			one.Text = c.held
		}
		all = append(all, one)
	}
	return all, nil
}

// Broken is what does not hold, nil when all does.
func Broken(all []Check) error {
	var broken []string
	for _, one := range all {
		if !one.Held {
			broken = append(broken, one.Name+": "+one.Text)
		}
	}
	if len(broken) == 0 {
		return nil
	}
	return fmt.Errorf("it does not hold (%s)", strings.Join(broken, "; "))
}

// Sockets are what a program of the account could ask to act for it, beside
// those that its environment names.
func Sockets(uid int) []string {
	return []string{
		fmt.Sprintf("/run/user/%d/bus", uid), fmt.Sprintf("/run/user/%d/gnupg", uid), "/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket",
		"/run/docker.sock", "/var/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
	}
}

// wayOut says for a setting of the kernel how a user may be let have namespaces.
var wayOut = map[string]string{
	"kernel.apparmor_restrict_unprivileged_userns": "AppArmor keeps users from namespaces: give /usr/bin/bwrap a profile with userns (on Ubuntu the package apparmor-profiles has one, bwrap-userns-restrict), or set kernel.apparmor_restrict_unprivileged_userns=0 with sysctl",
	"kernel.unprivileged_userns_clone":             "the kernel keeps users from namespaces: set kernel.unprivileged_userns_clone=1 with sysctl",
	"user.max_user_namespaces":                     "the kernel allows no user namespaces: set user.max_user_namespaces to 15000, say, with sysctl",
}

// KernelSettings are those that can keep a user from namespaces, each with the
// value with which it does.
func KernelSettings() map[string]string {
	return map[string]string{
		"kernel.apparmor_restrict_unprivileged_userns": "1",
		"kernel.unprivileged_userns_clone":             "0",
		"user.max_user_namespaces":                     "0",
	}
}

// Why says why a machine has no sandbox, with the way out. said is what
// bubblewrap printed.
func (m Machine) Why(said string) error {
	if m.Bubblewrap == "" {
		return fault.WithFix(errors.New("bubblewrap is not installed, so that nothing confines the agent"), "install the package bubblewrap (apt install bubblewrap, apk add bubblewrap, dnf install bubblewrap)")
	}
	err := fmt.Errorf("bubblewrap (%s) makes no sandbox: %s", m.Version, text.Line(said, 300))
	switch {
	case strings.Contains(said, "Unknown option"):
		return fault.WithFix(fmt.Errorf("%s is too old: %s", m.Version, text.Line(said, 300)), "install bubblewrap 0.4 or newer")
	case len(m.Kernel) > 0:
		return fault.WithFix(err, "%s", wayOut[m.Kernel[0]])
	case m.Container:
		return fault.WithFix(err, "the host is a container itself and must be let make namespaces and mount /proc (for Docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined), or name a machine that is none")
	}
	return fault.WithFix(err, "run bwrap --ro-bind / / --unshare-pid --proc /proc true as that user, which shows what is missing")
}
