package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// confines reports whether a policy asks for a sandbox.
func confines(p sandbox.Policy) bool { return p.Mode == sandbox.Auto || p.Mode == sandbox.Require }

// sandboxFlag tells the script whether a sandbox is wanted.
func sandboxFlag(p sandbox.Policy) string {
	if confines(p) {
		return "1"
	}
	return ""
}

// kernelVariable is the settings of the kernel that the script looks at.
func kernelVariable() string {
	settings := sandbox.KernelSettings()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		all = append(all, name+"="+settings[name])
	}
	return strings.Join(all, "\n")
}

// accountVariables is what the scripts have to know of what a program needs.
func accountVariables(n sandbox.Needs) script.Variables {
	return script.Variables{
		"config_variable": n.ConfigVariable, "config_folder": n.ConfigFolder, "login_name": n.Login, "settings_name": n.Settings,
		"own": strings.Join(n.Environment, "\n"), "keys": strings.Join(n.Keys, "\n"),
		"key_file": n.KeyFile, "key_name": n.KeyName, "key_else": n.KeyElse, "key_shape": n.KeyShape,
	}
}

// boxVariables is what the scripts have to know of a sandbox.
func boxVariables(b *sandbox.Box) script.Variables {
	variables := accountVariables(b.Needs())
	maps.Copy(variables, script.Variables{"boxed": "1", "keep": strings.Join(b.Environment(), "\n"), "path_first": b.PathFirst()})
	return variables
}

// machine is what preflight found out for a sandbox.
func machine(a *script.Answer) (sandbox.Machine, error) {
	file := func(key string) string { return string(a.Block(key)) }
	m := sandbox.Machine{
		Bubblewrap: file("bwrap"), Version: text.Line(file("bwrap-version"), 80), Home: file("real-home"),
		Program: sandbox.Program{
			Path: file("agent-path"), Real: file("agent-real"), Interpreter: file("interpreter"), RealInterp: file("interpreter-real"), Prefix: file("interpreter-prefix"),
		},
		Kernel: a.Lines["kernel"], Container: a.Has("container"),
	}
	for _, one := range []string{m.Bubblewrap, m.Program.Path, m.Program.Real, m.Program.Interpreter, m.Program.RealInterp, m.Program.Prefix, m.Home} {
		if one != "" && checkPath(one) != nil {
			return m, fmt.Errorf("a path is needed for the sandbox that is absolute and clean, and %q is none", text.Line(one, 200))
		}
	}
	return m, nil
}

// confine finds the sandbox of this machine and proves it. Where there is none,
// its reason is a problem or a warning, as the policy says.
func (h *Host) confine(ctx context.Context, a *script.Answer, need Need, facts *Facts, problem func(error)) error {
	m, err := machine(a)
	if err == nil && m.Bubblewrap == "" {
		err = m.Why("")
	}
	if err == nil {
		var broken bool
		facts.Box, broken, err = h.probe(ctx, m, need, facts)
		if broken {
			return err
		}
	}
	switch {
	case err == nil:
	case need.Sandbox.Mode == sandbox.Require:
		problem(&fault.Error{Setting: "sandbox", Err: fmt.Errorf("is required: %w", err)})
	default:
		facts.Warnings = append(facts.Warnings, fmt.Errorf("the agent runs without a sandbox: %w", err))
	}
	return nil
}

// probe looks from inside of the sandboxes that the machine may be able to make,
// until one works, and has the agent's program started in it. lost reports
// whether the machine could not be asked.
func (h *Host) probe(ctx context.Context, m sandbox.Machine, need Need, facts *Facts) (box *sandbox.Box, lost bool, err error) {
	boxes := sandbox.Boxes(m, need.Sandbox, need.Program)
	lists := make([]string, len(boxes))
	for i, b := range boxes {
		// version and login as preflight asks for them outside of it
		commands := [][]string{b.Probe(), b.Command([]string{"--version"})}
		if need.Status != nil {
			commands = append(commands, b.Command(need.Status))
		}
		words := make([]string, len(commands))
		for k, command := range commands {
			if words[k], err = script.QuoteAll(command); err != nil {
				return nil, false, err
			}
		}
		if lists[i], err = script.QuoteAll(words); err != nil {
			return nil, false, err
		}
	}
	quoted, err := script.QuoteAll(lists)
	if err != nil {
		return nil, false, err
	}
	variables := boxVariables(&boxes[0])
	maps.Copy(variables, script.Variables{
		"id": "probe-" + rand.Text(), "owner": "", "boxes": quoted, "environment": "",
		"sockets": strings.Join(sandbox.Sockets(facts.UID), "\n"),
	})
	a, err := h.do(ctx, script.Job{
		Doing: "looking into the sandbox", Files: []string{"open", "account", "box", "probe"}, Timeout: 2 * time.Minute, Mark: true, Variables: variables,
	})
	if err != nil {
		return nil, true, err
	}
	number := a.Number("box")
	if number < 0 || number >= int64(len(boxes)) {
		return nil, false, m.Why(said(a))
	}
	facts.Probed, err = sandbox.ReadProbe(string(a.Block("probe")), a.Has("written"))
	if err = errors.Join(err, sandbox.Broken(facts.Probed)); err != nil {
		return nil, false, err
	}
	if err := runsInside(a, need, facts); err != nil {
		return nil, false, err
	}
	return &boxes[number], false, nil
}

// said is what bubblewrap printed for the plainest sandbox.
func said(a *script.Answer) string {
	return script.TellingLine(script.Tail(a.Block("box-error")))
}

// runsInside looks whether the agent's program works in the sandbox as well as
// it does outside.
func runsInside(a *script.Answer, need Need, facts *Facts) error {
	name := path.Base(need.Agent)
	if code := a.Number("box-version-code"); code != 0 {
		line := script.TellingLine(script.Tail(a.Block("box-version")))
		return fault.WithFix(fmt.Errorf("%s does not start in the sandbox (exit code %d: %s)", name, code, line), "name the folders that it needs in sandbox_paths")
	}
	if code := a.Number("box-login-code"); code != 0 && facts.AgentLoggedIn {
		return fault.WithFix(fmt.Errorf("%s is logged in, but finds no login in the sandbox", name), "log it in so that the login is a file (%s), or give its key in the environment of the session", need.LogIn)
	}
	return nil
}

// loginTimeout bounds the way of a login back to the account.
const loginTimeout = 10 * time.Second

// ErrLogin is a login that the agent's program changed in the sandbox and that
// did not go back to the account.
var ErrLogin = errors.New("the agent's program changed its login in the sandbox, and the account keeps the one that it had")

// returnLogin gives the account the login that the program refreshed in the
// sandbox, or it could not be used again. The token stays on the host.
func (w *Workspace) returnLogin(ctx context.Context, b *sandbox.Box) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loginTimeout)
	defer cancel()
	variables := boxVariables(b)
	maps.Copy(variables, script.Variables{"run": w.run.dir, "ws": w.dir})
	a, err := w.run.host.do(ctx, script.Job{Doing: "looking at the agent's login", Files: []string{"account", "login"}, Timeout: loginTimeout, Variables: variables})
	if err != nil {
		return err
	}
	why := ""
	switch a.Get("login") {
	case "odd":
		why = "what it wrote has not the shape of a login"
	case "newer":
		why = "that one was changed meanwhile"
	case "unwritten":
		why = "its file cannot be written"
	default:
		return nil
	}
	return fault.WithFix(fmt.Errorf("%w: %s", ErrLogin, why), "log in again on %s if the next run finds no login", w.run.host.Name())
}
