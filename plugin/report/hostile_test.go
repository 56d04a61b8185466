package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	reader "github.com/yuin/goldmark/text"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// marker is in every payload, so that its traces are found.
const marker = "zqxzqx"

// payloads try to become something else in a log, in Markdown or in Slack.
var payloads = map[string]string{
	"slack":      "<!channel> <@U123> <https://evil.example|" + marker + "> & *bold* `c` ~s~ :tada: &lt;",
	"markdown":   "@admin #12 !7 ops/infra#3 [x](javascript:alert(1)) ![i](https://evil.example/i.png) **b** __u__ ~~s~~ $m$ " + marker,
	"html":       "<script>alert('" + marker + "')</script><!-- --><img src=x onerror=1>&#x3c;b&gt;",
	"autolink":   "https://evil.example/" + marker + " www.evil.example WWW.evil.example admin@evil.example ftp://evil.example <https://evil.example>",
	"table":      "| a | b |\n|---|---|\n| `x | y` | \\| \\\\| " + marker + " |",
	"backticks":  "```` ``` `` ` " + marker + " `|`",
	"tick ends":  "`" + marker + "`",
	"backslash":  marker + "\\",
	"lists":      "1. a\n2) b\n- c\n+ d\n> e\n# " + marker + "\n===\n---\n\tcode",
	"one":        "1. " + marker,
	"dash":       "- " + marker,
	"fence":      "~~~\n```\n" + marker,
	"log":        "\x1b[31m" + marker + "\x1b]0;t\x07\r\nWRN forged\u2028WRN \u202etxt.exe\u2066 \x00\x07\u200b\ufeff",
	"invalid":    "\xff\xfe" + marker + "\xc3",
	"wide":       strings.Repeat("日本", 700) + marker,
	"emoji":      strings.Repeat("🚨", 1700) + marker,
	"long word":  strings.Repeat("x", 3100) + marker,
	"many lines": strings.Repeat("line "+marker+"\n", 300),
	"link ends":  "https://evil.example/a)|b>" + marker + "](",
	"definition": "[a]: https://evil.example '" + marker + "'",
	"blank":      " \t\n",
	"hidden":     "\u200b\u200b",
}

// fill puts payload into every string below v and n elements into every slice.
func fill(v reflect.Value, payload string, n int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(payload)
	case reflect.Struct:
		if _, ok := v.Addr().Interface().(*secret.Redactor); ok || v.Type().PkgPath() == "time" {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), payload, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(v.Index(i), payload, min(n, 3))
		}
	case reflect.Interface:
		v.Set(reflect.ValueOf(errors.New(payload)))
	case reflect.Func:
		v.Set(reflect.ValueOf(func() string { return payload }))
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(1.5)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// hostile is a summary in which every text is the payload, with items in every
// state.
func hostile(payload string, n int, links Links) Summary {
	var s Summary
	fill(reflect.ValueOf(&s).Elem(), payload, n)
	states := []item.State{
		item.Done, item.Proposed, item.Refused, item.Failed, item.Skipped, item.NotAttempted, item.NeedsPerson,
		item.State(payload),
	}
	var all []item.Outcome
	for i, state := range states {
		for _, outcome := range s.Outcomes {
			outcome.State = state
			if i%2 == 0 {
				outcome.Commit = fixCommit
			}
			all = append(all, outcome)
		}
	}
	s.Outcomes, s.Known, s.Redactor, s.Exit = all, nil, nil, fault.Person
	if links != (Links{}) {
		s.Links, s.PipelineURL = links, "https://ci.example.org/42"
	}
	return s
}

var goodLinks = Links{
	Commit: "https://forge.example.org/commit/{sha}", Branch: "https://forge.example.org/branch/{branch}", Pull: "https://forge.example.org/pulls/{number}", Issue: "https://forge.example.org/issues/{number}", Pages: "https://pages.example.org/{file}/{name}",
}

// hostileRun is a hostile summary and what is shown of it.
type hostileRun struct {
	Summary
	View
}

// hostileRuns has every payload once, with good links and with hostile ones, and
// more of it than lists show of one that is long, or of all of them where every case
// is asked for.
var hostileRuns = sync.OnceValue(func() map[string]hostileRun {
	runs := map[string]hostileRun{}
	add := func(name string, s Summary) { runs[name] = hostileRun{s, Render(s)} }
	for name, payload := range payloads {
		add(name+"/one", hostile(payload, 1, goodLinks))
		add(name+"/hostile links", hostile(payload, 1, Links{}))
	}
	long := []string{"many lines"}
	if os.Getenv("PM_TODOS_EVERY_CASE") != "" {
		long = append(long, "wide", "emoji")
	}
	for _, name := range long {
		add(name+"/many", hostile(payloads[name], 8, goodLinks))
	}
	return runs
})

