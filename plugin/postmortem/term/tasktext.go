package term

import (
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
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

// TaskOwner is what follows a label such as "Owner:", else the first @name.
func TaskOwner(action string) string {
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

// TaskDue is the first date after a label such as "due".
func TaskDue(action string) string {
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

// TaskTicket is the first ticket of a text: ABC-12, #12 or owner/name#12.
func TaskTicket(action string) string {
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

// IsField reports whether a bullet is a field of something, such as "Owner: …".
func IsField(action string) bool {
	head := action[:min(len(action), 2*longestLabel)]
	at := strings.IndexAny(head, ":：")
	return at > 0 && words.Is(strings.Trim(head[:at], "*_ "), words.LabelField)
}

// LeadTag is one [word], (word) or **word** before an action, and the rest.
func LeadTag(action string) (tag, rest string, found bool) {
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

// Tags are the tags of a task: up to four before the action, [word], (word) or
// `word`, and one in brackets behind it.
func Tags(action string) []string {
	var all []string
	rest := action
	for range 4 {
		tag, after, found := LeadTag(rest)
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

// TaskType is the type that a task states in its tags. Several different ones are
// a compound, which no rule but a person may take apart.
func TaskType(action string) Stated {
	var first Stated
	for _, tag := range Tags(action) {
		if s := ParseType(tag); s.Kind != "" {
			if first.Kind == "" {
				first = s
			}
			first.Compound = first.Compound || s.Kind != first.Kind
		}
	}
	return first
}

// TaskPriority is a P-number before the action: [P1], **P1**, P1:, also after
// another tag.
func TaskPriority(action string) Priority {
	rest := action
	for range 4 {
		if p := LeadPriority(rest); p != "" {
			return p
		}
		_, after, found := LeadTag(rest)
		if !found {
			return ""
		}
		rest = after
	}
	return ""
}

// TaskNote is a status that an open task states in its text, against or
// beside its box: "… (in progress)", "DONE: …".
func TaskNote(action string) State {
	if s := LeadingState(action); s != StateUnknown && s != StateOpen {
		return s
	}
	for rest := action; ; {
		tag, after, found := LeadTag(rest)
		if !found {
			break
		}
		if s := ParseStatus(tag); s.State != StateUnknown && s.State != StateTypeWord && !s.Approved {
			return s.State
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
		return StateUnknown
	}
	s := ParseStatus(text[open+width:])
	if s.State == StateTypeWord {
		return StateUnknown
	}
	return s.State
}

// LeadingState is a status that stands before an action as a word of its own:
// "DONE: …", "✅ …", "**WIP** …".
func LeadingState(action string) State {
	s := statedStatus(action)
	if s.State == StateUnknown || s.State == StateTypeWord {
		return StateUnknown
	}
	first, _ := utf8.DecodeRuneInString(action[s.Token.Start:])
	marked := s.Token.Start > 0 && strings.IndexByte("*_~`", action[s.Token.Start-1]) >= 0 &&
		strings.IndexByte("*_~`", (action + " ")[s.Token.End]) >= 0
	if s.Exact || strings.HasPrefix(s.Note, ":") || strings.HasPrefix(s.Note, "：") || marked || text.IsSymbol(first) {
		return s.State
	}
	return StateUnknown
}

// Struck reports whether a whole text is struck through, but for tags before it and
// a note behind it.
func Struck(text string) bool {
	rest, found := markdown.Unstruck(text)
	if !found {
		return false
	}
	for tagged := true; tagged; {
		_, rest, tagged = LeadTag(rest)
	}
	rest = strings.TrimLeft(rest, " *_.")
	return rest == "" || strings.IndexByte("(:-", rest[0]) >= 0 || strings.HasPrefix(rest, "—") || strings.HasPrefix(rest, "–") || strings.HasPrefix(rest, "（")
}
