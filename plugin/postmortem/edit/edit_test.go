package edit

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
)

const hash = "0123456789abcdef0123456789abcdef01234567"

// done marks every safe item of a document done, without rows.
func done(t *testing.T, file string, src []byte) Result {
	t.Helper()
	var edits []Edit
	for _, item := range postmortem.Parse(file, src, defaultPolicy).Safe() {
		edits = append(edits, Edit{Item: item, Done: true})
	}
	result, err := Update(file, src, edits)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestMarkReplacesOnlyTheToken(t *testing.T) {
	const head = "| Action | Type | Status |\n|---|---|---|\n"
	for name, test := range map[string]struct{ src, want string }{
		"capital":         {head + "| Add alert | Alert | TODO |\n", head + "| Add alert | Alert | Done |\n"},
		"lower":           {head + "| Add alert | Alert | todo |\n", head + "| Add alert | Alert | done |\n"},
		"words":           {head + "| Add alert | Alert | Not started |\n", head + "| Add alert | Alert | Done |\n"},
		"wrapped":         {head + "| Add alert | Alert |  **`TODO`**   |\n", head + "| Add alert | Alert |  **`Done`**   |\n"},
		"comment":         {head + "| Add alert | Alert | TODO <!-- x --> |\n", head + "| Add alert | Alert | Done <!-- x --> |\n"},
		"no-break space":  {head + "| Add alert | Alert | \u00a0TODO\u00a0 |\n", head + "| Add alert | Alert | \u00a0Done\u00a0 |\n"},
		"japanese":        {head + "| Add alert | Alert | 未着手 |\n", head + "| Add alert | Alert | 完了 |\n"},
		"emoji":           {head + "| Add alert | Alert | ☐ |\n", head + "| Add alert | Alert | ☑ |\n"},
		"crlf":            {"| Action | Type | Status |\r\n|---|---|---|\r\n| Add alert | Alert | TODO |\r\n", "| Action | Type | Status |\r\n|---|---|---|\r\n| Add alert | Alert | Done |\r\n"},
		"mixed endings":   {"| Action | Type | Status |\n|---|---|---|\r\n| Add alert | Alert | TODO |\r\n\n\r\nx  \n", "| Action | Type | Status |\n|---|---|---|\r\n| Add alert | Alert | Done |\r\n\n\r\nx  \n"},
		"bom, no newline": {"\ufeff" + head + "| Add alert | Alert | TODO |", "\ufeff" + head + "| Add alert | Alert | Done |"},
		"front matter":    {"---\ntitle: x\n---\n" + head + "| Add alert | Alert | TODO |\n", "---\ntitle: x\n---\n" + head + "| Add alert | Alert | Done |\n"},
		"invalid bytes":   {"\xff\xfe\n\n" + head + "| Add alert | Alert | TODO |\n", "\xff\xfe\n\n" + head + "| Add alert | Alert | Done |\n"},
		"box":             {"## Action items\n\n- [ ] [Alert] Add alert\n", "## Action items\n\n- [x] [Alert] Add alert\n"},
		"nested box":      {"## Action items\n\n1. foo\n   * [ ] [Alert] Add alert\n     wrapped\n", "## Action items\n\n1. foo\n   * [x] [Alert] Add alert\n     wrapped\n"},
		"owner column":    {"| Action | Owner | Status |\n|---|---|---|\n| Add alert for x | TODO | y |\n", "| Action | Owner | Status |\n|---|---|---|\n| Add alert for x | Done | y |\n"},
		"no outer pipes":  {"Action | Type | Status\n-|-|-\nAdd alert | Alert | TODO\n", "Action | Type | Status\n-|-|-\nAdd alert | Alert | Done\n"},
	} {
		t.Run(name, func(t *testing.T) {
			result := done(t, "d.md", []byte(test.src))
			if diff := cmp.Diff(test.want, string(result.Content)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !result.Changed || len(result.Refused) > 0 {
				t.Errorf("changed %v, refused %v", result.Changed, result.Refused)
			}
		})
	}
}

func TestMarkRefusesWhatPeopleChanged(t *testing.T) {
	const before = "## Action items\n\n| Action | Type | Details | Status |\n|---|---|---|---|\n| Add alert | Alert | a | TODO |\n"
	item := postmortem.Parse("d.md", []byte(before), defaultPolicy).Safe()[0]
	for name, test := range map[string]struct {
		after   string
		refused bool
	}{
		"moved and padded":  {strings.Replace(before, "| Add alert | Alert | a | TODO |", "| Add alert A | Alert | a | TODO |\n|  Add alert |  Alert |  a |  TODO |", 1), false},
		"row gone":          {strings.Replace(before, "| Add alert |", "| Add other alert |", 1), true},
		"details changed":   {strings.Replace(before, "| a |", "| a, but wait |", 1), true},
		"in progress":       {strings.Replace(before, "TODO", "wip", 1), true},
		"note added":        {strings.Replace(before, "TODO", "TODO (later)", 1), true},
		"declined":          {strings.Replace(before, "TODO", "won't do", 1), true},
		"put in a fence":    {"```\n" + before + "```\n", true},
		"made malformed":    {strings.Replace(before, "TODO |", "TODO | x |", 1), true},
		"heading renamed":   {strings.Replace(before, "Action items", "Next steps", 1), true},
		"document is empty": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			result, err := Update("d.md", []byte(test.after), []Edit{{Item: item, Done: true}})
			if err != nil {
				t.Fatal(err)
			}
			if refused := len(result.Refused) == 1; refused != test.refused {
				t.Fatalf("refused %v, want %v", result.Refused, test.refused)
			}
			if test.refused && (result.Changed || string(result.Content) != test.after || result.Refused[0].Why == "") {
				t.Errorf("changed to %q, refusal %+v", result.Content, result.Refused[0])
			}
			if !test.refused && !result.Changed {
				t.Error("nothing was changed")
			}
		})
	}
}

func TestMarkTwiceChangesNothing(t *testing.T) {
	src := []byte("| Action | Type | Status |\n|---|---|---|\n| Add alert | Alert | TODO |\n")
	item := postmortem.Parse("d.md", src, defaultPolicy).Safe()[0]
	edits := []Edit{{Item: item, Done: true}, {Item: item, Done: true}}
	first, err := Update("d.md", src, edits)
	if err != nil || !first.Changed || len(first.Refused) != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := Update("d.md", first.Content, edits)
	if err != nil || again.Changed || len(again.Refused) != 0 {
		t.Fatalf("the second time: %+v, %v", again, err)
	}
}

func TestMarkOfTwinsTakesTheFirst(t *testing.T) {
	src := "| Action | Type | Status |\n|---|---|---|\n| Add alert | Alert | TODO |\n| Add alert | Alert | TODO |\n"
	result := done(t, "d.md", []byte(src))
	if want := strings.Replace(src, "TODO", "Done", 1); string(result.Content) != want {
		t.Errorf("got\n%s", result.Content)
	}
}
