// Package said reads an item as a person does: which things it names, which words
// it mentions and which values it states, and what it denies. It is pure.
package said

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is what an item says, read once: which names stand in it, and which
// values.
type Text struct {
	words     []word
	values    []quantity
	mentioned map[string]bool // words that no denial takes back
}

// word is one word of an item: a run of letters and digits, split where the
// case changes, in lower case.
type word struct {
	text     string
	code     string // the whole code span that it stands in, "" outside
	joined   bool   // it may belong to one name with the word before: nothing, a space or one joining sign stands between
	glued    bool   // and so it must: no space stands between
	negated  bool   // a negation stands before it in its sentence
	sentence int
}

// Read takes the words of an item apart. The text is Markdown: backticks make
// code spans, and names with braces stand for several (Foo{Bar,Baz}).
func Read(text string) Text {
	s := Text{mentioned: map[string]bool{}}
	text = expandBraces(text)
	asked := affirmed(text)
	for _, piece := range pieces(asked) {
		for _, text := range camel(piece.text) {
			s.mentioned[singular(text)] = true
		}
	}
	for _, part := range strings.Split(asked, "`") {
		s.values = append(s.values, quantities(part)...)
	}
	s.spell(text)
	return s
}

// spell notes the words of a text.
func (s *Text) spell(text string) {
	sentence, negated := 0, false
	clause := clause{}
	for i, part := range strings.Split(text, "`") {
		code := ""
		if i%2 == 1 {
			code = strings.TrimSpace(part)
		}
		for _, piece := range pieces(part) {
			if code == "" && piece.ends {
				sentence++
				negated = false
			}
			if code == "" && (piece.ends || piece.comma || slices.Contains(turns, strings.ToLower(piece.text))) {
				clause.end(s)
			}
			if piece.text == "" {
				continue
			}
			if code == "" {
				negated = negated || negation(piece.text)
				clause.note(piece.text)
			}
			for j, text := range camel(piece.text) {
				s.words = append(s.words, word{
					text: text, code: code, joined: j > 0 || piece.joined, glued: j > 0 || piece.glued, negated: negated, sentence: sentence,
				})
			}
		}
	}
	clause.end(s)
}

// clause is a part of a sentence that may spare what it names: NodeDown must not
// change, NodeDown stays.
type clause struct {
	from    int // of the words
	denies  bool
	changes bool
	spares  bool
}

func (c *clause) note(text string) {
	lower := strings.ToLower(text)
	c.denies = c.denies || denial(lower)
	c.changes = c.changes || slices.Contains(changing, lower)
	c.spares = c.spares || slices.Contains(sparing, lower)
}

// end takes back what the clause names, when it spares it.
func (c *clause) end(s *Text) {
	if c.spares || c.denies && c.changes {
		for i := c.from; i < len(s.words); i++ {
			s.words[i].negated = true
		}
	}
	*c = clause{from: len(s.words)}
}

// changing are words that with a denial spare what stands beside them, and
// sparing those that do so alone.
var (
	changing = []string{
		"change", "changed", "changing", "touch", "touched", "touching", "modify", "modified", "edit", "edited", "alter", "altered", "move", "moved", "tune", "tuned",
		"affect", "affected", "ändern", "geändert", "anfassen", "angefasst", "berühren", "changer", "modifier", "toucher", "cambiar", "tocar", "modificar",
	}
	sparing = []string{"unchanged", "untouched", "unmodified", "alone", "stay", "stays", "remain", "remains", "bleibt", "bleiben", "unverändert", "reste", "restent", "queda"}
)

// piece is a run of letters and digits, with what stands before it.
type piece struct {
	text   string
	joined bool // to the one before, by a space or a sign that names may hold
	glued  bool // to the one before, by such a sign
	ends   bool // a sentence ends before it
	comma  bool // a comma stands before it
}

// pieces splits a text at everything that is no letter, digit or apostrophe.
func pieces(text string) []piece {
	var list []piece
	var current strings.Builder
	between := ""
	flush := func() {
		if current.Len() == 0 {
			return
		}
		name := strings.TrimRight(current.String(), "'’") // of a quotation, not of the word
		list = append(list, piece{text: name, joined: joins(between), glued: glues(between), ends: endsSentence(between), comma: strings.Contains(between, ", ")})
		current.Reset()
		between = ""
	}
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || (r == '\'' || r == '’') && current.Len() > 0 {
			current.WriteRune(r)
			continue
		}
		flush()
		between += string(r)
	}
	flush()
	if endsSentence(between) {
		list = append(list, piece{ends: true})
	}
	return list
}

// joins reports whether two words with this between them may be one name.
func joins(between string) bool {
	switch strings.TrimSpace(between) {
	case "", "-", "_", "/", ".":
		return !strings.ContainsAny(between, "\n") && !endsSentence(between)
	}
	return false
}

// glues reports whether two words with this between them are one name.
func glues(between string) bool { return between == "-" || between == "_" || between == "." }

// endsSentence reports whether a sentence ends with this between two words. A
// sign within a word ("node.down") ends none.
func endsSentence(between string) bool {
	if strings.ContainsRune(between, '\n') || strings.ContainsAny(between, "。！？;") {
		return true
	}
	at := strings.IndexAny(between, ".!?:")
	return at >= 0 && at+1 < len(between) && strings.ContainsAny(between[at+1:], " \t<*_\"')]")
}

// Words are the words of a key or a name.
func Words(key string) []string {
	var list []string
	for _, p := range pieces(key) {
		list = append(list, camel(p.text)...)
	}
	return list
}

