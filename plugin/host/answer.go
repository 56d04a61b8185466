package host

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/plain"
)

// text is what the stream held after our mark: what came before is a greeting.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, after, found := strings.Cut(string(t.kept), t.after+"\n"); found {
		return after
	}
	return string(t.kept)
}

// exitCode tells the end of a command from the end of a connection.
func exitCode(err error) (code int, exited bool) {
	if err == nil {
		return 0, true
	}
	var remote *ssh.ExitError
	if errors.As(err, &remote) {
		return remote.ExitStatus(), true
	}
	var local *exec.ExitError
	if errors.As(err, &local) && local.Exited() {
		return local.ExitCode(), true
	}
	return 0, false
}

// failure turns a script's "fail CODE" into a sentence with a way out.
func (h *Host) failure(j job, a *answer, stderr string) error {
	subject := cut(plain.Line(string(a.block("fail-text")), 0), 300)
	detail := tellingLine(clean([]byte(stderr)))
	full := a.blocks["full"] != nil || isFull(stderr)
	if free := a.number("free"); free >= 0 && free < 1024 {
		full = true
	}
	if full {
		place := cut(plain.Line(string(a.block("full")), 0), 300)
		return h.noSpace(j.doing, cmp.Or(place, "~/.cache/pm-todos"), detail)
	}
	if isProcessLimit(stderr) {
		return h.noProcesses(j.doing, errors.New(detail))
	}
	if failure, known := failures[a.get("fail")]; known {
		err := failure.err
		if err == nil {
			err = errFailed
		}
		sentence := strings.ReplaceAll(failure.text, "{}", subject)
		if failure.detail && detail != "" {
			sentence += ": " + detail
		}
		return fault.Mark(failure.kind, &fault.Error{Err: fmt.Errorf("%s on %s: %w: %s", j.doing, h.name, err, sentence), Fix: failure.fix})
	}
	return fault.Mark(fault.Failed, fmt.Errorf("%s on %s: %w: it failed with %q", j.doing, h.name, ErrAnswer, cut(clean([]byte(a.get("fail"))), 60)))
}

// noSpace is the error of a full disk or a used up quota.
func (h *Host) noSpace(doing, place, detail string) error {
	if detail != "" {
		detail = ": " + detail
	}
	return fault.Mark(fault.Temporary, fmt.Errorf("%s: %w on %s:%s, free some there%s", doing, ErrDiskFull, h.name, place, detail))
}

// noProcesses is the error of a host that starts no more programs.
func (h *Host) noProcesses(doing string, cause error) error {
	return fault.Mark(fault.Temporary, fmt.Errorf("%s: %s %w, its memory or the account's limit of processes is used up: %w", doing, h.name, ErrProcesses, cause))
}

// processLimit is what shells and runtimes say when they get no process, no
// thread or no memory for one: dash, bash, busybox, ksh, git, Go, and the C library.
var processLimit = pattern.Lazy(`(?i)can(?:no|')t fork|fork(?:/exec)?\b[^\n]{0,200}(?:resource temporarily unavailable|cannot allocate memory)|failed to create new OS thread|pthread_create failed`)

func isProcessLimit(text string) bool { return processLimit().MatchString(text) }

func isFull(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "no space left on device") || strings.Contains(text, "disk quota exceeded")
}

var errFailed = errors.New("failed")

// failures says what the codes of the scripts mean. The text takes the
// subject that the script named in place of {}.
var failures = map[string]struct {
	kind   fault.Kind
	err    error
	text   string
	fix    string
	detail bool // what the program said is added to the text
}{
	"home":         {fault.Failed, nil, "the user has no home folder (HOME is “{}”)", "create it, or use another account", false},
	"cache":        {fault.Failed, nil, "“{}” cannot be written", "check its owner, its mode and whether the file system is read-only", true},
	"foreign":      {fault.Failed, nil, "“{}” is a link or belongs to another account, which could change what is planned there", "remove it, and let it be made again", false},
	"no-run":       {fault.Failed, nil, "the run directory “{}” is gone", "start the run again", false},
	"no-tree":      {fault.Failed, nil, "the work tree “{}” is gone or was replaced by something else", "", false},
	"no-folder":    {fault.Failed, nil, "the repository has no folder “{}”, or it leads out of the workspace", "", false},
	"busy":         {fault.Person, ErrBegan, "the workspace belongs to apply “{}”, which is not settled", "", false},
	"git":          {fault.Failed, nil, "git could not work on “{}”", "", true},
	"cut":          {fault.Temporary, ErrLost, "its input arrived with only {} bytes", "", false},
	"workdir":      {fault.Failed, nil, "workdir “{}” is not there or not readable", "correct the setting, or unset carry", false},
	"workdir-git":  {fault.Failed, nil, "workdir “{}” is no git checkout", "carry takes ignored files of one", true},
	"carry":        {fault.Failed, nil, "carry file “{}” could not be copied", "", true},
	"carry-link":   {fault.Failed, nil, "carry file “{}” is, or its place is, a link that leads out", "name a real file, or use prepare_command", false},
	"carry-name":   {fault.Failed, nil, "carry file {} has a name with quotes or control characters", "narrow the pattern", false},
	"no-plan":      {fault.Failed, nil, "the plan command succeeded and left no plan file at “{}”", "plan_args must contain -out={plan} and the wrapper must hand it on", false},
	"tool":         {fault.Failed, nil, "{} is not installed there", "", false},
	"plan-changed": {fault.Failed, ErrPlanChanged, "“{}” differs from what the gate saw; nothing was applied, plan again", "", false},
	"plan-missing": {fault.Failed, ErrPlanChanged, "no plan with SHA-256 “{}” was saved in this workspace; nothing was applied, plan again", "", false},
	"began":        {fault.Person, ErrBegan, "apply “{}” was started once", "settle it instead of applying again", false},
	"fenced":       {fault.Temporary, ErrFenced, "another run has settled apply “{}” as one that never began; nothing was applied", "", false},
	"not-begun":    {fault.Failed, nil, "the detached process did not start ({}); nothing was applied", "", true},
	"export":       {fault.Failed, nil, "what is in the work tree cannot be taken into git ({})", "", true},
	"too-large":    {fault.Failed, ErrTooLarge, "the change has {} bytes or more", "", false},
}
