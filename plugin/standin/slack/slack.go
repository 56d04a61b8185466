// Package slack stands in for Slack: its webhooks and its web API.
package slack

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// hook is the path of the incoming webhook, of the shape that Slack's have.
const hook = "T00000000/B00000000/standinstandinstandinstan"

// Token is the bot token that the stand-in accepts.
const Token = "xoxb-standin-token"

// Slack receives messages by incoming webhook and by the Web API's
// chat.postMessage and chat.update, and keeps them.
type Slack struct {
	addr     string
	server   *http.Server
	mu       sync.Mutex
	messages []Message
	script   []answer
	posted   int
}

// Message is one request that Slack received.
type Message struct {
	Method string         // "webhook", "chat.postMessage" or "chat.update"
	Body   map[string]any // the JSON body; the fields of a form, with blocks decoded
	Status int            // of the answer
}

type answer struct {
	status     int
	retryAfter time.Duration
}

// Start starts Slack on a free port of the loopback interface.
func Start() (*Slack, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for the stand-in Slack: %w", err)
	}
	s := &Slack{addr: "http://" + listener.Addr().String()}
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

// Close stops the server.
func (s *Slack) Close() error { return s.server.Close() }

// WebhookURL is the incoming webhook.
func (s *Slack) WebhookURL() string { return s.addr + "/services/" + hook }

// APIURL is the base of the Web API, with a final slash.
func (s *Slack) APIURL() string { return s.addr + "/api/" }

// Answer makes the next request end with an HTTP status, and with a
// Retry-After header, in whole seconds, when retryAfter is not zero.
func (s *Slack) Answer(status int, retryAfter time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, answer{status, retryAfter})
}

// Messages are the requests so far, oldest first, refused ones too.
func (s *Slack) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

func (s *Slack) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method, ok := strings.CutPrefix(r.URL.Path, "/api/")
	if !ok {
		method = "webhook"
		if r.URL.Path != "/services/"+hook {
			http.Error(w, "no_service", http.StatusNotFound)
			return
		}
	}
	body, err := bodyOf(r)
	if err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	status := http.StatusOK
	if len(s.script) > 0 {
		next := s.script[0]
		s.script = s.script[1:]
		status = next.status
		if next.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(next.retryAfter/time.Second)))
		}
	}
	if problem := problemOf(body); problem != "" && status == http.StatusOK && method == "webhook" {
		status = http.StatusBadRequest
	}
	s.messages = append(s.messages, Message{Method: method, Body: body, Status: status})
	switch {
	case status != http.StatusOK:
		http.Error(w, strings.ReplaceAll(strings.ToLower(http.StatusText(status)), " ", "_"), status)
	case method == "webhook":
		_, _ = io.WriteString(w, "ok")
	default:
		s.serveAPI(w, r, method, body)
	}
}

// serveAPI answers as the Web API does: always 200, with "ok" in the body.
func (s *Slack) serveAPI(w http.ResponseWriter, r *http.Request, method string, body map[string]any) {
	answer := map[string]any{"ok": true}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if field, ok := body["token"].(string); ok && token == "" {
		token = field
	}
	stamp := fmt.Sprintf("1776157200.%06d", s.posted)
	switch {
	case method != "chat.postMessage" && method != "chat.update":
		answer = map[string]any{"ok": false, "error": "unknown_method"}
	case token != Token:
		answer = map[string]any{"ok": false, "error": "invalid_auth"}
	case textOf(body["channel"]) == "":
		answer = map[string]any{"ok": false, "error": "channel_not_found"}
	case problemOf(body) != "":
		answer = map[string]any{"ok": false, "error": "invalid_blocks", "errors": []string{problemOf(body)}}
	default:
		if method == "chat.update" {
			stamp = textOf(body["ts"])
		} else {
			s.posted++
		}
		maps.Copy(answer, map[string]any{"channel": body["channel"], "ts": stamp, "message": map[string]any{"text": body["text"], "ts": stamp}})
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer)
}

// bodyOf reads a body in the forms that Slack takes: JSON, or a form in
// which blocks are JSON text, or the whole message is in "payload".
func bodyOf(r *http.Request) (map[string]any, error) {
	body := map[string]any{}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		err := json.NewDecoder(r.Body).Decode(&body)
		return body, err
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	if payload := r.PostForm.Get("payload"); payload != "" {
		err := json.Unmarshal([]byte(payload), &body)
		return body, err
	}
	for key := range r.PostForm {
		body[key] = r.PostForm.Get(key)
	}
	if text, ok := body["blocks"].(string); ok {
		var blocks []any
		if err := json.Unmarshal([]byte(text), &blocks); err != nil {
			return nil, err
		}
		body["blocks"] = blocks
	}
	return body, nil
}

// problemOf is what Slack would refuse of a message: nothing to show, more
// than 50 blocks, a header above 150 characters or a text above 3000.
func problemOf(body map[string]any) string {
	blocks, _ := body["blocks"].([]any)
	if textOf(body["text"]) == "" && len(blocks) == 0 {
		return "no_text"
	}
	if len(blocks) > 50 {
		return "no more than 50 items allowed [json-pointer:/blocks]"
	}
	for i, one := range blocks {
		block, _ := one.(map[string]any)
		limit := 3000
		if block["type"] == "header" {
			limit = 150
		}
		text, _ := block["text"].(map[string]any)
		if length := len([]rune(textOf(text["text"]))); length > limit {
			return fmt.Sprintf("must be less than %d characters [json-pointer:/blocks/%d/text/text]", limit+1, i)
		}
	}
	return ""
}

func textOf(value any) string {
	text, _ := value.(string)
	return text
}
