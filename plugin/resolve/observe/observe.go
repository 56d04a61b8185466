// Package observe asks Prometheus about the rules of a run: what they would have
// done, before anything is applied, and whether they are loaded, after it.
package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Observer asks one Prometheus during one run.
type Observer struct {
	prometheus seam.Prometheus // nil when there is none
	branch     string
	deadline   time.Time // end of the run; zero when there is none
	log        zerolog.Logger

	answered   bool // it did answer in this run
	unanswered bool // it did not answer in this run
}

// New is the observer of a run that publishes to a branch.
func New(prometheus seam.Prometheus, branch string, deadline time.Time, log zerolog.Logger) *Observer {
	return &Observer{prometheus: prometheus, branch: branch, deadline: deadline, log: log}
}

// Watched is what must be loaded once a change with these rules and scrape pools is
// applied, as its commit keeps it. Names are kept where the files of the change hold
// them.
func (o *Observer) Watched(rules []item.Rule, pools []string, mentions func(string) bool) string {
	if o.prometheus == nil {
		return ""
	}
	var list []item.Watch
	for _, r := range rules {
		if w, ok := evidence.WatchOf(r); ok {
			if !mentions(w.Rule) {
				w.Rule = ""
			}
			list = append(list, w)
		}
	}
	for _, pool := range pools {
		if mentions(pool[strings.LastIndexByte(pool, '/')+1:]) {
			list = append(list, item.Watch{Pool: pool})
		}
	}
	return item.Watched(list)
}

// watched is what must be loaded for the outcomes that are done.
func watched(outcomes []item.Outcome) (list []item.Watch) {
	for _, out := range outcomes {
		if out.State == item.Done {
			list = append(list, item.ReadWatched(out.Watched)...)
		}
	}
	return list
}

// Loaded reports whether all that the outcomes are done by is loaded already, so
// that nothing is to be waited for.
func (o *Observer) Loaded(ctx context.Context, outcomes []item.Outcome) bool {
	list := watched(outcomes)
	if len(list) == 0 {
		return true
	}
	if o.prometheus == nil {
		return false
	}
	missing, err := o.prometheus.Loaded(ctx, list)
	o.answered = o.answered || err == nil
	if err != nil || len(missing) > 0 {
		return false
	}
	loaded(outcomes)
	return true
}

// loaded notes that what earlier runs waited for is there.
func loaded(outcomes []item.Outcome) {
	for i := range outcomes {
		if outcomes[i].State == item.Done {
			outcomes[i].Unloaded = false
		}
	}
}

// timeToRecord is what a run keeps of its time for its documents and its ledger.
const timeToRecord = time.Minute

// Await waits until all that the outcomes are done by is loaded and healthy,
// all of the run together, and takes back what is not: those outcomes it
// returns. It needs no lock.
func (o *Observer) Await(ctx context.Context, outcomes []item.Outcome) (ended []item.Outcome) {
	var missing []evidence.Missing
	var err error
	switch {
	case o.prometheus == nil:
		err = errors.New("prometheus_url is not set any more, so nobody can say whether it is loaded; set it, or the row")
	case o.unanswered && !o.answered:
		err = errors.New("it does not answer")
	default:
		o.log.Info().Str("stage", "evidence").Msg("waiting until Prometheus has loaded what was applied")
		limited, cancel := ctx, context.CancelFunc(func() {})
		if !o.deadline.IsZero() {
			limited, cancel = context.WithDeadline(ctx, o.deadline.Add(-timeToRecord))
		}
		missing, err = o.prometheus.Await(limited, watched(outcomes))
		cancel()
	}
	for i := range outcomes {
		out := &outcomes[i]
		if out.State != item.Done || out.Watched == "" {
			continue
		}
		unsure, why := o.notLoaded(*out, missing, err)
		switch {
		case why == nil:
			continue
		case unsure && !out.Unloaded:
			o.log.Warn().Str("stage", "evidence").Str("item", out.Item.ID).Err(why).Msg("nobody can say whether it is loaded; the run goes on without this evidence")
			continue
		}
		out.Err = why
		out.State, out.Reason, out.Unloaded = item.Failed, reason.VerifyFailed, true
		o.log.Error().Str("stage", "evidence").Str("document", out.Item.Document).Str("item", out.Item.ID).Err(out.Err).Msg("not loaded")
		ended = append(ended, *out)
	}
	loaded(outcomes)
	return ended
}

// notLoaded is why an outcome is not known to be loaded, nil when it is. unsure
// tells that Prometheus never answered, or could not know.
func (o *Observer) notLoaded(out item.Outcome, missing []evidence.Missing, asked error) (unsure bool, why error) {
	if asked != nil {
		return !o.answered, asked
	}
	var said, unseen []string
	list := item.ReadWatched(out.Watched)
	for _, m := range missing {
		if !slices.Contains(list, m.Watch) {
			continue
		}
		line := cmp.Or(m.Watch.Rule+m.Watch.Pool, "a rule") + ": " + m.Why
		if m.Blind {
			unseen = append(unseen, line)
		} else {
			said = append(said, line)
		}
	}
	switch {
	case len(said) > 0:
		return false, fmt.Errorf("it is applied and on %s, and Prometheus does not have it: %s; later runs ask again", o.branch, strings.Join(said, "; "))
	case len(unseen) > 0:
		return true, fmt.Errorf("it cannot be seen whether Prometheus has it: %s", strings.Join(unseen, "; "))
	}
	return false, nil
}
