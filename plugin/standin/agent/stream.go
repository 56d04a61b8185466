package agent

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// floodLine is about as long as the longest lines of the real program.
const floodLine = 400 << 10

// stream prints the events of a run in the real program's shapes: one
// JSON object a line for stream-json, only the last for json, only the text
// otherwise.
type stream struct {
	out     io.Writer
	format  string
	session string
	model   string
	mode    string
	begun   time.Time

	mu      sync.Mutex // a signal may end the run while it prints
	turns   int
	tools   int
	denials []any
}

// result is how a run ends; an empty subtype is success.
type result struct {
	subtype string
	text    string
	errors  []string
	isError bool
	cost    float64
	status  int    // of the API's answer that ended the run
	named   string // that error in the event before the result
}

func newStream(out io.Writer, o options) *stream {
	s := &stream{out: out, format: o.first("output-format"), session: program.NewID(), model: o.first("model"), mode: o.first("permission-mode"), begun: time.Now()}
	if s.model == "" {
		s.model = "claude-sonnet-4-5"
	}
	if s.mode == "" {
		s.mode = "default"
	}
	return s
}

// event prints one line, except where only the result is asked for.
func (s *stream) event(event map[string]any) {
	if s.format != "stream-json" && event["type"] != "result" {
		return
	}
	event["session_id"], event["uuid"] = s.session, program.NewID()
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(event)
}

// start prints the system/init event.
func (s *stream) start() {
	dir, _ := os.Getwd()
	s.event(map[string]any{
		"type": "system", "subtype": "init", "cwd": dir, "tools": []string{"Bash", "Edit", "Read", "Write"}, "mcp_servers": []any{},
		"model": s.model, "permissionMode": s.mode, "slash_commands": []any{}, "apiKeySource": "none",
		"claude_code_version": strings.Fields(Version)[0], "output_style": "default", "agents": []string{},
	})
}

func (s *stream) message(content map[string]any) {
	s.event(map[string]any{
		"type": "assistant", "parent_tool_use_id": nil,
		"message": map[string]any{
			"id": "msg_" + rand.Text(), "type": "message", "role": "assistant", "model": s.model, "content": []any{content},
			"stop_reason": nil, "stop_sequence": nil, "usage": usage(),
		},
	})
}

// say prints a text block of the assistant.
func (s *stream) say(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns++
	s.message(map[string]any{"type": "text", "text": text})
}

// tool prints a tool call and its result.
func (s *stream) tool(name, command, output string, failed bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turns++
	s.tools++
	id := fmt.Sprintf("toolu_standin%04d", s.tools)
	s.message(map[string]any{"type": "tool_use", "id": id, "name": name, "input": map[string]any{"command": command}})
	s.event(map[string]any{
		"type": "user", "parent_tool_use_id": nil,
		"message": map[string]any{"role": "user", "content": []any{map[string]any{
			"type": "tool_result", "tool_use_id": id, "content": output, "is_error": failed,
		}}},
	})
	return id
}

// denyTool prints a tool call that the permissions forbid.
func (s *stream) denyTool(name, command string) {
	id := s.tool(name, command, "Claude requested permissions to use "+name+", but you haven't granted it yet.", true)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denials = append(s.denials, map[string]any{"tool_name": name, "tool_use_id": id, "tool_input": map[string]any{"command": command}})
}

// finish ends the run in one of the outcomes that print a result, or in the
// one that should and does not.
func (s *stream) finish(outcome Outcome, cost float64, denied bool) int {
	switch outcome {
	case Truncated:
		return 0
	case IsError:
		return s.end(result{text: "API Error: 400 the request was refused", isError: true, cost: cost, status: 400, named: "unknown"})
	case Quota:
		return s.end(result{text: "API Error: 429 rate_limit_error: usage limit reached", isError: true, status: 429, named: "rate_limit"})
	case Error:
		return s.end(result{subtype: "error_during_execution", errors: []string{"the stand-in was told to fail"}, isError: true, cost: cost})
	case Budget:
		return s.end(result{subtype: "error_max_budget_usd", errors: []string{"Reached maximum budget"}, isError: true, cost: cost})
	}
	text := "The item is implemented. I have neither planned, applied nor pushed anything."
	if denied {
		text = "I could not make the change, since every tool call was denied."
	}
	s.say(text)
	code := s.end(result{text: text, cost: cost})
	if outcome == Linger {
		select {}
	}
	return code
}

// end prints the result event and is the exit code that goes with it.
func (s *stream) end(r result) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := 0
	if r.isError {
		code = 1
	}
	if s.format != "stream-json" && s.format != "json" {
		_, _ = fmt.Fprintln(s.out, r.text)
		return code
	}
	if r.named != "" {
		s.event(map[string]any{
			"type": "assistant", "parent_tool_use_id": nil, "error": r.named, "is_api_error_message": true,
			"message": map[string]any{"role": "assistant", "model": "<synthetic>", "content": []any{map[string]any{"type": "text", "text": r.text}}},
		})
	}
	event := map[string]any{
		"type": "result", "subtype": "success", "is_error": r.isError, "duration_ms": time.Since(s.begun).Milliseconds(), "duration_api_ms": 0,
		"num_turns": s.turns, "stop_reason": "end_turn", "total_cost_usd": r.cost, "usage": usage(),
		"modelUsage":         map[string]any{s.model: map[string]any{"inputTokens": 1200, "outputTokens": 300, "costUSD": r.cost}},
		"permission_denials": append([]any{}, s.denials...),
	}
	if r.isError {
		event["api_error_status"] = nil
	}
	if r.status != 0 {
		event["api_error_status"] = r.status
	}
	if r.subtype != "" {
		event["subtype"], event["errors"] = r.subtype, r.errors
	} else {
		event["result"] = r.text
	}
	s.event(event)
	return code
}

// flood prints assistant text until somebody ends it, or nobody reads it.
func (s *stream) flood() int {
	buffered := bufio.NewWriter(s.out)
	line := &stream{out: buffered, format: "stream-json", session: s.session, model: s.model}
	for text := strings.Repeat("flood ", floodLine/6); ; {
		line.say(text)
		if err := buffered.Flush(); err != nil {
			return 1
		}
	}
}

func usage() map[string]any {
	return map[string]any{"input_tokens": 1200, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 300}
}
