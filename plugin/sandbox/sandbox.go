// Package sandbox is what the kernel lets an agent's program see and do: the
// command line of bubblewrap, made of what a machine has. It starts nothing.
//
// All paths of one run are given relative to the folder in which bubblewrap is
// started, so that the command of a machine is the same for every workspace, and
// what was proved by Probe is what is used.
package sandbox

import (
	"path"
	"slices"
	"strings"
)

// Mode is whether the agent is confined.
type Mode string

// The modes.
const (
	Auto    Mode = "auto"    // where the host can; a warning where not
	Require Mode = "require" // or the host is not used
	Off     Mode = "off"
)

// Policy is what the settings say.
type Policy struct {
	Mode  Mode
	Paths []string // folders and files that the program needs beside, readable; "~/" is the home
}

// Needs is what a program needs of the account that it runs as. Nothing else of
// the account is there.
type Needs struct {
	ConfigVariable string   // environment variable that names its configuration folder
	ConfigFolder   string   // that folder when the variable is not set, relative to the home
	Login          string   // file in that folder with the login
	Settings       string   // JSON file in it that may hold variables for the program
	Environment    []string // variables that it may know, of the account and of Settings; * stands for the rest of a name

	// Keys are those of Environment of which one alone is a login.
	Keys []string

	// KeyFile is a JSON file that may hold a key under KeyName. It lies in the folder
	// that ConfigVariable names, or else in the home. The pair of both alone is taken,
	// or KeyElse when it is not there, and stands in KeyShape for %s.
	KeyFile, KeyName, KeyElse, KeyShape string
}

// Places in the sandbox. The account's own home is not one of them.
const (
	home      = "/home/agent"
	config    = home + "/config"
	workspace = "/workspace"
)

// Sources of what is writable, relative to where bubblewrap is started.
const (
	Tree   = "tree"  // the workspace
	Config = "agent" // the private configuration folder
)

// namespaceFD is the open file, of who starts it, to which bubblewrap says which process is
// the first of its namespace: once that one is gone, all are.
const namespaceFD = "9"

// Machine is what was found on a host.
type Machine struct {
	Bubblewrap string // the program's path, "" when it is not there
	Version    string
	Home       string // of the account, links followed
	Program    Program
	Kernel     []string // settings that keep a user from it: "kernel.unprivileged_userns_clone"
	Container  bool     // the host is a container itself
}

// Program is the agent's program as it was found.
type Program struct {
	Path        string // absolute
	Real        string // links followed
	Interpreter string // of a script, as it was found; "" for none
	RealInterp  string // links followed
	Prefix      string // folder of a Python environment that the interpreter belongs to, "" for none
}

// A Box is the sandbox of one machine.
type Box struct {
	bubblewrap string
	program    string
	options    []string // that depend on version and kernel
	binds      []string // arguments for what is readable
	path       string   // folder in front of PATH, "" for none
	needs      Needs
}

// Variants are options that only some versions and kernels know, the strongest
// first. Which one works is found out by trying, not by the version.
var variants = [][]string{
	{"--unshare-user", "--disable-userns"},
	{"--unshare-user"},
	{},
}

// system is what every program may read, as far as it is there. Of /etc only
// what programs need to resolve names and check certificates: no private keys, no
// configuration of other programs.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/run/current-system",
	"/etc/alternatives", "/etc/ca-certificates", "/etc/crypto-policies", "/etc/group", "/etc/host.conf", "/etc/hosts",
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/os-release",
	"/etc/passwd", "/etc/pki/ca-trust", "/etc/pki/tls/cert.pem", "/etc/pki/tls/certs", "/etc/protocols", "/etc/resolv.conf",
	"/etc/services", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
}

// kernel is what root may write to without any capability, and with what the
// kernel obeys outside too: core_pattern names a program that it starts.
var kernel = []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi"}

// environment is what every program may know of the account's environment.
var environment = []string{
	"LANG", "LANGUAGE", "LC_*", "PATH", "TERM", "TZ",
	"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "no_proxy", "all_proxy",
	"NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"PM_TODOS_PROCESS",
}

