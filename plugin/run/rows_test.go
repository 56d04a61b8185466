package run

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
)

func TestWhatWaitsToBeMergedIsWhatTheBranchDoesNotHave(t *testing.T) {
	const (
		hash = "0123456789abcdef0123456789abcdef01234567"
		open = "# x\n\n## Action items\n\n| Action | Type | Details | Status |\n|---|---|---|---|\n| Add alert A | Alert | a | TODO |\n| Add alert B | Alert | b | TODO |\n"
	)
	parse := func(text string) *postmortem.Document {
		return postmortem.Parse("d.md", []byte(text), classify.Policy{SafeTypes: []term.Type{"Alert"}})
	}
	written := parse(open)
	result, err := edit.Update("d.md", []byte(open), []edit.Edit{
		{Item: written.Items[0], Done: true, Row: &edit.Row{Date: "2026-01-02", Priority: "P2", Type: "Alert", Commit: hash}},
		{Item: written.Items[1], Row: &edit.Row{Priority: "P2", Type: "Alert", By: postmortem.HumanReview}},
	})
	if err != nil {
		t.Fatal(err)
	}
	there := string(result.Content)
	for name, test := range map[string]struct {
		here string
		want string
	}{
		"as it was":                    {open, "A done 2026-01-02 0123456, B"},
		"merged":                       {there, ""},
		"merged and opened again":      {strings.Replace(there, "| Done |", "| TODO |", 1), ""},
		"done by a person":             {strings.ReplaceAll(open, "TODO", "Done"), ""},
		"other details by now":         {strings.Replace(open, "| a |", "| not before May |", 1), "B"},
		"one row gone":                 {strings.Replace(open, "| Add alert A | Alert | a | TODO |\n", "", 1), "B"},
		"more text, and another order": {strings.Replace(open, "# x\n", "# x\n\nMore.\n", 1), "A done 2026-01-02 0123456, B"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			edits := missing(parse(there), parse(test.here))
			for _, one := range edits {
				said := strings.TrimPrefix(one.Item.Action, "Add alert ")
				if one.Done {
					said += fmt.Sprintf(" done %s %.7s", one.Row.Date, one.Row.Commit)
				}
				if one.Row.Commit != "" {
					one.Row.Commit = hash // as name completes it
				}
				got = append(got, said)
			}
			if said := strings.Join(got, ", "); said != test.want {
				t.Errorf("%s, want %s", said, test.want)
			}
			again, err := edit.Update("d.md", []byte(test.here), edits)
			if err != nil || len(again.Refused) > 0 {
				t.Errorf("written here: %v, refused %v", err, again.Refused)
			}
			if name == "as it was" && string(again.Content) != there {
				t.Errorf("written:\n%s\nwant:\n%s", again.Content, there)
			}
		})
	}
}
