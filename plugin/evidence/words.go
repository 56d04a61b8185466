package evidence

import (
	"fmt"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Sentence says what the rule would have done, such as "would have fired at 05:41
// UTC, 4 minutes after the start (05:37); fired 3 times in 30 days". It holds no
// text of others but what Prometheus has against the expression.
func (b Backtest) Sentence() string {
	switch {
	case b.Refused != "":
		return "Prometheus does not take its expression: " + b.Refused
	case b.Skipped != "":
		return "was not evaluated: " + b.Skipped
	case b.Rule.Record:
		return "is a recording rule, which never fires"
	}
	parts := []string{b.inIncident()}
	if b.Days > 0 {
		parts = append(parts, b.lately()+" in "+text.Counted(b.Days, "day"))
	}
	if b.Incident.NoZone && !b.Incident.Start.IsZero() {
		parts = append(parts, "the document states no time zone, so UTC was taken")
	}
	if b.Skew != 0 {
		parts = append(parts, fmt.Sprintf("the clock of Prometheus is %s off", b.Skew.Abs()))
	}
	return strings.Join(parts, "; ")
}

// Briefly is what one wants to know of it at a glance: "would have fired 4 minutes
// after the start". What speaks against the rule is always in it.
func (b Backtest) Briefly() string {
	line := b.inIncident()
	switch {
	case b.Refused != "" || b.Skipped != "" || b.Rule.Record:
		return b.Sentence()
	case !b.Fired.IsZero():
		line = "would have fired " + apart(b.Fired.Sub(b.Incident.Start)) + " the start"
	case b.Incident.Start.IsZero() && b.Days > 0:
		line = ""
	}
	if b.Noisy || line == "" {
		line = strings.TrimPrefix(line+"; "+b.lately()+" in "+text.Counted(b.Days, "day"), "; ")
	}
	return line
}

func (b Backtest) inIncident() string {
	start := b.Incident.Start
	switch {
	case start.IsZero():
		return "the document states no time of the incident"
	case b.Future:
		return "the time of the incident that the document states is still to come"
	case b.Unable != "":
		return "could not be evaluated over the time of the incident: " + b.Unable
	case !b.Samples:
		return "no samples of that time any more"
	case b.Fired.IsZero():
		return "would not have fired in the incident"
	}
	fired := b.Fired.UTC()
	form := "15:04 UTC"
	if fired.Format(time.DateOnly) != start.UTC().Format(time.DateOnly) {
		form = "2006-01-02 15:04 UTC"
	}
	return fmt.Sprintf("would have fired at %s, %s the start (%s)", fired.Format(form), apart(fired.Sub(start)), start.UTC().Format("15:04"))
}

// apart is how far one time is from another, in words.
func apart(d time.Duration) string {
	side := " after"
	if d < 0 {
		d, side = -d, " before"
	}
	minutes := int(d.Round(time.Minute).Minutes())
	switch {
	case minutes == 0:
		return "at"
	case minutes < 120:
		return text.Counted(minutes, "minute") + side
	case minutes < 48*60:
		return text.Counted((minutes+30)/60, "hour") + side
	}
	return text.Counted((minutes+12*60)/(24*60), "day") + side
}

// lately is how often it fired.
func (b Backtest) lately() string {
	switch {
	case b.Constant:
		return "fired nearly all the time"
	case b.Firings == 0:
		return "never fired"
	case b.Firings == 1:
		return "fired once"
	}
	return fmt.Sprintf("fired %d times", b.Firings)
}
