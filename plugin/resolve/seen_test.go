package resolve_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// bounded is an item whose fix takes its value from what others write: a local value,
// in the same file and, where that is not, in another.
var bounded = todo{
	id: "eeee", kind: "Config", action: "Have no more NFS threads than cores", details: "in `stacks/nfs`", file: threads, address: "terraform_data.nfs_server",
	edit: func(s string) string { return strings.Replace(s, "threads = 8", "threads = local.cores", 1) },
}

const locals = "stacks/nfs/locals.tf"

func coresAre(number string) string { return "\nlocals {\n  cores = " + number + "\n}\n" }

// pushes is somebody who pushes these files.
func pushes(files map[string]string) func(*site) {
	return func(s *site) { s.Push("theirs\n", files) }
}

// proposedWith is a site on which items wait on branches, in a repository that has
// these files too.
func proposedWith(t *testing.T, files map[string]string, items ...todo) *site {
	t.Helper()
	s := newSite(t, items...)
	s.Push("more\n", files)
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

// proposedAnew has the record of an item name another commit, of the same change on
// another base.
func (s *site) proposedAnew(one todo, base, message string) {
	s.t.Helper()
	clone := s.Clone("somebody")
	fix, err := clone.WithFiles(base, map[string]string{one.file: one.edit(repository[one.file])}, message)
	if err != nil {
		s.t.Fatal(err)
	}
	records, _ := proposal.Records(clone)
	r := records[record.RefOf(one.item())]
	r.Fix = fix
	if err := r.Write(s.t.Context(), clone); err != nil {
		s.t.Fatal(err)
	}
}

// TestThreat28_ValueThatNobodySawIsNotApplied has somebody push another value beside
// the lines that were merged, which ends up at the same place. Once it is as it was
// proposed, it is applied.
func TestThreat28_ValueThatNobodySawIsNotApplied(t *testing.T) {
	sameFile := map[string]string{threads: repository[threads] + coresAre("4")}
	asBefore := func(s *site) { s.Merge(branchOf(bounded), "") }
	squashed := func(s *site) {
		head := s.Refs("refs/heads/" + branchOf(bounded))["refs/heads/"+branchOf(bounded)]
		s.Merge(branchOf(bounded), "Cores (#1)\n\n"+s.Message(head))
	}
	for name, tc := range map[string]struct {
		files  map[string]string // of the repository when it is proposed
		people []func(*site)
	}{
		"another local value, after the merge":  {map[string]string{locals: coresAre("4")}, []func(*site){asBefore, pushes(map[string]string{locals: coresAre("64")})}},
		"another local value, before the merge": {map[string]string{locals: coresAre("4")}, []func(*site){pushes(map[string]string{locals: coresAre("64")}), asBefore}},
		"another local value, before a squash":  {map[string]string{locals: coresAre("4")}, []func(*site){pushes(map[string]string{locals: coresAre("64")}), squashed}},
		"in the same file, after the merge": {sameFile, []func(*site){asBefore, func(s *site) {
			s.Push("theirs\n", map[string]string{threads: strings.Replace(s.File(threads), "cores = 4", "cores = 64", 1)})
		}}},
		"in the same file, before the merge": {sameFile, []func(*site){pushes(map[string]string{threads: repository[threads] + coresAre("64")}), asBefore}},
		"with a record that says it was proposed later": {map[string]string{locals: coresAre("4")}, []func(*site){pushes(map[string]string{locals: coresAre("64")}), func(s *site) {
			s.proposedAnew(bounded, s.History()[0].Hash, s.Message(s.fixOf(bounded)))
		}, squashed}},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposedWith(t, tc.files, bounded)
			for _, act := range tc.people {
				act(s)
			}
			for range 2 {
				s.run()
				s.wantsEnded("proposed differs-from-approved")
			}
			s.wantsPaidAndApplied(1, 0)
			if strings.Contains(name, "record") {
				return
			}
			if found := s.outcome(bounded).Findings; len(found) != 1 || found[0].Code != reason.DiffersFromApproved || found[0].Place != "terraform_data.nfs_server: input.threads" {
				t.Errorf("what differs is said to be %+v", found)
			}
			files := maps.Clone(tc.files)
			if _, same := files[threads]; same {
				files[threads] = bounded.edit(files[threads])
			}
			s.Push("as it was\n", files)
			s.run()
			s.wantsEnded("done")
			s.quiet()
		})
	}
}

