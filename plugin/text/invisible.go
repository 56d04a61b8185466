package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Invisible reports whether r is a character that a reader cannot see or that
// changes how its neighbours are shown: controls, format characters, fillers,
// variation selectors, private use, and symbols that draw nothing. Every gate
// and every reader of this program goes by it. White space is not invisible,
// but for the line and paragraph separators of Unicode.
func Invisible(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f
	}
	switch r {
	case 0x2028, 0x2029, 0x2800, 0xfffc, 0x1d159: // separators, empty Braille, object replacement, null notehead
		return true
	}
	return unicode.In(r, unicode.C, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point)
}

// Legible reports whether s is text of which a person sees all: valid UTF-8
// without invisible characters, but for those that ordinary emoji are made of.
// A carriage return belongs before a line end, or to the end.
func Legible(s string) bool {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f || c == '\t' || c == '\n' {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			if c == '\r' && (i+1 == len(s) || s[i+1] == '\n') {
				i++
				continue
			}
			return false
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || Invisible(r) && !joinsEmoji(s, i, size, r) {
			return false
		}
		i += size
	}
	return true
}

// OneLine reports whether s is legible and has neither a line end nor a tab.
func OneLine(s string) bool { return !strings.ContainsAny(s, "\n\r\t") && Legible(s) }

// joinsEmoji allows what ordinary emoji are made of: one presentation selector
// after a symbol, and a joiner between two symbols.
func joinsEmoji(s string, at, size int, r rune) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:at])
	after, _ := utf8.DecodeRuneInString(s[at+size:])
	switch r {
	case 0xfe0f, 0xfe0e:
		return IsSymbol(before) || before >= '0' && before <= '9' && after == 0x20e3
	case 0x200d:
		return (IsSymbol(before) || before == 0xfe0f) && IsSymbol(after)
	}
	return false
}

// IsSymbol reports whether r is a symbol that a text may be marked with, such as an
// emoji or a tick.
func IsSymbol(r rune) bool {
	return r >= 0x2190 && unicode.In(r, unicode.So, unicode.Sk, unicode.Sm, unicode.Po)
}

// Marked is the beginning of s on one line, for messages that are to show that
// something was there: invisible characters and bytes that are no text become
// U+FFFD. It has at most limit characters and the … after them.
func Marked(s string, limit int) string {
	if len(s) > 4*limit {
		s = s[:4*limit]
	}
	var b strings.Builder
	count := 0
	for _, r := range s {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case Invisible(r):
			r = utf8.RuneError
		}
		if count == limit {
			b.WriteString("…")
			break
		}
		b.WriteRune(r)
		count++
	}
	return strings.TrimSpace(b.String())
}
