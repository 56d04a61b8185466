package words

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Token is a word of a sentence, or several that the tables have as one. The parts
// of a compound such as auto-reboot, or of the name of a setting such as
// deletionProtection, are words of their own.
type Token struct {
	Word
	Text       string // folded
	Start, End int
	Inside     bool // not the beginning of its compound
	Name       bool // of a compound that is written as the name of a setting: with an underscore, or capitals inside
}

// Scan splits a text into its words, longest first where the tables have several
// that begin alike, and appends them to the tokens. Languages without spaces are
// split at the words that the tables have.
func Scan(tokens []Token, text string) []Token {
	low := Fold(text)
	first, compound := len(tokens), len(tokens)
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		n := 0
		if spaceless(r) {
			n = known().spacelessLength(text[i:])
		} else {
			n = partLength(text, i)
		}
		if n == 0 {
			i += size
			continue
		}
		one := Token{Text: low[i : i+n], Start: i, End: i + n}
		if spaceless(r) {
			one.Word = known().spaceless[one.Text]
		} else if len(tokens) > first {
			before := tokens[len(tokens)-1]
			last, _ := utf8.DecodeLastRuneInString(before.Text)
			gap := text[before.End:i]
			one.Inside = gap == "" && last != '#' && !spaceless(last) || len(gap) == 1 && strings.Contains("-_./", gap)
			one.Name = one.Inside && (gap == "" || gap == "_")
		}
		switch {
		case !one.Inside:
			compound = len(tokens)
		case one.Name || tokens[compound].Name:
			one.Name = true
			for j := compound; j < len(tokens); j++ {
				tokens[j].Name = true
			}
		}
		tokens = append(tokens, one)
		i += n
	}
	return joined(tokens, first, text)
}

// joined looks up the tokens from the first on, and makes one of those that the
// tables have as one.
func joined(tokens []Token, first int, text string) []Token {
	out := tokens[:first]
	for i := first; i < len(tokens); {
		one, n := tokens[i], 1
		for _, p := range known().phrases[apostrophe(one.Text)] {
			if p.begins(tokens[i:], text) {
				n = len(p.parts)
				one.Word, one.End = p.word, tokens[i+n-1].End
				if n > 1 {
					one.Text = strings.Join(p.parts, " ")
				}
				break
			}
		}
		out = append(out, one)
		i += n
	}
	return out
}

// phrase is an entry of the tables as its parts.
type phrase struct {
	parts []string
	word  Word
}

// begins reports whether the tokens begin with the phrase.
func (p phrase) begins(tokens []Token, text string) bool {
	if len(p.parts) > len(tokens) {
		return false
	}
	for i, part := range p.parts {
		if apostrophe(tokens[i].Text) != part {
			return false
		}
		if i > 0 && !tokens[i].Inside && strings.Trim(text[tokens[i-1].End:tokens[i].Start], " \t\n\u00a0") != "" {
			return false
		}
	}
	return true
}

func apostrophe(text string) string {
	if strings.IndexByte(text, '\xe2') < 0 {
		return text
	}
	return strings.ReplaceAll(text, "’", "'")
}

// partLength is the length of the part of a word that begins at i in a language
// with spaces, 0 when none does.
func partLength(text string, i int) int {
	plain := i
	for plain < len(text) && isSmall(rune(text[plain])) {
		plain++
	}
	if plain > i && (plain == len(text) || text[plain] == ' ') {
		return plain - i // most words
	}
	r, first := utf8.DecodeRuneInString(text[i:])
	switch {
	case r == '#' && (i+1 == len(text) || text[i+1] >= '0' && text[i+1] <= '9'):
		return 1
	case spaceless(r) || !inWord(r):
		return 0
	}
	end := i + first
	for end < len(text) {
		next, size := utf8.DecodeRuneInString(text[end:])
		after := rune(0)
		if end+size < len(text) {
			after, _ = utf8.DecodeRuneInString(text[end+size:])
		}
		switch {
		case spaceless(next):
			return end - i
		case (next == '\'' || next == '’') && end-i > first && unicode.IsLetter(r) && unicode.IsLetter(after): // l'alerte is two words
		case next == '.' && unicode.IsDigit(r) && unicode.IsDigit(after):
		case !inWord(next):
			return end - i
		case isCapital(next) && (isSmall(r) || isCapital(r) && isSmall(after)):
			return end - i // deletionProtection, TLSVerify
		}
		r = next
		end += size
	}
	return end - i
}

func inWord(r rune) bool {
	return r != utf8.RuneError && (r < utf8.RuneSelf && (isSmall(r) || isCapital(r) || r >= '0' && r <= '9') ||
		r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)))
}

func isCapital(r rune) bool { return r >= 'A' && r <= 'Z' }
func isSmall(r rune) bool   { return r >= 'a' && r <= 'z' }

// spacelessLength is the length of the longest word of the tables that a text of a
// language without spaces begins with, else that of what stands before the next.
func (d *dictionary) spacelessLength(text string) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !spaceless(r) {
			return i
		}
		for _, word := range d.spacelessBy[r] {
			if strings.HasPrefix(text[i:], word) {
				if i > 0 {
					return i
				}
				return len(word)
			}
		}
		i += size
	}
	return len(text)
}

// index prepares the words of sentences for the search.
func (d *dictionary) index() {
	// api key is apikey as well, and roll back rollback.
	for _, text := range slices.Collect(maps.Keys(d.words)) {
		if word := d.words[text]; strings.Contains(text, " ") && word.meets(sentences) {
			d.put(strings.ReplaceAll(text, " ", ""), word)
		}
	}
	d.phrases = map[string][]phrase{}
	d.spaceless, d.spacelessBy = map[string]Word{}, map[rune][]string{}
	for text, word := range d.words {
		if !word.meets(sentences) {
			continue
		}
		if first, _ := utf8.DecodeRuneInString(text); spaceless(first) {
			d.spaceless[text] = word
			d.spacelessBy[first] = append(d.spacelessBy[first], text)
			continue
		}
		var parts []string
		for i := 0; i < len(text); {
			n := partLength(text, i)
			if n > 0 {
				parts = append(parts, text[i:i+n])
			}
			i += max(n, 1)
		}
		d.phrases[parts[0]] = append(d.phrases[parts[0]], phrase{parts, word})
	}
	for _, list := range d.phrases {
		slices.SortFunc(list, func(a, b phrase) int { return len(b.parts) - len(a.parts) })
	}
	for _, list := range d.spacelessBy {
		slices.SortFunc(list, func(a, b string) int { return len(b) - len(a) })
	}
}
