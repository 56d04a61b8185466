package postmortem

import (
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

var fieldLabel = pattern.Lazy(`(?i)^[*_]*(?:owner|assignee|due|due date|status|priority|ticket|issue|type|date|author|reviewers?|担当|期限|状態)[*_]*\s*[:：]`)

// Labels of the fields that authors write into the line of a task. A label
// ends at its colon, which a date does not need.
var (
	//nolint:misspell // these words are not English
	ownerLabels = []string{"owner", "assignee", "assigned to", "dri", "担当", "担当者", "responsável", "responsable"}
	dueLabels   = []string{"due", "due date", "deadline", "eta", "期限", "prazo", "by"}
)

// scanned is how much of a task is searched for its fields.
const scanned = 2 << 10 // bytes

// endsInLabel reports whether text ends in one of the labels as a whole word,
// markup and white space behind it aside.
func endsInLabel(text string, labels []string) bool {
	text = strings.TrimRight(text, "* \t\n")
	tail := fold(text[max(0, len(text)-16):])
	for _, label := range labels {
		head, found := strings.CutSuffix(tail, label)
		if !found {
			continue
		}
		last, _ := utf8.DecodeLastRuneInString(head)
		if head == "" && len(text) == len(label) || head != "" && strings.ContainsRune(" \t\n(*_,;—–|-", last) {
			return true
		}
	}
	return false
}

// taskOwner is what follows a label such as "Owner:", else the first @name.
func taskOwner(action string) string {
	text := action[:min(len(action), scanned)]
	for i := 0; i < len(text); i++ {
		size := colon(text[i:])
		if size == 0 || !endsInLabel(text[:i], ownerLabels) {
			continue
		}
		value := strings.TrimLeft(text[i+size:], "* \t\n")
		value = value[:min(len(value), 60)]
		if end := strings.IndexAny(value, ",;)|—–"); end >= 0 {
			value = value[:end]
		}
		if value = strings.Trim(strings.ToValidUTF8(value, ""), "*_ "); value != "" {
			return value
		}
	}
	return taskHandle(text)
}

// colon is the length of the colon that text begins with, 0 when there is none.
func colon(text string) int {
	switch {
	case text[0] == ':':
		return 1
	case strings.HasPrefix(text, "："):
		return len("：")
	}
	return 0
}

// taskHandle is the first @name of a text.
func taskHandle(text string) string {
	for i := 0; ; {
		at := strings.IndexByte(text[i:], '@')
		if at < 0 {
			return ""
		}
		i += at + 1
		if i > 1 && !opensWord(text[i-2]) {
			continue
		}
		end := i
		for end < len(text) && end-i < 61 && (isASCIIWord(text[end]) || end > i && strings.IndexByte("./-", text[end]) >= 0) {
			end++
		}
		if end > i && text[i] != '_' {
			return text[i-1 : end]
		}
	}
}

// opensWord reports whether a name or ticket may stand after b.
func opensWord(b byte) bool { return isSpace(b) || b == '(' || b == '[' || b == ',' }

// isASCIIWord reports whether b is what regular expressions call a word
// character.
func isASCIIWord(b byte) bool { return b < utf8.RuneSelf && (isWord(b) || b == '_') }

// taskDue is the first date after a label such as "due".
func taskDue(action string) string {
	text := action[:min(len(action), scanned)]
	for i := 0; i+8 <= len(text); i++ {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		size := dateLength(text[i:])
		if size == 0 {
			continue
		}
		head := strings.TrimRight(text[:i], "* \t\n")
		head = strings.TrimSuffix(strings.TrimSuffix(head, "："), ":")
		if len(head) < i && endsInLabel(head, dueLabels) {
			return text[i : i+size]
		}
		i += size
	}
	return ""
}

// dateLength is the length of the date in numbers, year first, that text begins
// with; 0 when it begins with none.
func dateLength(text string) int {
	at := 0
	for part, limits := range [][2]int{{4, 4}, {1, 2}, {1, 2}} {
		if part > 0 {
			if at >= len(text) || text[at] != '-' && text[at] != '/' {
				return 0
			}
			at++
		}
		n := digits(text[at:], limits[1])
		if n < limits[0] {
			return 0
		}
		at += n
	}
	return at
}

// digits counts the digits that text begins with, up to a limit.
func digits(text string, limit int) int {
	n := 0
	for n < len(text) && n < limit && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// taskTicket is the first ticket of a text: ABC-12, #12 or owner/name#12.
func taskTicket(action string) string {
	text := action[:min(len(action), scanned)]
	word := 0 // where the word begins
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case opensWord(c) || c == ':':
			word = i + 1
		case c == '#' || c == '-':
			n := digits(text[i+1:], 8)
			end := i + 1 + n
			if n > 0 && n < 8 && (end == len(text) || !isASCIIWord(text[end])) && numbersTickets(text[word:i], c) {
				return text[word:end]
			}
		}
	}
	return ""
}

