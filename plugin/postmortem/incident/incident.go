// Package incident reads what a document says of its incident: date, severity,
// and from when to when it was.
package incident

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the image has no zones of its own

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/yuin/goldmark/ast"
)

// Bounds of an incident's time.
const (
	mostMoments     = 500                 // rows of a timeline that are read
	longestIncident = 31 * 24 * time.Hour // what is longer was read wrongly
	shortIncident   = time.Hour           // of one of which only the start is stated
)

// moment is a time that a row of a timeline or a field states.
type moment struct {
	date  string // YYYY-MM-DD, "" when the row states none
	clock time.Duration
	zone  *time.Location // nil when the row states none
}

var (
	// clockTime is a time of day where a row begins with one, or with a date before it.
	clockTime = pattern.Lazy(`^[\s*_~` + "`" + `(\[]*(?:((?:19|20)[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{2})[T,\s]+)?([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9](?:\.[0-9]+)?)?`)
	twelve    = pattern.Lazy(`^\s*([AaPp])\.?[Mm]\b`)
	anyClock  = pattern.Lazy(`(?:[01]?[0-9]|2[0-3]):[0-5][0-9]`)
	// zone is a time zone that is unambiguous: an offset, UTC, an abbreviation that
	// one zone has, or a name such as Europe/Lisbon, if there is one of that name.
	zone     = pattern.Lazy(`(?:\b(UTC|GMT)\s?([+-−][0-9]{1,2})(?::?([0-9]{2}))?|([+-−][0-9]{2}):?([0-9]{2})\b|\b(UTC|GMT|WEST|WET|CEST|CET|EEST|EET|MSK|EST|EDT|MST|MDT|PST|PDT|BRT|JST|KST|AEST|AEDT|NZST|NZDT)\b|[0-9](Z)\b|\b([A-Z][A-Za-z]+(?:/[A-Z][A-Za-z_-]+){1,2})\b)`)
	named    = pattern.Lazy(`^[\s(]*[A-Z][A-Za-z]+/[A-Z][A-Za-z_/-]+`)
	allTimes = pattern.Lazy(`(?i)(?:\b(?:all |the )?times?(?:stamps?| ?zones?)?\b|zeitzone|fuso horário|fuseau horaire|zona horaria)[^.\n]{0,60}`)
	// durationField is the field of a document's head that says how long it took.
	durationField = pattern.Lazy(`(?i)^[\s>|*+#_"-]*(?:(?:incident |outage |total )?duration|duração|duración|dauer|durée|所要時間|継続時間)[\s*_"|]*[:：|=][\s*_"|]*(.{1,80})`)
	lengthPart    = pattern.Lazy(`(?i)([0-9]+(?:[.,][0-9]+)?)\s*(d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?|日|時間|分|秒)(?:\b|[^a-z])`)
)

// zones are the abbreviations that one zone has, in hours east of UTC.
var zones = map[string]float64{
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3,
	"EST": -5, "EDT": -4, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "BRT": -3, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}

// Times is when it happened: from the first row of the document's timeline to
// its last, or for as long as the document says. A timeline is known by what it
// is: rows or list items that begin with a time of day.
func Times(r *markdown.Page, root ast.Node, date string) item.Incident {
	date, field, length := timeFields(r, date)
	moments, stated := timeline(r, root)
	if len(moments) < 2 && field != "" {
		moments, stated = fieldMoments(field), zoneOf(field)
	}
	if len(moments) == 0 {
		return item.Incident{}
	}
	if stated == nil {
		stated = statedZone(r)
	}
	var out item.Incident
	last := time.Time{}
	for _, m := range moments {
		day := m.date
		if day == "" {
			day = date
		}
		begins, err := time.Parse(time.DateOnly, day)
		if err != nil {
			return item.Incident{}
		}
		in := cmp.Or(m.zone, stated, time.UTC)
		out.NoZone = out.NoZone || m.zone == nil && stated == nil
		on := func(day time.Time) time.Time {
			return time.Date(day.Year(), day.Month(), day.Day(), 0, int(m.clock.Minutes()), 0, 0, in).UTC()
		}
		at := on(begins)
		if m.date == "" {
			for !last.IsZero() && at.Before(last) && on(begins.AddDate(0, 0, 1)).Sub(out.Start) < longestIncident {
				begins = begins.AddDate(0, 0, 1) // after midnight
				at = on(begins)
			}
		} else {
			date = m.date // of the rows after it, too
		}
		if out.Start.IsZero() {
			out.Start = at
		}
		last = at
	}
	out.End = last
	if length > 0 {
		out.End = out.Start.Add(length)
	}
	if !out.End.After(out.Start) {
		out.End = out.Start.Add(shortIncident)
	}
	if out.End.Sub(out.Start) > longestIncident {
		return item.Incident{}
	}
	return out
}

// timeFields are the date, what its field says, and the duration, of the
// document's head.
func timeFields(r *markdown.Page, known string) (date, field string, length time.Duration) {
	date = known
	for line := range strings.Lines(r.Text[:min(len(r.Text), headBytes)]) {
		line = strings.TrimRight(line[:min(len(line), 512)], "\r\n")
		if m := dateField().FindStringSubmatch(line); m != nil && field == "" && findDate(m[1], true) != "" {
			field = m[1]
			if date == "" {
				date = findDate(field, true)
			}
		}
		if m := durationField().FindStringSubmatch(line); m != nil && length == 0 {
			length = lengthOf(m[1])
		}
	}
	return date, field, length
}

