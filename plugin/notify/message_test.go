package notify

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

// told is a message that plugin/report makes, from its golden files.
func told(t *testing.T, folder, name string) report.Message {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "report", "testdata", folder, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m report.Message
	if err := json.Unmarshal(content, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGolden(t *testing.T) {
	for _, folder := range []string{"full", "hostile", "quiet"} {
		result := told(t, folder, "result")
		bodies := map[string]any{
			"slack":   slackMessage(result),
			"glance":  slackMessage(told(t, folder, "glance")),
			"details": slackMessage(told(t, folder, "details")),
			"started": slackMessage(told(t, folder, "started")),
			"fixed":   slackMessage(told(t, folder, "fixed")),
		}
		for _, one := range chats {
			if one.kind != Generic { // which gets summary.json
				bodies[one.kind] = one.body(result)
			}
		}
		for name, body := range bodies {
			t.Run(folder+"/"+name, func(t *testing.T) {
				got, err := json.MarshalIndent(body, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				path := filepath.Join("testdata", folder, name+".json")
				if *update {
					if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatalf("%v; write it with go test -update", err)
				}
				if diff := cmp.Diff(string(want), string(got)+"\n"); diff != "" {
					t.Errorf("%s differs (-golden +now):\n%s", path, diff)
				}
			})
		}
	}
}

// marker is in every text from outside that tests draw, so that its traces are
// found.
const marker = "zqxzqx"

// hostile texts try to become something else in a chat.
var hostile = []string{
	"<!channel> <@U123> <https://evil.example|" + marker + "> & *bold* `c` ~s~ :tada: &lt; @channel @all ~town-square #" + marker,
	"[x](javascript:alert(1)) ![i](https://evil.example/i.png) **b** __u__ ~~s~~ $" + marker + "$ \\* \\" + marker + " a\\*b* www.evil.example admin@evil.example",
	"| a | b |\n|---|---|\n| `x | y` | \\| " + marker + " |", "    " + marker + "\n    code\n```\n~~~\n# h\n===\n---\n> q\n1. a\n2) b\n* c\n+ d\n- [ ] e",
	strings.Repeat("日本", 60) + marker, strings.Repeat("🚨", 60) + marker, strings.Repeat("line "+marker+"\n", 30), strings.Repeat("<&>$:", 60) + marker,
}

// drawMessage is any message that keeps the promises of report.Message.
func drawMessage(t *rapid.T) report.Message {
	outside := rapid.Custom(func(t *rapid.T) string {
		times := rapid.SampledFrom([]int{1, 1, 2, 20}).Draw(t, "times")
		return cut(strings.Repeat(rapid.SampledFrom(hostile).Draw(t, "text"), times), 1500)
	})
	part := rapid.Custom(func(t *rapid.T) report.Part {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return report.Part{Kind: report.Headline, Text: "✅ 1 done, 2 failed"}
		case 1:
			return report.Part{Kind: report.Title, Text: "✅ Done (3)"}
		case 2:
			p := report.Part{Kind: report.Body, Text: outside.Draw(t, "body")}
			if rapid.Bool().Draw(t, "an item") {
				p.Lead = "P1 Alert " + cut(strings.ReplaceAll(outside.Draw(t, "action"), "\n", " "), 350)
			}
			return p
		}
		return report.Part{Kind: report.Small, Spans: []report.Span{
			{Text: "$1.20 of $5.00", Own: true}, {Text: "pipeline", URL: "https://ci.example.org/42?a=1&b=2", Own: true}, {Text: cut(outside.Draw(t, "small"), 300)},
		}}
	})
	return report.Message{Text: "pm-todos: 1 done", Parts: rapid.SliceOfN(part, 1, 70).Draw(t, "parts")}
}

// cut is text of at most so many UTF-16 units, or half as many.
func cut(text string, limit int) string {
	runes := []rune(text)
	return string(runes[:min(len(runes), limit/2)])
}
