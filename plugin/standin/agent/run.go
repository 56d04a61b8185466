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
	run := &run{control: control}
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

// readPrompt takes the prompt from standard input.
func (r *run) readPrompt(stdin io.Reader) error {
	content, err := io.ReadAll(io.LimitReader(stdin, maxPrompt+1))
	switch r.prompt = string(content); {
	case err != nil:
		return fmt.Errorf("the prompt cannot be read: %w", err)
	case len(content) > maxPrompt:
		return errors.New("the prompt is larger than 10 MB")
	case strings.TrimSpace(r.prompt) == "":
		return errors.New("input must be provided through stdin when using --print")
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
	item := findItem(r.prompt)
	r.stream.start()
	r.stream.say("I will implement this item: " + item["ACTION"])
	if outcome == Hang {
		return r.hang()
	}
	output, scriptErr := r.edit(item)
	r.stream.tool("Bash", "sh agent.sh", output, scriptErr != nil)
	// The script may have changed its mind about the outcome.
	if outcome == Success {
		outcome = Outcome(r.setting("outcome", string(Success)))
	}
	if scriptErr != nil {
		outcome = isError
	}
	cost, err := strconv.ParseFloat(r.setting("cost", "0.42"), 64)
	if err != nil {
		return program.Complain(os.Stderr, "Error: the stand-in agent's cost is no number: %v", err)
	}
	return r.stream.finish(outcome, cost)
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

// options are the flags of a headless run, by name without dashes.
type options map[string]string

// The flags of the real program that a run may be given, by whether they take a value.
var (
	agentSwitches = []string{"p", "print", "verbose", "dangerously-skip-permissions", "strict-mcp-config", "no-session-persistence", "disable-slash-commands", "no-chrome", "bare"}
	agentValues   = []string{
		"agent", "agents", "output-format", "permission-mode", "max-budget-usd", "model", "settings", "setting-sources", "max-turns",
		"append-system-prompt", "system-prompt", "session-id", "allowedTools", "disallowedTools", "tools", "mcp-config",
	}
)

// parseOptions refuses what it does not know, as the real program does.
func parseOptions(args []string) (options, error) {
	o := options{}
	for len(args) > 0 {
		name, value, joined := strings.Cut(strings.TrimLeft(args[0], "-"), "=")
		switch {
		case strings.HasPrefix(args[0], "-") && slices.Contains(agentSwitches, name):
			o[name], args = "true", args[1:]
		case strings.HasPrefix(args[0], "-") && slices.Contains(agentValues, name) && joined:
			o[name], args = value, args[1:]
		case strings.HasPrefix(args[0], "-") && slices.Contains(agentValues, name) && len(args) > 1:
			o[name], args = args[1], args[2:]
		default:
			return o, fmt.Errorf("unknown option '%s', or one without its value", args[0])
		}
	}
	if o["p"] == "" && o["print"] == "" {
		return o, errors.New("the stand-in works only headless, with -p")
	}
	return o, nil
}
