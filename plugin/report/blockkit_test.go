package report

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
)

// blockKit lists what Slack would refuse of a message as an incoming webhook
// takes it. The limits are those of
// https://docs.slack.dev/reference/block-kit/blocks, written down here once
// more so that the code cannot be wrong together with its test.
func blockKit(content []byte) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var m struct {
		Text   string
		Blocks []map[string]json.RawMessage
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return []string{err.Error()}
	}
	if m.Text == "" || length(m.Text) > 40000 {
		say("a text of %d characters", length(m.Text))
	}
	if len(m.Blocks) == 0 || len(m.Blocks) > 50 {
		say("%d blocks", len(m.Blocks))
	}
	total := 0
	for i, block := range m.Blocks {
		var kind string
		_ = json.Unmarshal(block["type"], &kind)
		whole, _ := json.Marshal(block)
		total += len(whole)
		allowed := map[string][]string{"header": {"type", "text"}, "section": {"type", "text", "fields"}, "context": {"type", "elements"}}[kind]
		if allowed == nil {
			say("block %d of type %q", i, kind)
		}
		for key := range block {
			if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+key+" ") {
				say("block %d (%s) has %s", i, kind, key)
			}
		}
		switch kind {
		case "header":
			told(&problems, i, checkObject(block["text"], 150, "plain_text"))
		case "section":
			if block["text"] != nil {
				told(&problems, i, checkObject(block["text"], 3000, ""))
			}
			told(&problems, i, checkObjects(block["fields"], 10, 2000, block["text"] != nil))
		case "context":
			told(&problems, i, checkObjects(block["elements"], 10, 3000, false))
		}
	}
	if total > 13000 {
		say("blocks of %d characters together", total)
	}
	return problems
}

func told(problems *[]string, block int, found []string) {
	for _, one := range found {
		*problems = append(*problems, fmt.Sprintf("block %d: %s", block, one))
	}
}

// length is the number of characters as Slack may count them.
func length(s string) int { return len(utf16.Encode([]rune(s))) }

func checkObjects(content json.RawMessage, most, limit int, mayBeAbsent bool) (problems []string) {
	var objects []json.RawMessage
	if content == nil && mayBeAbsent {
		return nil
	}
	if err := json.Unmarshal(content, &objects); err != nil || len(objects) == 0 || len(objects) > most {
		return []string{fmt.Sprintf("%d elements of at most %d: %v", len(objects), most, err)}
	}
	for _, object := range objects {
		problems = append(problems, checkObject(object, limit, "")...)
	}
	return problems
}

func checkObject(content json.RawMessage, limit int, kind string) (problems []string) {
	var keys map[string]any
	var o textObject
	if json.Unmarshal(content, &keys) != nil || json.Unmarshal(content, &o) != nil {
		return []string{"no text object: " + string(content)}
	}
	if n := length(o.Text); n < 1 || n > limit {
		problems = append(problems, fmt.Sprintf("%d characters of at most %d", n, limit))
	}
	if o.Type != "plain_text" && o.Type != "mrkdwn" || kind != "" && o.Type != kind {
		problems = append(problems, "text of type "+o.Type)
	}
	if _, has := keys["emoji"]; has && o.Type == "mrkdwn" {
		problems = append(problems, "emoji is for plain_text only")
	}
	if _, has := keys["verbatim"]; has && o.Type == "plain_text" {
		problems = append(problems, "verbatim is for mrkdwn only")
	}
	return problems
}

