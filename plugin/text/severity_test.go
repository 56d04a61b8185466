package text_test

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/text"
)

func TestSeveritiesHaveOneScale(t *testing.T) {
	rising := []string{"none", "info", "warning", "error", "critical", "emergency"}
	for i, word := range rising {
		got := text.SeverityOfLabel(word)
		if got != text.Severity(i+1) || text.SeverityOfWord(word) != got {
			t.Errorf("%s is %d as a label and %d as a word", word, got, text.SeverityOfWord(word))
		}
	}
	seen := map[string]bool{}
	for _, words := range text.SeverityLabels() {
		for _, word := range words {
			if seen[word] {
				t.Errorf("%s stands twice", word)
			}
			seen[word] = true
		}
	}
	// What only people say is no label that routes an alert.
	for word, want := range map[string]text.Severity{"blocker": 5, "Alta": 4, "重大": 5, "ticket": text.Quiet, "off": text.Silent, "fine": 0} {
		if text.SeverityOfWord(word) != want || text.SeverityOfLabel(word) != 0 {
			t.Errorf("%s is %d as a word and %d as a label", word, text.SeverityOfWord(word), text.SeverityOfLabel(word))
		}
	}
}
