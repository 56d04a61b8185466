package incident

import (
	"bytes"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// headLines is how far into a document its Date field is looked for.
const (
	headLines = 200
	headBytes = 64 << 10
)

var (
	isoDate   = pattern.Lazy(`(?:^|[^0-9])((?:19|20)[0-9]{2})([-_./]?)([0-9]{2})([-_./]?)([0-9]{2})(?:[^0-9]|$)`)
	kanjiDate = pattern.Lazy(`((?:19|20)[0-9]{2})\s*年\s*([0-9]{1,2})\s*月\s*([0-9]{1,2})\s*日`)
	monthDate = pattern.Lazy(`(?i)\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+([0-9]{1,2})(?:st|nd|rd|th)?,?\s+((?:19|20)[0-9]{2})\b`)
	dayDate   = pattern.Lazy(`(?i)\b([0-9]{1,2})(?:st|nd|rd|th)?\s+(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?,?\s+((?:19|20)[0-9]{2})\b`)
	dateField = pattern.Lazy(`(?i)^[\s>|*+#_"-]*(?:incident date|date of incident|date of the incident|incident start|date|日付|発生日時|発生日|data do incidente|data|fecha|datum)[\s*_"|]*[:：|=][\s*_"|]*(.{4,80})`)
)

// Date is the date that commits name the document by, YYYY-MM-DD: the
// one in the file name, else that of the document's Date field, else "".
func Date(file string, src []byte) string {
	if date := findDate(path.Base(file), false); date != "" {
		return date
	}
	head := src[:min(len(src), headBytes)]
	for range headLines {
		line, rest, more := bytes.Cut(head, []byte{'\n'})
		if m := dateField().FindSubmatch(line[:min(len(line), 512)]); m != nil {
			if date := findDate(string(m[1]), true); date != "" {
				return date
			}
		}
		if head = rest; !more {
			break
		}
	}
	return ""
}

// findDate is the first valid date in text; in prose in words too.
func findDate(text string, prose bool) string {
	for rest := text; ; {
		m := isoDate().FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		if rest[m[4]:m[5]] == rest[m[8]:m[9]] {
			if date := validDate(rest[m[2]:m[3]], rest[m[6]:m[7]], rest[m[10]:m[11]]); date != "" {
				return date
			}
		}
		rest = rest[m[2]+1:]
	}
	if !prose {
		return ""
	}
	if m := kanjiDate().FindStringSubmatch(text); m != nil {
		return validDate(m[1], m[2], m[3])
	}
	if m := monthDate().FindStringSubmatch(text); m != nil {
		return validDate(m[3], monthNumber(m[1]), m[2])
	}
	if m := dayDate().FindStringSubmatch(text); m != nil {
		return validDate(m[3], monthNumber(m[2]), m[1])
	}
	return ""
}

func monthNumber(name string) string {
	return strconv.Itoa(strings.Index("jan feb mar apr may jun jul aug sep oct nov dec", words.Fold(name))/4 + 1)
}

// validDate is YYYY-MM-DD, or "" when there is no such day.
func validDate(year, month, day string) string {
	y, _ := strconv.Atoi(year)
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	date := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if date.Year() != y || int(date.Month()) != m || date.Day() != d {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", y, m, d)
}
