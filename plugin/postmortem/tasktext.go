package postmortem

import (
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Bounds of where the fields of a task are looked for.
const (
	scanned      = 2 << 10 // bytes of a task
	longestLabel = 24      // bytes
	longestOwner = 60      // bytes
)

var (
	handleWord = pattern.Lazy(`(?:^|[\s(\[,])(@[A-Za-z0-9][A-Za-z0-9_./-]{0,60})`)
	dateWord   = pattern.Lazy(`[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}`)
	ticketWord = pattern.Lazy(`(?:^|[\s(\[,:])([A-Z][A-Z0-9]{1,9}-[0-9]{1,7}|(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,40}/[A-Za-z0-9_.-]{1,40})?#[0-9]{1,7})(?:[^A-Za-z0-9_]|$)`)
)

// label is what of a text ends in a label of a class as a whole word, markup and
// white space behind it aside; -1 when it ends in none.
func label(text string, class words.Class) int {
	text = strings.TrimRight(text, "*_ \t\n")
	for at := len(text); at > 0 && len(text)-at <= longestLabel; {
		start := strings.LastIndexAny(text[:at], " \t\n([*_,;—–|-")
		if at = max(start, 0); start >= 0 {
			_, size := utf8.DecodeRuneInString(text[start:])
			start += size
		} else {
			start = 0
		}
		if words.Is(text[start:], class) {
			return start
		}
	}
	return -1
}

// taskOwner is what follows a label such as "Owner:", else the first @name.
func taskOwner(action string) string {
	text := action[:min(len(action), scanned)]
	for i := 0; ; {
		at := strings.IndexAny(text[i:], ":：")
		if at < 0 {
			break
		}
		_, size := utf8.DecodeRuneInString(text[i+at:])
		head := text[:i+at]
		if i += at + size; label(head, words.LabelOwner) < 0 {
			continue
		}
		value := strings.TrimLeft(text[i:], "* \t\n")
		value = value[:min(len(value), longestOwner)]
		if end := strings.IndexAny(value, ",;)|—–"); end >= 0 {
			value = value[:end]
		}
		if value = strings.Trim(strings.ToValidUTF8(value, ""), "*_ "); value != "" {
			return value
		}
	}
	if at := strings.IndexByte(text, '@'); at >= 0 {
		if m := handleWord().FindStringSubmatch(text[max(0, at-1):]); m != nil {
			return m[1]
		}
	}
	return ""
}

// taskDue is the first date after a label such as "due".
func taskDue(action string) string {
	text := action[:min(len(action), scanned)]
	joint := strings.IndexAny(text, "-/")
	if joint < 0 {
		return ""
	}
	from := max(0, joint-len("2006")) // no date begins before
	for _, at := range dateWord().FindAllStringIndex(text[from:], -1) {
		start := from + at[0]
		head := strings.TrimRight(text[:start], "*: \t\n")
		head = strings.TrimSuffix(head, "：")
		if len(head) < start && label(head, words.LabelDue) >= 0 {
			return text[start : from+at[1]]
		}
	}
	return ""
}

// taskTicket is the first ticket of a text: ABC-12, #12 or owner/name#12.
func taskTicket(action string) string {
	text := action[:min(len(action), scanned)]
	for i := range len(text) - 1 {
		if text[i+1] >= '0' && text[i+1] <= '9' && (text[i] == '#' || text[i] == '-' && endsProject(text[:i])) {
			if m := ticketWord().FindStringSubmatch(text); m != nil {
				return m[1]
			}
			break
		}
	}
	return ""
}

// endsProject reports whether a text may end in the ABC of ABC-12. Most numbers
// behind a hyphen are those of dates.
func endsProject(text string) bool {
	at := len(text)
	for at > 0 && len(text)-at <= 10 && (text[at-1] >= 'A' && text[at-1] <= 'Z' || text[at-1] >= '0' && text[at-1] <= '9') {
		at--
	}
	return at < len(text) && text[at] >= 'A'
}

// isField reports whether a bullet is a field of something, such as "Owner: …".
func isField(action string) bool {
	head := action[:min(len(action), 2*longestLabel)]
	at := strings.IndexAny(head, ":：")
	return at > 0 && words.Is(strings.Trim(head[:at], "*_ "), words.LabelField)
}

// tag is one [word], (word) or **word** before an action, and the rest.
func leadTag(action string) (tag, rest string, found bool) {
	action = strings.TrimLeft(action, " *_:：-–—")
	if action == "" {
		return "", action, false
	}
	closer := ""
	switch action[0] {
	case '[':
		closer = "]"
	case '(':
		closer = ")"
	case '`':
		closer = "`"
	default:
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

// tags are the tags of a task: up to four before the action, [word], (word) or
// `word`, and one in brackets behind it.
func tags(action string) []string {
	var all []string
	rest := action
	for range 4 {
		tag, after, found := leadTag(rest)
		if !found {
			break
		}
		all, rest = append(all, tag), after
	}
	text := strings.TrimRight(rest, " *_.`")
	if !strings.HasSuffix(text, ")") && !strings.HasSuffix(text, "]") {
		return all
	}
	if at := strings.LastIndexAny(text, "(["); at > 0 && len(text)-at < 40 {
		all = append(all, text[at+1:len(text)-1])
	}
	return all
}

// taskType is the type that a task states in its tags. Several different ones are
// a compound, which no rule but a person may take apart.
func taskType(action string) stated {
	var first stated
	for _, tag := range tags(action) {
		if s := parseType(tag); s.kind != "" {
			if first.kind == "" {
				first = s
			}
			first.compound = first.compound || s.kind != first.kind
		}
	}
	return first
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
	for rest := action; ; {
		tag, after, found := leadTag(rest)
		if !found {
			break
		}
		if s := parseStatus(tag); s.state != stateUnknown && s.state != stateTypeWord && !s.okay {
			return s.state
		}
		rest = after
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
	s := statedStatus(action)
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
