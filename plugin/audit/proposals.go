package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Proposal is what was put before a person and is not done yet: it waits for a
// place, for them, or, when they merged it, for its apply. It is no finding.
type Proposal struct {
	Document string `json:"document"`
	Line     int    `json:"line"` // of its item, counted from 1; 0 when the row is gone
	Item     string `json:"item"`
	State    string `json:"state"` // waiting, open, merged, or reverted after that
	Branch   string `json:"branch,omitempty"`
	Pull     int64  `json:"pull_request,omitempty"`
	Commit   string `json:"commit"`
}

// readProposals reads the proposals of the documents that were asked for.
func (a *auditor) readProposals() error {
	records, _ := proposal.Records(a.repo)
	merged, _, err := proposal.Merged(a.repo, slices.Collect(maps.Values(records)))
	if err != nil {
		return err
	}
	for ref, r := range records {
		doc := a.docs[ref.Document]
		merge, on := merged[r]
		if doc == nil || !on && r.State != proposal.Waiting && r.State != proposal.Offered {
			continue
		}
		p := Proposal{Document: ref.Document, Item: ref.Item, State: string(r.State), Pull: r.Pull, Commit: r.Fix}
		switch {
		case on && merge.Reverted:
			p.State, p.Commit = Reverted, merge.Commit.Hash
		case on:
			p.State, p.Commit = "merged", merge.Commit.Hash
		case r.State == proposal.Offered:
			p.Branch = proposal.Branch(ref)
		}
		for _, item := range doc.Items {
			if item.ID == ref.Item {
				p.Line = item.Line
			}
		}
		a.out.Proposals = append(a.out.Proposals, p)
	}
	slices.SortFunc(a.out.Proposals, func(p, q Proposal) int {
		return strings.Compare(p.Document+"\x00"+p.Item, q.Document+"\x00"+q.Item)
	})
	return nil
}

// proposed reports whether an item waits as a proposal.
func (a *auditor) proposed(ref record.Ref) bool {
	return slices.ContainsFunc(a.out.Proposals, func(p Proposal) bool { return p.Document == ref.Document && p.Item == ref.Item })
}

// String is the proposal on one line.
func (p Proposal) String() string {
	switch {
	case p.State == Reverted:
		return fmt.Sprintf("it was merged as %.12s, and taken back on the branch", p.Commit)
	case p.State == "merged":
		return fmt.Sprintf("it was merged as %.12s; a run that sees it applied marks its row", p.Commit)
	case p.Branch != "":
		return text.Line("it waits on "+p.Branch, 0)
	}
	return "its fix waits for a place"
}
