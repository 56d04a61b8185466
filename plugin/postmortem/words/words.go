// Package words knows what the words of post-mortems mean, in the languages that
// their authors write. The words are data: one table per language, in which each
// stands below the class that it serves.
package words

import (
	"embed"
	"fmt"
	"iter"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:embed *.txt
var tables embed.FS

// Set is a set of classes.
type Set [2]uint64

// Has reports whether the class is in the set.
func (s Set) Has(c Class) bool { return s[c/64]&(1<<(c%64)) != 0 }

// Which is the first of n classes that follow each other in the tables, counted from
// 0, that is in the set; -1 when none is.
func (s Set) Which(first Class, n int) int {
	for i := range n {
		if s.Has(first + Class(i)) {
			return i
		}
	}
	return -1
}

func (s *Set) add(other Set) { s[0], s[1] = s[0]|other[0], s[1]|other[1] }

func (s Set) meets(other Set) bool { return s[0]&other[0]|s[1]&other[1] != 0 }

// Of is the set of some classes.
func Of(classes ...Class) Set {
	var s Set
	for _, c := range classes {
		s[c/64] |= 1 << (c % 64)
	}
	return s
}

// Word is a word, or several that belong together.
type Word struct {
	Set         // the classes that it stands in
	Base Set    // those in which it is a verb's base form, or a word without forms
	Done string // what this word for open becomes when the item is done; "" for the rule of capitals
}

// longest is how long a word of the tables is at most, in bytes as it is compared.
const longest = 64

// Find is what a text means as a whole: a heading, a cell. Capitals do not matter;
// hyphens, underscores and spaces are the same.
func Find(text string) Word {
	text = strings.TrimLeftFunc(text, joins)
	most := known().starts[start(text)].longest
	if most == 0 {
		return Word{}
	}
	var buffer [longest + 4]byte
	return known().words[string(compared(buffer[:0], text, most))]
}

// Is reports whether a text as a whole is a word of a class.
func Is(text string, c Class) bool { return Find(text).Has(c) }

// Begins is the longest word of some classes that a text begins with, and its
// length there in bytes; 0 when there is none.
func Begins(text string, classes Set) (int, Word) {
	alike := &known().starts[start(text)]
	if !alike.meets(classes) {
		return 0, Word{}
	}
	var buffer [longest + 4]byte
	var best Word
	length := 0
	out, space := buffer[:0], false
	for i := 0; i < len(text) && len(out) < alike.longest; {
		var r rune
		var size int
		out, r, size, space = compare(out, text[i:], space)
		if i += size; r < utf8.RuneSelf && i < len(text) && isSmall(rune(text[i])) {
			continue // inside a word
		}
		rest := strings.TrimPrefix(text[i:], presentation)
		if joins(r) || !ends(text[:i], rest) {
			continue
		}
		if word, found := known().words[string(out)]; found && word.meets(classes) {
			length, best = len(text)-len(rest), word
		}
	}
	return length, best
}

// In yields each word of some classes in a text of a language with spaces, and what
// follows it.
func In(text string, classes Set) iter.Seq2[string, Word] {
	return func(yield func(rest string, word Word) bool) {
		inWord := false
		for i := range len(text) {
			was := inWord
			b := rune(text[i])
			if inWord = b >= utf8.RuneSelf || isSmall(b) || isCapital(b); was || !inWord {
				continue
			}
			if n, word := Begins(text[i:], classes); n > 0 && !yield(text[i+n:], word) {
				return
			}
		}
	}
}

// presentation may follow a sign and asks to show it as an emoji.
const presentation = "\ufe0f"

// ends reports whether a word of the tables ends where the rest of the text
// begins. Signs do anywhere, and so do words of languages without spaces between
// them but for those of one letter, which may begin any other.
func ends(word, rest string) bool {
	first, size := utf8.DecodeRuneInString(word)
	if spaceless(first) && size < len(word) || !unicode.IsLetter(first) && !unicode.IsDigit(first) && first >= utf8.RuneSelf {
		return true
	}
	next, _ := utf8.DecodeRuneInString(rest)
	return rest == "" || !unicode.IsLetter(next) && !unicode.IsDigit(next) && next != '_' && next != '\'' && next != '’'
}

// spaceless reports whether a letter is of a language that is written without
// spaces between words, or whose words have endings that tables cannot hold.
func spaceless(r rune) bool {
	return r == 'ー' || r >= 0x3040 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// compared appends the form in which words are compared, of longer texts than most a
// beginning.
func compared(out []byte, text string, most int) []byte {
	space := false
	for i := 0; i < len(text) && len(out) <= most; {
		var size int
		out, _, size, space = compare(out, text[i:], space)
		i += size
	}
	return out
}

// compare appends the first letter of a text in that form; space says that a space
// is due before it. What joins words makes one due.
func compare(out []byte, text string, space bool) ([]byte, rune, int, bool) {
	r, size := rune(text[0]), 1
	if r >= utf8.RuneSelf {
		r, size = utf8.DecodeRuneInString(text)
	}
	if joins(r) {
		return out, r, size, len(out) > 0
	}
	if space {
		out = append(out, ' ')
	}
	if r == '’' {
		return append(out, '\''), r, size, false
	}
	return utf8.AppendRune(out, folded(r)), r, size, false
}

// joins reports whether a sign stands between the words of one that is several.
func joins(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '-', '_', '\u00a0', '\u2011', '\u3000':
		return true
	}
	return false
}

// folded is a letter in lower case. Only Latin ones have words with capitals here;
// a Kelvin sign, which is longer than its k, must not become one.
func folded(r rune) rune {
	switch {
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	case r < utf8.RuneSelf || !unicode.Is(unicode.Latin, r):
		return r
	}
	if low := unicode.ToLower(r); utf8.RuneLen(low) == utf8.RuneLen(r) {
		return low
	}
	return r
}

// Fold is a text in lower case in which every byte keeps its place.
func Fold(text string) string {
	for i := range len(text) {
		if b := text[i]; b >= 'A' && b <= 'Z' || b >= utf8.RuneSelf {
			out := make([]byte, 0, len(text))
			for j := 0; j < len(text); {
				r, size := utf8.DecodeRuneInString(text[j:])
				if r == utf8.RuneError {
					out = append(out, text[j:j+size]...)
				} else {
					out = utf8.AppendRune(out, folded(r))
				}
				j += size
			}
			return string(out)
		}
	}
	return text
}

// dictionary is all the tables, read.
type dictionary struct {
	words       map[string]Word     // by their compared form
	starts      [starts]alike       // the words by what they begin with
	phrases     map[string][]phrase // the words of sentences by their first part, longest first
	spaceless   map[string]Word     // those of languages without spaces
	spacelessBy map[rune][]string   // by their first letter, longest first
}

// alike is what words that begin alike have in common.
type alike struct {
	Set         // their classes
	longest int // how long the longest is, as it is compared
}

var known = sync.OnceValue(func() *dictionary {
	d := &dictionary{words: map[string]Word{}}
	files, err := tables.ReadDir(".")
	if err != nil {
		panic(err) // embedded in this program
	}
	for _, file := range files {
		content, err := tables.ReadFile(file.Name())
		if err == nil {
			err = d.read(string(content))
		}
		if err != nil {
			panic(fmt.Errorf("%s: %w", file.Name(), err)) // a mistake of ours, which every test finds
		}
	}
	d.index()
	return d
})

// read adds a table. Its form is told at the head of english.txt.
func (d *dictionary) read(table string) error {
	for line := range strings.Lines(strings.ReplaceAll(table, "\n ", " ")) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		name, list, _ := strings.Cut(line, ":")
		name, verbs := strings.CutSuffix(name, " +")
		class, found := classOf[name]
		if !found {
			return fmt.Errorf("the class %q is not known", name)
		}
		for entry := range strings.SplitSeq(list, ",") {
			d.enter(strings.TrimSpace(entry), class, verbs)
		}
	}
	return nil
}

