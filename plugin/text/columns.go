package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// Columns is how many columns of a terminal s takes. Wide characters take two,
// and what stands on the letter before it none (Unicode Standard Annex 11).
func Columns(s string) int {
	n := 0
	for _, r := range s {
		n += columns(r)
	}
	return n
}

func columns(r rune) int {
	if r < 0x80 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// Narrow shortens s to so many columns, with an ellipsis when something is cut.
func Narrow(s string, limit int) string {
	if Columns(s) <= limit {
		return s
	}
	var b strings.Builder
	used := 0
	for _, r := range s {
		if used+columns(r) > limit-1 {
			break
		}
		used += columns(r)
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ") + "…"
}

// Fit cuts or fills s to exactly so many columns.
func Fit(s string, limit int) string {
	s = Narrow(s, limit)
	return s + strings.Repeat(" ", limit-Columns(s))
}

// Wrap breaks s at blanks into at least one line of at most so many columns. A
// word that is longer than a line is cut.
func Wrap(s string, limit int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		word = Narrow(word, limit)
		switch {
		case line == "":
			line = word
		case Columns(line)+1+Columns(word) > limit:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
