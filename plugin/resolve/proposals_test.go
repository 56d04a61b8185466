package resolve_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// doubtful is an item for which the agent chooses a number that it does not state.
func doubtful(n int) todo {
	return todo{
		id: fmt.Sprintf("%04d", n), kind: "Config", action: fmt.Sprintf("Tune the NFS threads for room %02d", n), details: "as needed",
		file: threads, address: "terraform_data.nfs_server",
		edit: func(s string) string { return strings.Replace(s, "threads = 8", fmt.Sprintf("threads = 1%02d", n), 1) },
	}
}

// patient is an item of another stack that states no value either.
var patient = todo{
	id: "cccc", kind: "Alert", action: "Make `NodeDown` wait longer", details: "it is noisy", file: alerts, address: "terraform_data.alerts",
	edit: func(s string) string { return strings.Replace(s, "for: 5m", "for: 10m", 1) },
}

// proposes is a site whose owner wants to see what cannot be proved.
func proposes(t *testing.T, items ...todo) *site {
	t.Helper()
	s := newSite(t, items...)
	s.tune = func(o *resolve.Options) { o.Doubtful = true }
	return s
}

// approve gives every row the status word that asks for a proposal.
func (s *site) approve() {
	s.Push("approved\n", map[string]string{document: strings.ReplaceAll(s.File(document), "TODO|", "APPROVED|")})
}

// reword changes the row of an item; to nothing takes it out.
func (s *site) reword(from, to string) {
	s.Push("reworded\n", map[string]string{document: strings.Replace(s.File(document), from, to, 1) + "end\n"})
}

// branches are the branches of proposals.
func (s *site) branches() []string {
	return slices.Sorted(maps.Keys(s.Refs("refs/heads/" + proposal.Prefix)))
}

// turns is how often an agent worked so far.
func (s *site) turns() (n int) {
	for run := range s.runs {
		for _, call := range s.Trail(s.name(run + 1)) {
			if strings.HasPrefix(call.Name, "the agent works") {
				n++
			}
		}
	}
	return n
}

func (s *site) wants(t *testing.T, one todo, state item.State, why reason.Code) {
	t.Helper()
	if out := s.outcome(one); out.State != state || out.Reason != why {
		t.Errorf("%s ended as %s %s, want %s %s: %v", one.id, out.State, out.Reason, state, why, out.Err)
	}
}

// TestFortyDoubtfulItemsNeverHaveMoreThanThreeProposals has a person close one in
// each run.
func TestFortyDoubtfulItemsNeverHaveMoreThanThreeProposals(t *testing.T) {
	t.Parallel()
	for name, approved := range map[string]bool{"approved by a person first": true, "not proved": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var items []todo
			for n := range 40 {
				items = append(items, doubtful(n))
			}
			s := proposes(t, items...)
			perItem := 2 // what is not proved is handed back once
			if approved {
				s.approve()
				perItem = 1 // a person decides anyway
			}
			declined := 0
			for declined < len(items) {
				if end := s.run(); end.err != nil || end.died || s.runs > 60 {
					t.Fatalf("run %d: %+v, and %d were declined", s.runs, end, declined)
				}
				open := s.branches()
				if len(open) > 3 || len(open) == 0 {
					t.Fatalf("%d proposals are open after run %d", len(open), s.runs)
				}
				if paid := s.turns(); approved && paid > declined+3 {
					t.Fatalf("%d agents were paid after run %d, and there were places for %d", paid, s.runs, declined+3)
				}
				s.SetRef(open[0], "")
				declined++
			}
			s.run()
			if got := s.turns(); got != perItem*len(items) {
				t.Errorf("%d turns of the agent for %d items", got, len(items))
			}
			for _, one := range items {
				s.wants(t, one, item.Skipped, reason.ProposalDeclined)
			}
			if content := s.File(threads); content != repository[threads] {
				t.Errorf("something was applied or pushed:\n%s", content)
			}
		})
	}
}

// TestWhatIsNeverAppliedHereWaitsForItsPlaceToo is of a stack whose state is tracked
// in git.
func TestWhatIsNeverAppliedHereWaitsForItsPlaceToo(t *testing.T) {
	t.Parallel()
	s := newSite(t, patient, raise)
	s.tune = func(o *resolve.Options) { o.Doubtful, o.MaxOpen, o.Scope.StatePaths = true, 1, []string{"state/**"} }
	s.Push("their state\n", map[string]string{"state/nfs/terraform.tfstate.enc": "x"})
	s.run()
	s.wants(t, patient, item.Proposed, "")
	s.wants(t, raise, item.Proposed, reason.ProposalWaiting)
	paid := s.turns()
	s.SetRef(s.branches()[0], "")
	s.run()
	s.wants(t, raise, item.Proposed, reason.Proposed)
	if now := s.turns(); now != paid || len(s.branches()) != 1 || s.applied() {
		t.Errorf("%d turns, they were %d; branches %v", now, paid, s.branches())
	}
}

