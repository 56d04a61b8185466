package said

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// dimension is what a number counts.
type dimension string

const (
	plain   dimension = ""        // a number without a unit
	bytes   dimension = "bytes"   // binary and decimal multiples
	seconds dimension = "seconds" // any length of time
	cores   dimension = "cores"   // of a processor: 500m is half of one
)

// quantity is one reading of a number in a text.
type quantity struct {
	dimension dimension
	value     float64
}

// units are the multiples by what may stand behind a number. A unit of several
// readings stands in several tables: m is a minute, and a thousandth of a core.
var units = map[dimension]map[string]float64{
	bytes: {
		"b": 1, "byte": 1, "bytes": 1,
		"k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
		"ki": 1 << 10, "kib": 1 << 10, "mi": 1 << 20, "mib": 1 << 20, "gi": 1 << 30, "gib": 1 << 30, "ti": 1 << 40, "tib": 1 << 40,
	},
	seconds: {
		"ms": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
		"s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
		"m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
		"h": 3600, "hr": 3600, "hrs": 3600, "hour": 3600, "hours": 3600,
		"d": 86400, "day": 86400, "days": 86400, "w": 604800, "week": 604800, "weeks": 604800, "y": 31536000,
	},
	cores: {"m": 1e-3, "core": 1, "cores": 1, "cpu": 1, "cpus": 1},
}

// numerals are numbers that people write out.
var numerals = map[string]float64{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60, "ninety": 90,
}

var measured = pattern.Lazy(`^([0-9]+(?:\.[0-9]+)?)([A-Za-z]*|%)$`)

// readings is what a number with its unit may mean, none when the text is no
// number. `5m` is five minutes and five thousandths of a core.
func readings(text string) []quantity {
	text = strings.TrimSpace(text)
	if length, ok := promql.ParseDuration(text); ok && !measured().MatchString(text) {
		return []quantity{{seconds, length.Seconds()}}
	}
	found := measured().FindStringSubmatch(strings.ReplaceAll(text, "_", ""))
	if found == nil {
		return nil
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return nil
	}
	return withUnit(n, found[2])
}

func withUnit(n float64, unit string) []quantity {
	switch unit {
	case "":
		return []quantity{{plain, n}}
	case "%", "percent", "pct":
		return []quantity{{plain, n}, {plain, n / 100}}
	}
	var list []quantity
	for _, d := range []dimension{bytes, seconds, cores} {
		if factor, ok := unitOf(d, unit); ok {
			list = append(list, quantity{d, n * factor})
		}
	}
	return list
}

// unitOf is the multiple of a unit. M and m differ for bytes and time alike: a
// capital letter is never a minute, a small one never a megabyte.
func unitOf(d dimension, unit string) (float64, bool) {
	if unit == "M" || unit == "m" {
		if d == bytes == (unit == "m") {
			return 0, false
		}
	} else if d == cores && unit != strings.ToLower(unit) {
		return 0, false
	}
	factor, ok := units[d][strings.ToLower(unit)]
	return factor, ok
}

// How numbers are grouped, where a comma stands for the point of a fraction, and
// what numbers the items of a list.
var (
	thousands = pattern.Lazy(`([0-9]),([0-9]{3})\b`)
	fraction  = pattern.Lazy(`([0-9]),([0-9])`)
	listed    = pattern.Lazy(`(?m)^\s*(?:[-*]\s+)?[0-9]+[.)]\s`)
)

// labelling are words whose number says which one is meant, and not how many.
var labelling = []string{
	"version", "release", "issue", "ticket", "bug", "page", "step", "line", "section", "chapter", "port", "phase", "number", "seite", "zeile", "schritt",
}

// differing are words whose number says by how much something changes.
var differing = []string{"by", "um"}

// quantities are the values that a text states. A number inside a date, a
// version, an address, a path, a link or an identifier states nothing.
func quantities(text string) []quantity {
	text = listed().ReplaceAllString(text, " ")
	text = fraction().ReplaceAllString(thousands().ReplaceAllString(text, "$1$2"), "$1.$2")
	var list []quantity
	fields := strings.FieldsFunc(text, unicode.IsSpace)
	for i, field := range fields {
		before, next := "", ""
		if i > 0 {
			before = strings.ToLower(strings.TrimLeft(fields[i-1], "(*_\"'"))
		}
		if i+1 < len(fields) {
			next = strings.Trim(fields[i+1], ".,;:!?)]}*_\"'")
		}
		if !isPlace(field) && !slices.Contains(labelling, singular(before)) && !slices.Contains(differing, before) {
			list = append(list, quantitiesOf(field, next)...)
		}
	}
	return list
}

