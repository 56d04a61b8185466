package notify

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// blockKit lists what Slack would refuse of a message as an incoming webhook
// takes it. The limits are those of
// https://docs.slack.dev/reference/block-kit/blocks, written down here once
// more so that the code cannot be wrong together with its test.
func blockKit(content []byte) (problems []string) {
	note := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	var m struct {
		Text   string
		Blocks []map[string]json.RawMessage
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return []string{err.Error()}
	}
	if m.Text == "" || length(m.Text) > 40000 {
		note("a text of %d characters", length(m.Text))
	}
	if len(m.Blocks) == 0 || len(m.Blocks) > 50 {
		note("%d blocks", len(m.Blocks))
	}
	total := 0
	for i, block := range m.Blocks {
		var kind string
		_ = json.Unmarshal(block["type"], &kind)
		whole, _ := json.Marshal(block)
		total += len(whole)
		allowed := map[string][]string{"header": {"type", "text"}, "rich_text": {"type", "elements"}, "section": {"type", "text", "fields"}, "context": {"type", "elements"}}[kind]
		if allowed == nil {
			note("block %d of type %q", i, kind)
		}
		for key := range block {
			if !strings.Contains(" "+strings.Join(allowed, " ")+" ", " "+key+" ") {
				note("block %d (%s) has %s", i, kind, key)
			}
		}
		switch kind {
		case "header":
			say(&problems, i, checkObject(block["text"], 150, "plain_text"))
		case "section":
			if block["text"] != nil {
				say(&problems, i, checkObject(block["text"], 3000, ""))
			}
			say(&problems, i, checkObjects(block["fields"], 10, 2000, block["text"] != nil))
		case "context":
			say(&problems, i, checkObjects(block["elements"], 10, 3000, false))
		}
	}
	if total > 13000 {
		note("blocks of %d characters together", total)
	}
	return problems
}

func say(problems *[]string, block int, found []string) {
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

func TestThreat11_AnyRunFitsBlockKit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		content, err := SlackJSON(drawMessage(t))
		if err != nil {
			t.Fatal(err)
		}
		if problems := blockKit(content); len(problems) > 0 {
			t.Fatalf("%q", problems)
		}
		checkMessage(t, content)
	})
}

func TestThreat11_SlackShowsTextsAsTheyAreAndKeepsToItsLimits(t *testing.T) {
	for _, folder := range []string{"full", "hostile", "quiet"} {
		for _, name := range []string{"result", "glance", "details", "started"} {
			content, err := SlackJSON(told(t, folder, name))
			if err != nil {
				t.Fatal(err)
			}
			checkMessage(t, content)
			if problems := blockKit(content); len(problems) > 0 {
				t.Errorf("%s of %s: %q", name, folder, problems)
			}
		}
	}
}

// slackLink is a link as this program writes it: words of its own. Where the
// owner's settings lead is the owner's affair.
var slackLink = regexp.MustCompile(`<https://[^<>|\s]*\|[a-z0-9 -]+>`)

// textObject is a text of a Slack message.
type textObject struct {
	Type, Text string
	Emoji      *bool
	Verbatim   bool
}

// element is a text of a context, or a section of a rich_text.
type element struct {
	textObject
	Elements []struct {
		Type, Text string
		Style      map[string]bool
	}
}

// checkRich wants a section of literal texts, the first of which may be bold.
func checkRich(t rapid.TB, sections []element) {
	t.Helper()
	if len(sections) != 1 || sections[0].Type != "rich_text_section" || len(sections[0].Elements) == 0 {
		t.Fatalf("a rich_text of %+v", sections)
	}
	for i, one := range sections[0].Elements {
		if one.Type != "text" || length(one.Text) < 1 || length(one.Text) > 3000 || one.Style["bold"] != (i == 0) {
			t.Errorf("element %d of a rich_text: %+v", i, one)
		}
	}
}

func checkMessage(t rapid.TB, content []byte) {
	t.Helper()
	var m struct {
		Text   string
		Parse  string
		Mrkdwn *bool
		Links  *bool `json:"unfurl_links"`
		Media  *bool `json:"unfurl_media"`
		Blocks []struct {
			Type     string
			Text     *textObject
			Elements []element
		}
	}
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	if m.Links == nil || *m.Links || m.Media == nil || *m.Media || m.Parse != "none" {
		t.Error("links would be unfurled or names parsed")
	}
	if m.Text == "" || length(m.Text) > 4*4000 || m.Mrkdwn == nil || *m.Mrkdwn || strings.ContainsAny(m.Text, "<>") {
		t.Errorf("where blocks are not shown, it says %q", m.Text)
	}
	if len(m.Blocks) == 0 || len(m.Blocks) > 50 {
		t.Errorf("%d blocks", len(m.Blocks))
	}
	for _, block := range m.Blocks {
		switch block.Type {
		case "header":
			checkText(t, *block.Text, 150)
			if block.Text.Type != "plain_text" {
				t.Error("a header must be plain_text")
			}
		case "section":
			checkText(t, *block.Text, 3000)
		case "context":
			if len(block.Elements) == 0 || len(block.Elements) > 10 {
				t.Errorf("%d elements", len(block.Elements))
			}
			for _, element := range block.Elements {
				checkText(t, element.textObject, 3000)
			}
		case "rich_text":
			checkRich(t, block.Elements)
		default:
			t.Errorf("block of type %q", block.Type)
		}
	}
}

func checkText(t rapid.TB, o textObject, limit int) {
	t.Helper()
	if n := len(utf16.Encode([]rune(o.Text))); n == 0 || n > limit {
		t.Errorf("%d characters of at most %d: %q", n, limit, o.Text)
	}
	if strings.ContainsFunc(o.Text, text.Invisible) && !strings.Contains(o.Text, "\ufe0f") {
		t.Errorf("hidden characters in %q", o.Text)
	}
	switch o.Type {
	case "plain_text":
		if o.Emoji == nil || *o.Emoji {
			t.Errorf("emoji names are interpreted in %q", o.Text)
		}
	case "mrkdwn":
		rest := slackLink.ReplaceAllString(o.Text, "")
		if strings.Contains(rest, marker) || strings.ContainsAny(rest, "<>") || strings.Contains(rest, "evil") || !o.Verbatim {
			t.Errorf("mrkdwn %q", o.Text)
		}
	default:
		t.Errorf("text of type %q", o.Type)
	}
}