func TestWhatIsNotProvedIsLeftToAPersonWhereTheOwnerSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t, patient)
	s.run()
	s.wants(t, patient, item.Refused, reason.NeedsApproval)
	if len(s.branches()) > 0 {
		t.Error("a proposal was made")
	}
	s.run()
	s.wants(t, patient, item.Skipped, reason.NeedsApproval)
	if paid := s.turns(); paid != 2 || s.applied() { // the second is that of repair
		t.Errorf("%d turns were paid, applied %t", paid, s.applied())
	}
	stated := patient
	stated.details = "10 minutes, it is noisy"
	s.reword(patient.line("TODO"), stated.line("TODO"))
	s.items[0] = stated
	s.run()
	s.wants(t, stated, item.Done, "")
	if paid := s.turns(); paid != 3 {
		t.Errorf("%d turns were paid once it said what it wants", paid)
	}
}

// TestWhatAPersonApprovedFirstIsNeverAppliedByItself has an item that would be
// proved, and that only its lane keeps from being applied.
func TestWhatAPersonApprovedFirstIsNeverAppliedByItself(t *testing.T) {
	t.Parallel()
	s := proposes(t, raise)
	s.approve()
	s.run()
	s.wants(t, raise, item.Proposed, "")
	if s.applied() || len(s.fixes(raise)) > 0 || len(s.branches()) != 1 {
		t.Errorf("applied or pushed; branches %v", s.branches())
	}
}

// TestFixThatIsProvedNoMoreAtTheTipBecomesAProposal has Prometheus lose a metric
// and the branch touch the stack once the fix is in its journal.
func TestFixThatIsProvedNoMoreAtTheTipBecomesAProposal(t *testing.T) {
	t.Parallel()
	s := proposes(t, alert)
	s.Metrics, s.Backtest = []string{diskMetric}, fires
	s.Before = once("write "+record.JournalRef(record.RefOf(alert.item()))+" and ask for the right to push", func() {
		s.Metrics = []string{}
		s.Push("theirs\n", map[string]string{"stacks/monitoring/README.md": "theirs\n"})
	})
	s.run()
	s.wants(t, alert, item.Proposed, "")
	if journals := s.Refs(record.JournalPrefix); len(journals) > 0 || s.applied() || len(s.branches()) != 1 {
		t.Errorf("journals %v, branches %v, applied %t", journals, s.branches(), s.applied())
	}
}

// applied reports whether a run began an apply.
func (s *site) applied() bool {
	for run := range s.runs {
		for _, call := range s.Trail(s.name(run + 1)) {
			if strings.HasPrefix(call.Name, "apply ") {
				return true
			}
		}
	}
	return false
}

func TestWithdrawnProposals(t *testing.T) {
	t.Parallel()
	one := doubtful(1)
	foreign := func(s *site) { s.commitOn(s.branches()[0]) }
	for name, test := range map[string]struct {
		act      func(*site)
		branches int
		records  int
		state    item.State
		why      reason.Code
	}{
		"nothing happened":                                   {act: func(*site) {}, branches: 1, records: 1, state: item.Proposed, why: reason.Proposed},
		"the row is gone":                                    {act: func(s *site) { s.reword(one.line("TODO"), "") }},
		"a person did it":                                    {act: func(s *site) { s.reword(one.line("TODO"), one.line("DONE")) }},
		"a person declined it":                               {act: func(s *site) { s.reword(one.line("TODO"), one.line("WONTFIX")) }},
		"it is approved, which changes nothing":              {act: (*site).approve, branches: 1, records: 1, state: item.Proposed, why: reason.Proposed},
		"a person pushed to its branch":                      {act: foreign, branches: 1, records: 1, state: item.Proposed, why: reason.Proposed},
		"a person pushed to its branch, and the row is gone": {act: func(s *site) { foreign(s); s.reword(one.line("TODO"), "") }, branches: 1},
		"a person rewrote its branch, and did it": {act: func(s *site) {
			s.SetRef(s.branches()[0], s.History()[0].Hash)
			s.reword(one.line("TODO"), one.line("DONE"))
		}, branches: 1},
		"its branch was deleted": {act: func(s *site) { s.SetRef(s.branches()[0], "") }, records: 1, state: item.Skipped, why: reason.ProposalDeclined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := proposes(t, one, raise)
			s.run()
			if len(s.branches()) != 1 {
				t.Fatalf("branches %v", s.branches())
			}
			paid, head := s.turns(), s.Refs("refs/heads/"+proposal.Prefix)
			test.act(s)
			kept := s.Refs("refs/heads/" + proposal.Prefix)
			for range 2 {
				s.run()
				s.wants(t, one, test.state, test.why)
			}
			if got := s.branches(); len(got) != test.branches {
				t.Errorf("branches %v", got)
			}
			if now := s.Refs("refs/heads/" + proposal.Prefix); test.branches > 0 && !maps.Equal(now, kept) {
				t.Errorf("the branch was changed: %v, it was %v, and %v", now, kept, head)
			}
			if records := s.Refs("refs/pm-todos/proposals/"); len(records) != test.records {
				t.Errorf("records %v", records)
			}
			if now := s.turns(); now != paid {
				t.Errorf("%d agents were paid again", now-paid)
			}
			if s.taken != 1-test.records {
				t.Errorf("%d proposals are told to be taken back", s.taken)
			}
		})
	}
}

