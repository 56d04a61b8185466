package agent

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"strings"
)

// result is the last line of a run. Its other fields decide nothing.
type result struct {
	Subtype    string            `json:"subtype"`
	IsError    *bool             `json:"is_error"`
	Result     string            `json:"result"`
	Errors     []json.RawMessage `json:"errors"`
	Turns      int               `json:"num_turns"`
	Denials    []json.RawMessage `json:"permission_denials"`
	Status     int               `json:"api_error_status"` // of HTTP, 0 when it was no answer
	APIError   string            `json:"api_error"`
	StopReason string            `json:"stop_reason"`

	cost      float64
	costKnown bool
}

// stream is what the events of a run came to.
type stream struct {
	begun    bool    // an event came
	answered bool    // one of the model came
	last     *result // the last one
	cost     float64 // the most that a result told
	refusal  string  // name of the error in the last event of the model, "" for none
	cut      bool    // it ends inside of an event
}

// readStream reads the events.
func readStream(stdout []byte) stream {
	var s stream
	s.begun, s.cut = eachEvent(stdout, s.take)
	return s
}

func (s *stream) take(event []byte) {
	var head struct {
		Type  string `json:"type"`
		Error any    `json:"error"`
	}
	if json.Unmarshal(event, &head) != nil {
		return
	}
	switch head.Type {
	case "assistant":
		s.answered = true
		s.refusal, _ = head.Error.(string)
	case "result":
		one := &result{}
		// A result whose fields have other types than they should says nothing
		// that counts as a success.
		if json.Unmarshal(event, one) != nil {
			one = &result{}
		}
		one.readCost(event)
		s.last = one
		s.cost = max(s.cost, one.cost)
	}
}

// readCost takes the cost when it stands there exactly once, under its own name
// and as a number; package json would take the last of several, and any case.
func (r *result) readCost(event []byte) {
	var values []json.RawMessage
	exact := false
	d := json.NewDecoder(bytes.NewReader(event))
	_, _ = d.Token() // the brace; the event was read as an object before
	for d.More() {
		key, err := d.Token()
		name, _ := key.(string)
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return
		}
		if strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(name), "totalcostusd") {
			values, exact = append(values, value), name == "total_cost_usd"
		}
	}
	var cost *float64
	if len(values) == 1 && exact && json.Unmarshal(values[0], &cost) == nil && cost != nil && *cost >= 0 && !math.IsInf(*cost, 0) {
		r.cost, r.costKnown = *cost, true
	}
}

// input is what Claude Code's tools are used on. A tool of another shape is used on
// nothing that is told.
type input struct {
	File    string
	Pattern string
	Path    string
	Command string
}

// UnmarshalJSON takes what has the expected shape.
func (i *input) UnmarshalJSON(data []byte) error {
	var named struct {
		File    string `json:"file_path"`
		Pattern string `json:"pattern"`
		Path    string `json:"path"`
		Command string `json:"command"`
	}
	if json.Unmarshal(data, &named) == nil {
		*i = input(named)
	}
	return nil
}

// claudeFollow reads the two events that tell of progress: the first, and each
// piece of an answer.
func claudeFollow(f *Follower, event json.RawMessage) {
	var e struct {
		Type    string `json:"type"`
		Folder  string `json:"cwd"`
		Message struct {
			ID      string `json:"id"`
			Content []struct {
				Type  string `json:"type"`
				Name  string `json:"name"`
				Input input  `json:"input"`
			} `json:"content"`
		} `json:"message"`
	}
	if json.Unmarshal(event, &e) != nil {
		return
	}
	switch e.Type {
	case "system":
		f.folder = cmp.Or(e.Folder, f.folder)
	case "assistant":
		if e.Message.ID == "" || e.Message.ID != f.answer {
			f.done.Turns++
		}
		f.answer = e.Message.ID
		for _, piece := range e.Message.Content {
			if piece.Type == "tool_use" {
				in := piece.Input
				f.used(piece.Name, piece.Name == "Edit" || piece.Name == "Write", in.File, in.Pattern, f.relative(in.Path), in.Command)
			}
		}
	}
}
