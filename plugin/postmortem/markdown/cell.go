package markdown

import (
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// EachCell yields the range of every cell of a trimmed table line, its padding
// included. It splits as GFM does: at every pipe that has no backslash before it,
// in code spans too.
func EachCell(line string) iter.Seq[Span] {
	return func(yield func(Span) bool) {
		start, end := 0, len(line)
		if start < end && line[start] == '|' {
			start++
		}
		if end > start && line[end-1] == '|' && (end < 2 || line[end-2] != '\\') {
			end--
		}
		for at := start; start <= end; at++ {
			n := strings.IndexByte(line[min(at, end):end], '|')
			if at += n; n < 0 {
				at = end
			} else if at > 0 && line[at-1] == '\\' {
				continue
			}
			if !yield(Span{start, at}) {
				return
			}
			start = at + 1
		}
	}
}

// Cells appends the trimmed cells of a table line that begins at an offset. Of a
// line with more cells than a table may have columns, it is one more than that.
func Cells(cells []Span, line string, offset int) []Span {
	for s := range EachCell(line) {
		for s.Start < s.End && IsSpace(line[s.Start]) {
			s.Start++
		}
		for s.Start < s.End && IsSpace(line[s.End-1]) {
			s.End--
		}
		if cells = append(cells, Span{offset + s.Start, offset + s.End}); len(cells) > MaxColumns {
			break
		}
	}
	return cells
}

// cellLimit is how long a text may be that is written into a table.
const cellLimit = 500 // bytes

// CellText is what of a text goes into a table: one line, without control and
// invisible characters, bounded.
func CellText(s string) string {
	s = Squeeze(strings.Map(func(r rune) rune {
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

// EscapeCell makes a text one cell of a table, whatever it holds: no pipe ends
// the cell, no backtick without partner reaches into the next, no tag or
// comment opens.
func EscapeCell(s string) string {
	s = CellText(s)
	code := WithoutCode(s)
	var b strings.Builder
	b.Grow(len(s) + 8)
	for i := 0; i < len(s); i++ {
		inCode := code[i] != s[i] || s[i] == ' ' && i > 0 && code[i-1] != s[i-1]
		switch c := s[i]; {
		case c == '|':
			b.WriteString(`\|`)
		case c == '<' && !inCode && i+1 < len(s) && (IsWord(s[i+1]) || strings.IndexByte("/!?", s[i+1]) >= 0):
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
	s = UnescapePipes(s)
	s = strings.ReplaceAll(s, "&lt;", "<")
	return strings.ReplaceAll(s, "\\`", "`")
}
