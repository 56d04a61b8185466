package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// maxPrompt is above what the real program takes from standard input.
const maxPrompt = 10 << 20

// run is one start of the stand-in agent.
type run struct {
	control string
	options options
	prompt  string
	stream  *stream
	child   atomic.Pointer[os.Process] // the tool process that runs now
}

// Main is the program claude: it answers to --version and auth status, and
// otherwise works on the prompt.
func Main(args []string, control string) int {
	if len(args) == 1 && (args[0] == "--version" || args[0] == "-v") {
		_, _ = fmt.Println(Version)
		return 0
	}
	_, err := os.Stat(filepath.Join(control, "logged-out"))
	loggedIn := err != nil
	if len(args) >= 2 && args[0] == "auth" && args[1] == "status" {
		return printStatus(loggedIn)
	}
	options, err := parseOptions(args)
	if err != nil {
		return program.Complain(os.Stderr, "error: %v", err)
	}
	run := &run{control: control, options: options}
	run.stream = newStream(os.Stdout, options)
	run.endOnSignal()
	if err := run.readPrompt(os.Stdin); err != nil {
		return program.Complain(os.Stderr, "Error: %v", err)
	}
	if err := run.record(args); err != nil {
		return program.Complain(os.Stderr, "Error: %v", err)
	}
	if !loggedIn {
		return run.stream.end(result{text: "Not logged in · Please run /login", isError: true, named: "authentication_failed"})
	}
	return run.work()
}

func printStatus(loggedIn bool) int {
	status := map[string]any{"loggedIn": loggedIn, "authMethod": "none", "apiProvider": "firstParty"}
	code := 1
	if loggedIn {
		status["authMethod"], code = "claude.ai", 0
	}
	_ = json.NewEncoder(os.Stdout).Encode(status)
	return code
}

// readPrompt takes the prompt from the arguments or from standard input.
func (r *run) readPrompt(stdin io.Reader) error {
	r.prompt = r.options.prompt
	if r.prompt == "" {
		content, err := io.ReadAll(io.LimitReader(stdin, maxPrompt+1))
		if err != nil {
			return fmt.Errorf("the prompt cannot be read: %w", err)
		}
		if len(content) > maxPrompt {
			return errors.New("the prompt is larger than 10 MB")
		}
		r.prompt = string(content)
	}
	if strings.TrimSpace(r.prompt) == "" {
		return errors.New("input must be provided either through stdin or as a prompt argument when using --print")
	}
	return nil
}

// record keeps the call for the test that looks at it.
func (r *run) record(args []string) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	content, err := json.Marshal(Call{Args: args, Dir: dir, Prompt: r.prompt, Env: os.Environ()})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("call-%020d-%d.json", time.Now().UnixNano(), os.Getpid())
	return os.WriteFile(filepath.Join(r.control, name), content, 0o600)
}

// setting is one of the files by which a test scripts the agent.
func (r *run) setting(name, fallback string) string {
	content, err := os.ReadFile(filepath.Join(r.control, name))
	if text := strings.TrimSpace(string(content)); err == nil && text != "" {
		return text
	}
	return fallback
}

// work makes the edits and prints what the real program would print of them.
func (r *run) work() int {
	outcome := Outcome(r.setting("outcome", string(Success)))
	if outcome == Crash {
		return program.Complain(os.Stderr, "Error: the stand-in agent was told to crash")
	}
	item := findItem(r.prompt)
	r.stream.start()
	r.stream.say("I will implement this item: " + item["ACTION"])
	denied := outcome == Denied || !r.options.mayEdit()
	var scriptErr error
	switch {
	case denied:
		r.stream.denyTool("Bash", "sh agent.sh")
	case outcome == Hang:
		return r.hang()
	case outcome == Flood:
		return r.stream.flood()
	default:
		var output string
		output, scriptErr = r.edit(item)
		r.stream.tool("Bash", "sh agent.sh", output, scriptErr != nil)
	}
	// The script may have changed its mind about the outcome.
	if outcome == Success {
		outcome = Outcome(r.setting("outcome", string(Success)))
	}
	if scriptErr != nil {
		outcome = IsError
	}
	cost, err := strconv.ParseFloat(r.setting("cost", "0.42"), 64)
	if err != nil {
		return program.Complain(os.Stderr, "Error: the stand-in agent's cost is no number: %v", err)
	}
	return r.stream.finish(outcome, cost, denied)
}

// edit runs the script in the current folder with the item in its environment.
func (r *run) edit(item map[string]string) (string, error) {
	script := filepath.Join(r.control, "agent.sh")
	if _, err := os.Stat(script); err != nil {
		return "there is no agent.sh, so nothing was changed", nil
	}
	prompt, err := os.CreateTemp(r.control, "prompt-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(prompt.Name()) }()
	_, err = prompt.WriteString(r.prompt)
	if err := errors.Join(err, prompt.Close()); err != nil {
		return err.Error(), err
	}
	cmd := exec.Command("sh", script)
	cmd.Env = append(os.Environ(), "STANDIN_DIR="+r.control, "PROMPT_FILE="+prompt.Name())
	for _, key := range []string{"ACTION", "TYPE", "ID"} {
		cmd.Env = append(cmd.Env, "ITEM_"+key+"=")
	}
	for key, value := range item {
		cmd.Env = append(cmd.Env, "ITEM_"+key+"="+value)
	}
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return err.Error(), err
	}
	r.child.Store(cmd.Process)
	err = cmd.Wait()
	r.child.Store(nil)
	return output.String(), err
}

