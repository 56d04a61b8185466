package promql

import (
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Token is one piece of a query: of PromQL, and of the languages that are like
// it.
type Token struct {
	Kind TokenKind
	Text string
}

// TokenKind is what a token is.
type TokenKind int

// The kinds of token.
const (
	Word TokenKind = iota
	Number
	Duration
	Text
	sign
)

var (
	wordToken     = pattern.Lazy(`^[a-zA-Z_][a-zA-Z0-9_:]*`)
	numberToken   = pattern.Lazy(`^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`)
	durationToken = pattern.Lazy(`^(?:[0-9]+(?:ms|[smhdwy]))+`)
	textToken     = pattern.Lazy("^(?:\"(?:[^\"\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\n]|\\\\.)*'|`[^`]*`)")
	signToken     = pattern.Lazy(`^(?:>=|<=|==|!=|=~|!~|\|=|\|~|[-+*/%^(){}\[\],=<>.|:])`)
)

// Tokenize takes a query apart. It is false for what it cannot read, comments
// included: what a comment hides depends on how the document around it folds
// lines. So does what a template renders.
func Tokenize(source string) ([]Token, bool) {
	if strings.Contains(source, "{{") || strings.Contains(source, "${") {
		return nil, false
	}
	var tokens []Token
	for source = strings.TrimSpace(source); source != ""; source = strings.TrimSpace(source) {
		t, ok := nextToken(source)
		if !ok {
			return nil, false
		}
		tokens = append(tokens, t)
		source = source[len(t.Text):]
	}
	return tokens, true
}

func nextToken(source string) (Token, bool) {
	if found := durationToken().FindString(source); found != "" {
		return Token{Duration, found}, !continues(source[len(found):])
	}
	if found := numberToken().FindString(source); found != "" {
		return Token{Number, found}, !continues(source[len(found):])
	}
	if found := wordToken().FindString(source); found != "" {
		return Token{Word, found}, true
	}
	if found := textToken().FindString(source); found != "" {
		return Token{Text, found}, true
	}
	found := signToken().FindString(source)
	return Token{sign, found}, found != ""
}

// continues reports whether a number runs into what follows it, as in 0x10 and
// 1Ki.
func continues(rest string) bool {
	return rest != "" && (wordToken().MatchString(rest) || rest[0] >= '0' && rest[0] <= '9' || rest[0] == '.')
}

// misread is why Prometheus would take a token for another than the parser here
// does, "" when it would not.
func misread(t Token) string {
	switch t.Kind {
	case Duration:
		if _, ok := ParseDuration(t.Text); !ok {
			return "a duration is written as Prometheus does not read it"
		}
	case Text:
		// Escapes are those of Go; between single quotes a double one needs none.
		text := t.Text
		if text[0] == '\'' {
			text = `"` + strings.ReplaceAll(strings.ReplaceAll(text[1:len(text)-1], `\'`, "'"), `"`, `\"`) + `"`
		}
		if _, err := strconv.Unquote(text); err != nil {
			return "a text has an escape that Prometheus does not know"
		}
	case sign:
		if strings.ContainsAny(t.Text, ".|") {
			return "it has a sign that PromQL does not know"
		}
	case Number:
		if len(t.Text) > 1 && t.Text[0] == '0' && t.Text[1] >= '0' && t.Text[1] <= '9' {
			return "a number that begins with zero, which Prometheus takes for an octal one"
		}
	case Word:
	}
	return ""
}
