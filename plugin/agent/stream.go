package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
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

// readStream reads one event per line. Escapes and text around an event are
// passed over, as are lines that hold none: some versions print them, hooks and
// wrappers do.
func readStream(stdout []byte) stream {
	var s stream
	for len(stdout) > 0 {
		line, rest, ended := bytes.Cut(stdout, []byte{'\n'})
		stdout = rest
		event, begins, err := eventOf(line)
		if errors.Is(err, errNoEvent) {
			continue
		}
		s.begun = s.begun || begins || err == nil
		s.cut = errors.Is(err, io.ErrUnexpectedEOF) && begins && !ended
		if err == nil {
			s.take(event)
		}
	}
	return s
}

// errNoEvent is a line that holds no event.
var errNoEvent = errors.New("no event")

// eventOf is the event that a line holds. begins says that nothing but escapes and
// space stands before it.
func eventOf(line []byte) (event json.RawMessage, begins bool, err error) {
	raw, object, found := bytes.Cut(line, []byte{'{'})
	if !found {
		return nil, false, errNoEvent
	}
	begins = strings.TrimSpace(text.Clean(string(raw))) == ""
	event, err = firstObject(line[len(raw):])
	if at := bytes.Index(object, []byte(`{"`)); err != nil && !begins && at >= 0 {
		event, err = firstObject(object[at:])
	}
	return event, begins, err
}

// firstObject is the JSON object that a text begins with.
func firstObject(text []byte) (json.RawMessage, error) {
	var object json.RawMessage
	err := json.NewDecoder(bytes.NewReader(text)).Decode(&object)
	return object, err
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
