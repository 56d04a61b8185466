package gate

import (
	"strings"
	"unicode"
)

// numbered is one line of a file, counted from 1.
type numbered struct {
	number int
	text   string
}

// addedLines is the lines of the new text that the old one does not have as
// often, so that a line that only moved is not an added one.
func addedLines(before, after []byte) []numbered {
	had := map[string]int{}
	for _, line := range strings.Split(string(before), "\n") {
		had[line]++
	}
	var added []numbered
	for i, line := range strings.Split(string(after), "\n") {
		if had[line] > 0 {
			had[line]--
			continue
		}
		added = append(added, numbered{i + 1, line})
	}
	return added
}

// hiddenRune tells whether a character is one that a reader does not see.
func hiddenRune(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Variation_Selector) ||
		r >= 0x80 && unicode.Is(unicode.Cc, r) || r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0
}
