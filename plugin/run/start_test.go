package run

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// TestStartCountsNoProposalAsWork has items that wait for a person beside one that is
// new and one that a person merged.
func TestStartCountsNoProposalAsWork(t *testing.T) {
	named := func(id string) item.Item { return item.Item{Document: "docs/a.md", ID: id, Action: id} }
	standing := map[record.Ref]*proposal.Record{}
	for id, state := range map[string]proposal.State{
		"open": proposal.Offered, "merged": proposal.Offered, "waiting": proposal.Waiting, "declined": proposal.Declined, "withdrawn": proposal.Withdrawn, "reworded": proposal.Offered,
		"merged elsewhere": proposal.Offered, "merged by us": proposal.Offered,
	} {
		todo := named(id)
		r := &proposal.Record{Document: todo.Document, Item: todo.ID, State: state, Text: record.TextSum(todo)}
		if id == "reworded" {
			r.Text = "another"
		}
		standing[r.Ref()] = r
	}
	j := &job{
		Settings: settings.Settings{Mode: settings.ModeApply, ApplyMerged: settings.On},
		answers:  &proposal.Answers{Account: "pm-todos", Pulls: map[string]forge.Pull{}},
	}
	j.Repository.Branch = "main"
	for id, pull := range map[string]forge.Pull{
		"merged": {Base: "main", MergedBy: "ana"}, "merged elsewhere": {Base: "develop", MergedBy: "ana"}, "merged by us": {Base: "main", MergedBy: "pm-todos"},
	} {
		pull.State = forge.Merged
		j.answers.Pulls[proposal.Branch(record.RefOf(named(id)))] = pull
	}
	j.Documents.Doubtful = settings.DoubtfulPropose
	for _, id := range []string{"new", "open", "merged", "waiting", "declined", "withdrawn", "reworded", "merged elsewhere", "merged by us"} {
		j.read.Safe = append(j.read.Safe, named(id))
	}
	ids := func(items []item.Item) (all []string) {
		for _, one := range items {
			all = append(all, one.ID)
		}
		return all
	}
	b := j.begins(standing)
	if got := fmt.Sprint(ids(b.Items), ids(b.Merged), b.Waiting); got != "[new] [merged] 4" || b.Proposes || !b.Doubtful || !b.Applies {
		t.Errorf("%s of %+v", got, b)
	}
	j.read.Safe = slices.DeleteFunc(slices.Clone(j.read.Safe), func(i item.Item) bool { return i.ID == "new" || i.ID == "merged" })
	if b := j.begins(standing); !b.Empty() {
		t.Errorf("it tells of work: %+v", b)
	}
	j.Terraform.Commands.Program, j.read = settings.NoTerraform, access.Selection{Safe: []item.Item{named("new")}}
	if b := j.begins(standing); !b.Proposes || b.Applies {
		t.Errorf("without Terraform: %+v", b)
	}
}
