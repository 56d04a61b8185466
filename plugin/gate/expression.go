package gate

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"pm-todos/plugin/pattern"
)

// An expression of an alert that exists may move its threshold and its ranges,
// and nothing else: what is added to it, or stands in another order, is not
// understood well enough here to tell whether it can still hold. That needs
// the tokens of PromQL and where its operators stand, not its grammar, so that
// LogQL and the queries of monitors are read the same way.

// part is one token of an expression.
type part struct {
	kind   partKind
	text   string
	number float64 // of a number; of a duration, its seconds
}

type partKind int

const (
	isWord partKind = iota
	isNumber
	isDuration
	isText
	isSign
)

var (
	wordPart     = pattern.Lazy(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	numericPart  = pattern.Lazy(`^(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?`)
	durationPart = pattern.Lazy(`^(?:[0-9]+(?:ms|[smhdwy]))+`)
	textPart     = pattern.Lazy("^(?:\"(?:[^\"\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\n]|\\\\.)*'|`[^`]*`)")
	signPart     = pattern.Lazy(`^(?:>=|<=|==|!=|=~|!~|[-+*/%^(){}\[\],=<>@.|$!&])`)
)

// readExpression takes an expression apart. It is false for what it cannot
// read, comments included: what a comment hides depends on how the document
// around it folds lines. So does what a template renders.
func readExpression(text string) ([]part, bool) {
	if strings.Contains(text, "{{") {
		return nil, false
	}
	var parts []part
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		one, ok := nextPart(text)
		if !ok {
			return nil, false
		}
		parts = append(parts, one)
		text = text[len(one.text):]
	}
	return parts, true
}

func nextPart(text string) (part, bool) {
	if found := durationPart().FindString(text); found != "" {
		return part{isDuration, found, seconds(found)}, !goesOn(text[len(found):])
	}
	if found := numericPart().FindString(text); found != "" {
		n, err := strconv.ParseFloat(strings.ReplaceAll(found, "_", ""), 64)
		return part{isNumber, found, n}, err == nil && !goesOn(text[len(found):])
	}
	if found := wordPart().FindString(text); found != "" {
		return part{isWord, found, 0}, true
	}
	if found := textPart().FindString(text); found != "" {
		return part{isText, found, 0}, true
	}
	found := signPart().FindString(text)
	return part{isSign, found, 0}, found != ""
}

// goesOn tells whether a number runs into what follows it, as in 0x10.
func goesOn(rest string) bool {
	return rest != "" && (wordPart().MatchString(rest) || rest[0] >= '0' && rest[0] <= '9' || rest[0] == '.')
}

var span = pattern.Lazy(`([0-9]+)(ms|[smhdwy])`)

// seconds is the length of a duration such as 1h30m.
func seconds(duration string) float64 {
	total := 0.0
	for _, found := range span().FindAllStringSubmatch(duration, -1) {
		n, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			return math.Inf(1)
		}
		total += n * units[found[2]]
	}
	return total
}

// What an expression that exists may do at once.
const (
	mostMoved  = 10.0  // times that thresholds and ranges move, all of them together
	mostRange  = 86400 // seconds of a range that grows
	leastRange = 0.5   // of a range that becomes shorter: rate() needs two samples in it
)

// weakerExpression says why an expression could hold less often than before in a
// way that is left to people, "" when it could not.
func weakerExpression(before, after string) string {
	old, okOld := readExpression(plainQuotes(before))
	now, okNow := readExpression(plainQuotes(after))
	switch {
	case !okOld || !okNow:
		return "the expression cannot be read for certain"
	case len(old) != len(now):
		return "the expression is another one; only its thresholds and ranges may move"
	}
	limits := map[int]limit{}
	findLimits(old, 0, len(old), limits)
	moved := 1.0
	for i := range old {
		if old[i].kind == now[i].kind && old[i].text == now[i].text {
			continue
		}
		times, why := movedPart(old, now, i, limits)
		if why != "" {
			return why
		}
		moved *= times
	}
	if moved > mostMoved {
		return "thresholds and ranges move too far at once"
	}
	return ""
}

// plainQuotes undoes what double quotes in YAML do to those of an expression.
func plainQuotes(text string) string { return strings.ReplaceAll(text, `\"`, `"`) }

// movedPart judges one token that differs: how many times it moved, or why it
// may not.
func movedPart(old, now []part, i int, limits map[int]limit) (times float64, why string) {
	if l, ok := limits[i]; ok && l.operator == i {
		// At the border itself, > holds less often than >=.
		if now[i].text == old[i].text+"=" && (old[i].text == ">" || old[i].text == "<") {
			return 1, ""
		}
		return 0, "a comparison is turned round or becomes narrower"
	} else if ok && old[i].kind == now[i].kind {
		return l.move(old, now[i].number)
	}
	inRange := i > 0 && i+1 < len(old) && old[i-1].text == "[" && old[i+1].text == "]"
	if inRange && old[i].kind == isDuration && now[i].kind == isDuration {
		return movedRange(old[i].number, now[i].number)
	}
	return 0, "the expression is another one; only its thresholds and ranges may move"
}

