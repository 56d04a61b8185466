package dashboard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/target"
)

// Measures of a chart, in units of its view box.
const (
	chartWidth, chartHeight = 360, 190
	plotLeft, plotRight     = 34, 352
	plotTop, plotBottom     = 14, 160
)

// charts are the three drawings of the page. Each has a table that says the same.
type charts struct {
	Periods []period // of the first and the last drawing
	Ticks   []tick   // of the first one's values
	Line    string   // path of what is open at the end of each period
	Area    string   // the same, down to the ground
	Last    point
	Bars    []tick // of the last one's values
	Undated int    // items that are done and nobody knows since when

	Program, People int // done by these, at a known time

	Ages   []ageRow
	Limits []ageKey
}

// period is a stretch of time and what became of items in it.
type period struct {
	Name                          string
	Open, Opened, Program, People int
	X, Middle, Width              float64
	ProgramY, ProgramHeight       float64
	PeopleY, PeopleHeight         float64
	Label                         *label // stands below the drawing

	end time.Time
}

// label is a period's name.
type label struct {
	Name, Class string
	X           float64
}

// Done is what was done in it.
func (p period) Done() int { return p.Program + p.People }

type tick struct {
	Value int
	Y     float64
}

type point struct{ X, Y float64 }

// ageRow is what is open of one priority, by age.
type ageRow struct {
	Priority string
	Total    int
	Late     int
	Target   string // how long it may stay open, "" for ever
	Y        float64
	Parts    []agePart
}

type agePart struct {
	Count       int
	X, Y, Width float64
	Told        bool // there is room for the number
}

// Middle is where the number stands.
func (p agePart) Middle() float64 { return p.X + p.Width/2 }

// ageKey says what a part means.
type ageKey struct {
	Name string
	X, Y float64
}

// ages are the limits of what an item's age is counted by, in days.
var ages = []int{30, 90, 365}

func (b board) charts(targets target.Targets) charts {
	c := charts{}
	for i, name := range []string{"up to 30 days", "up to 90 days", "up to a year", "older"} {
		c.Limits = append(c.Limits, ageKey{name, 6 + 92*float64(i), 168})
	}
	c.overTime(b)
	c.byAge(b, targets)
	return c
}

// overTime counts what was opened and done in each period. What is done and nobody
// knows since when is left out: it would be drawn as open for ever.
func (c *charts) overTime(b board) {
	first := ""
	b.each(func(one Item) {
		if one.Opened != "" && (first == "" || one.Opened < first) && one.Opened <= b.Written.Format(time.DateOnly) {
			first = one.Opened
		}
	})
	since, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return
	}
	c.Periods = periods(since, b.Written)
	at := func(date string) *period {
		when, err := time.Parse(time.DateOnly, date)
		if err != nil {
			return nil
		}
		for i := range c.Periods {
			if when.Before(c.Periods[i].end) {
				return &c.Periods[i]
			}
		}
		return nil // it is to come
	}
	b.each(func(one Item) {
		if one.State == Done && one.Closed == "" {
			c.Undated++
			return
		}
		if opened := at(one.Opened); opened != nil && (one.State.Open() || one.State == Done) {
			opened.Opened++
		}
		if closed := at(one.Closed); closed != nil && one.By == ByProgram {
			closed.Program++
			c.Program++
		} else if closed != nil {
			closed.People++
			c.People++
		}
	})
	open := 0
	for i := range c.Periods {
		p := &c.Periods[i]
		open += p.Opened - p.Done()
		p.Open = max(0, open)
	}
	c.draw()
}

func (b board) each(visit func(Item)) {
	for _, d := range b.Documents {
		for _, one := range d.Items {
			visit(one)
		}
	}
}

// mostPeriods are drawn side by side.
const mostPeriods = 26

// periods cover the time between two days: weeks, months, quarters or years, the
// shortest of which there are not too many.
func periods(since, until time.Time) []period {
	steps := []struct {
		begin  func(time.Time) time.Time
		months int
		name   func(time.Time) string
	}{
		{monday, 0, func(t time.Time) string { return t.Format("2 Jan 2006") }},
		{month(1), 1, func(t time.Time) string { return t.Format("Jan 2006") }},
		{month(3), 3, func(t time.Time) string { return fmt.Sprintf("Q%d %d", (t.Month()+2)/3, t.Year()) }},
		{month(12), 12, func(t time.Time) string { return t.Format("2006") }},
	}
	for n, step := range steps {
		var all []period
		for at := step.begin(since); !at.After(until) && len(all) <= 2*mostPeriods; {
			next := at.AddDate(0, step.months, 0)
			if step.months == 0 {
				next = at.AddDate(0, 0, 7)
			}
			all = append(all, period{Name: step.name(at), end: next})
			at = next
		}
		if len(all) <= mostPeriods || n == len(steps)-1 {
			return all[:min(len(all), 2*mostPeriods)]
		}
	}
	return nil
}