// TestWhatOthersPushedAsksNobodyAgain has others push beside what was merged, with no
// effect on its values. The branch is planned once more, without what they pushed,
// only where they changed more than documents.
func TestWhatOthersPushedAsksNobodyAgain(t *testing.T) {
	cores := map[string]string{locals: coresAre("4")}
	merge := func(s *site) { s.Merge(branchOf(bounded), "") }
	for name, tc := range map[string]struct {
		one    todo
		people []func(*site)
		plans  int
	}{
		"nothing": {bounded, []func(*site){merge}, 3},
		"documents, and what lies beside them": {bounded, []func(*site){merge, func(s *site) {
			s.Push("theirs\n", map[string]string{document: s.File(document) + "theirs\n", "docs/post-mortems/index.html": "theirs\n"})
		}}, 3},
		"another stack": {bounded, []func(*site){pushes(map[string]string{alerts: repository[alerts] + "# theirs\n"}), merge}, 4},
		"another local": {bounded, []func(*site){merge, pushes(map[string]string{"stacks/nfs/more.tf": "locals {\n  disks = 2\n}\n"})}, 4},
		"the value, and back": {bounded, []func(*site){
			pushes(map[string]string{locals: coresAre("64")}), merge, pushes(map[string]string{locals: coresAre("4") + "# theirs\n"}),
		}, 4},
		"the same file, and production moved": {bounded, []func(*site){pushes(map[string]string{threads: "# theirs\n" + repository[threads]}), merge, func(s *site) {
			fake.Applied(s.World, "stacks/nfs", map[string]string{threads: threadsTo("2")(repository[threads])})
		}}, 4},
		"more, and its values are known only when it is applied": {todo{
			id: "ffff", kind: "Config", action: "Add a second NFS server", details: "in `stacks/nfs`", file: threads, address: "terraform_data.another",
			edit: func(s string) string {
				return s + strings.Replace(another["stacks/nfs/more.tf"], "8", "local.cores", 1)
			},
		}, []func(*site){
			pushes(map[string]string{"stacks/nfs/more.tf": "locals {\n  disks = 2\n}\n"}),
			func(s *site) { s.Merge(proposal.Branch(proposal.Record{Document: document, Item: "ffff"}.Ref()), "") },
		}, 4},
		"more on its branch, and elsewhere": {bounded, []func(*site){func(s *site) {
			name := "refs/heads/" + branchOf(bounded)
			s.SetRef(name, s.Work(s.Refs(name)[name], map[string]string{threads: threadsTo("12")(repository[threads])}))
		}, merge, pushes(map[string]string{"README.md": "theirs\n"})}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			s := proposedWith(t, cores, tc.one)
			for _, act := range tc.people {
				act(s)
			}
			s.run()
			s.wantsEnded("done")
			s.wantsPaidAndApplied(1, 1)
			if n := s.asked(2, "plan stacks/nfs"); n != tc.plans {
				t.Errorf("%d plans, not %d", n, tc.plans)
			}
			s.quiet()
		})
	}
}

// TestMergedTogetherIsComparedTogether has two proposals of one stack be merged beside
// what others push.
func TestMergedTogetherIsComparedTogether(t *testing.T) {
	for cores, ended := range map[string][]string{
		"4": {"done", "done"}, "64": {"proposed differs-from-approved", "proposed differs-from-approved"},
	} {
		s := proposedWith(t, map[string]string{locals: coresAre("4")}, bounded, retries)
		s.Merge(branchOf(bounded), "")
		s.Push("theirs\n", map[string]string{locals: coresAre(cores), "README.md": "theirs\n"})
		s.Merge(branchOf(retries), "")
		s.run()
		s.wantsEnded(ended...)
		if n, want := s.asked(2, "plan stacks/nfs"), map[string]int{"4": 4, "64": 3}[cores]; n != want {
			t.Errorf("with %s cores: %d plans, not %d", cores, n, want)
		}
	}
}

// TestProposalOfBeforeTheBaseWasVouchedForIsApplied has a commit that vouches for its
// effects alone.
func TestProposalOfBeforeTheBaseWasVouchedForIsApplied(t *testing.T) {
	s := proposedWith(t, map[string]string{locals: coresAre("4")}, bounded)
	records, _ := proposal.Records(s.Clone(""))
	r := records[record.RefOf(bounded.item())]
	sum, err := proposal.FactsSum(r.Facts, "")
	if err != nil {
		t.Fatal(err)
	}
	s.proposedAnew(bounded, r.Base, strings.ReplaceAll(s.Message(r.Fix), r.Evidence.Facts, sum))
	s.SetRef("refs/heads/"+branchOf(bounded), s.fixOf(bounded))
	s.Merge(branchOf(bounded), "")
	s.run()
	s.wantsEnded("done")
	s.quiet()
}