// commitOn is a person who pushes a commit of theirs to a branch.
func (s *site) commitOn(name string) {
	s.SetRef(name, s.Work(s.Refs(name)[name], map[string]string{"stacks/nfs/README.md": "mine\n"}))
}

// TestDeclinedItemIsTriedAgainOnceItSaysSomethingElse goes by its details: another
// action makes it another item.
func TestDeclinedItemIsTriedAgainOnceItSaysSomethingElse(t *testing.T) {
	t.Parallel()
	one := doubtful(1)
	s := proposes(t, one)
	s.run()
	s.SetRef(s.branches()[0], "")
	s.run()
	s.wants(t, one, item.Skipped, reason.ProposalDeclined)
	again := one
	again.details = "to what the kernel takes"
	s.reword(one.line("TODO"), again.line("TODO"))
	s.items[0] = again
	s.run()
	s.wants(t, again, item.Proposed, "")
	if len(s.branches()) != 1 {
		t.Errorf("branches %v", s.branches())
	}
}

// TestForgeDecides has a forge whose pull requests end in the ways that there are.
func TestForgeDecides(t *testing.T) {
	t.Parallel()
	one := doubtful(1)
	branch := proposal.Branch(record.RefOf(one.item()))
	pull := func(state forge.State, commit string) *proposal.Answers {
		return &proposal.Answers{Pulls: map[string]forge.Pull{branch: {Number: 7, State: state, Head: branch, Base: "main", Commit: commit}}}
	}
	gone := func(s *site) { s.SetRef("refs/heads/"+branch, "") }
	stays := func(*site) {}
	for name, test := range map[string]struct {
		act   func(*site)
		told  func(fix string) *proposal.Answers
		state item.State
		why   reason.Code
		says  string
	}{
		"it is open": {stays, func(fix string) *proposal.Answers { return pull(forge.Open, fix) }, item.Proposed, reason.Proposed, ""},
		"a person retargeted and merged it": {stays, func(fix string) *proposal.Answers {
			told := pull(forge.Merged, fix)
			one := told.Pulls[branch]
			one.Base = "develop"
			told.Pulls[branch] = one
			return told
		}, item.Proposed, reason.Proposed, "was merged into develop"},
		"a person closed it":                         {stays, func(fix string) *proposal.Answers { return pull(forge.Closed, fix) }, item.Skipped, reason.ProposalDeclined, ""},
		"a person closed one of an earlier branch":   {stays, func(string) *proposal.Answers { return pull(forge.Closed, "9999") }, item.Proposed, reason.Proposed, ""},
		"it is not there yet":                        {stays, func(string) *proposal.Answers { return &proposal.Answers{} }, item.Proposed, reason.Proposed, ""},
		"the forge is down":                          {stays, func(string) *proposal.Answers { return &proposal.Answers{Down: true} }, item.Proposed, reason.Proposed, ""},
		"the forge is down, and the branch is gone":  {gone, func(string) *proposal.Answers { return &proposal.Answers{Down: true} }, item.Proposed, reason.Proposed, ""},
		"the branch is gone, and there was none":     {gone, func(string) *proposal.Answers { return &proposal.Answers{} }, item.Skipped, reason.ProposalDeclined, ""},
		"the branch is gone, and it was closed":      {gone, func(fix string) *proposal.Answers { return pull(forge.Closed, fix) }, item.Skipped, reason.ProposalDeclined, ""},
		"the branch is gone, and it was open before": {gone, func(fix string) *proposal.Answers { return pull(forge.Open, fix) }, item.Proposed, reason.Proposed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := proposes(t, one)
			s.run()
			fix := s.Refs("refs/heads/" + branch)["refs/heads/"+branch]
			test.act(s)
			s.tune = func(o *resolve.Options) { o.Doubtful, o.Forge = true, test.told(fix) }
			s.run()
			s.wants(t, one, test.state, test.why)
			if err := s.outcome(one).Err; (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

// TestDeclinedProposalThatAPersonOpensAgainIsOpen has one of a forge, where its pull
// request may be open only with its branch, and one of none, whose branch is all.
func TestDeclinedProposalThatAPersonOpensAgainIsOpen(t *testing.T) {
	t.Parallel()
	one := doubtful(1)
	branch := proposal.Branch(record.RefOf(one.item()))
	told := func(state forge.State, down bool) *proposal.Answers {
		answers := &proposal.Answers{Pulls: map[string]forge.Pull{}, Down: down}
		if state != "" {
			answers.Pulls[branch] = forge.Pull{Number: 7, State: state, Head: branch, Base: "main"}
		}
		return answers
	}
	for name, test := range map[string]struct {
		closed, now *proposal.Answers
		restored    bool
		state       item.State
	}{
		"its pull request":                     {told(forge.Closed, false), told(forge.Open, false), true, item.Proposed},
		"its pull request, without its branch": {told(forge.Closed, false), told(forge.Open, false), false, item.Skipped},
		"nothing":                              {told(forge.Closed, false), told(forge.Closed, false), true, item.Skipped},
		"nothing, and the forge is down":       {told(forge.Closed, false), told("", true), true, item.Skipped},
		"nothing, and there is no forge now":   {told(forge.Closed, false), nil, true, item.Skipped},
		"its branch, without a forge":          {nil, nil, true, item.Proposed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := proposes(t, one)
			s.run()
			ref, paid := "refs/heads/"+branch, s.turns()
			fix := s.Refs(ref)[ref]
			next := func(answers *proposal.Answers) {
				if answers != nil && answers.Pulls[branch].Number != 0 {
					pull := answers.Pulls[branch]
					pull.Commit = fix
					answers.Pulls[branch] = pull
				}
				s.tune = func(o *resolve.Options) { o.Doubtful, o.Forge = true, answers }
				s.run()
			}
			s.SetRef(ref, "")
			next(test.closed)
			s.wants(t, one, item.Skipped, reason.ProposalDeclined)
			if test.restored {
				s.SetRef(ref, fix)
			}
			for range 2 {
				next(test.now)
				s.wants(t, one, test.state, map[item.State]reason.Code{item.Proposed: reason.Proposed, item.Skipped: reason.ProposalDeclined}[test.state])
			}
			if now := s.turns(); now != paid {
				t.Errorf("%d agents were paid again", now-paid)
			}
		})
	}
}

// TestThreat21_NoForgedProposalIsPutOnABranch has somebody who may push refs write
// a record of work that waits.
func TestThreat21_NoForgedProposalIsPutOnABranch(t *testing.T) {
	t.Parallel()
	one := doubtful(1)
	for name, files := range map[string]map[string]string{
		"pipeline":    {".woodpecker/evil.yml": "steps: []\n"},
		"provisioner": {threads: "resource \"terraform_data\" \"x\" {\n  provisioner \"local-exec\" {\n    command = \"true\"\n  }\n}\n"},
		"protected":   {"stacks/vault/main.tf": "# x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := proposes(t, one)
			tip := s.History()[0].Hash
			fix := s.Work(tip, files)
			s.SetRef("refs/pm-todos/forged", fix)
			forged := &proposal.Record{
				Document: document, Item: one.id, Stacks: []string{"stacks/nfs"}, State: proposal.Waiting, Text: record.TextSum(one.item()), Fix: fix,
			}
			if err := forged.Write(t.Context(), s.Clone("forger")); err != nil {
				t.Fatal(err)
			}
			s.run()
			for _, tip := range s.Refs("refs/heads/" + proposal.Prefix) {
				if tip == fix {
					t.Error("it is on a branch")
				}
			}
		})
	}
}
