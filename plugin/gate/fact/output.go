package fact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// maxShow bounds the output of the show command, in bytes.
const maxShow = 64 << 20

// prefix is what wrappers put before a line: a stack in brackets, a time, the
// name of a program.
var prefix = pattern.Lazy(`^[A-Za-z0-9 \t_.,:;/@#|<>()\[\]*+-]*$`)

// logKeys are the keys of which a log line in JSON has at least one.
var logKeys = []string{"@level", "level", "@message", "message", "msg"}

// planJSON takes the plan out of what the show command printed: the one JSON
// object with a format version, on one line or on several. Warnings of Terraform
// and log lines of a wrapper may stand around it, and a prefix, a byte order mark
// and terminal sequences on its own line. A second object that is not plainly a
// log line makes the whole output unreadable: a hook in the change could print a
// plan of its own. Errors never quote the output.
func planJSON(show []byte) ([]byte, error) {
	if len(show) > maxShow {
		return nil, fmt.Errorf("the show command printed more than %d bytes", maxShow)
	}
	var plan []byte
	for len(show) > 0 {
		line, rest, _ := bytes.Cut(show, []byte{'\n'})
		start := bytes.IndexByte(line, '{')
		if start < 0 {
			show = rest
			continue
		}
		before := strings.TrimSpace(text.Clean(string(line[:start])))
		object, keys, after, err := objectAt(show[start:])
		switch {
		case err != nil && before == "":
			return nil, errors.New("the show command printed a line that starts a JSON object and is none, or that is cut off; " + oneLine)
		case err != nil, before != "" && keys["format_version"] == nil:
			show = rest // text that holds a brace
			continue
		case keys["format_version"] == nil && isLog(keys):
			show = after
			continue
		case keys["format_version"] == nil:
			return nil, errors.New("the show command printed a JSON object that is neither a plan nor a log line; " + oneLine)
		case plan != nil:
			return nil, errors.New("the show command printed more than one plan; " + oneLine)
		case !prefix().MatchString(before):
			return nil, errors.New("the show command printed the plan inside of other text; " + oneLine)
		}
		plan, show = object, after
	}
	if plan == nil {
		return nil, errors.New("the show command printed no JSON object with a format version; " + oneLine)
	}
	return plan, nil
}

const oneLine = "show_args must print the plan alone, as JSON"

// objectAt reads the JSON object that text begins with, behind which its line
// has to end. after is what follows that line.
func objectAt(raw []byte) (object []byte, keys map[string]json.RawMessage, after []byte, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&keys); err != nil {
		return nil, nil, nil, err
	}
	end := d.InputOffset()
	tail, after, _ := bytes.Cut(raw[end:], []byte{'\n'})
	if strings.TrimSpace(text.Clean(string(tail))) != "" {
		return nil, nil, nil, errors.New("something follows it on its line")
	}
	return raw[:end], keys, after, nil
}

func isLog(keys map[string]json.RawMessage) bool {
	return slices.ContainsFunc(logKeys, func(key string) bool { return keys[key] != nil })
}
