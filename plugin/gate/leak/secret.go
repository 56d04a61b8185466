// Package leak finds what must not be in a change: secrets, and characters that a
// reader does not see. It is pure.
package leak

import (
	"bytes"
	"encoding/base64"
	"math"
	"regexp"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// shortestSecret is the length below which a known secret is not searched for:
// shorter ones occur in any text.
const shortestSecret = 6

// shapes is what secrets look like, by what they are.
var shapes = []struct {
	what    string
	pattern func() *regexp.Regexp
}{
	{"a private key", pattern.Lazy(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-|AGE-SECRET-KEY-1`)},
	{"an AWS access key", pattern.Lazy(`\b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b`)},
	{"a GitHub token", pattern.Lazy(`\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})`)},
	{"a GitLab token", pattern.Lazy(`\bgl(pat|ptt|dt|rt|cbt|ft|soat)-[A-Za-z0-9_-]{16,}`)},
	{"a Slack token", pattern.Lazy(`\bxox[a-z]-[A-Za-z0-9-]{8,}|\bxapp-[0-9]-[A-Za-z0-9-]{8,}`)},
	{"a Slack webhook", pattern.Lazy(`hooks\.slack\.com/(services|workflows|triggers)/[A-Za-z0-9/_-]{10,}`)},
	{"a Vault token", pattern.Lazy(`\bhv[sbr]\.[A-Za-z0-9_-]{16,}`)},
	{"a JSON web token", pattern.Lazy(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)},
	{"an API key", pattern.Lazy(`\b(sk-ant-[A-Za-z0-9-]{8,}|sk-[A-Za-z0-9]{20,}|sk_live_[A-Za-z0-9]{10,}|AIza[A-Za-z0-9_-]{30,}|glsa_[A-Za-z0-9_]{16,}|npm_[A-Za-z0-9]{30,}|dop_v1_[a-f0-9]{32,})`)},
	{"a Telegram token", pattern.Lazy(`\b[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}`)},
	{"credentials in a URL", pattern.Lazy(`[a-z][a-z0-9+.-]*://[^\s/:@"'{}$]*:[^\s/@"'{}$]{3,}@[^\s"']+`)},
}

// assignment matches a name that promises a secret and the literal after it.
var assignment = pattern.Lazy(`(?i)(?:passw(?:or)?d|passwd|passphrase|token|secret|api[_-]?key|access[_-]?key|private[_-]?key|credential|auth[_-]?key|encryption[_-]?key)[a-z0-9_.-]*["']?\s*(?:[:=]|=>)\s*["']?([^\s"',;]{12,})`)

// forms is what a known secret looks like in a file: itself, each of its
// longer lines, and base64.
func forms(text string) [][]byte {
	text = strings.TrimSpace(text)
	if len(text) < shortestSecret {
		return nil
	}
	forms := [][]byte{[]byte(text), []byte(base64.StdEncoding.EncodeToString([]byte(text))), []byte(base64.RawURLEncoding.EncodeToString([]byte(text)))}
	if lines := strings.Split(text, "\n"); len(lines) > 1 {
		for _, line := range lines {
			// The frame of a PEM key is no secret, and is found by its shape.
			if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
				forms = append(forms, []byte(line))
			}
		}
	}
	return forms
}

// Shape says what kind of secret a line seems to hold, "" when none.
func Shape(line string) string {
	for _, shape := range shapes {
		if shape.pattern().MatchString(line) {
			return shape.what
		}
	}
	for _, match := range assignment().FindAllStringSubmatch(line, -1) {
		if random(match[1]) {
			return "a password or token"
		}
	}
	return ""
}

// random reports whether a literal looks generated rather than written: no
// reference, digits and letters mixed, and more than 3 bits per character.
func random(literal string) bool {
	for _, mark := range []string{"${", "{{", "var.", "local.", "data.", "module.", "each.", "random_", "vault_", "/", "(", "<", "*"} {
		if strings.Contains(literal, mark) && (mark != "/" || strings.HasPrefix(literal, "/")) {
			return false
		}
	}
	if !strings.ContainsAny(literal, "0123456789") || strings.IndexFunc(literal, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }) < 0 {
		return false
	}
	counts := map[rune]int{}
	for _, r := range literal {
		counts[r]++
	}
	bits, total := 0.0, float64(len([]rune(literal)))
	for _, n := range counts {
		p := float64(n) / total
		bits -= p * math.Log2(p)
	}
	return bits > 3
}

// Holds reports whether a text holds one of the secrets more often than before.
func Holds(before, after []byte, secrets []secret.String) bool {
	for _, s := range secrets {
		for _, form := range forms(s.Reveal()) {
			if bytes.Count(after, form) > bytes.Count(before, form) {
				return true
			}
		}
	}
	return false
}
