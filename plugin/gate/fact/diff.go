package fact

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Sentences of differences that cannot be stated.
const (
	whyUnknown   = "the value is known only when the plan is applied"
	whyNoLonger  = "a text that was a document is none now, or the other way round"
	whyTemplate  = "only the writing of the text differs, in lines that hold a template"
	whyList      = "elements of a list differ that nothing names, so that it is not known which became which"
	whyKeyStyle  = "a key is written in another way, which readers of YAML take for another key"
	whyWriteOnly = "the value is written and never shown"
)

// differ states the differences between two trees.
type differ struct {
	facts  []Fact
	hashes map[*Node][sha256.Size]byte
}

// Differences is the facts between two trees, sorted.
func Differences(before, after *Node) []Fact {
	d := &differ{hashes: map[*Node][sha256.Size]byte{}}
	if before != nil && after != nil && before.Kind == Map && after.Kind == Map {
		d.maps(nil, before, after) // attributes that all say nothing are attributes still
	} else {
		d.node(nil, before, after)
	}
	sortFacts(d.facts)
	return d.facts
}

func (d *differ) add(kind Kind, place Place, before, after *Node, why string) {
	d.facts = append(d.facts, Fact{Kind: kind, Place: slices.Clone(place), Before: before, After: after, Why: why})
	if kind == Added || kind == Changed {
		d.facts = append(d.facts, opaqueIn(place, after, true)...)
	}
}

// opaqueIn is an opaque fact for everything in a new value that is not understood,
// so that it cannot be overlooked in a large one. What is unknown is one only in
// a resource that exists: of one that is created, much refers to others that are.
func opaqueIn(place Place, n *Node, unknownToo bool) []Fact {
	var facts []Fact
	n.Walk(func(inner Place, n *Node) bool {
		why := n.Why
		if why == "" && unknownToo && n.Kind == Unknown && !n.computed {
			why = whyUnknown
		}
		if why != "" {
			facts = append(facts, Fact{Kind: Opaque, Place: slices.Concat(place, inner), After: n, Why: why})
		}
		return why == ""
	})
	return facts
}

func (p Place) then(step Step) Place { return append(slices.Clip(p), step) }

// nothing reports whether an attribute says nothing: absent, null, an empty list
// or an empty map, which providers do not keep apart. In documents only what is
// absent is nothing.
func (n *Node) nothing() bool {
	if n == nil {
		return true
	}
	return n.Origin == Attribute && n.Why == "" && (n.Kind == Null || (n.Kind == List || n.Kind == Map) && len(n.Elems)+len(n.Entries) == 0)
}

// node states how two values at a place differ.
func (d *differ) node(place Place, before, after *Node) {
	switch {
	case after.computes():
		if before != nil && slices.ContainsFunc(before.Elems, func(n *Node) bool { return n.Kind == Map }) {
			// It may be the blocks of a dynamic block, which the
			// configuration in the plan does not show.
			d.add(Opaque, place, before, after, whyUnknown)
		}
	case before.nothing() && after.nothing():
	case before.nothing():
		d.add(Added, place, nil, after, "")
	case after.nothing():
		d.add(Removed, place, before, nil, "")
	case d.hash(before) == d.hash(after):
	case before.Why != "" || after.Why != "":
		why := after.Why
		if why == "" {
			why = before.Why
		}
		d.add(Opaque, place, before, after, why)
	case before.Kind == Unknown || after.Kind == Unknown:
		d.add(Opaque, place, before, after, whyUnknown)
	case before.Document != nil || after.Document != nil:
		d.document(place, before, after)
	case before.Kind == Map && after.Kind == Map:
		d.maps(place, before, after)
	case before.Kind == List && after.Kind == List:
		d.lists(place, before, after)
	default:
		d.add(Changed, place, before, after, "")
	}
}

func (n *Node) computes() bool { return n != nil && n.computed }

// document states how two texts differ of which one at least is a document.
func (d *differ) document(place Place, before, after *Node) {
	old, now := before.Document, after.Document
	switch {
	case old == nil || now == nil || old.Origin != now.Origin:
		d.add(Opaque, place, before, after, whyNoLonger)
	case d.hash(old) == d.hash(now):
		d.add(Opaque, place, before, after, whyTemplate)
	default:
		if commentedTemplates(before.Text) != commentedTemplates(after.Text) {
			d.add(Opaque, place, before, after, whyTemplate)
		}
		d.node(place, old, now)
	}
}

