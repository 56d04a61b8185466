// Package text makes text from outside fit for a log: no control characters,
// no terminal sequences, nothing invisible or direction-changing, and an end.
//
// Documents, agents, hosts and servers write such text. It is cleaned where it
// is printed, never where it is judged.
package text

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// sequence matches what a terminal would obey: CSI (colours, cursor), the
// string commands that end with BEL or ST (titles, links), and two-byte ones.
var sequence = pattern.Lazy(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]`)

// SkipMark matches every spelling of the marks that make Woodpecker (and the
// forges' own CI systems) drop a pipeline: "[ci skip]", "[skip ci]",
// "[CI  SKIP]", "[no ci]", "[skip actions]". Woodpecker looks for them anywhere
// in the head commit's message.
var SkipMark = pattern.Lazy(`(?i)\[\s*(?:(?:ci|actions)[\s_-]*skip|skip[\s_-]*(?:ci|actions)|no[\s_-]*ci)\s*\]`)

// Line is s as one line of at most limit characters: every run of white space
// is one space, and what Clean drops is dropped. A limit of 0 means no limit.
func Line(s string, limit int) string {
	return Cut(strings.Join(strings.Fields(Clean(s)), " "), limit)
}

// Text is s as several lines of together at most limit characters. Line ends
// become \n, tabs stay, spaces at the end of a line and empty lines at either
// end go. A limit of 0 means no limit.
func Text(s string, limit int) string {
	lines := strings.Split(Clean(s), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRightFunc(line, unicode.IsSpace)
	}
	return Cut(strings.Trim(strings.Join(lines, "\n"), "\n"), limit)
}

// Clean drops terminal sequences, control characters and invisible ones
// (direction marks, zero-width and tag characters, fillers, variation
// selectors) and replaces invalid UTF-8 by U+FFFD. New lines and tabs stay; a
// lone carriage return and the Unicode line separators become new lines.
func Clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	if strings.ContainsRune(s, '\x1b') {
		s = sequence().ReplaceAllString(s, "")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\u0085' || r == '\u2028' || r == '\u2029':
			return '\n'
		case Invisible(r):
			return -1
		default:
			return r
		}
	}, s)
}

// Cut shortens s to at most limit characters, the last of them … when
// something was cut off. A limit of 0 or less means no limit.
func Cut(s string, limit int) string {
	if limit <= 0 || len(s) <= limit {
		return s
	}
	count, end := 0, 0 // end is where the last character that may stay begins
	for at := range s {
		if count == limit-1 {
			end = at
		}
		if count++; count > limit {
			return strings.TrimRightFunc(s[:end], unicode.IsSpace) + "…"
		}
	}
	return s
}

// Capital is s with its first letter in upper case.
func Capital(s string) string {
	_, first := utf8.DecodeRuneInString(s)
	return strings.ToUpper(s[:first]) + s[first:]
}

// Counted is a number of things.
func Counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
