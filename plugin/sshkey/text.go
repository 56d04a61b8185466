// Package sshkey reads private keys, certificates and known_hosts lines, for
// git and for hosts alike, however secret stores and web forms hand them out.
package sshkey

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// wrappings is how often a text may be wrapped: base64 of a JSON string of
// base64 is more than any store was seen to do.
const wrappings = 4

// Text is the text of a key, a certificate, a PEM bundle or known_hosts lines
// as ssh-keygen would have written it. It takes off what stores, forms and YAML
// add: a byte order mark, quotes, base64, CRLF, newlines that became the two
// characters \n or blanks, indentation, a missing newline at the end. A text
// that is right stays as it is.
func Text(text string) string {
	for range wrappings {
		inner, wrapped := unwrap(text)
		if !wrapped {
			break
		}
		text = inner
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(bare(text))
	if !strings.Contains(text, "\n") || strings.HasPrefix(text, "-----BEGIN") {
		text = escapedLineEnd().ReplaceAllString(text, "\n")
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	text = strings.TrimSpace(block().ReplaceAllStringFunc(strings.Join(lines, "\n"), spread))
	if text == "" {
		return ""
	}
	return text + "\n"
}

// bare is text without the blanks and marks around it.
func bare(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return r == '\ufeff' || unicode.IsSpace(r) })
}

// escapedLineEnd is a line end that somebody escaped, perhaps twice. Neither
// keys nor certificates hold a backslash.
var escapedLineEnd = pattern.Lazy(`(\\+r)?\\+n|\\+r`)

// block is one PEM block without headers, and the blanks around it.
var block = pattern.Lazy(`\s*(-----BEGIN [A-Z0-9 ]+-----)([A-Za-z0-9+/=\s]*)(-----END [A-Z0-9 ]+-----)\s*`)

// spread puts the lines of a block on lines of their own.
func spread(text string) string {
	parts := block().FindStringSubmatch(text)
	return "\n" + strings.Join(append(append([]string{parts[1]}, strings.Fields(parts[2])...), parts[3]), "\n") + "\n"
}

// unwrap takes off one layer of quotes or base64.
func unwrap(text string) (inner string, wrapped bool) {
	text = bare(text)
	if n := len(text); n > 1 && text[0] == text[n-1] && strings.ContainsRune(`"'`, rune(text[0])) {
		if json.Unmarshal([]byte(text), &inner) == nil {
			return inner, true
		}
		return text[1 : n-1], true
	}
	packed := escapedLineEnd().ReplaceAllString(text, "\n")
	if packed == "" || strings.ContainsAny(packed, " \t") {
		return text, false
	}
	packed = strings.TrimRight(strings.Join(strings.Fields(packed), ""), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(packed)
	if err != nil || !legible(decoded) {
		return text, false
	}
	return string(decoded), true
}

// legible reports whether data is a text that this package could be about. All
// of those have a blank or a line end, or are wrapped once more, which keeps
// words out that happen to be base64 of something.
func legible(data []byte) bool {
	if !text.Legible(string(data)) {
		return false
	}
	_, wrapped := unwrap(string(data))
	return wrapped || strings.ContainsAny(bare(string(data)), " \n\r\\")
}
