package fact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxJSONNesting bounds how deep a JSON document may be nested.
const maxJSONNesting = 300

// errDuplicate says that an object has the same key twice. Readers differ in
// which of them they take, so that nobody can say what the document means.
var errDuplicate = errors.New("an object has the same key twice")

// ReadJSON reads exactly one JSON value, strictly: valid UTF-8, no repeated
// keys, nothing after it, bounded depth. Numbers stay text (json.Number).
// Errors never quote the document.
func ReadJSON(src []byte) (any, error) {
	if !utf8.Valid(src) {
		return nil, errors.New("it is not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	value, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return value, nil
}

func readValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxJSONNesting {
		return nil, fmt.Errorf("it is nested deeper than %d levels", maxJSONNesting)
	}
	token, err := dec.Token()
	if err != nil {
		return nil, errors.New("it is not valid JSON, or it is cut off")
	}
	switch token {
	case json.Delim('{'):
		return readObject(dec, depth)
	case json.Delim('['):
		return readArray(dec, depth)
	}
	return token, nil
}

func readObject(dec *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for dec.More() {
		token, err := dec.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return nil, errors.New("it is not valid JSON, or it is cut off")
		}
		if _, taken := object[key]; taken {
			return nil, errDuplicate
		}
		if object[key], err = readValue(dec, depth+1); err != nil {
			return nil, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("it is not valid JSON, or it is cut off")
	}
	return object, nil
}

func readArray(dec *json.Decoder, depth int) (any, error) {
	array := []any{}
	for dec.More() {
		value, err := readValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("it is not valid JSON, or it is cut off")
	}
	return array, nil
}

// Member is what an object has at a key, nil for what is no object.
func Member(value any, key string) any {
	object, _ := value.(map[string]any)
	return object[key]
}

// MemberText is the text that an object has at a key, "" when it is none.
func MemberText(value any, key string) string {
	text, _ := Member(value, key).(string)
	return text
}

// MemberList is the list that an object has at a key, empty when it is none.
func MemberList(value any, key string) []any {
	list, _ := Member(value, key).([]any)
	return list
}

// MemberObject is the object that an object has at a key, empty when it is none.
func MemberObject(value any, key string) map[string]any {
	object, _ := Member(value, key).(map[string]any)
	return object
}
