package edit

import "github.com/pm-todos/pm-todos/plugin/postmortem"

// Written is what this program wrote into a document, as edits that write it into
// another state of it again: the statuses and rows of what it implemented, and the
// rows of what needs a person. Of a commit it has what the row shows.
func Written(d *postmortem.Document) []Edit {
	table := d.FollowUpTable()
	if table == nil {
		return nil
	}
	rowOf := postmortem.ByAction(d.Logged())
	var edits []Edit
	for _, one := range d.Items {
		item := postmortem.Item{ID: one.ID, File: one.File, Action: one.Action, Type: one.Type, Details: one.Details}
		row := Row{Action: one.Action, Priority: string(one.Priority), Type: one.Type}
		if own, found := rowOf(one.Action); found {
			row.Date, row.Commit, row.By = own.Date, own.Commit, postmortem.Resolver
			edits = append(edits, Edit{Item: item, Done: one.Class == postmortem.ClassDone, Row: &row})
			continue
		}
		for i := range table.Rows {
			if table.Rows[i].Ours && table.Rows[i].Key == postmortem.LogKey(one.Action) {
				row.By = postmortem.HumanReview
				edits = append(edits, Edit{Item: item, Row: &row})
				break
			}
		}
	}
	return edits
}