// What charts run as a template, when they do so with a text, and where a comment
// may hold it: there it shows in no tree.
var (
	template          = pattern.Lazy(`\{\{|\$\{`)
	commentedTemplate = pattern.Lazy(`(?:^|\s)#.*(?:\{\{|\$\{)`)
)

// templates is the lines of a text that hold a template.
func templates(text string) string {
	if !template().MatchString(text) {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if template().MatchString(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}

// commentedTemplates is the lines of a text that may hold a template in a
// comment.
func commentedTemplates(text string) string {
	var b strings.Builder
	for line := range strings.Lines(templates(text)) {
		if commentedTemplate().MatchString(line) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (d *differ) maps(place Place, before, after *Node) {
	old := make(map[string]Entry, len(before.Entries))
	for _, entry := range before.Entries {
		old[entry.Key] = entry
	}
	for _, entry := range after.Entries {
		at := place.then(Step{Key: entry.Key})
		was, existed := old[entry.Key]
		if existed && was.Style != entry.Style {
			d.add(Opaque, at, was.Value, entry.Value, whyKeyStyle)
		} else {
			d.node(at, was.Value, entry.Value)
		}
		delete(old, entry.Key)
	}
	for _, entry := range before.Entries {
		if was, gone := old[entry.Key]; gone {
			d.node(place.then(Step{Key: entry.Key}), was.Value, nil)
		}
	}
}

// pair is an element of a list before and after, by index; -1 where it is not.
type pair struct {
	before, after int
	key           string // that names the element
}

// lists states how two lists differ: what is equal is taken out, the rest is
// paired by what names it. Where several elements have the same name, only those
// that are not equal count. Two lists of one element each are one value that
// changed, which is how Terraform shows blocks of which there is one.
func (d *differ) lists(place Place, before, after *Node) {
	pairs, rest := d.equalElements(before, after)
	named, ok := pairByName(before, after, rest)
	if !ok {
		d.add(Opaque, place, before, after, whyList)
		return
	}
	pairs = append(pairs, named...)
	slices.SortFunc(pairs, func(a, b pair) int { return a.after - b.after })
	last, moved := -1, false
	for _, p := range pairs {
		switch {
		case p.before < 0:
			d.add(Added, place.then(elementStep(p.after, after.Elems[p.after], p.key)), nil, after.Elems[p.after], "")
		case p.after < 0:
			d.add(Removed, place.then(elementStep(p.before, before.Elems[p.before], p.key)), before.Elems[p.before], nil, "")
		default:
			moved = moved || p.before < last
			last = max(last, p.before)
			step := elementStep(p.after, after.Elems[p.after], p.key)
			step.Hidden = step.Hidden || elementStep(p.before, before.Elems[p.before], p.key).Hidden
			d.element(place.then(step), before.Elems[p.before], after.Elems[p.after])
		}
	}
	if moved {
		d.add(Order, place, before, after, "")
	}
}

// element states how an element differs. One that becomes nothing stays one.
func (d *differ) element(place Place, before, after *Node) {
	if before.nothing() != after.nothing() {
		d.add(Changed, place, before, after, "")
		return
	}
	d.node(place, before, after)
}

// equalElements pairs what is equal in two lists, in order, and is the indexes
// of the rest.
func (d *differ) equalElements(before, after *Node) (pairs []pair, rest [2][]int) {
	old := map[[sha256.Size]byte][]int{}
	for i, elem := range before.Elems {
		hash := d.hash(elem)
		old[hash] = append(old[hash], i)
	}
	for i, elem := range after.Elems {
		hash := d.hash(elem)
		if same := old[hash]; len(same) > 0 {
			pairs = append(pairs, pair{same[0], i, namedBy(elem)})
			old[hash] = same[1:]
		} else {
			rest[1] = append(rest[1], i)
		}
	}
	for _, left := range old {
		rest[0] = append(rest[0], left...)
	}
	slices.Sort(rest[0])
	return pairs, rest
}

// pairByName pairs the elements of two lists that are not equal. It is false
// where it cannot be known which became which.
func pairByName(before, after *Node, rest [2][]int) ([]pair, bool) {
	if len(rest[0]) == 0 || len(rest[1]) == 0 {
		return pairAlone(before, after, rest), true
	}
	if pairs, ok := pairBy(before, after, rest, namedBy); ok {
		return pairs, true
	}
	for _, key := range identities {
		if pairs, ok := pairBy(before, after, rest, func(*Node) string { return key }); ok {
			return pairs, true
		}
	}
	if len(before.Elems) == 1 && len(after.Elems) == 1 && before.Elems[0].Tree().Kind == Map && after.Elems[0].Tree().Kind == Map {
		return []pair{{before: 0, after: 0}}, true
	}
	return nil, false
}

// pairAlone is the elements of which none has a counterpart.
func pairAlone(before, after *Node, rest [2][]int) []pair {
	var pairs []pair
	for _, i := range rest[0] {
		pairs = append(pairs, pair{i, -1, namedBy(before.Elems[i])})
	}
	for _, i := range rest[1] {
		pairs = append(pairs, pair{-1, i, namedBy(after.Elems[i])})
	}
	return pairs
}

// pairBy pairs elements by what one key of each names. All must have a name that
// no other on its side has.
func pairBy(before, after *Node, rest [2][]int, keyOf func(*Node) string) ([]pair, bool) {
	type name struct{ key, value string }
	var byName [2]map[name]int
	for side, list := range []*Node{before, after} {
		byName[side] = map[name]int{}
		for _, i := range rest[side] {
			key := keyOf(list.Elems[i])
			one := name{key, identity(list.Elems[i], key)}
			if _, taken := byName[side][one]; taken || key == "" || one.value == "" {
				return nil, false
			}
			byName[side][one] = i
		}
	}
	var pairs []pair
	for one, i := range byName[0] {
		j, stays := byName[1][one]
		if !stays {
			j = -1
		}
		pairs = append(pairs, pair{i, j, one.key})
		delete(byName[1], one)
	}
	for one, j := range byName[1] {
		pairs = append(pairs, pair{-1, j, one.key})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return a.before - b.before })
	return pairs, true
}

// Equal reports whether two values are the same by definition, see [Node.nothing].
// What is known only when the plan is applied is equal to itself.
func (n *Node) Equal(other *Node) bool {
	d := &differ{hashes: map[*Node][sha256.Size]byte{}}
	return d.hash(n) == d.hash(other)
}

// hash is the same for values that are equal by definition, see [Node.nothing],
// and for no others. Numbers of attributes and of JSON are equal as decimals,
// those of YAML as they are written. A text that is a document is its tree and
// the lines of it that hold a template.
func (d *differ) hash(n *Node) [sha256.Size]byte {
	if known, ok := d.hashes[n]; ok {
		return known
	}
	h := sha256.New()
	write := func(texts ...string) {
		for _, text := range texts {
			// A hash takes everything: its Write does not fail.
			_, _ = h.Write(strconv.AppendInt(nil, int64(len(text)), 10))
			_, _ = h.Write([]byte(":" + text))
		}
	}
	inner := func(n *Node) string { sum := d.hash(n); return string(sum[:]) }
	switch {
	case n.nothing():
		write("nothing")
	case n.Document != nil:
		write("document", string(n.Document.Origin), inner(n.Document), templates(n.Text))
	case n.Kind == Map:
		write("map")
		entries := slices.Clone(n.Entries)
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
		for _, entry := range entries {
			if !entry.Value.computed && (n.Origin != Attribute || !entry.Value.nothing()) {
				write(entry.Key, string(entry.Style), inner(entry.Value))
			}
		}
	case n.Kind == List:
		write("list", n.Why)
		for _, elem := range n.Elems {
			write(inner(elem))
		}
	case n.Kind == Number && n.Origin != YAML:
		write("number", normalDecimal(n.Text))
	default:
		write(string(n.Kind), string(n.Style), n.Text)
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	d.hashes[n] = sum
	return sum
}

// normalDecimal is a JSON number in one way of writing it.
func normalDecimal(text string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power := 0
	if exponent != "" {
		n, err := strconv.Atoi(exponent)
		if err != nil || n > 1<<30 || n < -1<<30 {
			return text
		}
		power = n
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	power -= len(fraction)
	short := strings.TrimRight(digits, "0")
	power += len(digits) - len(short)
	if short == "" {
		return "0"
	}
	if negative {
		short = "-" + short
	}
	return short + "e" + strconv.Itoa(power)
}
