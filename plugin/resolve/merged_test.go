package resolve_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

const proposals = "refs/pm-todos/proposals/"

func branchOf(one todo) string { return proposal.Branch(record.RefOf(one.item())) }

// proposed is a site on which the items wait on branches.
func proposed(t *testing.T, items ...todo) *site {
	t.Helper()
	s := newSite(t, items...)
	reviewed(s)
	s.mergers = nil
	s.run()
	for _, one := range items {
		if out := s.outcome(one); out.State != item.Proposed {
			t.Fatalf("not proposed: %+v\n%s", out, s.log())
		}
	}
	return s
}

// fixOf is the commit that is proposed for an item.
func (s *site) fixOf(one todo) string {
	records, _ := proposal.Records(s.Clone(""))
	return records[record.RefOf(one.item())].Fix
}

// answers are what the forge says: who merged which branch. Of the others the pull
// request was closed, once the branch is gone.
func (s *site) answers() *proposal.Answers {
	told := &proposal.Answers{Pulls: map[string]forge.Pull{}, Account: "pm-todos"}
	records, _ := proposal.Records(s.Clone(""))
	for ref, r := range records {
		branch := proposal.Branch(ref)
		pull := forge.Pull{State: forge.Open, Base: "main", Commit: r.Fix, MergedBy: s.mergers[branch]}
		switch gone := len(s.Refs("refs/heads/"+branch)) == 0; {
		case pull.MergedBy != "":
			pull.State = forge.Merged
		case gone:
			pull.State = forge.Closed
		}
		told.Pulls[branch] = pull
	}
	return told
}

// rewritten has somebody write the record of an item anew who may push refs.
func (s *site) rewritten(one todo, change func(*proposal.Record)) {
	s.t.Helper()
	clone := s.Clone("somebody")
	records, _ := proposal.Records(clone)
	r := records[record.RefOf(one.item())]
	change(r)
	if err := r.Write(context.Background(), clone); err != nil {
		s.t.Fatal(err)
	}
}

// another is a resource of the stack that nobody proposed.
var another = map[string]string{"stacks/nfs/more.tf": strings.ReplaceAll(repository[threads], "nfs_server", "another")}