// everyHostile calls check with every hostile run.
func everyHostile(t *testing.T, check func(t *testing.T, run hostileRun)) {
	t.Parallel()
	if os.Getenv("PM_TODOS_EVERY_CASE") == "" {
		t.Log("a sample of the long ones: PM_TODOS_EVERY_CASE=1 goes through every case")
	}
	for name, run := range hostileRuns() {
		t.Run(name, func(t *testing.T) { check(t, run) })
	}
}

func TestThreat11_MessagesKeepTextsApartAndShort(t *testing.T) {
	everyHostile(t, func(t *testing.T, run hostileRun) {
		var items []item.Item
		for _, outcome := range run.Outcomes {
			items = append(items, outcome.Item)
		}
		for _, m := range []Message{run.Result(), run.Glance(), run.Details(), run.Fixed(), Started(run.Summary, Start{Items: items}), Started(run.Summary, Start{Items: items, Limit: 1, Merged: items})} {
			if m.Text == "" || len(m.Text) > 300 || strings.Contains(m.Text, marker) || len(m.Parts) == 0 {
				t.Errorf("%d parts, and the notification says %q", len(m.Parts), m.Text)
			}
			for _, part := range m.Parts {
				checkPart(t, part)
			}
			if !strings.HasPrefix(m.Plain(), m.Text+"\n") {
				t.Errorf("as text, it begins with %.100q", m.Plain())
			}
			checkText(t, Span{Text: m.Plain()}, maxPlain)
		}
	})
}

// checkPart holds a part to what plugin/notify relies on.
func checkPart(t rapid.TB, p Part) {
	t.Helper()
	switch p.Kind {
	case Headline:
		checkText(t, Span{Text: p.Text, Own: true}, maxHeadline)
	case Title:
		checkText(t, Span{Text: p.Text, Own: true}, maxWord)
	case Body:
		if p.Lead != "" {
			checkText(t, Span{Text: p.Lead}, maxLead)
		}
		if p.Lead == "" || p.Text != "" {
			checkText(t, Span{Text: p.Text}, maxBody-min(len(p.Lead), maxLead))
		}
	case Small:
		for _, span := range p.Spans {
			checkText(t, span, maxLine+10)
			if span.URL != "" && (webURL(span.URL) != span.URL || !span.Own) {
				t.Errorf("a link to %q", span.URL)
			}
		}
	}
	if (len(p.Spans) > 0) != (p.Kind == Small) || len(p.Spans) > 10 {
		t.Errorf("a %s of %d spans", p.Kind, len(p.Spans))
	}
}

func checkText(t rapid.TB, s Span, limit int) {
	t.Helper()
	if n := len(utf16.Encode([]rune(s.Text))); n == 0 || n > limit {
		t.Errorf("%d characters of at most %d: %q", n, limit, s.Text)
	}
	if strings.ContainsFunc(s.Text, text.Invisible) && !strings.Contains(s.Text, "\ufe0f") {
		t.Errorf("hidden characters in %q", s.Text)
	}
	if s.Own && (strings.Contains(s.Text, marker) || strings.ContainsAny(s.Text, "<>@\n")) {
		t.Errorf("%q is said to be our own", s.Text)
	}
}

