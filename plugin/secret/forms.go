package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// shortestPart is the length in bytes of the shortest line or encoded part
// that is looked for by itself; shorter ones occur in ordinary text.
const shortestPart = 6

var armour = pattern.Lazy(`^-+ ?(BEGIN|END) [^-]*-+$`)

// forms calls add with every form in which the secret value is looked for: the
// value with and without white space around it, each of its lines except the
// BEGIN and END lines of a PEM block (they are no secret), and each of these in
// hex, base64, URL-escaped and JSON-escaped form.
func forms(value string, add func(form string)) {
	trimmed := strings.TrimSpace(value)
	if len(trimmed) < shortest {
		return
	}
	add(trimmed)
	encoded(value, add)
	encoded(trimmed, add)
	for line := range strings.Lines(trimmed) {
		line = strings.TrimSpace(line)
		if len(line) < shortestPart || armour().MatchString(line) {
			continue
		}
		add(line)
		encoded(line, add)
	}
}

// encoded calls addForm with the encodings of text.
func encoded(text string, addForm func(form string)) {
	add := func(form string) {
		if len(form) >= shortestPart {
			addForm(form)
		}
	}
	digits := hex.EncodeToString([]byte(text))
	add(digits)
	add(strings.ToUpper(digits))
	wrapped(digits, 60, add) // as xxd -p prints it

	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		whole := alphabet.EncodeToString([]byte(text))
		for _, columns := range []int{64, 70, 76} { // openssl, ssh-keygen, base64 and MIME
			wrapped(whole, columns, add)
		}
		for before := range 3 {
			inBase64(alphabet, text, before, add)
		}
	}

	for _, escaped := range []string{url.QueryEscape(text), url.PathEscape(text)} {
		add(escaped)
		add(lowerEscapes(escaped))
	}

	once := inJSON(text, true)
	for _, escaped := range []string{once, inJSON(text, false), inJSON(once, false)} {
		add(escaped)
		add(strings.ReplaceAll(escaped, "/", `\/`))
	}
}

// inBase64 adds how text looks in base64 when some bytes stand before it in
// the same value: the characters that text alone decides, and these with the
// end that they have when text ends the value.
func inBase64(alphabet *base64.Encoding, text string, before int, add func(string)) {
	whole := alphabet.EncodeToString(append(make([]byte, before), text...))
	first := (before*8 + 5) / 6 // the first character without a bit of what stands before
	last := (before + len(text)) * 8 / 6
	add(whole[first:last])
	add(strings.TrimRight(whole[first:], "="))
	add(whole[first:])
}

// wrapped adds the lines of text when it is broken at so many columns.
func wrapped(text string, columns int, add func(string)) {
	if len(text) <= columns {
		return
	}
	for ; len(text) > columns; text = text[columns:] {
		add(text[:columns])
	}
	add(text)
}

// lowerEscapes is text with the digits of its %XX escapes in lower case.
func lowerEscapes(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i:], bytes.ToLower(b[i:i+3]))
		}
	}
	return string(b)
}

// inJSON is text as it stands between the quotes of a JSON string.
func inJSON(text string, html bool) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(html)
	if err := encoder.Encode(text); err != nil {
		return text // a string can always be encoded
	}
	quoted := strings.TrimSuffix(b.String(), "\n")
	return quoted[1 : len(quoted)-1]
}
