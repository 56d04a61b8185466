// Package agenttest is the real program of the agent for tests, and a scripted
// model for it to ask. It uses no code that is under test.
package agenttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// found is the real program, or why it cannot be used; it is looked for once.
var found = sync.OnceValues(func() (program, why string) {
	program = os.Getenv("PM_TODOS_CLAUDE")
	if program == "" {
		var err error
		if program, err = exec.LookPath("claude"); err != nil {
			return "", "the agent's program is not here: install @anthropic-ai/claude-code with npm and name its program in PM_TODOS_CLAUDE, or put it on the PATH"
		}
	}
	out, err := exec.Command(program, "--version").CombinedOutput()
	if err != nil {
		return "", fmt.Sprintf("the agent's program does not run here: %v: %s", err, out)
	}
	return program, ""
})

// Program is the real program, or the test is skipped.
func Program(t testing.TB) string {
	t.Helper()
	program, why := found()
	if why != "" {
		t.Skip(why)
	}
	return program
}

// Block is one content block of a scripted answer: a text, or the use of a
// tool.
type Block struct {
	Text  string
	Tool  string
	Input map[string]any
}

// API is a scripted Messages API on loopback: request k gets answer k.
type API struct {
	*httptest.Server
	mu      sync.Mutex
	Answers [][]Block
	Status  int // of every answer, when not 200
	Body    string
	Broken  func(http.ResponseWriter) // makes every answer, when set
	After   int                       // answers before status or broken counts
	seen    []map[string]any
	Stop    string // stop reason of answers without tools
	Tokens  int    // output tokens of every answer
}

// New starts a server with answers; what is asked after them is answered with a
// word. It ends with the test.
func New(t testing.TB, answers ...[]Block) *API {
	a := &API{Answers: answers, Tokens: 20}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/v1/messages") || strings.Contains(r.URL.Path, "count_tokens") {
		http.NotFound(w, r)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var request map[string]any
	_ = json.Unmarshal(body, &request)
	a.seen = append(a.seen, request)
	if a.Broken != nil && len(a.seen) > a.After {
		a.Broken(w)
		return
	}
	if a.Status != 0 && len(a.seen) > a.After {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.Status)
		_, _ = io.WriteString(w, a.Body)
		return
	}
	answer := []Block{{Text: "done"}}
	if k := len(a.seen) - 1; k < len(a.Answers) {
		answer = a.Answers[k]
	}
	a.stream(w, answer)
}

// stream writes an answer as server-sent events.
func (a *API) stream(w http.ResponseWriter, answer []Block) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(kind string, data map[string]any) {
		data["type"] = kind
		text, _ := json.Marshal(data)
		_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, text)
	}
	event("message_start", map[string]any{"message": map[string]any{
		"id": fmt.Sprintf("msg_%d", len(a.seen)), "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "usage": map[string]any{"input_tokens": 100, "output_tokens": 1},
	}})
	stop := "end_turn"
	if a.Stop != "" {
		stop = a.Stop
	}
	for i, b := range answer {
		content, delta := map[string]any{"type": "text", "text": ""}, map[string]any{"type": "text_delta", "text": b.Text}
		if b.Tool != "" {
			stop = "tool_use"
			input, _ := json.Marshal(b.Input)
			content = map[string]any{"type": "tool_use", "id": fmt.Sprintf("toolu_%d_%d", len(a.seen), i), "name": b.Tool, "input": map[string]any{}}
			delta = map[string]any{"type": "input_json_delta", "partial_json": string(input)}
		}
		event("content_block_start", map[string]any{"index": i, "content_block": content})
		event("content_block_delta", map[string]any{"index": i, "delta": delta})
		event("content_block_stop", map[string]any{"index": i})
	}
	event("message_delta", map[string]any{"delta": map[string]any{"stop_reason": stop, "stop_sequence": nil}, "usage": map[string]any{"output_tokens": a.Tokens}})
	event("message_stop", map[string]any{})
}

// Tools is the names of the tools that the first request offered.
func (a *API) Tools() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for _, request := range a.seen {
		list, _ := request["tools"].([]any)
		for _, tool := range list {
			object, _ := tool.(map[string]any)
			name, _ := object["name"].(string)
			names = append(names, name)
		}
		if len(names) > 0 {
			break
		}
	}
	slices.Sort(names)
	return names
}

// Said is everything that was sent to the model, as text.
func (a *API) Said() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	text, _ := json.Marshal(a.seen)
	return string(text)
}
