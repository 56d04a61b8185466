package evidence

import (
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestWordsOfABacktest(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 14, 5, 37, 0, 0, time.UTC)
	incident := item.Incident{Start: start, End: start.Add(time.Hour)}
	zoneless := incident
	zoneless.NoZone = true
	for _, test := range []struct {
		b                 Backtest
		sentence, briefly string
	}{
		{
			Backtest{Incident: incident, Samples: true, Fired: start.Add(4 * time.Minute), Firings: 3, Days: 30},
			"would have fired at 05:41 UTC, 4 minutes after the start (05:37); fired 3 times in 30 days", "would have fired 4 minutes after the start",
		},
		{
			Backtest{Incident: incident, Samples: true, Fired: start.Add(-time.Minute), Firings: 1, Days: 30, Constant: true, Noisy: true},
			"would have fired at 05:36 UTC, 1 minute before the start (05:37); fired nearly all the time in 30 days", "would have fired 1 minute before the start; fired nearly all the time in 30 days",
		},
		{
			Backtest{Incident: incident, Samples: true, Fired: start, Firings: 900, Days: 1, Noisy: true},
			"would have fired at 05:37 UTC, at the start (05:37); fired 900 times in 1 day", "would have fired at the start; fired 900 times in 1 day",
		},
		{
			Backtest{Incident: incident, Samples: true, Fired: start.Add(50 * time.Hour), Days: 2},
			"would have fired at 2026-04-16 07:37 UTC, 2 days after the start (05:37); never fired in 2 days", "would have fired 2 days after the start",
		},
		{Backtest{Incident: incident, Samples: true, Days: 30}, "would not have fired in the incident; never fired in 30 days", "would not have fired in the incident"},
		{Backtest{Incident: zoneless, Samples: true}, "would not have fired in the incident; the document states no time zone, so UTC was taken", "would not have fired in the incident"},
		{Backtest{Incident: incident}, "no samples of that time any more", "no samples of that time any more"},
		{Backtest{Days: 30, Firings: 1}, "the document states no time of the incident; fired once in 30 days", "fired once in 30 days"},
		{Backtest{}, "the document states no time of the incident", "the document states no time of the incident"},
		{Backtest{Refused: "many-to-many"}, "Prometheus does not take its expression: many-to-many", "Prometheus does not take its expression: many-to-many"},
		{Backtest{Skipped: "it is LogQL"}, "was not evaluated: it is LogQL", "was not evaluated: it is LogQL"},
		{Backtest{Rule: item.Rule{Record: true}}, "is a recording rule, which never fires", "is a recording rule, which never fires"},
	} {
		if got := test.b.Sentence(); got != test.sentence {
			t.Errorf("%q, want %q", got, test.sentence)
		}
		if got := test.b.Briefly(); got != test.briefly {
			t.Errorf("briefly %q, want %q", got, test.briefly)
		}
	}
}
