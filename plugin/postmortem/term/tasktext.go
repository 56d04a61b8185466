package term

import (
	"cmp"
	"iter"
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

// leadTag is one [word], (word) or `word` before an action, and the rest.
func leadTag(action string) (tag, rest string, found bool) {
	action = strings.TrimLeft(action, " *_:：-–—")
	open := strings.IndexByte("[(`", (action + " ")[0])
	if open < 0 {
		return "", action, false
	}
	end := 1 + strings.IndexByte(action[1:min(len(action), 40)], "])`"[open])
	if end < 2 || open == 0 && strings.HasPrefix(action[end+1:], "(") {
		return "", action, false
	}
	return strings.TrimSpace(action[1:end]), action[end+1:], true
}

// LeadTags yields up to four tags before an action, each with what follows it.
func LeadTags(action string) iter.Seq2[string, string] {
	return func(yield func(tag, rest string) bool) {
		for range 4 {
			tag, rest, found := leadTag(action)
			if !found || !yield(tag, rest) {
				return
			}
			action = rest
		}
	}
}

// Tags are the tags of a task: those before the action, and one in brackets behind
// it.
func Tags(action string) (all []string) {
	rest := action
	for tag, after := range LeadTags(action) {
		all, rest = append(all, tag), after
	}
	text := strings.TrimRight(rest, " *_.`")
	if at := strings.LastIndexAny(text, "(["); at > 0 && len(text)-at < 40 && strings.ContainsAny(text[len(text)-1:], ")]") {
		all = append(all, text[at+1:len(text)-1])
	}
	return all
}

// TaskType is the type that a task states in its tags. Several different ones are
// a compound, which no rule but a person may take apart.
func TaskType(action string) (first Stated) {
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
	p := LeadPriority(action)
	for _, rest := range LeadTags(action) {
		p = cmp.Or(p, LeadPriority(rest))
	}
	return p
}

// TaskNote is a status that an open task states in its text, against or
// beside its box: "… (in progress)", "DONE: …", "Add an alert — done".
func TaskNote(action string) State {
	if s := LeadingState(action); s != StateUnknown && s != StateOpen {
		return s
	}
	for _, tag := range Tags(action) {
		if s := statedStatus(tag); s.State != StateUnknown && !s.Approved {
			return s.State
		}
	}
	text := strings.TrimRight(action, " *_.")
	bare, marks, note := strings.TrimRight(text, ")）"), []string{"(", "（"}, ""
	if len(bare) == len(text) {
		marks = []string{" — ", " – ", " - ", " -- "}
	}
	last := 0
	for _, mark := range marks {
		if at := strings.LastIndex(bare, mark); at > last {
			last, note = at, bare[at+len(mark):]
		}
	}
	return statedStatus(note).State
}

// LeadingState is a status that stands before an action as a word of its own:
// "DONE: …", "✅ …", "**WIP** …".
func LeadingState(action string) State {
	s := statedStatus(action)
	if s.State == StateUnknown {
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
	for _, after := range LeadTags(rest) {
		rest = after
	}
	rest = strings.TrimLeft(rest, " *_.")
	return found && (rest == "" || strings.IndexAny(rest, "(:-—–（") == 0)
}
