package agent

import (
	"cmp"
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

// stream prints the events of a run in the real program's shapes, one JSON object a
// line.
type stream struct {
	out     io.Writer
	session string
	model   string
	mode    string
	begun   time.Time

	mu    sync.Mutex // a signal may end the run while it prints
	turns int
	tools int
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
	return &stream{
		out: out, session: program.NewID(), begun: time.Now(),
		model: cmp.Or(o["model"], "claude-sonnet-4-5"), mode: cmp.Or(o["permission-mode"], "default"),
	}
}

// event prints one line.
func (s *stream) event(event map[string]any) {
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
func (s *stream) tool(name, command, output string, failed bool) {
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
}

// finish ends the run in one of the outcomes.
func (s *stream) finish(outcome Outcome, cost float64) int {
	switch outcome {
	case isError:
		return s.end(result{text: "API Error: 400 the request was refused", isError: true, cost: cost, status: 400, named: "unknown"})
	case Quota:
		return s.end(result{text: "API Error: 429 rate_limit_error: usage limit reached", isError: true, status: 429, named: "rate_limit"})
	case Error:
		return s.end(result{subtype: "error_during_execution", errors: []string{"the stand-in was told to fail"}, isError: true, cost: cost})
	}
	const text = "The item is implemented. I have neither planned, applied nor pushed anything."
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
		"permission_denials": []any{},
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

func usage() map[string]any {
	return map[string]any{"input_tokens": 1200, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 300}
}
