package account

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// words is the texts, numbers and keys in the facts of a plan.
type words struct {
	whole map[string]bool // as they are
	all   strings.Builder // one after another
	text  string          // of all, when it was looked at
	spent int             // bytes that were searched
}

// maxSearched bounds how many bytes are searched in all.
const maxSearched = 1 << 30

// wordsOf is the words before and after in the facts that are no drift.
func wordsOf(plan *fact.Plan) [2]*words {
	sides := [2]*words{{whole: map[string]bool{}}, {whole: map[string]bool{}}}
	for _, effect := range plan.Effects {
		for _, one := range effect.Facts {
			if one.Drift {
				continue
			}
			for side, n := range []*fact.Node{one.Before, one.After} {
				sides[side].node(n)
				for _, step := range one.Place {
					sides[side].add(step.Key)
					sides[side].add(step.ID)
				}
			}
		}
	}
	return sides
}

func (w *words) add(text string) {
	if text != "" && !w.whole[text] {
		w.whole[text] = true
		w.all.WriteString(text + "\x00")
	}
}

func (w *words) node(n *fact.Node) {
	n.Walk(func(place fact.Place, n *fact.Node) bool {
		if len(place) > 0 {
			w.add(place[len(place)-1].Key)
		}
		w.add(n.Text)
		return true
	})
}

// has reports whether a piece of a text occurs in the facts: as a whole, or between
// the borders of words.
func (w *words) has(piece string) bool {
	if w.whole[piece] {
		return true
	}
	if w.text == "" {
		w.text = w.all.String()
	}
	for rest := w.text; w.spent < maxSearched; {
		i := strings.Index(rest, piece)
		if i < 0 {
			w.spent += len(rest)
			return false
		}
		w.spent += i + 1
		before, _ := utf8.DecodeLastRuneInString(rest[:i])
		after, _ := utf8.DecodeRuneInString(rest[i+len(piece):])
		first, _ := utf8.DecodeRuneInString(piece)
		last, _ := utf8.DecodeLastRuneInString(piece)
		if (!wordy(before) || !wordy(first)) && (!wordy(after) || !wordy(last)) {
			return true
		}
		rest = rest[i+1:]
	}
	return false
}

func wordy(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '.')
}

// dataCheck looks for what differs in a data file in the facts of a plan.
type dataCheck struct {
	words  [2]*words
	looked bool   // something differs
	found  bool   // something of it occurs in a fact
	gone   string // the first piece of the old text that occurs in none
	fresh  string // the first piece of the new text that occurs in none
}

// side looks for a text of one side in the facts.
func (c *dataCheck) side(side int, text string) {
	for _, piece := range pieces(text) {
		c.looked = true
		if c.words[side].has(piece) {
			c.found = true
			continue
		}
		if side == 0 && c.gone == "" {
			c.gone = piece
		} else if side == 1 && c.fresh == "" {
			c.fresh = piece
		}
	}
}

// instruction is what a template of Terraform renders, and what it does.
var instruction = pattern.Lazy(`[$%]\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}`)

// pieces is the lines of a text without instructions of a template.
func pieces(text string) []string {
	var list []string
	text = strings.NewReplacer("$${", "\x01", "%%{", "\x02").Replace(text)
	for _, piece := range instruction().Split(text, -1) {
		piece = strings.NewReplacer("\x01", "${", "\x02", "%{").Replace(piece)
		for line := range strings.SplitSeq(piece, "\n") {
			if line = strings.TrimSpace(line); strings.ContainsFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
				list = append(list, line)
			}
		}
	}
	return list
}

// tree compares two documents. What both sides of a difference hold, as the other
// elements of a list, is neither new nor gone; where nothing else is there, as
// when another value is rendered, the key must occur.
func (c *dataCheck) tree(old, now *fact.Node) {
	for _, one := range fact.Differences(old, now) {
		c.looked = true
		if one.Kind == fact.Order {
			c.found = true // all of it is there as before
			continue
		}
		gone, fresh := without(holds(one.Before), holds(one.After)), without(holds(one.After), holds(one.Before))
		if n := len(one.Place); n > 0 && (one.Before == nil || one.After == nil || len(gone)+len(fresh) == 0) {
			gone, fresh = withKey(gone, one.Before, one.Place[n-1].Key), withKey(fresh, one.After, one.Place[n-1].Key)
		}
		for side, list := range [][]string{gone, fresh} {
			for _, text := range list {
				c.side(side, text)
			}
		}
	}
}

func withKey(list []string, n *fact.Node, key string) []string {
	if n == nil {
		return list
	}
	return append(list, key)
}

// holds is the pieces of the keys and of the values of a tree.
func holds(n *fact.Node) []string {
	var list []string
	n.Walk(func(place fact.Place, n *fact.Node) bool {
		if len(place) > 0 {
			list = append(list, pieces(place[len(place)-1].Key)...)
		}
		if n.Document == nil {
			list = append(list, pieces(n.Text)...)
		}
		return true
	})
	return list
}

// without is a list without what another holds as often.
func without(list, other []string) []string { return hclfile.AddedTexts(other, list) }

// lines compares two texts as sets of lines, without those that moved.
func (c *dataCheck) lines(old, now string) {
	var sides [2][]string
	for side, text := range []string{old, now} {
		for line := range strings.SplitSeq(text, "\n") {
			sides[side] = append(sides[side], strings.TrimSpace(line))
		}
	}
	for _, line := range without(sides[0], sides[1]) {
		c.line(0, line)
	}
	for _, line := range without(sides[1], sides[0]) {
		c.line(1, line)
	}
}

// line looks for what a line holds: the key and the value of an entry, else the
// line itself. Comments hold nothing.
func (c *dataCheck) line(side int, line string) {
	text := line
	for strings.HasPrefix(text, "- ") {
		text = strings.TrimSpace(text[2:])
	}
	if text == "" || strings.HasPrefix(text, "#") && !strings.ContainsAny(text, "\r\u0085\u2028\u2029") {
		return
	}
	c.looked = true
	entry := fact.Parse("entry:\n  " + text).Get("entry")
	if entry == nil {
		c.side(side, text)
		return
	}
	for _, piece := range holds(entry) {
		c.side(side, piece)
	}
}