func TestThreat12_MarkdownShowsTextsAsTheyAre(t *testing.T) {
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()
	everyHostile(t, func(t *testing.T, run hostileRun) {
		source := run.Markdown()
		if n := utf8.RuneCount(source); !utf8.Valid(source) || n > 65536 {
			t.Fatalf("invalid UTF-8, or too long for a comment: %d characters", n)
		}
		if n := strings.Count(string(source), "\n### ") + strings.Count(string(source[:4]), "### "); n != 1 {
			t.Errorf("%d titles", n)
		}
		err := ast.Walk(parser.Parse(reader.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
			if entering {
				checkNode(t, n, source, run.Links)
			}
			return ast.WalkContinue, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// foldedHTML is all the HTML that stands on lines of its own.
var foldedHTML = regexp.MustCompile(`^(<details><summary>(Documents|Unclear, not acted on) \([0-9]+\)</summary>|</details>)\n*$`)

// mention matches what forges link by themselves.
var mention = regexp.MustCompile(`[@#!]\w`)

func checkNode(t *testing.T, n ast.Node, source []byte, links Links) {
	t.Helper()
	switch n := n.(type) {
	case *ast.RawHTML:
		if html := string(n.Segments.Value(source)); html != "<br>" {
			t.Errorf("HTML %q", html)
		}
	case *ast.HTMLBlock:
		if html := string(n.Lines().Value(source)); !foldedHTML.MatchString(html) {
			t.Errorf("HTML %q", html)
		}
	case *ast.Image, *ast.AutoLink, *ast.Blockquote, *ast.ThematicBreak:
		t.Errorf("a %s", n.Kind())
	case *ast.CodeBlock:
		t.Errorf("indented code %q", n.Lines().Value(source))
	case *ast.Link:
		url := string(n.Destination)
		ours := slices.ContainsFunc([]string{"https://ci.example.org/", "https://forge.example.org/", "https://pages.example.org/"},
			func(prefix string) bool { return strings.HasPrefix(url, prefix) })
		if links == goodLinks && !ours || !strings.HasPrefix(url, "https://") {
			t.Errorf("link to %q", url)
		}
	case *ast.Heading:
		if words := string(n.Lines().Value(source)); strings.Contains(words, marker) || n.Level < 3 {
			t.Errorf("heading %q", words)
		}
	case *ast.List:
		if n.IsOrdered() || n.Parent().Kind() != ast.KindDocument {
			t.Error("a list inside of a list, or a numbered one")
		}
	case *ast.Emphasis:
		if n.Level != 2 {
			t.Errorf("emphasis")
		}
	case *ast.Text:
		// The reader sees the text without escapes; code spans are not searched by forges.
		shown := strings.NewReplacer(`\`, "", "&#8203;", "\u200b", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(string(n.Segment.Value(source)))
		if n.Parent().Kind() != ast.KindCodeSpan && mention.MatchString(shown) {
			t.Errorf("a mention in %q", shown)
		}
	}
}

func TestMarkdownTablesKeepTheirColumns(t *testing.T) {
	everyHostile(t, func(t *testing.T, run hostileRun) {
		columns, fence := 0, ""
		for line := range strings.Lines(string(run.Markdown())) {
			switch {
			case fence == "" && strings.HasPrefix(line, "```"):
				fence = strings.TrimSuffix(line, "text\n") + "\n"
			case line == fence:
				fence = ""
			}
			if fence != "" {
				continue
			}
			if !strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "|-") {
				columns = 0
				continue
			}
			n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(line, `\\`, ""), `\|`, ""), "|")
			if columns == 0 {
				columns = n
			}
			if n != columns {
				t.Fatalf("%d bars instead of %d in %q", n, columns, line)
			}
		}
	})
}

func TestThreat13_TheTableHasNoForgedLinesAndNoWideOnes(t *testing.T) {
	mayBeLong := regexp.MustCompile(`^ *(commit|branch|pull request|docs commit) `)
	everyHostile(t, func(t *testing.T, run hostileRun) {
		for _, width := range []int{0, leastWidth} {
			var b bytes.Buffer
			if err := run.Table(&b, Look{Width: width}); err != nil {
				t.Fatal(err)
			}
			limit := cmp.Or(width, usualWidth)
			body, alarm, found := strings.Cut(b.String(), "A PERSON MUST LOOK NOW")
			if found != (run.Exit == fault.Person) {
				t.Error("exit 3 is not told, or without need")
			}
			alarm = regexp.MustCompile(`(?m)^ {6}.*$`).ReplaceAllString(alarm, "") // commands
			for line := range strings.Lines(body + alarm) {
				line = strings.TrimSuffix(line, "\n")
				if strings.ContainsFunc(line, text.Invisible) || strings.HasPrefix(line, "WRN") || !utf8.ValidString(line) {
					t.Fatalf("line %q", line)
				}
				if text.Columns(line) > limit && !mayBeLong.MatchString(line) {
					t.Fatalf("%d columns: %q", text.Columns(line), line)
				}
			}
			if n := bytes.Count(b.Bytes(), []byte("\n")); n > 25000 {
				t.Errorf("%d lines", n)
			}
		}
	})
}

func TestThreat13_NoSecretInAnyTarget(t *testing.T) {
	for name, payload := range map[string]string{
		"plain":     leaked,
		"in a text": "the password " + leaked + " is wrong",
		"hidden":    leaked[:5] + "\u200b" + leaked[5:],
		"coloured":  leaked[:5] + "\x1b[31m" + leaked[5:],
		"at a cut":  strings.Repeat("x", maxWord-5) + leaked + strings.Repeat("x", maxLine-maxWord-len(leaked)) + leaked,
	} {
		t.Run(name, func(t *testing.T) {
			s := hostile(payload, 1, goodLinks)
			s.Redactor = &secret.Redactor{}
			s.Redactor.Add(secret.New(leaked))
			for file, content := range render(t, s, []item.Item{s.Outcomes[0].Item}) {
				if bytes.Contains(content, []byte(leaked[:8])) {
					t.Errorf("%s has the secret: %s", file, content)
				}
			}
		})
	}
}

func TestJSONIsValidAndComplete(t *testing.T) {
	everyHostile(t, func(t *testing.T, run hostileRun) {
		content, err := run.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var decoded struct {
			Schema   int
			Items    []map[string]any
			ExitCode int `json:"exit_code"`
		}
		if err := json.Unmarshal(content, &decoded); err != nil {
			t.Fatal(err)
		}
		if decoded.Schema != Schema || len(decoded.Items) != len(run.Outcomes) || decoded.ExitCode != run.Exit.ExitCode() {
			t.Errorf("%+v", decoded.Schema)
		}
	})
}
