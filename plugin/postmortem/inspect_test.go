package postmortem

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInspectSaysWhyAPlaceIsNoItem(t *testing.T) {
	src := `# Title

Some text.

- [ ] A box

## Action items

- **Owner**: somebody
- First do this:
  - [ ] A box that is an item
- A bullet
  - A nested one
- [ ] …

> - [ ] A quoted box

` + "```" + `
- [ ] A box in code
` + "```" + `

<!-- a comment -->

| Action | Status |
|---|---|
| | |
| Add an alert | TODO |

Text <!-- that ends later

- [ ] Hidden

-->

## Timeline

- [ ] Not that
- At noon

| When | What |
|---|---|
| noon | nothing |
`
	var got []string
	for _, p := range Inspect("d.md", []byte(src), defaultPolicy).Passed {
		got = append(got, fmt.Sprintf("%d-%d %s", p.Line, p.End, p.Why))
	}
	want := []string{
		"1-1 heading", "3-3 text", "5-5 outside", "7-7 heading", "9-9 field", "10-10 intro", "13-13 nested", "14-14 placeholder",
		"16-16 quote", "18-20 code", "22-22 html", "24-25 table-head", "26-26 placeholder", "29-29 text", "31-31 hidden", "33-33 text", "35-35 heading",
		"37-37 other-heading", "38-38 bullet", "40-42 other-table",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBlanksAreWhatATemplateLeavesToFillIn(t *testing.T) {
	for text, want := range map[string][]string{
		"| Duration | {duration} |\n|---|---|\n| Issue | {issue} |": {"{duration}", "{issue}"},
		"Owner: [Name], [Brief description]":                        {"[Name]", "[Brief description]"},
		"# Incident YYYY-MM-DD, due DD/MM/YYYY":                     {"YYYY-MM-DD", "DD/MM/YYYY"},
		"- Hello {{ service_name }}":                                {"{{ service_name }}"},
		"- {date} {time}":                                           {"{date}", "{time}"},
		"`{duration}` and `[Name]`":                                 nil,
		"See [Name](https://example.org), [Action items][1]":        nil,
		"[Name]: https://example.org":                               nil,
		"- [ ] [Alert] [P1] Add it":                                 nil,
		"GET /users/{id}/items, ${name}, {a: 1}, up{job=\"x\"}":     nil,
		"[Grafana] said [OK]":                                       nil,
		"    [Name]":                                                nil,
		"<!-- [Name] {duration} -->":                                nil,
	} {
		var got []string
		for _, b := range Inspect("d.md", []byte(text), defaultPolicy).Blanks {
			got = append(got, b.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
