package resolve_test

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
)

// asking is a site whose Prometheus knows the alert's metric.
func asking(t *testing.T) *site {
	s := newSite(t, alert)
	s.Metrics, s.Backtest = []string{diskMetric}, fires
	return s
}

func TestAFixNamesWhatMustBeLoaded(t *testing.T) {
	s := asking(t)
	s.run()
	s.wantsEnded("done")
	fixes := s.fixes(alert)
	if len(fixes) != 1 {
		t.Fatalf("%d fixes", len(fixes))
	}
	if list := item.ReadWatched(fixes[0].Watched); len(list) != 1 || list[0].Rule != "DiskUsage" || len(list[0].Sum) != 16 {
		t.Errorf("the commit watches %v", list)
	}
}

func TestARuleThatLoadsLateIsWaitedFor(t *testing.T) {
	s := asking(t)
	s.Missing, s.LoadsAt = "it is not among the loaded rules", 1
	s.run()
	s.wantsEnded("done")
	if n := s.asked(1, "ask Prometheus for what is loaded"); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// TestARuleThatIsNotLoadedIsAskedForAgainAndNeverPaidAgain has a person look at
// their Prometheus between two runs.
func TestARuleThatIsNotLoadedIsAskedForAgainAndNeverPaidAgain(t *testing.T) {
	s := asking(t)
	s.Missing = "it cannot be evaluated: many-to-many"
	s.run()
	for range 2 {
		s.wantsEnded("failed verify-failed")
		out := s.outcome(alert)
		if out.Err == nil || !strings.Contains(out.Err.Error(), "DiskUsage: it cannot be evaluated: many-to-many") || out.Commit == "" || !out.Unloaded {
			t.Errorf("%+v", out)
		}
		if s.done(alert) || len(s.Refs(record.JournalPrefix)) > 0 {
			t.Error("its row is done, or its journal is left")
		}
		s.run()
		if n := s.asked(s.runs, "plan") + s.asked(s.runs, "apply"); n > 0 || s.paid() != 1 {
			t.Errorf("%d plans and applies, %d turns paid", n, s.paid())
		}
	}
	s.tune = func(o *resolve.Options) { o.Prometheus = nil }
	s.run()
	s.wantsEnded("failed verify-failed")
	s.tune, s.Missing = nil, ""
	s.run()
	s.wantsEnded("done")
	if !s.done(alert) {
		t.Error("the row is not done")
	}
	if end := s.run(); !end.idle {
		t.Errorf("something is left to do: %+v", s.outcomes)
	}
}

// TestAServerThatCannotTellWhatIsLoadedHoldsNoRowBack is of those without a list of
// rules or targets. What another one said before stands all the same.
func TestAServerThatCannotTellWhatIsLoadedHoldsNoRowBack(t *testing.T) {
	s := asking(t)
	s.Missing, s.Blind = "there is no list of rules", true
	s.run()
	s.wantsEnded("done")
	if !s.done(alert) {
		t.Error("the row is not done")
	}
	s = asking(t)
	s.Missing = "it is not among the loaded rules"
	s.run()
	s.wantsEnded("failed verify-failed")
	s.Missing, s.Blind = "there is no list of rules", true
	s.run()
	s.wantsEnded("failed verify-failed")
	if out := s.outcome(alert); out.Err == nil || !strings.Contains(out.Err.Error(), "it cannot be seen whether Prometheus has it: DiskUsage: there is no list of rules") {
		t.Errorf("it says %v", out.Err)
	}
}
