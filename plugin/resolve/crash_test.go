package resolve_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// mostRuns is how many runs a disturbed one may need after it until nothing is
// left to do.
const mostRuns = 6

// scenario is a way that a run can take, through every step of which the table
// goes.
type scenario struct {
	name    string
	items   []todo
	prepare func(*site)
	between func(*site) // what people do after a run
	from    string      // the call from which on it differs from the first
}

var scenarios = []scenario{
	{name: "an item is done", items: []todo{raise}},
	{name: "the lock came with that of the item and the right to push", items: []todo{raise}, from: "fetch", prepare: func(s *site) {
		s.withLock = []string{seam.StackLock("stacks/nfs")}
	}},
	{name: "two items of two stacks", items: []todo{alert, raise}, from: "plan stacks/nfs"},
	{name: "the owner has a check", items: []todo{raise}, from: "plan", prepare: func(s *site) {
		s.tune = func(o *resolve.Options) { o.Verify = true }
	}},
	{name: "Prometheus is asked", items: []todo{alert}, from: "ask Prometheus", prepare: func(s *site) {
		s.Metrics, s.Backtest = []string{diskMetric}, fires
	}},
	{name: "Prometheus loads late", items: []todo{alert}, from: "ask Prometheus for what is loaded", prepare: func(s *site) {
		s.Metrics, s.Backtest, s.Missing, s.LoadsAt = []string{diskMetric}, fires, "it is not among the loaded rules", 3
	}},
	{name: "the saved plan is stale once", items: []todo{raise}, from: "apply", prepare: func(s *site) {
		s.Before = once("look for the lock", func() { s.Stack("stacks/nfs").Touch() })
	}},
	{name: "others have the state's lock at the apply", items: []todo{raise}, from: "apply", prepare: func(s *site) {
		s.Before = once("look for the lock", func() { s.Stack("stacks/nfs").Locked = true })
	}, between: func(s *site) { s.Stack("stacks/nfs").Locked = false }},
	{name: "the branch touches the stack while the agent works", items: []todo{raise}, from: "write refs/pm-todos/journal", prepare: func(s *site) {
		s.Before = once("bring the agent's tree back", func() {
			s.Push("theirs\n", map[string]string{"stacks/nfs/README.md": "theirs\n"})
		})
	}},
	{name: "the branch touches the stack during the apply", items: []todo{raise}, from: "apply", prepare: func(s *site) {
		s.Before = once("apply stacks/nfs", func() {
			s.Push("theirs\n", map[string]string{"stacks/nfs/README.md": "theirs\n"})
		})
	}},
	{name: "no ref can be deleted", items: []todo{raise}, from: "delete", prepare: func(s *site) { s.KeepsRefs = true }},
	{name: "not proved, and done by a person", items: []todo{patient}, from: "write refs/pm-todos/proposals", prepare: asksFor(3), between: doByHand},
	{name: "not proved, and one has to wait", items: []todo{doubtful(1), patient}, from: "write refs/pm-todos/proposals", prepare: asksFor(1), between: doByHand},
	{name: "proposed and merged", items: []todo{raise}, from: "write refs/pm-todos/proposals", prepare: reviewed, between: merges("")},
	{name: "proposed and squashed", items: []todo{raise}, from: "write refs/pm-todos/proposals", prepare: reviewed, between: merges("all of it in one\n")},
	{name: "two proposals of one stack are merged", items: []todo{raise, retries}, from: "write refs/pm-todos/proposals", prepare: reviewed, between: merges("")},
	{name: "proposed, merged, and applied by others", items: []todo{raise}, from: "write refs/pm-todos/proposals", prepare: reviewed, between: mergeAndApply},
	{name: "merged, and the owner has a check", items: []todo{raise}, from: "plan", prepare: func(s *site) {
		reviewed(s)
		s.tune = func(o *resolve.Options) { o.Verify = true }
	}, between: merges("one\n")},
}