func TestMergedProposalsAreAppliedWithoutAnAgent(t *testing.T) {
	for name, merge := range map[string]func(*site){
		"by a merge": func(s *site) { s.Merge(branchOf(raise), "") },
		"by a squash with its trailers": func(s *site) {
			head := s.Refs("refs/heads/" + branchOf(raise))["refs/heads/"+branchOf(raise)]
			s.Merge(branchOf(raise), "Threads (#1)\n\n"+s.Message(head)+"\nCo-authored-by: x <x@example.org>\n")
		},
		"rebased over a change of the same file": func(s *site) {
			s.Push("theirs\n", map[string]string{threads: "# theirs\n" + repository[threads]})
			head := s.Refs("refs/heads/" + branchOf(raise))["refs/heads/"+branchOf(raise)]
			s.Push(s.Message(head), map[string]string{threads: "# theirs\n" + raise.edit(repository[threads])})
		},
		"and more followed": func(s *site) {
			s.Merge(branchOf(raise), "")
			s.Push("theirs\n", map[string]string{threads: s.File(threads) + "# theirs\n"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposed(t, raise)
			merge(s)
			s.run()
			s.wantsEnded("done")
			s.wantsPaidAndApplied(1, 1)
			if out := s.outcome(raise); out.Approver != "somebody" || !slices.ContainsFunc(s.History(), func(c gitrepo.Commit) bool { return c.Hash == out.Commit }) {
				t.Errorf("approved by %q, as %s", out.Approver, out.Commit)
			}
			if end := s.run(); !end.idle {
				t.Error("something is left to do")
			}
			if left := s.Refs(proposals); len(left) > 0 {
				t.Errorf("records are left: %v", left)
			}
			s.quiet()
		})
	}
}

func TestMergedProposalsOfOneStackAreAppliedTogether(t *testing.T) {
	for name, merge := range map[string]func(*site){
		"merged one by one": func(s *site) { s.Merge(branchOf(raise), ""); s.Merge(branchOf(retries), "") },
		"squashed into one": func(s *site) {
			s.Squash("all in one\n", branchOf(retries), branchOf(raise))
			s.mergers = map[string]string{branchOf(raise): "ana", branchOf(retries): "ana"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposed(t, raise, retries)
			merge(s)
			s.run()
			s.wantsEnded("done", "done")
			if n := len(s.Stack("stacks/nfs").Applies); n != 1 {
				t.Errorf("%d applies, not 1:\n%s", n, s.log())
			}
			s.quiet()
		})
	}
}

// TestThreat28_WhatNobodyApprovedIsNotApplied has what was merged be, or do, more
// than a person saw. It is applied by nobody here, and done once somebody else did.
func TestThreat28_WhatNobodyApprovedIsNotApplied(t *testing.T) {
	for name, tc := range map[string]struct {
		merge func(*site)
		ended string
	}{
		"another resource was pushed to the stack": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.Push("theirs\n", another)
		}, "proposed differs-from-approved"},
		"a file was added on the way": {func(s *site) {
			s.mergers = map[string]string{branchOf(raise): "ana"}
			head := s.Refs("refs/heads/" + branchOf(raise))["refs/heads/"+branchOf(raise)]
			s.Push(s.Message(head), map[string]string{threads: raise.edit(repository[threads]), "stacks/nfs/notes.md": "theirs\n"})
			s.SetRef("refs/heads/"+branchOf(raise), "")
		}, "proposed differs-from-approved"},
		"the value was changed on the way": {func(s *site) {
			head := s.Refs("refs/heads/" + branchOf(raise))["refs/heads/"+branchOf(raise)]
			s.Push(s.Message(head), map[string]string{threads: threadsTo("64")(repository[threads])})
			s.SetRef("refs/heads/"+branchOf(raise), "")
		}, "proposed differs-from-approved"},
		"the plan replaces": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.Stack("stacks/nfs").Replaces = true
		}, "proposed differs-from-approved"},
		"the record says more than its commit": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.Push("theirs\n", another)
			s.rewritten(raise, func(r *proposal.Record) {
				r.Facts = append(r.Facts, proposal.Fact{Address: "terraform_data.another", Verb: "added"})
			})
		}, "proposed differs-from-approved"},
		"the record is gone": {func(s *site) {
			s.Merge(branchOf(raise), "")
			for name := range s.Refs(proposals) {
				s.SetRef(name, "")
			}
		}, "proposed differs-from-approved"},
		"by this program's account": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.mergers = map[string]string{branchOf(raise): "pm-todos"}
		}, "proposed merged-by-us"},
		"by a commit of this program's": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.tune = func(o *resolve.Options) { o.Account = "somebody@example.org" }
		}, "proposed merged-by-us"},
		"the pull request was closed": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.mergers = map[string]string{}
		}, "proposed proposal-merged"},
		"the forge does not answer": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.tune = func(o *resolve.Options) { o.Forge = &proposal.Answers{Down: true} }
		}, "proposed proposal-merged"},
		"into another branch": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.tune = func(o *resolve.Options) {
				pull := forge.Pull{State: forge.Merged, Base: "another", MergedBy: "ana", Commit: s.fixOf(raise)}
				o.Forge = &proposal.Answers{Pulls: map[string]forge.Pull{branchOf(raise): pull}}
			}
		}, "proposed proposal-merged"},
		"more was pushed to its branch, and squashed without a word": {func(s *site) {
			s.rewritten(raise, func(r *proposal.Record) { r.Pull = 7 })
			s.Push("Threads\n", map[string]string{threads: raise.edit(repository[threads]), "stacks/nfs/notes.md": "theirs\n"})
			as := s.History()[0].Hash
			s.tune = func(o *resolve.Options) {
				pull := forge.Pull{Number: 7, State: forge.Merged, Base: "main", MergedBy: "ana", MergedAs: as, Commit: as}
				o.Forge = &proposal.Answers{Pulls: map[string]forge.Pull{branchOf(raise): pull}}
			}
			s.SetRef("refs/heads/"+branchOf(raise), "")
		}, "proposed differs-from-approved"},
		"nobody can say that it was": {func(s *site) { s.Merge(branchOf(raise), "without a word\n") }, "proposed proposal-merged"},
		"apply_merged is off": {func(s *site) {
			s.Merge(branchOf(raise), "")
			s.tune = func(o *resolve.Options) { o.ApplyMerged = false }
		}, "proposed proposal-merged"},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposed(t, raise)
			tc.merge(s)
			for range 2 {
				if end := s.run(); end.err != nil {
					t.Errorf("the run ended with %v", end.err)
				}
				s.wantsEnded(tc.ended)
			}
			s.wantsPaidAndApplied(1, 0)
			if s.done(raise) {
				t.Error("falsely done")
			}
			fake.Applied(s.World, "stacks/nfs", map[string]string{threads: s.File(threads), "stacks/nfs/more.tf": s.File("stacks/nfs/more.tf")})
			s.run()
			s.wantsEnded("done")
		})
	}
}