// lengthOf is a length of time in words: "2h 15m", "about 3 hours", "1:30 h". It is
// 0 when there is none.
func lengthOf(text string) (total time.Duration) {
	for _, m := range lengthPart().FindAllStringSubmatch(text+" ", -1) {
		n, err := strconv.ParseFloat(strings.Replace(m[1], ",", ".", 1), 64)
		if err != nil || n > 10000 {
			return 0
		}
		unit := map[string]time.Duration{"d": 24 * time.Hour, "日": 24 * time.Hour, "h": time.Hour, "時": time.Hour, "m": time.Minute, "分": time.Minute, "s": time.Second, "秒": time.Second}[string([]rune(strings.ToLower(m[2]))[0])]
		total += time.Duration(n * float64(unit))
	}
	if total > longestIncident {
		return 0
	}
	return total
}

// timeline is the times of the first table or list of which at least two rows
// begin with one, and the zone that its header states.
func timeline(r *markdown.Page, root ast.Node) (found []moment, stated *time.Location) {
	// The visitor gives no error.
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() == ast.TypeInline {
			return ast.WalkSkipChildren, nil
		}
		var rows []moment
		switch n := n.(type) {
		case *markdown.TableBlock:
			for _, line := range n.Rows[2:] {
				row := r.Text[line.Start:line.End]
				if len(rows) == mostMoments || strings.IndexByte(row, ':') < 0 {
					continue
				}
				if m, ok := momentIn(severityCells(row)); ok {
					rows = append(rows, m)
				}
			}
			if stated = nil; len(rows) >= 2 {
				stated = zoneOf(r.Text[n.Rows[0].Start:n.Rows[0].End])
			}
		case *ast.List:
			for one := n.FirstChild(); one != nil && len(rows) < mostMoments; one = one.NextSibling() {
				if text := one.FirstChild(); text != nil && strings.IndexByte(r.BlockText(text), ':') >= 0 {
					if m, ok := momentOf(r.BlockText(text)); ok {
						rows = append(rows, m)
					}
				}
			}
			stated = nil
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			return ast.WalkSkipChildren, nil
		}
		if len(rows) >= 2 {
			found = rows
			return ast.WalkStop, nil
		}
		return ast.WalkContinue, nil
	})
	if found == nil {
		stated = nil
	}
	return found, stated
}

// momentIn is the time that a row begins with, or has behind its date.
func momentIn(cells []string) (moment, bool) {
	date := ""
	for _, cell := range cells {
		m, ok := momentOf(cell)
		if m.date == "" {
			m.date = date
		}
		if date = findDate(cell, true); ok || date == "" {
			return m, ok
		}
	}
	return moment{}, false
}

// momentOf is the time that a text begins with.
func momentOf(text string) (moment, bool) {
	text = text[:min(len(text), 120)]
	m := clockTime().FindStringSubmatchIndex(text)
	if m == nil {
		return moment{}, false
	}
	hours, _ := strconv.Atoi(text[m[4]:m[5]]) // digits
	minutes, _ := strconv.Atoi(text[m[6]:m[7]])
	rest := text[m[1]:]
	if half := twelve().FindStringSubmatch(rest); half != nil && hours <= 12 {
		hours %= 12
		if strings.EqualFold(half[1], "p") {
			hours += 12
		}
	}
	out := moment{clock: time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute}
	if m[2] >= 0 {
		out.date = findDate(text[m[2]:m[3]], false)
	}
	// A zone stands right behind the time.
	behind := min(len(rest), 12)
	if name := named().FindString(rest); len(name) > behind {
		behind = len(name)
	}
	out.zone = zoneOf(text[m[1]-1 : m[1]+behind])
	return out, true
}

// fieldMoments are the times of a date's field: "2026-04-14 05:37 – 07:40 UTC".
func fieldMoments(field string) (found []moment) {
	for _, at := range anyClock().FindAllStringIndex(field, 2) {
		if m, ok := momentOf(field[at[0]:]); ok {
			found = append(found, m)
		}
	}
	return found
}

// zoneOf is the zone that a text states; nil when it states none, or several.
func zoneOf(text string) (stated *time.Location) {
	for _, m := range zone().FindAllStringSubmatch(text, 3) {
		offset := time.Duration(zones[m[6]] * float64(time.Hour))
		switch {
		case m[2] != "":
			offset = offsetOf(m[2], m[3])
		case m[4] != "":
			offset = offsetOf(m[4], m[5])
		}
		one := time.FixedZone(offset.String(), int(offset.Seconds()))
		if m[8] != "" {
			var err error
			if one, err = time.LoadLocation(m[8]); err != nil {
				continue // CI/CD
			}
		}
		if stated != nil && stated.String() != one.String() {
			return nil
		}
		stated = one
	}
	return stated
}

func offsetOf(hours, minutes string) time.Duration {
	h, _ := strconv.Atoi(strings.TrimLeft(hours, "+-−")) // digits
	m, _ := strconv.Atoi(minutes)
	offset := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if !strings.HasPrefix(hours, "+") {
		return -offset
	}
	return offset
}

// statedZone is the zone of a sentence on all times of the document: "All times
// are in UTC".
func statedZone(r *markdown.Page) *time.Location {
	for _, sentence := range allTimes().FindAllString(r.Text[:min(len(r.Text), headBytes)], 50) {
		if stated := zoneOf(sentence); stated != nil {
			return stated
		}
	}
	return nil
}
