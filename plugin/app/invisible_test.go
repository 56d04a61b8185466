package app

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// TestThreat13_NoInvisibleCharacterPassesOneGateAndNotAnother takes one of each
// kind through what reads documents, changes and messages.
func TestThreat13_NoInvisibleCharacterPassesOneGateAndNotAnother(t *testing.T) {
	for name, r := range map[string]rune{
		"empty Braille": 0x2800, "grapheme joiner": 0x034f, "object replacement": 0xfffc, "zero-width space": 0x200b, "joiner": 0x200d,
		"direction": 0x202e, "isolate": 0x2066, "tag": 0xe0041, "selector": 0xfe0f, "more selectors": 0xe0101, "Hangul filler": 0x3164,
		"halfwidth filler": 0xffa0, "soft hyphen": 0x00ad, "private use": 0xe000, "no character": 0xfdd0, "byte order mark": 0xfeff,
		"line separator": 0x2028, "C1 control": 0x9b, "null notehead": 0x1d159, "Khmer vowel": 0x17b4, "interlinear": 0xfff9,
	} {
		t.Run(name, func(t *testing.T) {
			hidden := "No" + string(r) + "de"
			doc := postmortem.Parse("docs/post-mortems/2026-01-02-a.md",
				[]byte("# A\n\n## Action Items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n| P1 | Add an alert for "+hidden+" | Alert | | TODO |\n"), classify.Policy{})
			if len(doc.Items) != 1 || doc.Items[0].Reason() != reason.InvisibleCharacters {
				t.Errorf("the document: %+v", doc.Items)
			}
			verdict := gate.Compare(item.Change{Files: []item.File{{
				Path: "stacks/monitoring/a.txt", Kind: item.Added, NewMode: 0o100644, NewSize: int64(len(hidden)), New: []byte(hidden + "\n"),
			}}}, gate.DiffPolicy{AllowPaths: []string{"stacks/**"}, Stacks: []string{"stacks/*"}, BasePaths: []string{"stacks/monitoring/main.tf"}}).Verdict()
			if len(verdict.Findings) == 0 || verdict.Findings[0].Code != reason.Binary {
				t.Errorf("the diff gate: %v", verdict.Findings)
			}
			for what, shown := range map[string]string{
				"the log": text.Line(hidden, 0), "a refusal": record.RefusedMessage(item.Item{Action: hidden}),
			} {
				if strings.ContainsFunc(shown, func(r rune) bool { return text.Invisible(r) }) {
					t.Errorf("%s shows %q", what, shown)
				}
			}
		})
	}
}
