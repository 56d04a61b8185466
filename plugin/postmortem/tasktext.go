package postmortem

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Patterns of what authors write into the line of a task. All of them are
// anchored or linear, as package regexp is.
var (
	//nolint:misspell // these words are not English
	ownerField  = regexp.MustCompile(`(?i)(?:^|[\s(*_,;—–|-])(?:owner|assignee|assigned to|dri|担当|担当者|responsável|responsable)\**\s*[:：]\**\s*([^\s,;)|—–][^,;)|—–]{0,60})`)
	dueField    = regexp.MustCompile(`(?i)(?:^|[\s(*_,;—–|-])(?:due|due date|deadline|eta|期限|prazo|by)\**\s*[:：]?\**\s*(\d{4}[-/]\d{1,2}[-/]\d{1,2})`)
	handle      = regexp.MustCompile(`(?:^|[\s(\[,])(@[A-Za-z0-9][A-Za-z0-9._/-]{0,60})`)
	ticketField = regexp.MustCompile(`(?:^|[\s(\[,:])((?:[A-Z][A-Z0-9]{1,9}-|#|[A-Za-z0-9][A-Za-z0-9._-]{0,40}/[A-Za-z0-9._-]{1,40}#)[0-9]{1,7})\b`)
	fieldLabel  = regexp.MustCompile(`(?i)^[*_]*(?:owner|assignee|due|due date|status|priority|ticket|issue|type|date|author|reviewers?|担当|期限|状態)[*_]*\s*[:：]`)
)

// scanned is how much of a task is searched for its fields.
const scanned = 2 << 10 // bytes

func firstMatch(pattern *regexp.Regexp, text string) string {
	m := pattern.FindStringSubmatch(text[:min(len(text), scanned)])
	if m == nil {
		return ""
	}
	return strings.TrimSpace(m[1])
}

func taskOwner(action string) string {
	if containsAny(action, ownerStems) {
		if owner := firstMatch(ownerField, action); owner != "" {
			return strings.Trim(owner, "*_ ")
		}
	}
	if strings.IndexByte(action, '@') < 0 {
		return ""
	}
	return firstMatch(handle, action)
}

// ownerStems and the like spare most tasks the patterns.
var (
	ownerStems  = []string{"wner", "WNER", "ssign", "DRI", "dri", "Dri", "担当", "espons"}
	dueStems    = []string{"19", "20"}
	ticketStems = []string{"#", "-"}
)

func taskDue(action string) string {
	if !containsAny(action, dueStems) {
		return ""
	}
	return firstMatch(dueField, action)
}

func taskTicket(action string) string {
	if !containsAny(action, ticketStems) || !strings.ContainsAny(action, "0123456789") {
		return ""
	}
	return firstMatch(ticketField, action)
}

// isField tells whether a bullet is a field of something, such as "Owner: …".
func isField(action string) bool { return fieldLabel.MatchString(action[:min(len(action), 64)]) }

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
// (Alert) after it.
func taskType(action string) stated {
	rest := action
	for range 4 {
		tag, after, found := leadTag(rest)
		if !found {
			break
		}
		if s := parseType(tag); s.kind != "" {
			return s
		}
		rest = after
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
	if s.exact || strings.HasPrefix(s.note, ":") || strings.HasPrefix(s.note, "：") || marked || isSymbol(first) {
		return s.state
	}
	return stateUnknown
}

// noteStatus records that the text of an open task says another status.
func (i *Item) noteStatus(s state) {
	i.mask.add(StatusWithNote)
	i.token = span{}
	switch s {
	case stateInProgress:
		i.mask.add(InProgress)
	case statePartly:
		i.mask.add(PartlyDone)
	}
}
