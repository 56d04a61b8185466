package markdown

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// IsSpace reports whether a byte is white space.
func IsSpace(b byte) bool {
	return b == ' ' || b == '\t' || b == '\n' || b == '\r' || b == '\v' || b == '\f'
}

// Squeeze trims s and makes one space of every run of white space.
func Squeeze(s string) string {
	clean := true
	for i := 0; i < len(s); i++ {
		if IsSpace(s[i]) && (s[i] != ' ' || i == 0 || i == len(s)-1 || s[i-1] == ' ') || s[i] >= utf8.RuneSelf {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// Key is the form in which two actions are compared: no markup, no
// backslashes, no case, single spaces, no final stop.
func Key(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range words.Fold(s) {
		switch {
		case r == '*' || r == '_' || r == '`' || r == '~' || r == '\\':
			continue
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), ".。 ")
}

// UnescapePipes is how GFM reads a cell: \| is a pipe.
func UnescapePipes(s string) string {
	if !strings.Contains(s, `\|`) {
		return s
	}
	return strings.ReplaceAll(s, `\|`, "|")
}

// WithoutCode is s with its code spans blanked out, byte for byte. A span that
// never closes is text.
func WithoutCode(s string) string {
	if strings.IndexByte(s, '`') < 0 {
		return s
	}
	b := []byte(s)
	closers := map[int]int{} // length of a run of backticks → where the last such run begins
	for i := 0; i < len(s); {
		n := backticks(s[i:])
		if n == 0 {
			i++
			continue
		}
		closers[n] = i
		i += n
	}
	for i := 0; i < len(s); {
		n := backticks(s[i:])
		switch {
		case n == 0:
			if s[i] == '\\' && i+1 < len(s) {
				i++
			}
			i++
		case closers[n] <= i:
			i += n
		default:
			end := i + n
			for {
				m := backticks(s[end:])
				if m == n {
					break
				}
				end += max(m, 1)
			}
			for j := i; j < end+n; j++ {
				b[j] = ' '
			}
			i = end + n
		}
	}
	return string(b)
}

func backticks(s string) int {
	n := 0
	for n < len(s) && s[n] == '`' {
		n++
	}
	return n
}

var comment = pattern.Lazy(`(?s)<!--.*?-->`)

// StripComments takes HTML comments out of s; one that never closes stays.
func StripComments(s string) string {
	if !strings.Contains(s, "<!--") {
		return s
	}
	return comment().ReplaceAllString(s, "")
}

// escapable are the signs that a backslash makes literal: the ASCII punctuation
// of CommonMark, section 2.4.
const escapable = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// Plain is s as a reader sees its words: links by their text, no emphasis, no
// backticks, no comments, single spaces.
func Plain(s string) string {
	s = StripComments(s)
	if !strings.ContainsAny(s, "*_`~[\\") {
		return Squeeze(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '*', '`', '~':
		case '_':
			// Underscores inside a word belong to it: IN_PROGRESS, node_nfs.
			if i > 0 && i+1 < len(s) && IsWord(s[i-1]) && IsWord(s[i+1]) {
				b.WriteByte(c)
			}
		case '\\':
			if i+1 < len(s) && strings.IndexByte(escapable, s[i+1]) >= 0 {
				i++
				b.WriteByte(s[i])
				continue
			}
			b.WriteByte(c)
		case ']':
			if i+1 < len(s) && s[i+1] == '(' {
				if end := strings.IndexByte(s[i:], ')'); end > 0 {
					i += end
					continue
				}
			}
			b.WriteByte(c)
		case '[':
			if linkStart(s[i:]) {
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return Squeeze(strings.ReplaceAll(b.String(), "]", ""))
}

// linkStart reports whether the bracket at the beginning of s opens an inline
// link. Looking a bounded way ahead keeps the reader linear.
func linkStart(s string) bool {
	s = s[:min(len(s), 1024)]
	end := strings.IndexByte(s, ']')
	return end > 0 && end+1 < len(s) && s[end+1] == '('
}

// IsWord reports whether a byte belongs to a word.
func IsWord(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= utf8.RuneSelf
}
