package attributes

import (
	"regexp"
	"strings"
)

// compileWildcard turns one of git's patterns into a regular expression, for
// paths below the literal prefix. Regular expressions of Go take linear time,
// whatever the pattern. Nil for a pattern that git matches with nothing.
func compileWildcard(prefix, pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A` + regexp.QuoteMeta(prefix))
	for i := 0; i < len(pattern); {
		switch pattern[i] {
		case '*':
			text, n := stars(pattern, i)
			b.WriteString(text)
			i += n
		case '?':
			b.WriteString(`[^/]`)
			i++
		case '[':
			text, n := bracket(pattern[i:])
			if n == 0 {
				return nil
			}
			b.WriteString(text)
			i += n
		case '\\':
			i++
			if i == len(pattern) {
				return nil
			}
			fallthrough
		default:
			b.WriteString(literal(pattern[i]))
			i++
		}
	}
	re, err := regexp.Compile(b.String() + `\z`)
	if err != nil {
		return nil
	}
	return re
}

// literal quotes one byte. Bytes of longer characters stay as they are, since
// the expression is UTF-8 as well.
func literal(c byte) string {
	if c >= 0x80 {
		return string([]byte{c})
	}
	return regexp.QuoteMeta(string(rune(c)))
}

// stars translates the run of stars at i. Two or more that fill a whole part
// of the path match any number of parts.
func stars(pattern string, i int) (text string, n int) {
	for i+n < len(pattern) && pattern[i+n] == '*' {
		n++
	}
	starts := i == 0 || pattern[i-1] == '/'
	rest := pattern[i+n:]
	switch {
	case n < 2 || !starts:
		return `[^/]*`, n
	case rest == "":
		return `.*`, n
	case rest[0] == '/':
		return `(?:.*/)?`, n + 1
	default:
		return `[^/]*`, n
	}
}

// bracket translates a character class, or returns 0 for one that never ends.
func bracket(pattern string) (text string, n int) {
	var b strings.Builder
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; ; first = false {
		if i >= len(pattern) {
			return "", 0
		}
		c := pattern[i]
		switch {
		case c == ']' && !first:
			return closeBracket(b.String(), negated), i + 1
		case c == '[' && strings.HasPrefix(pattern[i:], "[:"):
			end := strings.Index(pattern[i:], ":]")
			if end < 0 {
				return "", 0
			}
			b.WriteString(pattern[i : i+end+2])
			i += end + 2
		case c == '-' && !first && i+1 < len(pattern) && pattern[i+1] != ']':
			b.WriteByte('-')
			i++
		case c == '\\':
			if i++; i >= len(pattern) {
				return "", 0
			}
			b.WriteString(classLiteral(pattern[i]))
			i++
		default:
			b.WriteString(classLiteral(c))
			i++
		}
	}
}

// closeBracket finishes a class; in git a class never matches a slash.
func closeBracket(class string, negated bool) string {
	if negated {
		return `[^/` + class + `]`
	}
	return `[` + class + `]`
}

func classLiteral(c byte) string {
	if strings.IndexByte(`\]^-[&~`, c) >= 0 {
		return `\` + string(rune(c))
	}
	return string([]byte{c})
}
