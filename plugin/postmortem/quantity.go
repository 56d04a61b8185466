package postmortem

import (
	"slices"
	"strconv"
	"strings"
)

// dimension is what a quantity measures; only those of one dimension compare.
type dimension int

const (
	plainNumber dimension = iota
	seconds
	byteSize
	percent
	short // m: minutes, thousandths or megabytes, as what it is compared with says
)

type unit struct {
	dimension dimension
	factor    float64
}

// units are those of Prometheus durations and Kubernetes quantities, and the
// words for them.
var units = map[string]unit{
	"": {plainNumber, 1}, "%": {percent, 1}, "percent": {percent, 1}, "m": {short, 1},
	"ms": {seconds, 1e-3}, "s": {seconds, 1}, "sec": {seconds, 1}, "secs": {seconds, 1}, "second": {seconds, 1}, "seconds": {seconds, 1},
	"min": {seconds, 60}, "mins": {seconds, 60}, "minute": {seconds, 60}, "minutes": {seconds, 60},
	"h": {seconds, 3600}, "hour": {seconds, 3600}, "hours": {seconds, 3600}, "d": {seconds, 86400}, "day": {seconds, 86400}, "days": {seconds, 86400},
	"w": {seconds, 604800}, "week": {seconds, 604800}, "weeks": {seconds, 604800}, "y": {seconds, 31536000}, "year": {seconds, 31536000},
	"month": {seconds, 2592000}, "months": {seconds, 2592000}, "years": {seconds, 31536000},
	"k": {byteSize, 1e3}, "kb": {byteSize, 1e3}, "mb": {byteSize, 1e6}, "g": {byteSize, 1e9}, "gb": {byteSize, 1e9}, "t": {byteSize, 1e12}, "tb": {byteSize, 1e12},
	"ki": {byteSize, 1 << 10}, "kib": {byteSize, 1 << 10}, "mi": {byteSize, 1 << 20}, "mib": {byteSize, 1 << 20},
	"gi": {byteSize, 1 << 30}, "gib": {byteSize, 1 << 30}, "ti": {byteSize, 1 << 40}, "tib": {byteSize, 1 << 40},
}

// quantity is a number with its unit.
type quantity struct {
	value float64
	unit
}

// quantityAt reads the quantity that the words begin with: "4Gi", "60 seconds".
func quantityAt(all []string) (quantity, bool) {
	if len(all) == 0 {
		return quantity{}, false
	}
	word := all[0]
	n := 0
	for n < len(word) && (word[n] >= '0' && word[n] <= '9' || word[n] == '.' || word[n] == '_') {
		n++
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(word[:n], "_", ""), 64)
	u, known := units[word[n:]]
	if err != nil || !known {
		return quantity{}, false
	}
	if n == len(word) && len(all) > 1 {
		if spelled, known := units[all[1]]; known {
			u = spelled
		}
	}
	return quantity{value, u}, true
}

// under reports whether q is less than other, as far as the two compare.
func (q quantity) under(other quantity) bool {
	a, b := q.beside(other), other.beside(q)
	return a.dimension == b.dimension && a.value*a.factor < b.value*b.factor
}

// beside is q with its m read as what it is compared with says.
func (q quantity) beside(other quantity) quantity {
	if q.dimension == short {
		switch other.dimension {
		case seconds:
			q.unit = unit{seconds, 60}
		case byteSize:
			q.unit = unit{byteSize, 1e6}
		case plainNumber:
			q.unit = unit{plainNumber, 1e-3}
		}
	}
	return q
}

// changeSigns stand between what was and what is to be.
var changeSigns = []string{"from", "From", "was", "→", "->"}

// lessens reports whether a text says in numbers that something gets less: "from
// 4Gi to 64Mi", "to 10 (was 200)". Details only say so at their beginning, for
// they tell of what happened too.
func lessens(text string, details bool) bool {
	if !strings.ContainsAny(text, "0123456789") || !containsAny(text, changeSigns) {
		return false
	}
	all := slices.DeleteFunc(tokens(text), func(word string) bool { return word == "`" || word == "(" })
	if details {
		all = all[:min(len(all), 8)]
	}
	for i := 0; i < len(all); i++ {
		if details && i > 1 {
			break
		}
		first, known := quantityAt(all[i:])
		if !known || i == 0 && !details {
			continue
		}
		before := ""
		if i > 0 {
			before = all[i-1]
		}
		for j := i + 1; j+1 < len(all) && j <= i+4; j++ {
			second, known := quantityAt(all[j+1:])
			switch {
			case !known:
			case all[j] == "to" && second.under(first), before == "to" && (all[j] == "from" || all[j] == "was") && first.under(second):
				return true
			}
		}
	}
	return false
}
