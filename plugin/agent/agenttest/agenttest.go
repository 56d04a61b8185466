// Package agenttest is the real program of the agent for tests, and a scripted
// model for it to ask. It uses no code that is under test.
package agenttest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Block is one content block of a scripted answer: a text, or the use of a
// tool.
type Block struct {
	Text  string
	Tool  string
	Input map[string]any
}

// API is a scripted API of a model on loopback: request k gets answer k. It speaks
// Anthropic's Messages, OpenAI's Responses and Google's generateContent.
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
	stream := a.protocol(r)
	if stream == nil {
		http.Error(w, "", http.StatusUpgradeRequired) // what Codex tries first
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
	w.Header().Set("Content-Type", "text/event-stream")
	stream(w, answer)
}

// protocol writes an answer as server-sent events; nil for what is no request of a
// model.
func (a *API) protocol(r *http.Request) func(http.ResponseWriter, []Block) {
	switch path := r.URL.Path; {
	case r.Method != http.MethodPost, strings.Contains(path, "count_tokens"):
		return nil
	case strings.HasPrefix(path, "/v1/messages"):
		return a.messages
	case path == "/v1/responses":
		return a.responses
	case strings.HasSuffix(path, ":streamGenerateContent"):
		return a.content
	}
	return nil
}

// messages is https://docs.claude.com/en/docs/build-with-claude/streaming.
func (a *API) messages(w http.ResponseWriter, answer []Block) {
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
