// Package terraform stands in for Terraform.
package terraform

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// Version is the version whose output the stand-in prints.
const Version = "1.11.4"

// Terraform is the stand-in for Terraform: a program called terraform that
// understands terraform_data resources with literal values and the local
// backend, and keeps state, plans, shows and applies in Terraform's own formats.
type Terraform struct {
	Dir     string // folder of its settings and of the record of its calls
	Program string // path of the wrapper
}

// Call is one start of the stand-in Terraform.
type Call struct {
	Args []string `json:"args"`
	Dir  string   `json:"dir"`            // folder in which it ran
	Env  []string `json:"env"`            // KEY=value, as it was started
	Plan string   `json:"plan,omitempty"` // SHA-256 of the saved plan that an apply was given
}

// Install puts the program terraform into the folder bin and its
// settings into the folder control. The wrapper starts executable, whose main must
// call standin.Dispatch; an empty one is this executable.
func Install(bin, control, executable string) (*Terraform, error) {
	bin, errBin := filepath.Abs(bin)
	control, errControl := filepath.Abs(control)
	if err := errors.Join(errBin, errControl); err != nil {
		return nil, fmt.Errorf("folders of the stand-in Terraform: %w", err)
	}
	t := &Terraform{Dir: control, Program: filepath.Join(bin, "terraform")}
	return t, program.Install(t.Program, executable, "terraform", control)
}

// FailPlan makes every plan end 1 with this text as its error; empty ends that.
func (t *Terraform) FailPlan(text string) error { return t.set("plan-error", text) }

// FailApplyAfter makes every apply fail after it has changed n resources; a
// negative number ends that.
func (t *Terraform) FailApplyAfter(n int) error {
	if n < 0 {
		return t.set("apply-fail-after", "")
	}
	return t.set("apply-fail-after", strconv.Itoa(n))
}

// DelayApply makes every apply wait, with the state locked, before it changes
// the first resource.
func (t *Terraform) DelayApply(d time.Duration) error { return t.set("apply-delay", d.String()) }

func (t *Terraform) set(name, content string) error {
	if t.Dir == "" {
		return fmt.Errorf("setting %s: a real Terraform is in use, which takes no such orders", name)
	}
	if err := os.WriteFile(filepath.Join(t.Dir, name), []byte(content), 0o600); err != nil {
		return fmt.Errorf("setting %s of the stand-in Terraform: %w", name, err)
	}
	return nil
}