// once does something before the first call of a name.
func once(name string, act func()) func(int, fake.Call) {
	done := false
	return func(_ int, call fake.Call) {
		if !done && call.Name == name {
			done = true
			act()
		}
	}
}

// asksFor is an owner who wants to see what is not proved, so many at a time.
func asksFor(open int) func(*site) {
	return func(s *site) {
		s.tune = func(o *resolve.Options) { o.Doubtful, o.MaxOpen = true, open }
	}
}

// doByHand is a person who does what is proposed themselves, once a run has met it:
// so its proposal is withdrawn.
func doByHand(s *site) {
	for _, one := range s.items {
		if s.outcome(one).Reason != reason.Proposed || s.done(one) {
			continue
		}
		changed := one.edit(s.File(one.file))
		s.Push("by hand\n", map[string]string{
			one.file: changed, document: strings.Replace(s.File(document), one.line("TODO"), one.line("DONE"), 1),
		})
		fake.Applied(s.World, strings.Join(strings.Split(one.file, "/")[:2], "/"), map[string]string{one.file: changed})
	}
}

// reviewed is an owner who wants to see everything, on a forge.
func reviewed(s *site) { s.mode, s.mergers = resolve.Propose, map[string]string{} }

// merges is a person who merges what is proposed. What is squashed has nothing left
// of its trailers and its branch.
func merges(squashed string) func(*site) {
	return func(s *site) {
		for _, one := range s.items {
			if branch := proposal.Branch(record.RefOf(one.item())); len(s.Refs("refs/heads/"+branch)) > 0 {
				s.Merge(branch, squashed)
				s.mergers[branch] = "ana"
			}
		}
	}
}

// mergeAndApply is that person, and a pipeline that applies the branch.
func mergeAndApply(s *site) {
	if len(s.Refs("refs/heads/pm-todos/propose/")) > 0 {
		merges("")(s)
		fake.Applied(s.World, "stacks/nfs", map[string]string{threads: s.File(threads)})
	}
}

// TestTwoCallsOfARunGoWrong has what follows upon an error go wrong as well, from
// the journal to the apply: taking back what was never applied.
func TestTwoCallsOfARunGoWrong(t *testing.T) {
	t.Parallel()
	clean := newSite(t, raise)
	clean.run()
	first := slices.IndexFunc(clean.Trail(clean.name(1)), func(call fake.Call) bool { return strings.HasPrefix(call.Name, "write refs/pm-todos/journal") })
	last := slices.IndexFunc(clean.Trail(clean.name(1)), func(call fake.Call) bool { return strings.HasPrefix(call.Name, "publish") })
	every := everyCase(t)
	for at := first; at <= last; at++ {
		for n, how := range []fake.How{fake.Fails, fake.Lost} {
			one := newSite(t, raise)
			fault := fake.Fault{Run: one.name(1), At: at + 1, How: how}
			one.Fail(fault)
			one.run()
			for then := at + 2; then <= len(one.Trail(one.name(1))); then++ {
				for m, again := range []fake.How{fake.Fails, fake.Dies} {
					if !every && (at+then+n+m)%3 != 0 {
						continue
					}
					t.Run(fmt.Sprintf("%d %.40s %s, then %d %s", at+1, clean.Trail(clean.name(1))[at].Name, how, then, again), func(t *testing.T) {
						s := newSite(t, raise)
						s.Fail(fault, fake.Fault{Run: fault.Run, At: then, How: again})
						scenario{}.play(s)
						s.quiet()
						if t.Failed() {
							t.Log(s.log())
						}
					})
				}
			}
		}
	}
}

// ways are what can go wrong with a call.
func ways(call fake.Call) []fake.How {
	hows := []fake.How{fake.Fails, fake.Dies}
	if verb, rest, _ := strings.Cut(call.Name, " "); verb == "plan" || verb == "apply" || strings.HasPrefix(rest, "the owner's check") || rest == "a workspace for stacks" {
		hows = append(hows, fake.Alters)
	}
	if !call.Changes {
		return hows
	}
	hows = append(hows, fake.Lost, fake.Twice)
	verb, _, _ := strings.Cut(call.Name, " ")
	switch verb {
	case "write", "publish", "push", "delete":
		hows = append(hows, fake.Refused)
	case "apply":
		hows = append(hows, fake.Halts, fake.Breaks, fake.Leaves, fake.Late)
	}
	return hows
}