// enter adds one entry of a table with its forms.
func (d *dictionary) enter(entry string, class Class, verb bool) {
	entry, done, _ := strings.Cut(entry, " = ")
	base, others, _ := strings.Cut(strings.TrimSuffix(entry, ")"), " (")
	for form := range strings.FieldsSeq(others) {
		d.put(form, Word{Set: Of(class)})
	}
	if verb {
		head, tail, _ := strings.Cut(base, " ")
		stem := strings.TrimSuffix(head, "e")
		for _, form := range []string{head + "s", head + "d", head + "ed", stem + "ing", stem + "ed", head + "ing"} {
			d.put(strings.TrimSpace(form+" "+tail), Word{Set: Of(class)})
		}
	}
	d.put(base, Word{Set: Of(class), Base: Of(class), Done: done})
}

func (d *dictionary) put(text string, word Word) {
	form := string(compared(nil, text, longest))
	before := d.words[form]
	word.add(before.Set)
	word.Base.add(before.Base)
	if word.Done == "" {
		word.Done = before.Done
	}
	d.words[form] = word
	all := &d.starts[start(form)]
	all.add(word.Set)
	all.longest = max(all.longest, len(form))
}

// starts is how many beginnings of words are told apart.
const starts = 256 * letters

// letters are the small ones, and one for everything else.
const letters = 1 + 'z' - 'a' + 1

// start is the number of what a text begins with: two letters, or one sign.
func start(text string) int {
	if text == "" {
		return 0
	}
	first := int(folded(rune(text[0]))) * letters
	if len(text) > 1 {
		if second := folded(rune(text[1])); isSmall(second) {
			return first + 1 + int(second-'a')
		}
	}
	return first
}
