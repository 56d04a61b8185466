package host

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/egressproxy"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Need is what a run wants of a host. Empty fields are not looked at.
type Need struct {
	Agent     string   // program of the agent
	AgentFrom string   // oldest version of the agent that will do, such as "2.1.0"; empty for any
	Status    []string // arguments with which the agent tells by its exit code whether it is logged in; nil when it cannot
	LogIn     string   // how a person logs it in
	Lacks     string   // what the agent cannot do, for people; empty for nothing
	Network   Network  // of the agent in its sandbox
	Terraform string   // program of Terraform; skipped when it is a path inside the repository
	Carry     []string // as in Prepare; names without wildcards must exist
	Workdir   string   // as in Prepare
	MinFree   int64    // bytes of free disk space; 0 means 512 MiB
	Meeting   string   // id of the run that is to recognise an account that it has met, see Facts.Met; empty for none

	Sandbox sandbox.Policy // of the agent; without a mode it is not looked for
	Program sandbox.Needs  // what the agent's program needs of the account
}

// Facts is what preflight found out. All texts are cleaned.
type Facts struct {
	User          string
	UID           int    // 0 for root, -1 when unknown
	Home          string // the user's home folder
	Root          string // folder of the run directories
	Met           string // name of the host as which the run met this account first
	System        string // such as "Linux x86_64"
	Free          int64  // bytes, -1 when unknown
	Cores         int    // -1 when unknown
	Memory        int64  // bytes that programs may still use, -1 when unknown
	Git           string // "git version 2.39.5"
	AgentPath     string
	AgentVersion  string
	AgentLoggedIn bool // false also when the agent cannot tell
	TerraformPath string
	Linger        string  // "yes" or "no" when systemd-logind said it
	Warnings      []error // what is no hindrance, one sentence each

	Box     *sandbox.Box        // the sandbox that works here; nil for none
	Probed  []sandbox.Check     // what was tried in it
	Servers egressproxy.Servers // all that the agent reaches in it; empty for what the host reaches
}

const minFree = 512 << 20

// Subjects of what Examine finds.
const (
	AboutTools     = "tools"     // git and the usual programs
	AboutDisk      = "disk"      // home folder, run directories, free space
	AboutAgent     = "agent"     // present, new enough, logged in
	AboutSandbox   = "sandbox"   // what confines the agent
	AboutTerraform = "terraform" // the program
	AboutCarry     = "carry"     // workdir and the files in it
	AboutAltered   = "altered"   // what an earlier run found changed under it
)

// Problem is one thing that is missing on a host.
type Problem struct {
	About string // one of the subjects
	Err   error  // marked with its kind; names the host and the way out
}

// Preflight looks whether everything is there, in one round trip, without
// changing or paying anything. All that is missing is told at once, each with
// its way out.
func (h *Host) Preflight(ctx context.Context, need Need) (Facts, error) {
	facts, problems, err := h.Examine(ctx, need)
	all := []error{err}
	for _, p := range problems {
		all = append(all, p.Err)
	}
	return facts, errors.Join(all...)
}

// Examine is Preflight with the problems one by one. The error is for what
// kept it from looking at all.
func (h *Host) Examine(ctx context.Context, need Need) (Facts, []Problem, error) {
	if need.MinFree <= 0 {
		need.MinFree = minFree
	}
	if strings.Contains(need.Terraform, "/") && !strings.HasPrefix(need.Terraform, "/") {
		need.Terraform = ""
	}
	if need.Meeting != "" {
		if err := checkID("run id", need.Meeting); err != nil {
			return Facts{}, nil, err
		}
	}
	var literal []string
	for _, glob := range need.Carry {
		if err := checkGlob(glob); err != nil {
			return Facts{}, nil, err
		}
		if !strings.ContainsAny(glob, "*?[\\") {
			literal = append(literal, glob)
		}
	}
	carry, err := script.QuoteAll(literal)
	if err != nil {
		return Facts{}, nil, err
	}
	status, err := script.QuoteAll(need.Status)
	if err != nil {
		return Facts{}, nil, err
	}
	variables := accountVariables(need.Program)
	maps.Copy(variables, script.Variables{
		"agent": need.Agent, "status": status, "variables": strings.Join(need.Network.Variables, " "), "terraform": need.Terraform, "workdir": need.Workdir, "carry": carry,
		"sandbox": sandboxFlag(need.Sandbox), "kernel": kernelVariable(),
		"meeting": need.Meeting, "host_name": h.Name(),
	})
	a, err := h.do(ctx, script.Job{
		Doing: "looking at what is installed", Files: []string{"account", "preflight"}, Timeout: 2 * time.Minute, Variables: variables,
	})
	if err != nil {
		return Facts{}, nil, err
	}
	if !a.Has("looked") {
		return Facts{}, nil, fmt.Errorf("looking at what is installed on %s: %w", h.Name(), script.ErrAnswer)
	}
	facts, problems := h.inspect(a, need)
	if facts.AgentPath != "" && confines(need.Sandbox) {
		problem := func(err error) { problems = append(problems, h.problem(AboutSandbox, err)) }
		if err = h.confine(ctx, a, need, &facts, problem); err == nil && facts.Box != nil && need.Network.Servers != nil {
			err = h.confineNetwork(ctx, a, need.Network, &facts, problem)
		}
	}
	return facts, problems, err
}