func TestThreat28_RowThatWasWithdrawnAfterTheMergeIsNotApplied(t *testing.T) {
	for name, row := range map[string]string{
		"gone":     "nothing\n",
		"declined": raise.line("DECLINED"),
		"reworded": strings.Replace(raise.line("TODO"), "in `stacks/nfs`", "not now", 1),
	} {
		t.Run(name, func(t *testing.T) {
			s := proposed(t, raise, alert)
			s.Merge(branchOf(raise), "")
			s.Push("think again\n", map[string]string{document: row + alert.line("TODO")})
			s.run()
			if out := s.outcome(raise); out.Reason != reason.MergedWithdrawn {
				t.Errorf("it ended as %+v", out)
			}
			s.run()
			if out := s.outcome(raise); out.Reason == reason.MergedWithdrawn {
				t.Error("it is told again")
			}
			if n := len(s.Stack("stacks/nfs").Applies); n > 0 {
				t.Errorf("%d applies", n)
			}
		})
	}
}

// TestThreat28_RowThatIsWithdrawnBeforeTheApplyOfAMerge has it withdrawn when the
// plan is judged already.
func TestThreat28_RowThatIsWithdrawnBeforeTheApplyOfAMerge(t *testing.T) {
	s := proposed(t, raise)
	s.Merge(branchOf(raise), "")
	s.Before = func(_ int, call fake.Call) {
		if strings.HasPrefix(call.Name, "write "+record.JournalPrefix) {
			s.Push("think again\n", map[string]string{document: raise.line("DECLINED")})
		}
	}
	s.run()
	s.wantsEnded("not-attempted changed-meanwhile")
	s.wantsPaidAndApplied(1, 0)
	if left := s.Refs(record.JournalPrefix); len(left) > 0 {
		t.Errorf("journals are left: %v", left)
	}
}

func TestMergedProposalThatWasRevertedIsNotDone(t *testing.T) {
	for name, revert := range map[string]map[string]string{
		"as it was":           {threads: repository[threads]},
		"with more beside it": {threads: repository[threads] + "# theirs\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposed(t, raise)
			s.Merge(branchOf(raise), "")
			if name != "as it was" {
				s.Push("theirs\n", map[string]string{threads: s.File(threads) + "# theirs\n"})
			}
			s.Push("Revert\n", revert)
			s.run()
			s.wantsEnded("skipped fix-reverted")
			if s.done(raise) || len(s.applies(raise)) > 0 {
				t.Error("applied, or falsely done")
			}
		})
	}
}

