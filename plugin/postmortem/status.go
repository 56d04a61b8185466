package postmortem

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// state is what a status says.
type state int

const (
	stateUnknown state = iota
	stateOpen
	stateDone
	stateInProgress
	stateDeclined
	statePartly
	stateTypeWord // a type where a status is expected: open, for a person
)

type statusWord struct {
	state state
	done  string // what an open word becomes; "" for the rule of capitals
}

// statusWords has the vocabulary in lower case. Longer words win over their
// own beginnings.
//
//nolint:misspell // these words are not English
var statusWords = func() map[string]statusWord {
	known := map[string]statusWord{}
	for state, list := range map[state]string{
		stateOpen: "todo,to do,to-do,open,pending,not started,not-started,not_started,new,backlog,planned," +
			"pendente,aberto,aberta,a fazer,não iniciado,não iniciada,pendiente,abierto,abierta,por hacer," +
			"à faire,ouvert,ouverte,offen",
		stateDone: "done,complete,completed,closed,fixed,implemented,merged,shipped,resolved,landed,documented,this document," +
			"applied,deployed,✅,☑,🟢,✔,[x],完了,完了済み,済,済み,対応済,対応済み,実施済,実施済み,已完成,完成," +
			"concluído,concluída,concluido,concluida,feito,feita,finalizado,finalizada,resolvido,resolvida," +
			"hecho,completado,completada,cerrado,cerrada,terminado,resuelto," +
			"fait,terminé,terminée,fermé,résolu,erledigt,fertig,abgeschlossen",
		stateInProgress: "in progress,in_progress,in-progress,inprogress,wip,started,ongoing,on-going,staged," +
			"in review,in_review,in-review,blocked,🔄,🔵,進行中,対応中,実施中,着手,着手済,着手済み,进行中," +
			"em andamento,em progresso,en curso,en progreso,en cours,in arbeit",
		stateDeclined: "deferred,won't do,won't fix,won’t do,won’t fix,wont do,wont fix,wontfix,won't,won’t,rejected,cancelled," +
			"canceled,obsolete,superseded,n/a,duplicate,decided,process change,保留,見送り,no action,not doing,not planned," +
			"declined,dropped,abandoned,cancelado,cancelada,adiado,adiada,annulé,annulée,reporté,reportée,rechazado," +
			"abgelehnt,verworfen,🚫",
	} {
		for word := range strings.SplitSeq(list, ",") {
			known[word] = statusWord{state: state}
		}
	}
	for word, done := range map[string]string{
		"未着手": "完了", "未": "完了", "未対応": "完了", "未実施": "完了", "未完了": "完了", "待办": "已完成", "未开始": "已完成",
		"⏳": "✅", "🔲": "✅", "☐": "☑", "🟡": "🟢", "⬜": "✅", "[ ]": "[x]",
	} {
		known[word] = statusWord{state: stateOpen, done: done}
	}
	return known
}()

// longestStatusWord is in bytes; no leading word beyond it is looked up.
const longestStatusWord = 24

// status is a status cell as it was understood.
type status struct {
	state state
	exact bool // the cell holds nothing but the word
	paren bool // nothing but the word and a note in parentheses
	note  string
	token span // the word, relative to the cell
}

// parseStatus reads a status cell. Markup, no-break spaces and HTML comments
// around the word are ignored.
func parseStatus(cell string) status {
	start, end := unwrap(cell)
	text := cell[start:end]
	if text == "" {
		return status{}
	}
	length, word := leadingWord(text)
	if length == 0 && text[0] == '[' && linkStart(text) {
		// A linked word is a word with a note: replacing it would break the link.
		if _, word := leadingWord(plain(text)); word.state != stateUnknown {
			return status{state: word.state, note: text, token: span{start, end}}
		}
	}
	if length == 0 && startsWithSign(text) {
		// A sign that says nothing by itself: "🔴 Open" is open with a note.
		bare := strings.TrimLeftFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if _, word := leadingWord(bare); word.state != stateUnknown {
			return status{state: word.state, note: text, token: span{start, end}}
		}
	}
	if length == 0 {
		if _, isType := typeWords[lower(plain(text))]; isType {
			return status{state: stateTypeWord, token: span{start, end}}
		}
		return status{}
	}
	s := status{state: word.state, token: span{start, start + length}}
	_, rest := unwrap(text[length:])
	s.note = strings.TrimLeft(text[length:length+rest], " \t*~_`\u00a0\u3000")
	s.exact = s.note == ""
	s.paren = strings.HasPrefix(s.note, "(") || strings.HasPrefix(s.note, "（")
	if s.state == stateDone && remains(s.note) {
		s.state = statePartly
	}
	return s
}

