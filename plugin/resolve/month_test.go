package resolve_test

import (
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

// TestMonthCountsWhatRunsAtTheSameTimeSpend has another run reserve most of the month
// while this one pays for its first item.
func TestMonthCountsWhatRunsAtTheSameTimeSpend(t *testing.T) {
	t.Parallel()
	s := newSite(t, raise, alert)
	s.tune = func(o *resolve.Options) { o.MonthUSD, o.BudgetUSD = 10, 4 }
	lines, err := record.Encode(record.Entry{
		Time: time.Now().UTC(), Run: "beside", Kind: record.KindAttempt, Ref: record.Ref{Document: document, Item: "eeee"}, Attempt: 1, ShareUSD: 9.9,
	})
	if err != nil {
		t.Fatal(err)
	}
	begun := false
	s.Before = func(_ int, call fake.Call) {
		if call.Name != "write the ledger" || begun {
			return
		}
		begun = true
		if err := s.Clone("beside").AppendLog(t.Context(), record.LedgerRef, lines); err != nil {
			t.Error(err)
		}
	}
	s.run()
	s.wantsEnded("done", "not-attempted not-attempted-month")
}

// TestNoItemIsStartedThatCouldPassTheBudgetOfTheMonth has earlier runs spend before
// the item, in this month or in the last one.
func TestNoItemIsStartedThatCouldPassTheBudgetOfTheMonth(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	former := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -1)
	other := record.Ref{Document: document, Item: "eeee"}
	spent := func(at time.Time, usd float64) record.Entry {
		return record.Entry{Time: at, Run: "former", Kind: record.KindResult, Ref: other, Attempt: 1, State: string(item.Done), CostUSD: usd}
	}
	killed := record.Entry{Time: now, Run: "killed", Kind: record.KindAttempt, Ref: other, Attempt: 2, ShareUSD: 6}
	for name, test := range map[string]struct {
		month   float64
		ledger  []record.Entry
		done    bool
		because reason.Code
	}{
		"no limit":                             {month: 0, ledger: []record.Entry{spent(now, 100)}, done: true},
		"there is enough left":                 {month: 10, ledger: []record.Entry{spent(now, 6)}, done: true},
		"it is used up":                        {month: 10, ledger: []record.Entry{spent(now, 9.99)}, because: reason.NotAttemptedMonth},
		"the last month used it up":            {month: 10, ledger: []record.Entry{spent(former, 10)}, done: true},
		"a run that was killed may have":       {month: 10, ledger: []record.Entry{spent(now, 4), killed}, because: reason.NotAttemptedMonth},
		"a run that was killed is known since": {month: 10, ledger: []record.Entry{killed, {Time: now, Run: "killed", Kind: record.KindResult, Ref: other, Attempt: 2, State: record.StateTemporary, CostUSD: 1}}, done: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, raise)
			s.tune = func(o *resolve.Options) { o.MonthUSD, o.BudgetUSD = test.month, 20 }
			clone := s.Clone("former")
			lines, err := record.Encode(test.ledger...)
			if err == nil {
				err = clone.AppendLog(t.Context(), record.LedgerRef, lines)
			}
			if err != nil {
				t.Fatal(err)
			}
			if end := s.run(); end.err != nil || end.died {
				t.Fatalf("%+v", end)
			}
			if out := s.outcome(raise); s.done(raise) != test.done || out.Reason != test.because {
				t.Errorf("done %t, %s %s", s.done(raise), out.State, out.Reason)
			}
			log, err := s.Clone("after").ReadLog(record.LedgerRef)
			if err != nil {
				t.Fatal(err)
			}
			ledger, _ := record.ReadLedger(log.Lines)
			last, _ := ledger.LastAttempt(record.RefOf(raise.item()))
			if last.ShareUSD > 20 || test.month > 0 && last.ShareUSD > test.month {
				t.Errorf("the item could cost %v", last.ShareUSD)
			}
		})
	}
}

// TestWhatAKilledRunPaidCountsInTheMonthOnceItIsSettled: the entry of its attempt
// reserved more than that until then.
func TestWhatAKilledRunPaidCountsInTheMonthOnceItIsSettled(t *testing.T) {
	t.Parallel()
	s := killedAt(t, "publish")
	spent := func() float64 {
		log, err := s.Clone("reader").ReadLog(record.LedgerRef)
		if err != nil {
			t.Fatal(err)
		}
		ledger, _ := record.ReadLedger(log.Lines)
		return ledger.SpentIn(time.Now(), "")
	}
	if reserved := spent(); reserved < 1 {
		t.Errorf("%v USD are reserved for it while its end is not known", reserved)
	}
	s.run()
	s.wantsEnded("done")
	if paid := spent(); paid != 0.1 {
		t.Errorf("%v USD count, and its agent was paid 0.1", paid)
	}
}
