package proposal_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// written is a world with the record of one proposal, and the clone that wrote it.
func written(t *testing.T) (*fake.World, *fake.Clone, *proposal.Record) {
	t.Helper()
	w := fake.New(t, map[string]string{"stacks/nfs/main.tf": "one\n"})
	clone := w.Clone("run-1")
	fix, err := clone.WithFiles(clone.Tip(), map[string]string{"stacks/nfs/main.tf": "two\n"}, "fix\n")
	if err != nil {
		t.Fatal(err)
	}
	r := &proposal.Record{
		Document: "docs/a.md", Item: "aaaa", Stacks: []string{"stacks/nfs"},
		Facts:  []proposal.Fact{{Address: `terraform_data.x["a"]`, Place: "input.threads", Verb: "changed"}},
		Doubts: []item.Finding{{Code: reason.Unproved, Place: "terraform_data.x", Detail: "no rule covers it"}},
		Counts: item.Counts{Update: 1}, Plan: strings.Repeat("a", 64), CostUSD: 0.5, State: proposal.Waiting, Text: "0123456789abcdef", Fix: fix,
	}
	if err := r.Write(t.Context(), clone); err != nil {
		t.Fatal(err)
	}
	return w, clone, r
}

func TestRecordIsReadAsItWasWritten(t *testing.T) {
	w, clone, r := written(t)
	r.State, r.Pull = proposal.Offered, 7
	if err := r.Write(t.Context(), clone); err != nil {
		t.Fatal(err)
	}
	records, unread := proposal.Records(w.Clone("run-2"))
	if got := records[r.Ref()]; len(unread) > 0 || !reflect.DeepEqual(got, r) {
		t.Errorf("read %+v, not %+v; %v", got, r, unread)
	}
	if r.Base != clone.Tip() {
		t.Errorf("its base is %s", r.Base)
	}
}

func TestRecordGivesWayToTheOneThatWasWrittenMeanwhile(t *testing.T) {
	w, _, r := written(t)
	other := *r
	r.State = proposal.Declined
	if err := r.Write(t.Context(), w.Clone("run-2")); err != nil {
		t.Fatal(err)
	}
	if err := other.Write(t.Context(), w.Clone("run-3")); !errors.Is(err, gitrepo.ErrRefMoved) {
		t.Errorf("written over it: %v", err)
	}
	if err := other.Remove(t.Context(), w.Clone("run-3")); !errors.Is(err, gitrepo.ErrRefMoved) {
		t.Errorf("removed: %v", err)
	}
}

func TestRecordIsGoneOnceItIsRemoved(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		w, clone, r := written(t)
		w.KeepsRefs = keeps
		if err := r.Remove(t.Context(), clone); err != nil {
			t.Fatal(err)
		}
		if records, unread := proposal.Records(w.Clone("run-2")); len(records)+len(unread) > 0 {
			t.Errorf("left: %v, %v", records, unread)
		}
		if err := r.Write(t.Context(), clone); err != nil {
			t.Errorf("written again, where refs stay: %v, %v", keeps, err)
		}
	}
}

func TestRecordThatSaysTooMuchIsNotWritten(t *testing.T) {
	_, clone, r := written(t)
	for range 2000 {
		r.Facts = append(r.Facts, proposal.Fact{Address: "terraform_data.another", Place: "input.threads", Verb: "changed"})
	}
	if err := r.Write(t.Context(), clone); !errors.Is(err, proposal.ErrTooLong) {
		t.Errorf("written: %v", err)
	}
}

// TestThreat21_ForgedRecordsOfProposalsAreNotRead has somebody write records who may
// push refs: none is taken for one, and those beside them are.
func TestThreat21_ForgedRecordsOfProposalsAreNotRead(t *testing.T) {
	const ref = "refs/pm-todos/proposals/"
	for name, forge := range map[string]func(w *fake.World, c *fake.Clone, r *proposal.Record, at string) (string, error){
		"of another item": func(w *fake.World, c *fake.Clone, r *proposal.Record, at string) (string, error) {
			return c.Commit(r.Fix, treeOf(c, r.Fix), strings.Replace(w.Message(at), `"aaaa"`, `"bbbb"`, 1))
		},
		"in a state that there is not": func(w *fake.World, c *fake.Clone, r *proposal.Record, at string) (string, error) {
			return c.Commit(r.Fix, treeOf(c, r.Fix), strings.Replace(w.Message(at), `"waiting"`, `"applied"`, 1))
		},
		"of another tree": func(w *fake.World, c *fake.Clone, r *proposal.Record, at string) (string, error) {
			return c.WithFiles(r.Fix, map[string]string{"stacks/nfs/main.tf": "three\n"}, w.Message(at))
		},
		"of the first commit": func(w *fake.World, c *fake.Clone, _ *proposal.Record, at string) (string, error) {
			return c.Commit(c.Tip(), treeOf(c, c.Tip()), w.Message(at))
		},
		"with what a terminal obeys": func(w *fake.World, c *fake.Clone, r *proposal.Record, at string) (string, error) {
			return c.Commit(r.Fix, treeOf(c, r.Fix), strings.Replace(w.Message(at), "no rule", `\u001b[2J`, 1))
		},
		"that is long": func(w *fake.World, c *fake.Clone, r *proposal.Record, at string) (string, error) {
			return c.Commit(r.Fix, treeOf(c, r.Fix), strings.Replace(w.Message(at), "no rule", strings.Repeat("long", 20000), 1))
		},
		"that is none": func(_ *fake.World, c *fake.Clone, r *proposal.Record, _ string) (string, error) {
			return c.Commit(r.Fix, treeOf(c, r.Fix), "theirs\n")
		},
		"that is not there": func(*fake.World, *fake.Clone, *proposal.Record, string) (string, error) {
			return strings.Repeat("0", 40), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, clone, r := written(t)
			genuine := *r
			genuine.Document, genuine.At = "docs/b.md", ""
			if err := genuine.Write(t.Context(), clone); err != nil {
				t.Fatal(err)
			}
			forged, err := forge(w, clone, r, r.At)
			if err != nil {
				t.Fatal(err)
			}
			for ref, at := range w.Refs(ref) {
				if at == r.At {
					w.SetRef(ref, forged)
				}
			}
			records, unread := proposal.Records(w.Clone("run-2"))
			if len(records) != 1 || records[record.Ref{Document: "docs/b.md", Item: "aaaa"}] == nil || len(unread) != 1 {
				t.Errorf("read %v, unread %v", records, unread)
			}
		})
	}
}

func treeOf(c *fake.Clone, hash string) string {
	commit, err := c.Lookup(hash)
	if err != nil {
		panic(err)
	}
	return commit.Tree
}