// numbersTickets reports whether a sign with a number behind it is a ticket after
// head: the key of a project, or the name of a repository.
func numbersTickets(head string, sign byte) bool {
	if sign == '-' {
		return len(head) >= 2 && len(head) <= 10 && head[0] >= 'A' && strings.Trim(head, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
	}
	owner, name, found := strings.Cut(head, "/")
	if !found {
		return head == ""
	}
	return owner != "" && len(owner) <= 41 && isASCIIWord(owner[0]) && repositoryName(owner) && name != "" && len(name) <= 40 && repositoryName(name)
}

func repositoryName(name string) bool {
	for i := range len(name) {
		if !isASCIIWord(name[i]) && name[i] != '.' && name[i] != '-' {
			return false
		}
	}
	return true
}

// isField reports whether a bullet is a field of something, such as "Owner: …".
func isField(action string) bool { return fieldLabel().MatchString(action[:min(len(action), 64)]) }

// tag is one [word], (word) or **word** before an action, and the rest.
func leadTag(action string) (tag, rest string, found bool) {
	action = strings.TrimLeft(action, " *_:：-–—")
	if action == "" {
		return "", action, false
	}
	closer := map[byte]string{'[': "]", '(': ")", '`': "`"}[action[0]]
	if closer == "" {
		return "", action, false
	}
	end := strings.Index(action[:min(len(action), 40)], closer)
	if end < 2 && closer == "`" {
		end = strings.Index(action[1:min(len(action), 40)], closer) + 1
	}
	if end < 2 || strings.HasPrefix(action[end+1:], "(") && closer == "]" {
		return "", action, false
	}
	return strings.TrimSpace(action[1:end]), action[end+1:], true
}

// taskType is the type that a task states: [Alert] before the action or
// (Alert) after it. Several different ones are a compound, which no rule but a
// person may take apart.
func taskType(action string) stated {
	rest := action
	var first stated
	for range 4 {
		tag, after, found := leadTag(rest)
		if !found {
			break
		}
		if s := parseType(tag); s.kind != "" {
			if first.kind == "" {
				first = s
			}
			first.compound = first.compound || s.kind != first.kind
		}
		rest = after
	}
	if first.kind != "" {
		return first
	}
	text := strings.TrimRight(action, " *_.`")
	if !strings.HasSuffix(text, ")") && !strings.HasSuffix(text, "]") {
		return stated{}
	}
	if at := strings.LastIndexAny(text, "(["); at > 0 && len(text)-at < 40 {
		if s := parseType(text[at+1 : len(text)-1]); s.kind != "" {
			return s
		}
	}
	return stated{}
}

// taskPriority is a P-number before the action: [P1], **P1**, P1:, also after
// another tag.
func taskPriority(action string) Priority {
	rest := action
	for range 4 {
		if p := leadPriority(rest); p != "" {
			return p
		}
		_, after, found := leadTag(rest)
		if !found {
			return ""
		}
		rest = after
	}
	return ""
}

// taskNote is a status that an open task states in its text, against or
// beside its box: "… (in progress)", "DONE: …".
func taskNote(action string) state {
	if s := leadingState(action); s != stateUnknown && s != stateOpen {
		return s
	}
	if tag, _, found := leadTag(action); found {
		if s := parseStatus(tag); s.state != stateUnknown && s.state != stateTypeWord {
			return s.state
		}
	}
	text := strings.TrimRight(action, " *_.")
	open, width := strings.LastIndexByte(text, '('), 1
	switch {
	case strings.HasSuffix(text, "）"):
		open, width = strings.LastIndex(text, "（"), len("（")
		text = strings.TrimSuffix(text, "）")
	case strings.HasSuffix(text, ")"):
		text = strings.TrimSuffix(text, ")")
	default:
		// "Add an alert — done" and the like.
		open = -1
		for _, dash := range []string{" — ", " – ", " - ", " -- "} {
			if at := strings.LastIndex(text, dash); at > open {
				open, width = at, len(dash)
			}
		}
	}
	if open <= 0 || open+width > len(text) {
		return stateUnknown
	}
	s := parseStatus(text[open+width:])
	if s.state == stateTypeWord {
		return stateUnknown
	}
	return s.state
}

// leadingState is a status that stands before an action as a word of its own:
// "DONE: …", "✅ …", "**WIP** …".
func leadingState(action string) state {
	s := parseStatus(action)
	if s.state == stateUnknown || s.state == stateTypeWord {
		return stateUnknown
	}
	first, _ := utf8.DecodeRuneInString(action[s.token.start:])
	marked := s.token.start > 0 && strings.IndexByte("*_~`", action[s.token.start-1]) >= 0 &&
		strings.IndexByte("*_~`", (action + " ")[s.token.end]) >= 0
	if s.exact || strings.HasPrefix(s.note, ":") || strings.HasPrefix(s.note, "：") || marked || text.IsSymbol(first) {
		return s.state
	}
	return stateUnknown
}

// noteStatus records that the text of an open task says another status.
func (i *Item) noteStatus(s state) {
	i.mask.add(reason.StatusWithNote)
	i.token = span{}
	switch s {
	case stateInProgress:
		i.mask.add(reason.InProgress)
	case stateHeld:
		i.mask.add(reason.Held)
	case statePartly:
		i.mask.add(reason.PartlyDone)
	}
}