// hang waits for a signal beside a child process that nobody else will end.
func (r *run) hang() int {
	cmd := exec.Command("sleep", "3600")
	if err := cmd.Start(); err != nil {
		return program.Complain(os.Stderr, "Error: %v", err)
	}
	r.child.Store(cmd.Process)
	_ = cmd.Wait()
	select {}
}

// endOnSignal ends as the real program does: its tool process first, 128 plus
// the signal for TERM and HUP, but 0 and an error result for INT.
func (r *run) endOnSignal() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	go func() {
		received, _ := (<-signals).(syscall.Signal)
		if child := r.child.Load(); child != nil {
			_ = child.Kill()
		}
		if received == syscall.SIGINT {
			_ = r.stream.end(result{subtype: "error_during_execution", isError: true})
			os.Exit(0)
		}
		os.Exit(128 + int(received))
	}()
}

// findItem finds the item in a prompt: the first JSON object, at any place and
// depth, that has the keys action and type. Its plain values come back under
// upper-case names.
func findItem(prompt string) map[string]string {
	for at := strings.IndexByte(prompt, '{'); at >= 0; {
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(prompt[at:]))
		decoder.UseNumber()
		if decoder.Decode(&object) == nil {
			item := plainValues(object)
			_, hasAction := item["ACTION"]
			_, hasType := item["TYPE"]
			if hasAction && hasType {
				return item
			}
		}
		next := strings.IndexByte(prompt[at+1:], '{')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return map[string]string{}
}

func plainValues(object map[string]any) map[string]string {
	values := map[string]string{}
	for key, value := range object {
		key = strings.Map(func(c rune) rune {
			if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
				return c
			}
			return '_'
		}, strings.ToUpper(key))
		switch v := value.(type) {
		case string:
			// An environment variable cannot hold a NUL.
			values[key] = strings.ReplaceAll(v, "\x00", "")
		case json.Number:
			values[key] = v.String()
		case bool:
			values[key] = strconv.FormatBool(v)
		}
	}
	return values
}

// options are the flags of a headless run that matter here.
type options struct {
	prompt string
	values map[string][]string // by flag, without dashes
}

// The flags of the real program, by how many values they take.
var (
	agentSwitches = []string{
		"p", "print", "verbose", "dangerously-skip-permissions", "strict-mcp-config", "no-session-persistence", "disable-slash-commands", "debug", "no-chrome", "bare",
	}
	agentValues = []string{
		"agent", "agents", "output-format", "input-format", "permission-mode", "max-budget-usd", "model", "fallback-model", "settings", "setting-sources", "max-turns",
		"append-system-prompt", "system-prompt", "session-id", "effort", "json-schema",
	}
	agentLists = []string{"allowedTools", "allowed-tools", "disallowedTools", "disallowed-tools", "tools", "add-dir", "mcp-config"}
)

// parseOptions refuses what the real program refuses.
func parseOptions(args []string) (options, error) {
	o := options{values: map[string][]string{}}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		switch {
		case !strings.HasPrefix(arg, "-"):
			o.prompt = arg
		case slices.Contains(agentSwitches, name):
			o.values[name] = []string{"true"}
		case slices.Contains(agentValues, name) && joined:
			o.values[name] = []string{value}
		case slices.Contains(agentValues, name) && len(args) > 0:
			o.values[name], args = args[:1], args[1:]
		case slices.Contains(agentLists, name):
			if joined {
				o.values[name] = append(o.values[name], value)
			}
			for len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				o.values[name], args = append(o.values[name], args[0]), args[1:]
			}
		case slices.Contains(agentValues, name):
			return o, fmt.Errorf("option '--%s <value>' argument missing", name)
		default:
			return o, fmt.Errorf("unknown option '%s'", arg)
		}
	}
	return o, o.check()
}

func (o options) check() error {
	if !o.has("p") && !o.has("print") {
		return errors.New("the stand-in works only headless, with -p")
	}
	if o.first("output-format") == "stream-json" && !o.has("verbose") {
		return errors.New("when using --print, --output-format=stream-json requires --verbose")
	}
	if o.has("dangerously-skip-permissions") && os.Geteuid() == 0 && os.Getenv("IS_SANDBOX") != "1" {
		return errors.New("--dangerously-skip-permissions cannot be used with root/sudo privileges for security reasons")
	}
	name := o.first("agent")
	if name == "" {
		return nil
	}
	var inline map[string]json.RawMessage
	if text := o.first("agents"); text != "" {
		if err := json.Unmarshal([]byte(text), &inline); err != nil {
			return fmt.Errorf("--agents is no JSON object: %w", err)
		}
	}
	if _, ok := inline[name]; ok {
		return nil
	}
	sources := o.first("setting-sources")
	_, err := os.Stat(filepath.Join(".claude", "agents", name+".md"))
	if err != nil || (sources != "" && !strings.Contains(sources, "project")) {
		return fmt.Errorf("--agent '%s' not found", name)
	}
	return nil
}

func (o options) has(name string) bool { return len(o.values[name]) > 0 }

func (o options) first(name string) string {
	if o.has(name) {
		return o.values[name][0]
	}
	return ""
}

// mayEdit reports whether the permissions let a headless run change files; with
// none given every edit is denied.
func (o options) mayEdit() bool {
	mode := o.first("permission-mode")
	if mode == "acceptEdits" || mode == "bypassPermissions" || o.has("dangerously-skip-permissions") {
		return true
	}
	allowed := strings.Join(append(slices.Clone(o.values["allowedTools"]), o.values["allowed-tools"]...), " ")
	return strings.Contains(allowed, "Edit") || strings.Contains(allowed, "Write")
}
