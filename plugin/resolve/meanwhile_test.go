package resolve_test

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// TestThreat28_RecordIsWorthWhatTheMergedHeadSays has a proposal be squashed without
// a word, which the forge vouches for, and somebody who may push refs write the record
// anew: with more effects, or about a commit that somebody else pushed.
func TestThreat28_RecordIsWorthWhatTheMergedHeadSays(t *testing.T) {
	added := proposal.Fact{Address: "terraform_data.another", Verb: "added"}
	for name, rewrite := range map[string]func(*site, *fake.Clone, *proposal.Record){
		"with more effects": func(_ *site, _ *fake.Clone, r *proposal.Record) { r.Facts = append(r.Facts, added) },
		"with more effects, and a commit that says so": func(s *site, clone *fake.Clone, r *proposal.Record) {
			r.Facts = append(r.Facts, added)
			sum, err := proposal.FactsSum(r.Facts, r.Base)
			if err != nil {
				t.Fatal(err)
			}
			message := strings.ReplaceAll(s.Message(r.Fix), r.Evidence.Facts, sum)
			if r.Fix, err = clone.WithFiles(r.Base, map[string]string{threads: raise.edit(repository[threads])}, message); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposed(t, raise)
			s.rewritten(raise, func(r *proposal.Record) { r.Pull = 7 })
			pull := forge.Pull{Number: 7, State: forge.Merged, Base: "main", MergedBy: "ana", Commit: s.fixOf(raise)}
			s.Merge(branchOf(raise), "without a word\n")
			s.Push("theirs\n", another)
			clone := s.Clone("somebody")
			records, _ := proposal.Records(clone)
			r := records[record.RefOf(raise.item())]
			rewrite(s, clone, r)
			if err := r.Write(t.Context(), clone); err != nil {
				t.Fatal(err)
			}
			s.tune = func(o *resolve.Options) {
				o.Forge = &proposal.Answers{Pulls: map[string]forge.Pull{branchOf(raise): pull}}
			}
			s.run()
			s.wantsEnded("proposed differs-from-approved")
			s.wantsPaidAndApplied(1, 0)
		})
	}
}

func TestThreat28_AnotherValueThatWasPushedAfterTheMergeIsNotApplied(t *testing.T) {
	s := proposed(t, raise)
	s.Merge(branchOf(raise), "")
	s.Push("theirs\n", map[string]string{threads: threadsTo("64")(repository[threads])})
	s.run()
	s.wantsEnded("proposed differs-from-approved")
	s.wantsPaidAndApplied(1, 0)
}

// TestMergeThatWasTakenBackBesideOtherChangesIsNotDone has one commit take back what
// was merged and change more of the file.
func TestMergeThatWasTakenBackBesideOtherChangesIsNotDone(t *testing.T) {
	s := proposed(t, raise)
	s.Merge(branchOf(raise), "")
	s.Push("theirs\n", map[string]string{threads: "# theirs\n" + repository[threads]})
	fake.Applied(s.World, "stacks/nfs", map[string]string{threads: s.File(threads)})
	s.run()
	s.wantsEnded("skipped fix-reverted")
	if s.done(raise) || len(s.applies(raise)) > 0 {
		t.Error("applied, or falsely done")
	}
}

// TestMergeThatIsRevertedDuringTheRunIsNotDone has it reverted before each call of
// the run that would apply it.
func TestMergeThatIsRevertedDuringTheRunIsNotDone(t *testing.T) {
	clean := proposed(t, raise)
	clean.Merge(branchOf(raise), "")
	clean.run()
	for at, call := range clean.Trail(clean.name(2)) {
		s := proposed(t, raise)
		s.Merge(branchOf(raise), "")
		s.Before = func(n int, now fake.Call) {
			if n == at+1 && now.Run == s.name(2) {
				s.Before = nil
				s.Push("Revert\n", map[string]string{threads: repository[threads]})
			}
		}
		s.run()
		if out := s.outcome(raise); out.State == item.Done && len(s.applies(raise)) == 0 {
			t.Errorf("before %q: falsely done: %+v\n%s", call.Name, out, s.log())
		}
	}
}