// inspect makes facts and problems of the answer.
func (h *Host) inspect(a *script.Answer, need Need) (Facts, []Problem) {
	word := func(key string) string { return text.Line(string(a.Block(key)), 500) }
	facts := Facts{
		User: word("user"), UID: int(a.Number("uid")), Home: word("home"), Root: word("root"), Met: cmp.Or(word("met"), h.Name()), System: word("system"),
		Free: -1, Cores: int(a.Number("cores")), Memory: a.Number("memory"), Git: word("git"), AgentPath: word("agent-path"), TerraformPath: word("terraform-path"),
	}
	if free := a.Number("free"); free >= 0 {
		facts.Free = free * 1024
	}
	if facts.Memory >= 0 {
		facts.Memory *= 1024
	}
	if linger := a.Get("linger"); linger == "yes" || linger == "no" {
		facts.Linger = linger
	}
	var problems []Problem
	problem := func(about string, err error) { problems = append(problems, h.problem(about, err)) }
	inspectTools(a, facts, problem)
	h.inspectDisk(a, need, facts, problem)
	if altered := word("altered"); altered != "" {
		problem(AboutAltered, fault.WithFix(fmt.Errorf("%w: an earlier run found that %s", ErrAltered, altered), lookFirst))
	}
	if need.Agent != "" {
		inspectAgent(a, need, &facts, problem)
	}
	if need.Terraform != "" && facts.TerraformPath == "" {
		problem(AboutTerraform, fault.WithFix(fmt.Errorf("program %q of the setting terraform is not there", need.Terraform), "install it for user %s, or name its absolute path", facts.User))
	}
	inspectCarry(a, need, &facts, problem)
	if a.Has("kills-user-processes") {
		facts.Warnings = append(facts.Warnings, fault.WithFix(errors.New("systemd-logind ends what a session leaves behind (KillUserProcesses=yes), which would cut an apply when the connection drops"), "set KillExcludeUsers=%s in logind.conf", facts.User))
	}
	return facts, problems
}

// problem is what is missing, with its host and kind.
func (h *Host) problem(about string, err error) Problem {
	kind := fault.Failed
	if errors.Is(err, script.ErrDiskFull) {
		kind = fault.Temporary
	}
	return Problem{about, fault.Mark(kind, &fault.Error{Place: h.Name(), Err: err})}
}

type complain func(about string, err error)

func inspectTools(a *script.Answer, facts Facts, problem complain) {
	if facts.Git == "" {
		problem(AboutTools, fault.WithFix(errors.New("git is not installed"), "install it (apt install git, apk add git)"))
	}
	for _, tool := range a.Lines["no-tool"] {
		problem(AboutTools, fault.WithFix(fmt.Errorf("%s is missing", text.Line(tool, 40)), "install coreutils, findutils and util-linux, or busybox"))
	}
}

func (h *Host) inspectDisk(a *script.Answer, need Need, facts Facts, problem complain) {
	if h.shell.Root == "" && !a.Has("home-there") {
		problem(AboutDisk, fmt.Errorf("user %s has no home folder (HOME is %q)", facts.User, facts.Home))
		return
	}
	for _, folder := range a.Blocks["foreign"] {
		problem(AboutDisk, fault.WithFix(fmt.Errorf("folder %s is a link or belongs to another account, which could change what is planned there", text.Line(string(folder), 500)), "remove it, and let it be made again"))
	}
	used := facts.Free >= 0 && facts.Free < need.MinFree
	full := used || a.Blocks["full"] != nil
	if full && !used {
		problem(AboutDisk, fmt.Errorf("%w at %s, though %d MiB are free: a quota, or no more files", script.ErrDiskFull, facts.Root, facts.Free>>20))
	}
	if used {
		problem(AboutDisk, fault.WithFix(fmt.Errorf("%w: %d MiB are free at %s, %d MiB are needed", script.ErrDiskFull, facts.Free>>20, facts.Root, need.MinFree>>20), "remove what is not needed there"))
	}
	if !a.Has("writable") && !full {
		problem(AboutDisk, fault.WithFix(fmt.Errorf("folder %s cannot be written", facts.Root), "check its owner, its mode and whether the file system is read-only"))
	}
}