func (sc scenario) site(t *testing.T) *site {
	s := newSite(t, sc.items...)
	if sc.prepare != nil {
		sc.prepare(s)
	}
	return s
}

// play runs the program until nothing is left to do.
func (sc scenario) play(s *site) {
	s.t.Helper()
	for range mostRuns {
		end := s.run()
		s.sound()
		s.confirmed()
		if s.EndLease(); end.idle {
			return
		}
		s.Machine(s.terraform).Look()
		for _, out := range s.outcomes {
			if out.State == item.NeedsPerson && out.Command != "" {
				s.finishByHand(out)
			}
		}
		if sc.between != nil {
			sc.between(s)
		}
	}
	s.t.Errorf("after %d runs something is left to do: %+v\n%s", s.runs, s.outcomes, s.log())
}

// finishByHand is a person who does in production what a fix says that broke half
// way.
func (s *site) finishByHand(out item.Outcome) {
	files := map[string]string{}
	for path := range s.files {
		files[path] = s.File(path)
	}
	fake.Applied(s.World, out.Stack, files)
}

func (s *site) log() string {
	var b strings.Builder
	for run := range s.runs {
		fmt.Fprintf(&b, "run %d\n", run+1)
		for i, call := range s.Trail(s.name(run + 1)) {
			fmt.Fprintf(&b, "%4d %s\n", i+1, call.Name)
		}
	}
	return b.String()
}

// sound is what holds at any moment.
func (s *site) sound() {
	s.t.Helper()
	for _, item := range s.items {
		stack := s.stackOf(item)
		fixes := s.fixes(item)
		applied := s.applies(item)
		if len(applied) > 1 {
			s.t.Errorf("%s was applied %d times", item.id, len(applied))
		}
		if len(fixes) > 1 {
			s.t.Errorf("%s is on the branch %d times", item.id, len(fixes))
		}
		for _, fix := range fixes {
			if s.mode == resolve.Apply && !slices.Contains(applied, fix.PlanHash) {
				s.t.Errorf("published and never applied: %+v", fix)
			}
		}
		if s.done(item) {
			if want := fake.Input(s.World, item.file, item.edit(s.files[item.file]), item.address); stack.Resources[item.address] != want {
				s.t.Errorf("%s is falsely done: production has %s", item.id, stack.Resources[item.address])
			}
			if len(fixes) == 0 && s.File(item.file) != item.edit(s.files[item.file]) {
				s.t.Errorf("%s is done and not on the branch:\n%s", item.id, s.File(item.file))
			}
		}
		theirs, touched := s.theirs[item.file]
		if file := s.File(item.file); !touched && !s.judged(item.file, file) || touched && file != theirs && file != item.edit(theirs) && file != item.edit(s.files[item.file]) {
			s.t.Errorf("published and never judged:\n%s", file)
		}
	}
}

// judged reports whether a file is what some of the items make of it.
func (s *site) judged(path, content string) bool {
	possible := []string{s.files[path]}
	for _, item := range s.items {
		if item.file == path {
			for _, before := range possible {
				possible = append(possible, item.edit(before))
			}
		}
	}
	return slices.Contains(possible, content)
}

// confirmed is what holds of all that a run says is done: that of its stack
// nothing was left to do on the commit that it names, or on the branch where
// others merge.
func (s *site) confirmed() {
	s.t.Helper()
	for _, out := range s.outcomes {
		if out.State != item.Done {
			continue
		}
		commit := out.Commit
		if s.mode == resolve.Propose {
			commit = s.Refs(fake.Branch)[fake.Branch] // with what was merged beside it
		}
		wants := fake.Resources(s.World, out.Stack, commit)
		has := maps.Clone(s.Stack(out.Stack).Resources)
		for _, other := range s.items {
			if s.mode == resolve.Apply && other.id != out.Item.ID { // it may have been applied since
				delete(has, other.address)
				delete(wants, other.address)
			}
		}
		if !maps.Equal(has, wants) {
			s.t.Errorf("%s is said to be done, and production has %v, not %v", out.Item.ID, has, wants)
		}
	}
}