// TestThreat28_CrashBetweenMergeAndApplyIsNeverDone kills the run that applies what
// was merged just before the apply, and at it: the commit is on the branch all the
// time, and says nothing of the apply.
func TestThreat28_CrashBetweenMergeAndApplyIsNeverDone(t *testing.T) {
	clean := proposed(t, raise)
	clean.Merge(branchOf(raise), "")
	clean.run()
	trail := clean.Trail(clean.name(2))
	first := slices.IndexFunc(trail, begins("write "+record.JournalPrefix))
	for at := first; at <= slices.IndexFunc(trail, begins("apply")); at++ {
		for _, how := range []fake.How{fake.Dies, fake.Lost, fake.Halts, fake.Breaks} {
			if how != fake.Dies && !strings.HasPrefix(trail[at].Name, "apply") {
				continue
			}
			t.Run(trail[at].Name+" "+string(how), func(t *testing.T) {
				s := proposed(t, raise)
				s.Merge(branchOf(raise), "")
				s.Fail(fake.Fault{Run: s.name(2), At: at + 1, How: how})
				s.run()
				s.EndLease()
				if s.done(raise) {
					t.Error("falsely done")
				}
				wanted := fake.Input(s.World, threads, raise.edit(repository[threads]), raise.address)
				for range 2 {
					s.run()
					applied := s.Stack("stacks/nfs").Resources[raise.address] == wanted
					if out := s.outcome(raise); s.done(raise) && !applied || out.State == item.Done && !applied {
						t.Errorf("falsely done: %+v\n%s", out, s.log())
					}
				}
				if out := s.outcome(raise); !s.done(raise) && out.State != item.NeedsPerson {
					t.Errorf("neither done nor left to a person: %+v\n%s", out, s.log())
				}
				if n := len(s.applies(raise)); n > 1 {
					t.Errorf("%d applies", n)
				}
			})
		}
	}
}

// TestBrokenApplyOfAMergeIsSettledByAPerson has the apply of two proposals break, of
// which a person says that production is as they say, or that it is not.
func TestBrokenApplyOfAMergeIsSettledByAPerson(t *testing.T) {
	merged := func() *site {
		s := proposed(t, raise, retries)
		s.Merge(branchOf(raise), "")
		s.Merge(branchOf(retries), "")
		return s
	}
	clean := merged()
	clean.run()
	at := slices.IndexFunc(clean.Trail(clean.name(2)), begins("apply")) + 1
	for name, landed := range map[string]bool{"landed": true, "abandoned": false} {
		t.Run(name, func(t *testing.T) {
			s := merged()
			s.Fail(fake.Fault{Run: s.name(2), At: at, How: fake.Breaks})
			s.run()
			s.wantsEnded("needs-person apply-failed", "skipped stack-closed")
			s.run()
			s.wantsEnded("needs-person apply-failed", "skipped stack-closed")
			tip, clone := s.History()[0].Hash, s.Clone("settle")
			left, err := journal.Unsettled(t.Context(), clone, s.outcomes[0].Item.ID, map[record.Ref]item.Item{
				record.RefOf(raise.item()): raise.item(), record.RefOf(retries.item()): retries.item(),
			})
			if err != nil {
				t.Fatal(err)
			}
			if landed {
				fake.Applied(s.World, "stacks/nfs", map[string]string{threads: s.File(threads), retries.file: s.File(retries.file)})
				out, err := left.Landed(t.Context(), clone, policy.Rules{Scope: scope})
				if err != nil || s.History()[0].Hash != tip || !slices.Contains(left.Merged(), out.Commit) {
					t.Fatalf("settled with %+v, %v", out, err)
				}
				for _, one := range s.items {
					if one.id == out.Item.ID {
						s.reword(one.line("TODO"), one.line("DONE"))
					}
				}
			}
			if err := left.Settled(t.Context(), clone, "settle", left.Fix, landed); err != nil {
				t.Fatal(err)
			}
			s.run()
			if landed {
				s.wantsEnded("done") // the other one
			} else {
				s.wantsEnded("done", "done")
			}
			if n, want := len(s.Stack("stacks/nfs").Applies), map[bool]int{true: 1, false: 2}[landed]; n != want {
				t.Errorf("%d applies, want %d:\n%s", n, want, s.log())
			}
			s.quiet()
		})
	}
}