// Boxes are the sandboxes that a machine may be able to make, the strongest
// first. They differ in nothing but the options.
func Boxes(m Machine, p Policy, n Needs) []Box {
	box := Box{bubblewrap: m.Bubblewrap, program: m.Program.Path, needs: n}
	seen := slices.Clone(system)
	read := func(file string) {
		if file != "" && !covered(seen, file) {
			box.binds, seen = append(box.binds, "--ro-bind-try", file, file), append(seen, file)
		}
	}
	// A home inside of a system folder would be read with it.
	if covered(system, m.Home) {
		box.binds = append(box.binds, "--tmpfs", m.Home)
		seen = slices.DeleteFunc(seen, func(folder string) bool { return covered([]string{folder}, m.Home) })
	}
	for _, one := range p.Paths {
		if below, inHome := strings.CutPrefix(one, "~/"); inHome {
			one = path.Join(m.Home, below)
		}
		read(path.Clean(one))
	}
	for _, file := range []string{m.Program.Prefix, m.Program.Real, m.Program.RealInterp} {
		read(belongings(file))
	}
	// Its own name, which some programs go by.
	link := func(name, real string) {
		if name != real && real != "" && !covered(seen, name) {
			box.binds, seen = append(box.binds, "--symlink", real, name), append(seen, name)
		}
	}
	link(m.Program.Path, m.Program.Real)
	link(m.Program.Interpreter, m.Program.RealInterp)
	if folder := path.Dir(m.Program.Interpreter); m.Program.Interpreter != "" && !covered(system, folder) {
		box.path = folder
	}
	all := make([]Box, len(variants))
	for i, options := range variants {
		all[i] = box
		all[i].options = options
	}
	return all
}

// covered reports whether one of the folders holds a file.
func covered(folders []string, file string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return file == folder || strings.HasPrefix(file, folder+"/") })
}

// belongings is what is readable of a program: what npm installed beside it,
// or the file alone. The folder that it lies in can be anybody's, and a home.
func belongings(file string) string {
	const packages = "/node_modules"
	if at := strings.Index(file, packages+"/"); at > 0 {
		return file[:at+len(packages)]
	}
	return file
}

// Command is the program of the sandbox with these arguments under bubblewrap,
// to be started in the folder that holds Tree and Config.
func (b Box) Command(args []string) []string {
	return append(b.bounds(), append([]string{"--", b.program}, args...)...)
}

// bounds is bubblewrap with everything but the program. No option is younger
// than version 0.4, those of the variants aside. The environment is cleaned by
// who starts it: here its values would be seen in the list of processes.
func (b Box) bounds() []string {
	argv := append([]string{b.bubblewrap}, b.options...)
	argv = append(argv,
		"--die-with-parent", "--new-session", "--cap-drop", "ALL", "--info-fd", namespaceFD,
		"--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
		"--proc", "/proc", "--dev", "/dev")
	for _, folder := range slices.Concat(kernel, system) {
		argv = append(argv, "--ro-bind-try", folder, folder)
	}
	argv = append(argv, "--tmpfs", "/tmp", "--tmpfs", home)
	argv = append(argv, b.binds...)
	argv = append(argv, "--bind", Config, config, "--bind", Tree, workspace, "--chdir", workspace,
		"--setenv", "HOME", home, "--setenv", "SHELL", "/bin/sh")
	if b.needs.ConfigVariable != "" {
		argv = append(argv, "--setenv", b.needs.ConfigVariable, config)
	}
	return argv
}

// Environment is the names of the variables that the program may know of those
// that the account has; * stands for the rest of a name.
func (b Box) Environment() []string { return slices.Concat(environment, b.needs.Environment) }

// PathFirst is a folder that must stand first on the program's PATH, "" for none.
func (b Box) PathFirst() string { return b.path }

// Needs is what the program needs of the account.
func (b Box) Needs() Needs { return b.needs }