func inspectAgent(a *script.Answer, need Need, facts *Facts, problem complain) {
	if facts.AgentPath == "" {
		problem(AboutAgent, fault.WithFix(fmt.Errorf("agent %q is neither on the PATH nor in ~/.local/bin of user %s", need.Agent, facts.User), "install it, or set agent_command"))
		return
	}
	version := script.Tail(a.Block("agent-version"))
	if code := a.Number("agent-version-code"); code != 0 {
		problem(AboutAgent, fmt.Errorf("%q --version ended with exit code %d: %s", need.Agent, code, script.TellingLine(version)))
		return
	}
	facts.AgentVersion = script.TellingLine(version)
	inspectVersion(need, facts, problem)
	var status struct {
		LoggedIn *bool `json:"loggedIn"`
	}
	isJSON := json.Unmarshal(a.Block("agent-login"), &status) == nil
	switch code := a.Number("agent-login-code"); {
	case code == 0, a.Has("agent-key"):
		facts.AgentLoggedIn = true
	case isJSON && status.LoggedIn != nil && !*status.LoggedIn:
		problem(AboutAgent, fault.WithFix(fmt.Errorf("agent %q is not logged in", need.Agent), "log in as user %s on that host (%s)", facts.User, need.LogIn))
	case need.Status == nil:
		facts.Warnings = append(facts.Warnings, fault.WithFix(fmt.Errorf("agent %q has no login that can be seen", need.Agent), "log in as user %s on that host (%s), or give its key in the environment of the session", facts.User, need.LogIn))
	default:
		facts.Warnings = append(facts.Warnings, fault.WithFix(fmt.Errorf("agent %q does not say that it is logged in (%s ended with exit code %d)", need.Agent, strings.Join(need.Status, " "), code), "log in as user %s on that host (%s)", facts.User, need.LogIn))
	}
}

// inspectVersion refuses an agent that is too old. What prints no number may be
// a wrapper and is let pass with a warning.
func inspectVersion(need Need, facts *Facts, problem complain) {
	if need.AgentFrom == "" {
		return
	}
	older, known := olderThan(facts.AgentVersion, need.AgentFrom)
	switch {
	case !known:
		facts.Warnings = append(facts.Warnings, fault.WithFix(fmt.Errorf("agent %q does not say its version (%s)", need.Agent, facts.AgentVersion), "%s is the oldest that will do", need.AgentFrom))
	case older:
		problem(AboutAgent, fault.WithFix(fmt.Errorf("agent %q is version %s, and %s is the oldest that will do", need.Agent, facts.AgentVersion, need.AgentFrom), "update it (%s update)", need.Agent))
	}
}

var versionPattern = pattern.Lazy(`\d+(?:\.\d+)+`)

// olderThan compares the first version number in a text with another.
func olderThan(text, least string) (older, known bool) {
	found := versionPattern().FindString(text)
	if found == "" {
		return false, false
	}
	numbers := func(version string) []int {
		var all []int
		for part := range strings.SplitSeq(version, ".") {
			n, _ := strconv.Atoi(part) // digits; one too long for an int counts as the largest
			all = append(all, n)
		}
		return all
	}
	return slices.Compare(numbers(found), numbers(least)) < 0, true
}

func inspectCarry(a *script.Answer, need Need, facts *Facts, problem complain) {
	if need.Workdir == "" {
		return
	}
	if !a.Has("workdir") {
		problem(AboutCarry, fmt.Errorf("workdir %q is not there, or user %s may not read it", need.Workdir, facts.User))
		return
	}
	if len(need.Carry) > 0 && !a.Has("workdir-git") {
		problem(AboutCarry, fault.WithFix(fmt.Errorf("workdir %q is no git checkout", need.Workdir), "carry takes ignored files of one"))
		return
	}
	for _, missing := range a.Blocks["carry-missing"] {
		problem(AboutCarry, fault.WithFix(fmt.Errorf("carry file %q is not in %s", text.Line(string(missing), 200), need.Workdir), "create it there, or take it out of carry"))
	}
}
