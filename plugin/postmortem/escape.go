package postmortem

import (
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// cellLimit is how long a text may be that is written into a table.
const cellLimit = 500 // bytes

var (
	fullHash = pattern.Lazy(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)
	safeURL  = pattern.Lazy(`^https?://[A-Za-z0-9._~:/?#@!$&*+,;=%\[\]-]+$`)
	rowDate  = pattern.Lazy(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// cellText is what of a text goes into a table: one line, without control and
// invisible characters, bounded.
func cellText(s string) string {
	s = squeeze(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == 0x2028 || r == 0x2029:
			return ' '
		case r == utf8.RuneError:
			return '?'
		case r != 0xfe0f && r != 0x200d && text.Invisible(r):
			return -1
		}
		return r
	}, unescapeCell(s)))
	if len(s) <= cellLimit {
		return s
	}
	// Shorter than the limit by more than the dots, so that cutting the cut
	// text again changes nothing.
	cut := cellLimit - 10
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.TrimRight(s[:cut], " ") + "…"
}

// escapeCell makes a text one cell of a table, whatever it holds: no pipe ends
// the cell, no backtick without partner reaches into the next, no tag or
// comment opens.
func escapeCell(s string) string {
	s = cellText(s)
	code := withoutCode(s)
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); i++ {
		inCode := code[i] != s[i] || s[i] == ' ' && i > 0 && code[i-1] != s[i-1]
		switch c := s[i]; {
		case c == '|':
			b.WriteString(`\|`)
		case c == '<' && !inCode && i+1 < len(s) && (isWord(s[i+1]) || strings.IndexByte("/!?", s[i+1]) >= 0):
			b.WriteString("&lt;")
		case c == '`' && !inCode && (i == 0 || s[i-1] != '\\'):
			b.WriteString("\\`")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescapeCell is the text that escapeCell was given.
func unescapeCell(s string) string {
	s = unescapePipes(s)
	s = strings.ReplaceAll(s, "&lt;", "<")
	return strings.ReplaceAll(s, "\\`", "`")
}

// orAbsent is a text as a cell, or the sign for no value.
func orAbsent(s string) string {
	if s = escapeCell(s); s == "" {
		return absent
	}
	return s
}

// commitCell is the link to a commit. Only a full hash is shown, only a plain
// web address linked.
func commitCell(hash, url string) string {
	if !fullHash().MatchString(hash) {
		return absent
	}
	short := "`" + hash[:7] + "`"
	if !safeURL().MatchString(url) {
		return short
	}
	return "[" + short + "](" + url + ")"
}

// logKey is the form in which a row of the log and an item are the same.
func logKey(action string) string { return key(cellText(action)) }
