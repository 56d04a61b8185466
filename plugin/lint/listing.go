package lint

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Listing is what Explain and ExplainLine say, for programs.
type Listing struct {
	File     string        `json:"file"`
	Title    string        `json:"title"`
	Date     string        `json:"date"`
	Items    []listed      `json:"items"`
	Problems []problem     `json:"problems"` // lines that look like items and cannot be used
	NoItem   *listedNoItem `json:"no_item"`  // why the line that was asked about holds no item
}

type listed struct {
	Line     int           `json:"line"`
	ID       string        `json:"id"`
	Priority string        `json:"priority"`
	Action   string        `json:"action"`
	Type     string        `json:"type"`
	Inferred bool          `json:"inferred"`
	Status   string        `json:"status"`
	Owner    string        `json:"owner"`
	Due      string        `json:"due"`
	Heading  []string      `json:"heading"`
	Lane     string        `json:"lane"` // automatic, approval, or "" for neither
	Standing string        `json:"standing"`
	Because  string        `json:"because"` // the words that the first reason is about
	Reasons  []listedCause `json:"reasons"`
}

type listedCause struct {
	Code     reason.Code `json:"code"`
	Sentence string      `json:"sentence"`
	Fix      string      `json:"fix"`
}

type problem struct {
	Line int    `json:"line"`
	Text string `json:"text"`
	listedCause
}

type listedNoItem struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
	Fix  string `json:"fix"`
}

// List says it of all items and problems of a document, or with a line of those
// that stand there.
func List(in *postmortem.Inspection, line int) Listing {
	d := in.Document
	out := Listing{File: d.File, Title: d.Title, Date: d.Date, Items: []listed{}, Problems: []problem{}}
	for _, item := range d.Items {
		if line == 0 || item.Line <= line && line <= item.EndLine() {
			out.Items = append(out.Items, listItem(d, item))
		}
	}
	for _, p := range d.Problems {
		if line == 0 || p.Line == line {
			out.Problems = append(out.Problems, problem{p.Line, p.Text, listedCause{p.Reason, cmp.Or(p.Detail, p.Reason.Sentence()), p.Reason.Fix()}})
		}
	}
	if line > 0 && len(out.Items)+len(out.Problems) == 0 {
		out.NoItem = &listedNoItem{Line: line, Why: "no item stands at this line"}
		if here := passedAt(in, line); here != nil {
			out.NoItem.Why, out.NoItem.Fix = whys[here.Why][0], whys[here.Why][1]
		}
	}
	return out
}

func listItem(d *postmortem.Document, item postmortem.Item) listed {
	one := listed{
		Line: item.Line, ID: fmt.Sprint(item.ID), Priority: fmt.Sprint(item.Priority), Action: item.Action, Type: item.Type, Inferred: item.Inferred, Status: item.Status,
		Owner: item.Owner, Due: item.Due, Heading: append([]string{}, item.Heading...), Lane: string(item.Lane),
		Standing: strings.TrimRight(standing(item), ".:"), Because: d.Evidence(item), Reasons: []listedCause{},
	}
	for _, r := range item.Reasons {
		one.Reasons = append(one.Reasons, listedCause{r, r.Sentence(), r.Fix()})
	}
	return one
}
