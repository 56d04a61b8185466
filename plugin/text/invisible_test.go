package text_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// everyInvisible is every character of Unicode that draws nothing, is a control,
// or changes how its neighbours are shown, by kind.
func everyInvisible() map[string][]rune {
	kinds := map[string][]rune{
		"draws nothing": {0x2800, 0xfffc, 0x1d159},
		"line ends":     {0x2028, 0x2029, 0x0b, 0x0c, 0x85},
		"fillers":       {0x034f, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xffa0},
	}
	for kind, table := range map[string]*unicode.RangeTable{
		"controls": unicode.Cc, "format": unicode.Cf, "private use": unicode.Co, "ignorable": unicode.Other_Default_Ignorable_Code_Point,
		"selectors": unicode.Variation_Selector, "no characters": unicode.Noncharacter_Code_Point,
	} {
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if unicode.Is(table, r) && !strings.ContainsRune("\t\n\r", r) && (r < 0xd800 || r > 0xdfff) {
				if kinds[kind] = append(kinds[kind], r); len(kinds[kind]) == 3000 {
					break // of private use
				}
			}
		}
	}
	return kinds
}

func TestThreat13_EveryReaderAgreesOnWhatIsInvisible(t *testing.T) {
	for kind, runes := range everyInvisible() {
		for _, r := range runes {
			in := "a" + string(r) + "b"
			if !text.Invisible(r) || text.Legible(in) || text.OneLine(in) {
				t.Errorf("%s: %U passes", kind, r)
			}
			if got := text.Line(in, 0); got != "ab" && got != "a b" && r != 0x1b {
				t.Errorf("%s: Line keeps %U: %q", kind, r, got)
			}
			if got := text.Marked(in, 9); got != "a\uFFFDb" {
				t.Errorf("%s: Marked does not mark %U: %q", kind, r, got)
			}
		}
	}
}

func TestWhatIsSeenIsLegible(t *testing.T) {
	for _, seen := range []string{"größer", "日本語", "a\tb\r\nc", "⚠️ disk", "👩‍🚒 on call", "5️⃣", "a b", "\uFFFD"} {
		if !text.Legible(seen) {
			t.Errorf("%q is not legible", seen)
		}
	}
	for _, unseen := range []string{"a\xffb", "a\u200db", "a\ufe0fb", "\u2705\ufe0f\ufe0f", "a\rb"} {
		if text.Legible(unseen) {
			t.Errorf("%q is legible", unseen)
		}
	}
}