// TestThreat21_JournalOfAMergeThatChangesSomething has somebody write the journal of
// a merge that was applied anew, with a change of theirs.
func TestThreat21_JournalOfAMergeThatChangesSomething(t *testing.T) {
	clean := proposed(t, raise)
	clean.Merge(branchOf(raise), "")
	clean.run()
	s := proposed(t, raise)
	s.Merge(branchOf(raise), "")
	s.Fail(fake.Fault{Run: s.name(2), At: slices.IndexFunc(clean.Trail(clean.name(2)), begins("apply")) + 1, How: fake.Dies})
	s.run()
	s.EndLease()
	for name, fix := range s.Refs(record.JournalPrefix) {
		clone := s.Clone("somebody")
		forged, err := clone.WithFiles(clone.Tip(), map[string]string{threads: threadsTo("32")(repository[threads])}, s.Message(fix))
		if err != nil {
			t.Fatal(err)
		}
		s.SetRef(name, forged)
	}
	s.run()
	s.wantsEnded("needs-person journal-not-ours")
	if file := s.File(threads); file != raise.edit(repository[threads]) || s.done(raise) {
		t.Errorf("done %v, published:\n%s", s.done(raise), file)
	}
}

// TestThreat21_AForgedProposalClosesNoItem has refs say that a change which people
// pushed while the row was not there was the proposal of an open item.
func TestThreat21_AForgedProposalClosesNoItem(t *testing.T) {
	for _, recorded := range []bool{false, true} {
		s := newSite(t, raise)
		reviewed(s)
		s.mergers = nil
		rows := s.File(document)
		s.Push("no rows\n", map[string]string{document: "nothing\n"})
		clone := s.Clone("somebody")
		base := clone.Tip()
		s.Push("by hand\n", map[string]string{threads: repository[threads] + "# by hand\n"})
		s.Push("Another incident\n", map[string]string{document: rows})
		message := record.Message(raise.item(), "2026-01-01", record.Evidence{
			Document: document, Item: raise.id, Stack: "stacks/nfs", PlanHash: strings.Repeat("ab", 32),
		}, false)
		forged, err := clone.WithFiles(base, map[string]string{threads: repository[threads] + "# by hand\n"}, message)
		if err != nil {
			t.Fatal(err)
		}
		s.SetRef("refs/heads/"+branchOf(raise), forged)
		if recorded {
			r := proposal.Record{
				Document: document, Item: raise.id, Stacks: []string{"stacks/nfs"}, Plan: strings.Repeat("ab", 32), State: proposal.Offered,
				Text: record.TextSum(raise.item()), Fix: forged,
			}
			if err := r.Write(t.Context(), clone); err != nil {
				t.Fatal(err)
			}
		}
		s.run()
		if out := s.outcome(raise); s.done(raise) || out.State == item.Done {
			t.Errorf("falsely done, with a record: %v: %+v", recorded, out)
		}
	}
}

// TestThreat21_AForgedRecordHoldsUpItsOwnItemOnly has a record of a proposal that
// nothing can be compared with.
func TestThreat21_AForgedRecordHoldsUpItsOwnItemOnly(t *testing.T) {
	s := newSite(t, alert, raise)
	clone := s.Clone("somebody")
	nothing, err := clone.WithFiles(clone.Tip(), nil, "nothing\n")
	if err != nil {
		t.Fatal(err)
	}
	r := proposal.Record{
		Document: document, Item: alert.id, Stacks: []string{"stacks/monitoring"}, Plan: strings.Repeat("ab", 32), State: proposal.Offered,
		Text: record.TextSum(alert.item()), Fix: nothing,
	}
	if err := r.Write(t.Context(), clone); err != nil {
		t.Fatal(err)
	}
	s.SetRef("refs/heads/"+branchOf(alert), nothing)
	s.run()
	s.wantsEnded("proposed proposed", "done")
}