// quantitiesOf are the values in a word, of which the last may have its unit in
// the next one.
func quantitiesOf(field, next string) []quantity {
	var list []quantity
	parts := strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune("()[]{},;\"'=<>!*≥≤~≈^", r) })
	for i, part := range parts {
		part = strings.TrimRight(part, ".:?")
		if n, ok := numerals[strings.ToLower(part)]; ok {
			list = append(list, spelled(n, next)...)
			continue
		}
		if i == len(parts)-1 && plainNumber().MatchString(part) {
			n, _ := strconv.ParseFloat(strings.ReplaceAll(part, "_", ""), 64)
			list = append(list, spelled(n, next)...)
			continue
		}
		list = append(list, readings(part)...)
	}
	return list
}

var plainNumber = pattern.Lazy(`^[0-9][0-9_]*(?:\.[0-9]+)?$`)

// spelled is a number with the word behind it, when that is a unit.
func spelled(n float64, next string) []quantity {
	if list := withUnit(n, strings.ToLower(next)); next != "" && len(list) > 0 {
		return list
	}
	if next == "Mi" || next == "MiB" || next == "MB" || next == "M" {
		return withUnit(n, next)
	}
	return withUnit(n, "")
}

// isPlace reports whether a word is a path, a link or an address.
func isPlace(field string) bool {
	return strings.ContainsAny(field, "/@\\") && !strings.ContainsAny(field, "[(")
}

// keyUnits say what a bare number counts, by the last word of its key.
var keyUnits = map[string]quantity{
	"seconds": {seconds, 1}, "secs": {seconds, 1}, "sec": {seconds, 1}, "minutes": {seconds, 60}, "hours": {seconds, 3600}, "days": {seconds, 86400},
	"ms": {seconds, 1e-3}, "millis": {seconds, 1e-3}, "milliseconds": {seconds, 1e-3},
	"timeout": {seconds, 1}, "cpu": {cores, 1}, "cpus": {cores, 1}, // by what all tools that take a bare number take it for
	"bytes": {bytes, 1}, "kb": {bytes, 1e3}, "mb": {bytes, 1e6}, "gb": {bytes, 1e9}, "mib": {bytes, 1 << 20}, "gib": {bytes, 1 << 30},
}

// valueOf is what a value of a plan means: its own unit, and that of its key
// when it has none. Beside a comparison, where there is no key, it counts in base
// units, as metrics do.
func valueOf(key, text string) []quantity {
	list := readings(text)
	if len(list) != 1 || list[0].dimension != plain {
		return list
	}
	n := list[0].value
	if key == "" {
		return append(list, quantity{seconds, n}, quantity{bytes, n})
	}
	parts := Words(key)
	if len(parts) == 0 {
		return list
	}
	if unit, ok := keyUnits[parts[len(parts)-1]]; ok {
		list = append(list, quantity{unit.dimension, n * unit.value})
	}
	if slices.Contains(parts, "retention") && parts[len(parts)-1] == "period" {
		list = append(list, quantity{seconds, n * 86400}) // where it is a bare number
	}
	return list
}

// InSeconds is the key of a number that counts seconds, whatever it is called.
const InSeconds = "seconds"

// States reports whether the item states a value of a plan, by value and unit.
func (s Text) States(key, text string) bool {
	return slices.ContainsFunc(valueOf(key, text), func(want quantity) bool {
		return slices.ContainsFunc(s.values, want.same)
	})
}

// same reports whether two quantities are equal, but for what binary fractions
// do to decimals.
func (q quantity) same(other quantity) bool {
	return q.dimension == other.dimension && math.Abs(q.value-other.value) <= 1e-9*max(math.Abs(q.value), math.Abs(other.value))
}

// Ratio is how many times the larger of two values is the smaller, in the unit
// that both have. It is false when they have none, or one is nothing.
func Ratio(key, before, after string) (float64, bool) {
	for _, a := range valueOf(key, before) {
		for _, b := range valueOf(key, after) {
			if a.dimension == b.dimension && a.value > 0 && b.value > 0 {
				return b.value / a.value, true
			}
		}
	}
	return 0, false
}