func movedRange(old, now float64) (times float64, why string) {
	switch {
	case old <= 0 || now < leastRange*old:
		return 0, "a range becomes so short that it may hold too few samples"
	case now > old && now > mostRange:
		return 0, "a range becomes longer than a day"
	}
	return max(now/old, old/now), ""
}

// limit is a comparison with a number whose meaning is plain: the result of the
// expression only grows when the comparison lets more through.
type limit struct {
	operator int  // index of >, >=, < or <=
	number   int  // index of the threshold
	upper    bool // true where larger values pass
	negative bool // a minus stands before the number
	factor   bool // the number is multiplied with what is measured as well
}

// findLimits notes the limits between two indexes by the indexes of their
// operators and numbers. It looks into what and and or join, since both only
// ever let more through when a side does; not behind unless, which turns that
// round, nor inside functions.
func findLimits(parts []part, from, to int, limits map[int]limit) {
	from, to = unwrapped(parts, from, to)
	var comparisons []int
	for i, depth := from, 0; i < to; i++ {
		depth += nesting(parts[i])
		if depth > 0 {
			continue
		}
		switch word := strings.ToLower(parts[i].text); {
		case parts[i].kind == isWord && (word == "and" || word == "or"):
			findLimits(parts, from, i, limits)
			findLimits(parts, i+1, to, limits)
			return
		case parts[i].kind == isWord && (word == "unless" || word == "bool"), parts[i].text == "|":
			return
		case isComparison(parts[i]):
			comparisons = append(comparisons, i)
		}
	}
	if len(comparisons) != 1 {
		return
	}
	at := comparisons[0]
	upper := parts[at].text[0] == '>'
	if parts[at].text == "==" || parts[at].text == "!=" {
		return
	}
	left, right := operands(parts, from, at), operands(parts, at+1, to)
	switch {
	case left.constant() && !right.constant():
		left.note(at, !upper, limits)
	case !left.constant():
		right.note(at, upper, limits)
	}
}

// unwrapped leaves out brackets around everything, and the labels on which a
// set operator before it matches.
func unwrapped(parts []part, from, to int) (start, end int) {
	if from+1 < to && parts[from].kind == isWord && slices.Contains([]string{"on", "ignoring"}, strings.ToLower(parts[from].text)) && parts[from+1].text == "(" {
		from = closing(parts, from+1, to) + 1
	}
	for from < to && parts[from].text == "(" && closing(parts, from, to) == to-1 {
		from, to = from+1, to-1
	}
	return from, to
}

// closing is the index of the bracket that closes the one at an index, or the
// end.
func closing(parts []part, from, to int) int {
	for i, depth := from, 0; i < to; i++ {
		if depth += nesting(parts[i]); depth == 0 {
			return i
		}
	}
	return to
}

func nesting(p part) int {
	if p.kind != isSign {
		return 0
	}
	switch p.text {
	case "(", "[", "{":
		return 1
	case ")", "]", "}":
		return -1
	}
	return 0
}

func isComparison(p part) bool {
	return p.kind == isSign && slices.Contains([]string{">", ">=", "<", "<=", "==", "!="}, p.text)
}

// product is one side of a comparison, as far as it is a product: the indexes of
// its numbers, and whether it holds anything else.
type product struct {
	numbers  []int
	negative bool
	more     bool // something that is measured
	other    bool // it is no product
}

func operands(parts []part, from, to int) product {
	var p product
	from, to = unwrapped(parts, from, to)
	if to-from == 2 && parts[from].text == "-" {
		p.negative = true
		from++
	}
	depth := 0
	for i := from; i < to; i++ {
		depth += nesting(parts[i])
		switch one := parts[i]; {
		case depth > 0:
			p.more = true
		case one.kind == isNumber:
			p.numbers = append(p.numbers, i)
		case one.kind == isSign && one.text == "*", nesting(one) < 0:
		case one.kind == isWord:
			p.more = true
		default:
			p.other = true
		}
	}
	return p
}

// constant tells whether a side is made of numbers alone.
func (p product) constant() bool { return len(p.numbers) > 0 && !p.more && !p.other }

func (p product) note(operator int, upper bool, limits map[int]limit) {
	if p.other || len(p.numbers) == 0 {
		return
	}
	limits[operator] = limit{operator: operator, number: -1}
	for _, i := range p.numbers {
		limits[i] = limit{operator: operator, number: i, upper: upper, negative: p.negative, factor: p.more}
	}
}
