package markdown

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCellsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.SampledFrom([]string{"**TODO**", "`a \\| b`", "~~Add alert~~", "<x>", "…", "a\\|b", "`x"}), rapid.String(), rapid.StringMatching("[|\\\\`<a&;lt> -]{0,30}")).Draw(t, "text")
		clean := CellText(text)
		escaped := EscapeCell(text)
		if strings.ContainsAny(escaped, "\n\r\x00") {
			t.Fatalf("%q holds a line end or control character", escaped)
		}
		count := 0
		for range EachCell("| " + escaped + " |") {
			count++
		}
		if count != 1 {
			t.Fatalf("%q is %d cells", escaped, count)
		}
		if got := CellText(UnescapePipes(escaped)); Key(got) != Key(clean) {
			t.Fatalf("%q came back as %q", clean, got)
		}
		if again := CellText(clean); Key(again) != Key(clean) {
			t.Fatalf("%q is cleaned again to %q", clean, again)
		}
	})
}

func TestPipesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.TrimSpace(rapid.StringMatching("[a|\\\\` -]{1,20}[a|]").Draw(t, "text"))
		if got := UnescapePipes(strings.ReplaceAll(text, "|", `\|`)); got != text {
			t.Fatalf("%q came back as %q", text, got)
		}
	})
}