// Calls are the starts so far, oldest first.
func (t *Terraform) Calls() ([]Call, error) {
	content, err := os.ReadFile(filepath.Join(t.Dir, "calls.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("calls of the stand-in Terraform: %w", err)
	}
	var calls []Call
	for line := range strings.Lines(string(content)) {
		var call Call
		if err := json.Unmarshal([]byte(line), &call); err != nil {
			return nil, fmt.Errorf("calls of the stand-in Terraform: %w", err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

// run is one start of the stand-in Terraform.
type run struct {
	dir      string // the configuration's folder
	control  string // folder of the settings; empty for none
	out, err io.Writer

	// flags of the command line
	planFile    string // of -out
	jsonOutput  bool
	lockTimeout time.Duration
	approve     bool
	detailed    bool
}

// Main is the program terraform.
func Main(args []string, control string) int {
	dir, err := os.Getwd()
	if err != nil {
		return program.Complain(os.Stderr, "the current folder cannot be found: %v", err)
	}
	return run{dir: dir, control: control, out: os.Stdout, err: os.Stderr}.main(args)
}

// Run runs one command line in a folder within this process, without a record and
// without what the tests want of the program.
func Run(dir string, args []string, output io.Writer) (code int) {
	return run{dir: dir, out: output, err: output}.main(args)
}

// main runs one command line, without the program's name.
func (t run) main(args []string) int {
	if err := t.record(args); err != nil {
		return program.Complain(t.err, "%v", err)
	}
	for len(args) > 0 && strings.HasPrefix(args[0], "-chdir=") {
		t.dir = filepath.Join(t.dir, strings.TrimPrefix(args[0], "-chdir="))
		args = args[1:]
	}
	if len(args) == 0 {
		return program.Complain(t.err, "Usage: terraform [global options] <subcommand> [args]")
	}
	commands := map[string]func([]string) (int, error){
		"version": t.version, "-version": t.version, "--version": t.version,
		"init": t.init, "plan": t.plan, "show": t.show, "apply": t.apply,
	}
	command, ok := commands[args[0]]
	if !ok {
		return program.Complain(t.err, "Terraform has no command named %q.\n\nTo see all of Terraform's top-level commands, run:\n  terraform -help", args[0])
	}
	code, err := command(args[1:])
	if err != nil {
		return program.Complain(t.err, "\nError: %v\n", err)
	}
	return code
}

func (t run) record(args []string) error {
	if t.control == "" {
		return nil
	}
	call := Call{Args: args, Dir: t.dir, Env: os.Environ()}
	if len(args) > 1 && args[0] == "apply" {
		if saved, err := os.ReadFile(args[len(args)-1]); err == nil {
			call.Plan = fmt.Sprintf("%x", sha256.Sum256(saved))
		}
	}
	line, err := json.Marshal(call)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(t.control, "calls.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(append(line, '\n'))
	return errors.Join(err, file.Close())
}

// setting is one of the files by which a test scripts the program.
func (t run) setting(name string) string {
	if t.control == "" {
		return ""
	}
	content, _ := os.ReadFile(filepath.Join(t.control, name)) // one that is not there is empty
	return string(content)
}

// parse reads a command's flags and returns what follows them. As in the real
// program, flags after the first other word are words too.
func (t *run) parse(command string, args []string, maxWords int) ([]string, error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&t.planFile, "out", "", "")
	flags.BoolVar(&t.jsonOutput, "json", false, "")
	flags.BoolVar(&t.approve, "auto-approve", false, "")
	flags.BoolVar(&t.detailed, "detailed-exitcode", false, "")
	flags.DurationVar(&t.lockTimeout, "lock-timeout", 0, "")
	for _, name := range []string{"input", "no-color", "non-interactive", "upgrade", "reconfigure", "refresh", "compact-warnings", "backend"} {
		flags.Bool(name, false, "")
	}
	for _, name := range []string{"lockfile", "parallelism"} {
		flags.String(name, "", "")
	}
	if err := flags.Parse(args); err != nil {
		return nil, failure("Failed to parse command-line flags", "%w\n\nFor more help on using this command, run:\n  terraform %s -help", err, command)
	}
	if flags.NArg() > maxWords {
		return nil, failure("Too many command line arguments", "Expected at most %d positional argument.\n\nFor more help on using this command, run:\n  terraform %s -help", maxWords, command)
	}
	return flags.Args(), nil
}

// failure is an error in Terraform's form: a summary, an empty line, details.
func failure(summary, details string, args ...any) error {
	return fmt.Errorf(summary+"\n\n"+details, args...)
}

func (t run) version(args []string) (int, error) {
	if _, err := t.parse("version", args, 0); err != nil {
		return 1, err
	}
	_, err := fmt.Fprintf(t.out, "Terraform v%s\non %s_%s\n(the stand-in of pm-todos)\n", Version, runtime.GOOS, runtime.GOARCH)
	return 0, err
}

// backendRecord is where init notes the backend that it has set up.
func (t run) backendRecord() string {
	return filepath.Join(t.dir, ".terraform", "terraform.tfstate")
}

func (t run) init(args []string) (int, error) {
	if _, err := t.parse("init", args, 0); err != nil {
		return 1, err
	}
	c, err := loadConfig(t.dir)
	if err != nil {
		return 1, err
	}
	if c.backend != nil {
		record, err := json.MarshalIndent(map[string]any{
			"version": 3, "terraform_version": Version,
			"backend": map[string]any{"type": "local", "config": map[string]any{"path": c.backend.Path, "workspace_dir": nil}},
		}, "", "  ")
		if err != nil {
			return 1, err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(t.backendRecord()), 0o750), os.WriteFile(t.backendRecord(), record, 0o600)); err != nil {
			return 1, failure("Failed to save the backend configuration", "%w", err)
		}
		_, _ = fmt.Fprint(t.out, "Initializing the backend...\n\nSuccessfully configured the backend \"local\"!\n")
	}
	_, err = fmt.Fprint(t.out, "Initializing provider plugins...\n- terraform.io/builtin/terraform is built in to Terraform\n\nTerraform has been successfully initialized!\n")
	return 0, err
}

// initialized checks that init ran for the backend that the configuration
// names now.
func (t run) initialized(c *config) error {
	if c.backend == nil {
		return nil
	}
	content, err := os.ReadFile(t.backendRecord())
	if err != nil {
		return failure("Backend initialization required, please run \"terraform init\"", "Reason: Initial configuration of the requested backend \"local\"")
	}
	var record struct {
		Backend struct {
			Config struct {
				Path string `json:"path"`
			} `json:"config"`
		} `json:"backend"`
	}
	if err := json.Unmarshal(content, &record); err != nil || record.Backend.Config.Path != c.backend.Path {
		return failure("Backend configuration changed", "A change in the backend configuration has been detected. Run \"terraform init\" again.")
	}
	return nil
}