// markedStatus is the status word that a cell about something else ends with or
// consists of, when it is marked as one: bold, or in capitals.
func markedStatus(cell string) state {
	cell = strings.TrimRight(strings.TrimSpace(cell), ".")
	for _, mark := range []string{"**", "__"} {
		head, found := strings.CutSuffix(cell, mark)
		if !found {
			continue
		}
		if s := parseStatus(head[strings.LastIndex(head, mark)+1:]); s.exact {
			return s.known()
		}
	}
	word := cell[strings.LastIndexAny(cell, " )]")+1:]
	if len(word) < 4 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return stateUnknown
	}
	if s := parseStatus(word); s.exact {
		return s.known()
	}
	return stateUnknown
}

// known is the state, but for a type word, which is none outside its column.
func (s status) known() state {
	if s.state == stateTypeWord {
		return stateUnknown
	}
	return s.state
}

// startsWithSign reports whether text begins with a sign such as an emoji.
func startsWithSign(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// remains reports whether the note after a done word says that work is left.
func remains(note string) bool {
	for _, word := range words(lower(note)) {
		switch word {
		case "needs", "need", "remaining", "remains", "until", "but", "only", "partly", "partially", "partial", "todo", "pending", "except", "except:", "still", "not":
			return true
		}
	}
	return false
}

// unwrap is the range of cell without the markup, white space and comments
// around it. Only outer underscores go: IN_PROGRESS keeps its own.
func unwrap(cell string) (start, end int) {
	start, end = 0, len(cell)
	for start < end {
		switch {
		case strings.IndexByte(" \t\r\n*~_`", cell[start]) >= 0:
			start++
		case strings.HasPrefix(cell[start:end], "\u00a0"), strings.HasPrefix(cell[start:end], "\u3000"), strings.HasPrefix(cell[start:end], "\u202f"):
			_, size := utf8.DecodeRuneInString(cell[start:end])
			start += size
		case strings.HasPrefix(cell[start:end], "<!--") && strings.Contains(cell[start:end], "-->"):
			start += strings.Index(cell[start:end], "-->") + len("-->")
		default:
			return start, unwrapEnd(cell, start, end)
		}
	}
	return start, end
}

func unwrapEnd(cell string, start, end int) int {
	for start < end {
		r, size := utf8.DecodeLastRuneInString(cell[start:end])
		switch {
		case strings.IndexByte(" \t\r\n*~_`", cell[end-1]) >= 0, r == 0xa0, r == 0x3000, r == 0x202f:
			end -= size
		case strings.HasSuffix(cell[start:end], "-->") && strings.LastIndex(cell[start:end], "<!--") > 0:
			end = start + strings.LastIndex(cell[start:end], "<!--")
		default:
			return end
		}
	}
	return end
}

// leadingWord is the longest status word that a cell begins with, bounded by
// what is no letter or digit, and its length in bytes.
func leadingWord(cell string) (int, statusWord) {
	head := fold(cell[:min(len(cell), 2*longestStatusWord)])
	for n := min(len(head), longestStatusWord); n > 0; n-- {
		word, known := statusWords[head[:n]]
		if !known {
			continue
		}
		rest := cell[n:]
		r, size := utf8.DecodeRuneInString(rest)
		if r == 0xfe0f { // the emoji presentation of the sign before it
			n += size
			r, _ = utf8.DecodeRuneInString(cell[n:])
		}
		first, _ := utf8.DecodeRuneInString(head)
		bounded := n == len(cell) || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '\'' && r != '’'
		if bounded || text.IsSymbol(first) || first >= 0x3000 && head[:n] != "未" && head[:n] != "済" {
			return n, word
		}
	}
	return 0, statusWord{}
}

// doneToken is what an open status word becomes, "" when the token is not
// exactly an open word.
func doneToken(token string) string {
	bare := strings.TrimSuffix(token, "\ufe0f")
	word, known := statusWords[fold(bare)]
	if !known || word.state != stateOpen {
		return ""
	}
	if word.done != "" {
		return word.done
	}
	if first, _ := utf8.DecodeRuneInString(token); unicode.IsUpper(first) {
		return "Done"
	}
	return "done"
}

// words splits s at everything that is no letter, digit, hyphen, underscore or
// apostrophe.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '\'' && r != '’'
	})
}