func monday(t time.Time) time.Time { return t.AddDate(0, 0, -(int(t.Weekday())+6)%7) }

// month is the first day of the months-long stretch of a year that holds a day.
func month(months int) func(time.Time) time.Time {
	return func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month()-time.Month((int(t.Month())-1)%months), 1, 0, 0, 0, 0, time.UTC)
	}
}

// draw puts the periods side by side, and their values above them.
func (c *charts) draw() {
	mostOpen, mostDone := 1, 1
	for _, p := range c.Periods {
		mostOpen, mostDone = max(mostOpen, p.Open), max(mostDone, p.Done())
	}
	mostOpen, mostDone = roundUp(mostOpen), roundUp(mostDone)
	c.Ticks, c.Bars = ticks(mostOpen), ticks(mostDone)
	wide := float64(plotRight-plotLeft) / float64(len(c.Periods))
	var line strings.Builder
	for i := range c.Periods {
		p := &c.Periods[i]
		p.X, p.Width = plotLeft+wide*(float64(i)+.15), wide*.7
		p.Middle = plotLeft + wide*(float64(i)+.5)
		switch last := len(c.Periods) - 1; {
		case i == 0:
			p.Label = &label{p.Name, "when first", plotLeft}
		case i == last:
			p.Label = &label{p.Name, "when end", plotRight}
		case last > 7 && i == last/2:
			p.Label = &label{p.Name, "when", p.Middle}
		}
		ground := height(0, mostDone)
		p.ProgramY = height(p.Program, mostDone)
		p.ProgramHeight = ground - p.ProgramY
		p.PeopleY = height(p.Done(), mostDone)
		p.PeopleHeight = p.ProgramY - p.PeopleY
		c.Last = point{p.Middle, height(p.Open, mostOpen)}
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&line, "%s%.1f %.1f", command, c.Last.X, c.Last.Y)
	}
	c.Line = line.String()
	c.Area = fmt.Sprintf("%sV%d H%.1fZ", c.Line, plotBottom, c.Periods[0].Middle)
}

func height(value, most int) float64 {
	return plotBottom - float64(plotBottom-plotTop)*float64(value)/float64(most)
}

// roundUp is the next even number with one digit that counts: 4, 20, 600.
func roundUp(n int) int {
	scale := 1
	for n > 10*scale {
		scale *= 10
	}
	step := 2 * scale
	if n <= 2 {
		step = 2
	}
	return (n + step - 1) / step * step
}

func ticks(most int) []tick {
	return []tick{{0, height(0, most)}, {most / 2, height(most/2, most)}, {most, height(most, most)}}
}

// byAge counts what is open by priority and age, on the day on which this is written.
func (c *charts) byAge(b board, targets target.Targets) {
	const left, right, rowHeight = plotLeft, plotRight - 90, 34
	most := 1
	for i, priority := range []string{"P0", "P1", "P2", "P3"} {
		row := ageRow{Priority: priority, Parts: make([]agePart, len(ages)+1), Y: plotTop + float64(i*rowHeight)}
		if limit, ok := targets[priority]; ok {
			row.Target = target.Length(limit)
		}
		b.each(func(one Item) {
			opened, err := time.Parse(time.DateOnly, one.Opened)
			if one.Priority != priority || !one.State.Open() {
				return
			}
			row.Total++
			if one.late(b.Written) {
				row.Late++
			}
			days := int(b.Written.Sub(opened).Hours() / 24)
			at := slices.IndexFunc(ages, func(limit int) bool { return days <= limit })
			if at < 0 || err != nil {
				at = len(ages) // what has no date is as old as anything
			}
			row.Parts[at].Count++
		})
		most = max(most, row.Total)
		c.Ages = append(c.Ages, row)
	}
	for i := range c.Ages {
		x := float64(left)
		for n := range c.Ages[i].Parts {
			part := &c.Ages[i].Parts[n]
			part.X, part.Y, part.Width = x, c.Ages[i].Y, float64(right-left)*float64(part.Count)/float64(most)
			part.Told = part.Width >= 8+7*float64(len(strconv.Itoa(part.Count)))
			x += part.Width
		}
	}
}

// End is where the bar of a row ends.
func (r ageRow) End() float64 {
	last := r.Parts[len(r.Parts)-1]
	return last.X + last.Width
}