// TestBlockKitSeesWhatSlackRefuses holds the check itself to what it is for.
func TestBlockKitSeesWhatSlackRefuses(t *testing.T) {
	text := func(kind string, n int) string {
		return fmt.Sprintf(`{"type":%q,"text":%q}`, kind, strings.Repeat("x", n))
	}
	message := func(blocks string) string { return `{"text":"x","blocks":[` + blocks + `]}` }
	section := func(n int) string { return `{"type":"section","text":` + text("plain_text", n) + `}` }
	for name, test := range map[string]struct {
		content string
		fine    bool
	}{
		"in order":           {message(section(3000)), true},
		"no JSON":            {"{", false},
		"no blocks":          {message(""), false},
		"51 blocks":          {message(strings.Repeat(section(1)+",", 50) + section(1)), false},
		"too much together":  {message(strings.Repeat(section(3000)+",", 4) + section(3000)), false},
		"a long section":     {message(section(3001)), false},
		"an empty section":   {message(section(0)), false},
		"a long header":      {message(`{"type":"header","text":` + text("plain_text", 151) + `}`), false},
		"a header of mrkdwn": {message(`{"type":"header","text":` + text("mrkdwn", 5) + `}`), false},
		"no elements":        {message(`{"type":"context","elements":[]}`), false},
		"11 elements":        {message(`{"type":"context","elements":[` + strings.Repeat(text("mrkdwn", 1)+",", 10) + text("mrkdwn", 1) + `]}`), false},
		"a long field":       {message(`{"type":"section","fields":[` + text("mrkdwn", 2001) + `]}`), false},
		"another block":      {message(`{"type":"table"}`), false},
		"another key":        {message(`{"type":"section","text":` + text("mrkdwn", 1) + `,"style":"x"}`), false},
	} {
		if problems := blockKit([]byte(test.content)); (len(problems) == 0) != test.fine {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

// drawSummary is any run: some texts are hostile ones, lists are short or long,
// most values are there or not.
func drawSummary(t *rapid.T) Summary {
	// By name: a failure prints what was drawn.
	names := slices.Sorted(maps.Keys(payloads))
	hostile := rapid.Custom(func(t *rapid.T) string { return payloads[rapid.SampledFrom(names).Draw(t, "payload")] })
	text := rapid.OneOf(hostile, rapid.StringN(0, 60, 400), rapid.Just(""), rapid.SampledFrom([]string{fixCommit, "docs/post-mortems/2026-04-14-nfs.md"}))
	var s Summary
	drawInto(t, reflect.ValueOf(&s).Elem(), text)
	s.Redactor, s.Exit = nil, rapid.SampledFrom([]fault.Kind{fault.None, fault.Temporary, fault.Failed, fault.Person}).Draw(t, "exit")
	states := rapid.SampledFrom([]change.State{
		change.Done, change.Proposed, change.Refused, change.Failed, change.Skipped, change.NotAttempted, change.NeedsPerson,
	})
	for i := range s.Outcomes {
		s.Outcomes[i].State = states.Draw(t, "state")
	}
	if rapid.Bool().Draw(t, "good links") {
		s.Links, s.PipelineURL = goodLinks, "https://ci.example.org/42"
	}
	return s
}

func drawInto(t *rapid.T, v reflect.Value, text *rapid.Generator[string]) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text.Draw(t, "text"))
	case reflect.Struct:
		if v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			drawInto(t, v.Field(i), text)
		}
	case reflect.Slice:
		n := rapid.SampledFrom([]int{0, 1, 3, 12}).Draw(t, "n")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			drawInto(t, v.Index(i), text)
		}
	case reflect.Interface:
		if rapid.Bool().Draw(t, "error") {
			v.Set(reflect.ValueOf(fmt.Errorf("%s", text.Draw(t, "error text"))))
		}
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(0, 1<<40).Draw(t, "number"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "amount"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "yes"))
	}
}

func TestThreat11_AnyRunFitsBlockKit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSummary(t)
		var items []change.Item
		for _, outcome := range s.Outcomes {
			items = append(items, outcome.Item)
		}
		for name, m := range map[string]Message{"result": Result(s), "glance": Glance(s), "details": Details(s), "started": Started(s, items, 5)} {
			content, err := SlackJSON(m)
			if err != nil {
				t.Fatal(err)
			}
			if problems := blockKit(content); len(problems) > 0 {
				t.Fatalf("%s: %q", name, problems)
			}
		}
	})
}