// negations take back what is named after them in the same sentence.
var negations = []string{
	"not", "never", "no", "without", "except", "excluding", "exclude", "unlike", "instead", "rather", "than", "leave", "keep", "untouched",
	"nicht", "kein", "keine", "außer", "ohne", "sans", "sauf", "pas", "sin", "salvo", "excepto", "exceto", "não", "nunca", "jamais",
}

func negation(text string) bool {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	return slices.Contains(negations, text) || strings.HasSuffix(text, "n't")
}

// denials take back what follows them up to the end of the clause. They are
// fewer than the negations, which may stand beside what is asked for: keep 30
// days, more than 5.
var denials = []string{
	"not", "never", "cannot", "without", "instead", "rather", "nicht", "kein", "keine", "nie", "ohne", "pas", "jamais", "sans", "nunca", "não", "sin",
}

func denial(lower string) bool {
	return slices.Contains(denials, lower) || strings.HasSuffix(strings.ReplaceAll(lower, "’", "'"), "n't")
}

// turns are words that begin another clause.
var turns = []string{"but", "sondern", "mais", "sino", "mas"}

// affirmed is a text without what it denies.
func affirmed(text string) string {
	var b strings.Builder
	denied := false
	for text != "" {
		word := text[:wordEnd(text)]
		lower := strings.ToLower(word)
		switch {
		case word == "":
			_, size := utf8.DecodeRuneInString(text)
			word = text[:size]
			rest := text[size:]
			if strings.ContainsAny(word, ",;!?\n。！？") || word == "." && (rest == "" || strings.ContainsAny(rest[:1], " \t\n")) {
				denied = false
			}
		case slices.Contains(turns, lower):
			denied = false
		case denial(lower):
			denied = true
		}
		if !denied {
			b.WriteString(word)
		}
		text = text[len(word):]
	}
	return b.String()
}

// wordEnd is where the word ends that a text begins with, 0 when none does.
func wordEnd(text string) int {
	for i, r := range text {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && (r != '\'' && r != '’' || i == 0) {
			return i
		}
	}
	return len(text)
}

// camel splits a word where its case changes: NFSServerDown is nfs, server,
// down. Digits belong to what stands before them.
func camel(text string) []string {
	var list []string
	runes := []rune(text)
	from := 0
	for i := 1; i < len(runes); i++ {
		lowerBefore := !unicode.IsUpper(runes[i-1])
		lastCapital := unicode.IsUpper(runes[i-1]) && i+1 < len(runes) && unicode.IsLower(runes[i+1])
		if unicode.IsUpper(runes[i]) && (lowerBefore || lastCapital) {
			list = append(list, strings.ToLower(string(runes[from:i])))
			from = i
		}
	}
	return append(list, strings.ToLower(string(runes[from:])))
}

// maxNames bounds what braces expand to in one item.
const maxNames = 200

// expandBraces writes Foo{Bar,Baz} as FooBar FooBaz. Braces that do not follow a
// letter, or hold anything but words and commas, stay as they are.
func expandBraces(text string) string {
	for range maxNames {
		open, end, ok := nameBraces(text)
		if !ok {
			return text
		}
		start := strings.LastIndexFunc(text[:open], func(r rune) bool { return !nameRune(r) }) + 1
		rest := end + 1
		for rest < len(text) && nameRune(rune(text[rest])) {
			rest++
		}
		var names []string
		for _, choice := range strings.Split(text[open+1:end], ",") {
			names = append(names, text[start:open]+strings.TrimSpace(choice)+text[end+1:rest])
		}
		text = text[:start] + strings.Join(names, ", ") + text[rest:]
		if len(text) > 64<<10 {
			return text
		}
	}
	return text
}

func nameBraces(text string) (open, end int, ok bool) {
	for from := 0; from < len(text); {
		at := strings.IndexByte(text[from:], '{')
		if at < 0 {
			return 0, 0, false
		}
		open = from + at
		length := strings.IndexByte(text[open:], '}')
		if length < 0 {
			return 0, 0, false
		}
		end = open + length
		inside := text[open+1 : end]
		words := strings.IndexFunc(inside, func(r rune) bool { return !nameRune(r) && r != ',' && r != ' ' }) < 0
		if open > 0 && nameRune(rune(text[open-1])) && words && strings.Contains(inside, ",") {
			return open, end, true
		}
		from = open + 1
	}
	return 0, 0, false
}

func nameRune(r rune) bool {
	return r == '_' || r == '-' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// Names reports whether the item names a thing: the words of the name stand in
// it next to each other, and no negation before them in any place where they
// do. A name of one word is a name in a code span only, where it is the whole
// span or a word of its own in it.
func (s Text) Names(name string) bool {
	var want []string
	for _, p := range pieces(name) {
		if p.text != "" {
			want = append(want, camel(p.text)...)
		}
	}
	if len(want) == 0 {
		return false
	}
	found := false
	for i := range s.words {
		if !s.at(i, want) {
			continue
		}
		if s.words[i].negated {
			return false
		}
		found = found || len(want) > 1 || s.words[i].code != ""
	}
	return found
}

// at reports whether the words from i on are those of a name.
func (s Text) at(i int, want []string) bool {
	if i+len(want) > len(s.words) {
		return false
	}
	for j, text := range want {
		w := s.words[i+j]
		if w.text != text || j > 0 && (!w.joined || w.sentence != s.words[i].sentence) {
			return false
		}
	}
	// NodeDown is not named by NodeDownSoon, nor by EdgeNodeDown.
	end := i + len(want)
	return !s.words[i].glued && (end == len(s.words) || !s.words[end].glued)
}

// Mentions reports whether a word stands in the item, in any form of writing and
// where no denial takes it back.
func (s Text) Mentions(text string) bool {
	return !slices.ContainsFunc(camel(text), func(part string) bool { return !s.mentioned[singular(part)] })
}

func singular(text string) string { return strings.TrimSuffix(text, "s") }
