package leak

import (
	"strings"
	"unicode"
)

// Line is one line of a file, counted from 1.
type Line struct {
	Number int
	Text   string
}

// AddedLines is the lines of the new text that the old one does not have as
// often, so that a line that only moved is not an added one.
func AddedLines(before, after []byte) []Line {
	had := map[string]int{}
	for _, line := range strings.Split(string(before), "\n") {
		had[line]++
	}
	var added []Line
	for i, line := range strings.Split(string(after), "\n") {
		if had[line] > 0 {
			had[line]--
			continue
		}
		added = append(added, Line{i + 1, line})
	}
	return added
}

// Hidden reports whether a character is one that a reader does not see.
func Hidden(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector) ||
		r >= 0x80 && unicode.Is(unicode.Cc, r) || r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0
}
