package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// eachEvent hands on one event per line. Escapes and text around an event are
// passed over, as are lines that hold none: some versions print them, hooks and
// wrappers do. begun reports whether an event came, cut whether the output ends
// inside of one.
func eachEvent(stdout []byte, take func(event []byte)) (begun, cut bool) {
	for len(stdout) > 0 {
		line, rest, ended := bytes.Cut(stdout, []byte{'\n'})
		stdout = rest
		event, begins, err := eventOf(line)
		if errors.Is(err, errNoEvent) {
			continue
		}
		begun = begun || begins || err == nil
		cut = errors.Is(err, io.ErrUnexpectedEOF) && begins && !ended
		if err == nil {
			take(event)
		}
	}
	return begun, cut
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
