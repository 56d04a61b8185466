package gate

import (
	"slices"
	"strings"
)

// move judges a threshold that takes another value: how many times it moved, or
// why it may not.
func (l limit) move(parts []part, now float64) (times float64, why string) {
	old := parts[l.number].number
	if l.negative {
		old, now = -old, -now
	}
	later := now < old
	if l.upper {
		later = now > old
	}
	if times, why = movedNumber(old, now); why != "" {
		// Nothing is between 0 and the first of what is counted.
		if old == 0 && later && now > 0 && now <= mostMoved && counts(parts) {
			return now, ""
		}
		if now == 0 && old != 0 && !later {
			return 1, ""
		}
		return 0, why
	}
	if later && l.upper {
		for _, bound := range l.bounds(parts) {
			if old < bound && now >= bound {
				return 0, "the threshold reaches what a ratio or a percentage cannot pass"
			}
		}
	}
	return times, ""
}

// movedNumber judges a number that takes another value, whatever it means.
func movedNumber(old, now float64) (times float64, why string) {
	switch {
	case old == now:
		return 1, ""
	case old == 0 || now == 0 || old < 0 != (now < 0):
		return 0, "a threshold moves to, from or past zero"
	}
	times = max(old/now, now/old)
	if times > mostMoved {
		return 0, "a threshold moves by more than ten times"
	}
	return times, ""
}

// counting is the functions whose results are whole numbers, or nearly.
var counting = []string{"increase", "changes", "resets", "count", "count_over_time", "sum_over_time"}

func counts(parts []part) bool {
	is := func(names ...string) bool {
		return slices.ContainsFunc(parts, func(p part) bool { return p.kind == isWord && slices.Contains(names, strings.ToLower(p.text)) })
	}
	return is(counting...) && !is("rate", "irate")
}

// bounds is the values that what is measured can hardly pass: 1 for a ratio and
// 100 for a percentage. A sum divided by a count is a mean, which has none.
func (l limit) bounds(parts []part) []float64 {
	if l.factor {
		return []float64{1}
	}
	var divided, percent, ratio, sum, count bool
	for i, p := range parts {
		word := strings.ToLower(p.text)
		switch {
		case p.kind == isWord || p.kind == isText:
			percent = percent || strings.Contains(word, "percent") || strings.Contains(word, "pct")
			ratio = ratio || strings.Contains(word, "ratio")
			sum, count = sum || strings.HasSuffix(word, "_sum"), count || strings.HasSuffix(word, "_count")
		case p.text == "/":
			divided = true
		case p.kind == isNumber && p.number == 100 && i != l.number:
			percent = true
		}
	}
	switch {
	case percent:
		return []float64{100}
	case ratio, divided && !sum, divided && !count:
		return []float64{1}
	}
	return nil
}
