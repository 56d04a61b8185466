package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

var (
	dateBlank   = pattern.Lazy(`(?i)\by{4}[-/.]m{2}[-/.]d{2}\b|\b(?:XXX+|xxx+|X{2,}-X{2,})\b`)
	wholeFilled = pattern.Lazy(`^(?:\[[^\[\]]*\]|<[^<>]*>|\{\{[^{}]*\}\}|\{%[^{}]*%\}|<%.*%>|\.{2,}|…+|_{2,}|-+|–+|—+|\?+)$`)
)

// htmlWords are elements that stand in real text.
var htmlWords = set("br|b|i|em|strong|code|kbd|sub|sup|a|span|img|s|del|ins|u|small|mark|details|summary|p|div|hr|ul|ol|li|pre|tt|samp|var|abbr|q|cite|nobr|wbr|font|center|table|tr|td|th")

// nothing reports whether an action is empty or is a placeholder as a whole.
func nothing(action string) bool {
	if strings.Trim(action, " *_~`-–—.…") == "" {
		return true
	}
	if len(action) > 200 {
		return false
	}
	text := strings.Trim(stripComments(action), " *_~.")
	if text == "" || words.Is(text, words.Nothing) || saysNothing(text) {
		return true
	}
	// A lone [Alert] or [P1] is a tag with nothing behind it.
	return strings.IndexByte("[<{._-?\xe2", text[0]) >= 0 && wholeFilled().MatchString(text)
}

// hasPlaceholder reports whether an action still holds a placeholder outside its
// code spans.
func hasPlaceholder(action string) bool {
	if !strings.ContainsAny(action, "<[{}…$%") && !strings.Contains(action, "...") && !mayBeBlank(action) {
		return false
	}
	text := withoutCode(action)
	for _, sign := range []string{"…", "...", "{{", "}}", "{%", "%}", "<%", "%>", "${"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	if mayBeBlank(text) && dateBlank().MatchString(text) {
		return true
	}
	return angleFilled(text) || bracketFilled(text)
}

// mayBeBlank spares most texts the pattern of blanks.
func mayBeBlank(text string) bool {
	for _, stem := range []string{"yy", "YY", "XX", "xxx"} {
		if strings.Contains(text, stem) {
			return true
		}
	}
	return false
}

// longestBlank is how long a placeholder in brackets may be, in bytes.
const longestBlank = 61

// angleFilled reports whether text holds a <word> that is no HTML element.
func angleFilled(text string) bool {
	for {
		_, rest, found := strings.Cut(text, "<")
		if !found {
			return false
		}
		text = rest
		inner, _, closed := strings.Cut(rest[:min(len(rest), longestBlank+2)], ">")
		inner = strings.TrimPrefix(inner, "/")
		if !closed || inner == "" || !isASCIIWord(inner[0]) || inner[0] <= '9' || inner[0] == '_' || strings.Trim(inner, angleChars) != "" {
			continue
		}
		name, _, _ := strings.Cut(lower(inner), " ")
		if !htmlWords[strings.Trim(name, "/")] && !strings.Contains(inner, ".") {
			return true
		}
	}
}

const angleChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ .,|/-"

// bracketFilled reports whether text holds a bracket that somebody was meant to
// fill in.
func bracketFilled(text string) bool {
	for {
		_, rest, found := strings.Cut(text, "[")
		if !found {
			return false
		}
		text = rest
		end := strings.IndexAny(rest[:min(len(rest), 4*longestBlank)], "[]\n")
		if end <= 0 || rest[end] != ']' {
			continue
		}
		inner, next := rest[:end], rest[end+1:]
		if strings.HasPrefix(next, "(") || strings.HasPrefix(next, "[") {
			continue // a link
		}
		if parseType(inner).kind != "" || headingPriority(inner) != "" {
			continue // a tag
		}
		for _, word := range splitWords(inner) {
			if words.Is(word, words.FillIn) {
				return true
			}
		}
	}
}

// saysNothing reports whether an action is a sentence that there is none.
func saysNothing(action string) bool {
	n, _ := words.Begins(strings.TrimLeft(action, " *_~"), words.Of(words.NothingBegins))
	return n > 0 && len(action) <= 80 && !strings.ContainsAny(action, ";,—")
}
