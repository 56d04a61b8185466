package classify

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// BlankDate is the pattern of a date, or a name, that somebody was meant to fill in.
const BlankDate = `(?i:\b(?:y{4}|a{4}|j{4})(?:年m{1,2}月(?:d{1,2}日)?|[-/.]m{2}[-/.](?:d{2}|t{2}|j{2})\b)|\b(?:d{2}|t{2}|j{2}|m{2})[-/.](?:m{2}|d{2})[-/.](?:y{2,4}|a{4}|j{4})\b|\b(?:XXX+|xxx+|X{2,}-X{2,})\b)`

// BlankName is the pattern of a name in braces that somebody was meant to fill in. It
// stands by itself: one in a path or a template language does not.
const BlankName = `(?:^|[\s|*_(:,])(\{[a-z][a-z0-9 _-]{1,30}\})(?:$|[\s|*_).,:;])`

var (
	nameBlank   = pattern.Lazy(BlankName)
	dateBlank   = pattern.Lazy(BlankDate)
	wholeFilled = pattern.Lazy(`^(?:\[[^\[\]]*\]|<[^<>]*>|\{\{[^{}]*\}\}|\{%[^{}]*%\}|<%.*%>|\.{2,}|…+|_{2,}|-+|–+|—+|\?+)$`)
)

// htmlWords are elements that stand in real text.
const htmlWords = "|br|b|i|em|strong|code|kbd|sub|sup|a|span|img|s|del|ins|u|small|mark|details|summary|p|div|hr|ul|ol|li|pre|tt|samp|var|abbr|q|cite|nobr|wbr|font|center|table|tr|td|th|"

// Nothing reports whether an action is empty or is a placeholder as a whole.
func Nothing(action string) bool {
	if strings.Trim(action, " *_~`-–—.…") == "" {
		return true
	}
	if len(action) > 200 {
		return false
	}
	text := strings.Trim(markdown.StripComments(action), " *_~.")
	if text == "" || words.Is(text, words.Nothing) || saysNothing(text) {
		return true
	}
	// A lone [Alert] or [P1] is a tag with nothing behind it.
	return strings.IndexByte("[<{._-?\xe2", text[0]) >= 0 && wholeFilled().MatchString(text)
}

// hasPlaceholder reports whether an action still holds a placeholder outside its
// code spans.
func hasPlaceholder(action string) bool {
	action = action[:min(len(action), maxAction)] // what is longer needs a person as it is
	if !strings.ContainsAny(action, "<[{}…$%［【&") && !strings.Contains(action, "...") && !strings.Contains(action, "____") && !mayBeBlank(action) {
		return false
	}
	text := markdown.WithoutCode(action)
	for _, sign := range []string{"…", "...", "{{", "}}", "{%", "%}", "<%", "%>", "${", "____"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	if mayBeBlank(text) && dateBlank().MatchString(text) || strings.Contains(text, "{") && nameBlank().MatchString(text) {
		return true
	}
	return angleFilled(text) || bracketFilled(text)
}

// unassigned reports whether a cell for an owner or a date is still to be filled in.
func unassigned(cell string) bool {
	text := strings.Trim(cell, " *_@")
	n, _ := words.Begins(text, words.Of(words.Undecided))
	return n > 0 || hasPlaceholder(cell) || text != "" && strings.Trim(text, "?？") == ""
}

// mayBeBlank spares most texts the pattern of blanks.
func mayBeBlank(text string) bool {
	for _, stem := range []string{"yy", "YY", "XX", "xxx", "AAAA", "aaaa", "JJ", "jj"} {
		if strings.Contains(text, stem) {
			return true
		}
	}
	return false
}

var (
	angle   = pattern.Lazy(`(?:<|&lt;)/?(\pL[\pL\w .,|/-]{0,60})(?:\\?>|&gt;)`)      // escaped or not
	bracket = pattern.Lazy(`(?:\[|［|【)([^\[\]［］【】\n]{1,240})(?:\]|］|】)(?:[^(\[]|$)`) // no link
)

// angleFilled reports whether text holds a <word> that is no HTML element.
func angleFilled(text string) bool {
	for _, found := range angle().FindAllStringSubmatch(text, -1) {
		name, _, _ := strings.Cut(words.Fold(found[1]), " ")
		if !strings.Contains(htmlWords, "|"+strings.Trim(name, "/")+"|") && !strings.Contains(found[1], ".") {
			return true
		}
	}
	return false
}

// bracketFilled reports whether text holds a bracket that somebody was meant to
// fill in, and that is no tag.
func bracketFilled(text string) bool {
	for _, found := range bracket().FindAllStringSubmatch(text, -1) {
		if term.ParseType(found[1]).Kind != "" || term.HeadingPriority(found[1]) != "" {
			continue
		}
		for _, word := range term.SplitWords(found[1]) {
			if words.Is(word, words.FillIn) {
				return true
			}
		}
	}
	return false
}

// saysNothing reports whether an action is a sentence that there is none.
func saysNothing(action string) bool {
	n, _ := words.Begins(strings.TrimLeft(action, " *_~"), words.Of(words.NothingBegins))
	return n > 0 && len(action) <= 80 && !strings.ContainsAny(action, ";,—")
}