// applies are the plans of an item that were applied.
func (s *site) applies(item todo) (plans []string) {
	for _, a := range s.stackOf(item).Applies {
		if e, ok := record.ParseEvidence(s.Message(a.Commit)); ok && e.Item == item.id {
			plans = append(plans, a.SHA256)
		}
	}
	return plans
}

// quiet is what holds once nothing is left to do.
func (s *site) quiet() {
	s.t.Helper()
	for _, item := range s.items {
		if !s.done(item) {
			s.t.Errorf("%s was never done: %+v", item.id, s.outcome(item))
		}
	}
	if journals := journal.Seen(s.Clone("")); len(journals) > 0 {
		s.t.Errorf("journals are left: %v", journals)
	}
	if records, _ := proposal.Records(s.Clone("")); len(records) > 0 {
		s.t.Errorf("records of proposals are left: %v", records)
	}
	if held := s.Locked(); len(held) > 0 {
		s.t.Errorf("locks are held still: %v", held)
	}
	s.Unused()
}

// TestEveryCallOfARunGoesWrong takes every way of a run, and at every call that it
// makes to the outside has everything go wrong that can. The next runs go on
// from there.
func TestEveryCallOfARunGoesWrong(t *testing.T) {
	t.Parallel()
	disturb(t, scenarios, func(t *testing.T, test func(*testing.T)) { test(t) })
}

// everyCase reports whether all cases are asked for, and says so where a sample
// stands for them.
func everyCase(t *testing.T) bool {
	t.Helper()
	every := os.Getenv("PM_TODOS_EVERY_CASE") != ""
	if !every {
		t.Log("a sample: PM_TODOS_EVERY_CASE=1 goes through every case")
	}
	return every
}

// disturb goes through the calls of scenarios. in is where each case is played. A call
// goes wrong in each way in the first place where it is made, unless every case is
// asked for.
func disturb(t *testing.T, scenarios []scenario, in func(*testing.T, func(*testing.T))) {
	every, cases := everyCase(t), 0
	type situation struct {
		call string
		how  fake.How
	}
	seen := map[situation]bool{}
	for _, sc := range scenarios {
		var clean *site
		sound := t.Run(sc.name+"/undisturbed", func(t *testing.T) {
			in(t, func(t *testing.T) {
				clean = sc.site(t)
				sc.play(clean)
				clean.quiet()
				for _, host := range []string{"agents", "terraform"} {
					if n := clean.Machine(host).Runs(); n > 0 {
						t.Errorf("%d run directories are left on %s", n, host)
					}
				}
				if t.Failed() {
					t.Log(clean.log())
				}
			})
		})
		if !sound || clean == nil {
			continue
		}
		started := false
		for run := range clean.runs {
			for i, call := range clean.Trail(clean.name(run + 1)) {
				started = started || strings.HasPrefix(call.Name, sc.from)
				if !started {
					continue
				}
				for _, how := range ways(call) {
					at := situation{call: call.Name, how: how}
					if seen[at] && !every {
						continue
					}
					seen[at] = true
					cases++
					t.Run(fmt.Sprintf("%s/run %d/%d %.60s %s", sc.name, run+1, i+1, call.Name, how), func(t *testing.T) {
						in(t, func(t *testing.T) {
							s := sc.site(t)
							s.Fail(fake.Fault{Run: s.name(run + 1), At: i + 1, How: how})
							sc.play(s)
							s.quiet()
							if t.Failed() {
								t.Log(s.log())
							}
						})
					})
				}
			}
		}
	}
	t.Logf("%d cases", cases)
}
