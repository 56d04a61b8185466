package agenttest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// responses is https://platform.openai.com/docs/api-reference/responses-streaming. A
// tool of Codex takes a text: that under the name "input".
func (a *API) responses(w http.ResponseWriter, answer []Block) {
	event := func(kind string, data map[string]any) {
		data["type"] = kind
		text, _ := json.Marshal(data)
		_, _ = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, text)
	}
	id := fmt.Sprintf("resp_%d", len(a.seen))
	event("response.created", map[string]any{"response": map[string]any{"id": id}})
	for i, b := range answer {
		item := map[string]any{"type": "message", "role": "assistant", "id": fmt.Sprintf("msg_%d_%d", len(a.seen), i), "content": []any{map[string]any{"type": "output_text", "text": b.Text}}}
		if b.Tool != "" {
			call := fmt.Sprintf("call_%d_%d", len(a.seen), i)
			item = map[string]any{"type": "custom_tool_call", "id": "ctc_" + call, "call_id": call, "namespace": "functions", "name": b.Tool, "input": b.Input["input"]}
		}
		event("response.output_item.done", map[string]any{"output_index": i, "item": item})
	}
	event("response.completed", map[string]any{"response": map[string]any{"id": id, "status": "completed", "usage": map[string]any{
		"input_tokens": 100, "input_tokens_details": map[string]any{"cached_tokens": 0},
		"output_tokens": a.Tokens, "output_tokens_details": map[string]any{"reasoning_tokens": 0}, "total_tokens": 100 + a.Tokens,
	}}})
}

// content is https://ai.google.dev/api/generate-content.
func (a *API) content(w http.ResponseWriter, answer []Block) {
	var parts []any
	for _, b := range answer {
		part := map[string]any{"text": b.Text}
		if b.Tool != "" {
			part = map[string]any{"functionCall": map[string]any{"name": b.Tool, "args": b.Input}}
		}
		parts = append(parts, part)
	}
	stop := "STOP"
	if a.Stop != "" {
		stop = a.Stop
	}
	text, _ := json.Marshal(map[string]any{
		"candidates":    []any{map[string]any{"index": 0, "finishReason": stop, "content": map[string]any{"role": "model", "parts": parts}}},
		"usageMetadata": map[string]any{"promptTokenCount": 100, "candidatesTokenCount": a.Tokens, "totalTokenCount": 100 + a.Tokens},
	})
	_, _ = fmt.Fprintf(w, "data: %s\r\n\r\n", text)
}
