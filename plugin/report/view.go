package report

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"pm-todos/plugin/change"
	"pm-todos/plugin/plain"
	"pm-todos/plugin/secret"
)

// Lengths in characters to which texts from outside are cut, in every target.
const (
	maxWord = 300  // names, paths, codes
	maxLine = 1000 // sentences, actions
	maxText = 4000 // errors, which may quote the end of a log
)

// maxFindings is how many findings of one item are told.
const maxFindings = 40

// view is a Summary made fit to be shown: every text is clean, redacted and
// cut, every link is checked. It is what summary.json holds; the other targets
// are rendered from it.
type view struct {
	Schema      int       `json:"schema"`
	Version     string    `json:"version"`
	Run         string    `json:"run"`
	Mode        string    `json:"mode"`
	Event       string    `json:"event"`
	Repository  string    `json:"repository"`
	Branch      string    `json:"branch"`
	PipelineURL string    `json:"pipeline_url"`
	Started     time.Time `json:"started"`
	Seconds     float64   `json:"duration_seconds"`
	Scope       string    `json:"scope"`
	Base        string    `json:"base"`

	Totals    totals         `json:"totals"`
	Documents []documentView `json:"documents"`
	Items     []itemView     `json:"items"`
	Skipped   []itemView     `json:"skipped"`
	Unclear   []itemView     `json:"unclear"`
	Problems  []problemView  `json:"problems"`

	CostUSD   float64 `json:"cost_usd"`
	BudgetUSD float64 `json:"budget_usd"`

	DocsCommit    string `json:"docs_commit"`
	DocsCommitURL string `json:"docs_commit_url"`

	ExitCode int      `json:"exit_code"`
	ExitKind string   `json:"exit_kind"`
	Error    string   `json:"error"`
	Warnings []string `json:"warnings"`
	Notes    []string `json:"notes"`
}

// totals counts items: the outcomes by their state, and what was left to
// people before.
type totals struct {
	Done         int `json:"done"`
	Proposed     int `json:"proposed"`
	Refused      int `json:"refused"`
	Failed       int `json:"failed"`
	NeedsPerson  int `json:"needs_person"`
	Skipped      int `json:"skipped"` // outcomes and documents together
	NotAttempted int `json:"not_attempted"`
	Unclear      int `json:"unclear"`
	Problems     int `json:"problems"`
	Documents    int `json:"documents"`
}

type documentView struct {
	File     string `json:"file"`
	Date     string `json:"date"`
	Title    string `json:"title"`
	URL      string `json:"url"`
	Changed  bool   `json:"changed"`
	Safe     int    `json:"safe"`
	Skipped  int    `json:"skipped"`
	Unclear  int    `json:"unclear"`
	Problems int    `json:"problems"`
}

type itemView struct {
	Document string `json:"document"`
	ID       string `json:"id"`
	Line     int    `json:"line"`
	Date     string `json:"date"`
	Priority string `json:"priority"`
	Action   string `json:"action"`
	Type     string `json:"type"`
	Details  string `json:"details"`

	State    string        `json:"state"`
	Reason   string        `json:"reason"`
	Sentence string        `json:"sentence"`
	Fix      string        `json:"fix,omitempty"`
	New      bool          `json:"new"` // not left for this reason before
	Findings []findingView `json:"findings,omitempty"`
	Error    string        `json:"error,omitempty"`

	Stack     string  `json:"stack,omitempty"`
	Commit    string  `json:"commit,omitempty"`
	CommitURL string  `json:"commit_url,omitempty"`
	Kept      string  `json:"branch,omitempty"`
	KeptURL   string  `json:"branch_url,omitempty"`
	PlanHash  string  `json:"plan_sha256,omitempty"`
	Create    int     `json:"create,omitempty"`
	Update    int     `json:"update,omitempty"`
	CostUSD   float64 `json:"cost_usd,omitempty"`
	Seconds   float64 `json:"duration_seconds,omitempty"`
	Attempt   int     `json:"attempt,omitempty"`
	Settled   bool    `json:"settled,omitempty"`
	Command   string  `json:"command,omitempty"`
}

type findingView struct {
	Code   string `json:"code"`
	Place  string `json:"place"`
	Detail string `json:"detail"`
}

// line is the finding as one line.
func (f findingView) line() string { return change.Finding(f).String() }

type problemView struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	Text   string `json:"text"`
}

// cleaner takes out of texts what must not be shown.
type cleaner struct{ redactor *secret.Redactor }

// line is s as one line. It is redacted before, so that a secret of several
// lines is whole, and after, so that hidden characters inside of one do not
// save it; only then is it cut, so that no half of a secret remains.
func (c cleaner) line(s string, limit int) string {
	return plain.Cut(c.redactor.Redact(plain.Line(c.redactor.Redact(s), 0)), limit)
}

// text is s as several lines.
func (c cleaner) text(s string) string {
	return plain.Cut(c.redactor.Redact(plain.Text(c.redactor.Redact(s), 0)), maxText)
}

func (c cleaner) word(s string) string { return c.line(s, maxWord) }

func (c cleaner) err(err error) string {
	if err == nil {
		return ""
	}
	return c.text(err.Error())
}

func (c cleaner) lines(all []string) []string {
	result := make([]string, 0, len(all))
	for _, one := range all {
		result = append(result, c.line(one, maxLine))
	}
	return result
}

func (s Summary) view() view {
	c := cleaner{s.Redactor}
	v := view{
		Schema: Schema, Version: c.word(s.Version), Run: c.word(s.Run), Mode: c.word(s.Mode), Event: c.word(s.Event),
		Repository: c.word(s.Repository), Branch: c.word(s.Branch), PipelineURL: c.line(webURL(s.PipelineURL), 0),
		Started: s.Started.UTC().Truncate(time.Second), Seconds: seconds(s.Duration), Scope: c.word(s.Scope), Base: c.word(s.Base),
		CostUSD: money(s.CostUSD), BudgetUSD: money(s.BudgetUSD),
		DocsCommit: c.word(s.DocsCommit), DocsCommitURL: c.line(s.Links.commit(s.DocsCommit), 0),
		ExitCode: s.Exit.ExitCode(), ExitKind: s.Exit.String(), Error: c.err(s.Err),
		Warnings: c.lines(s.Warnings), Notes: c.lines(s.Notes),
		Documents: []documentView{}, Items: []itemView{}, Skipped: []itemView{}, Unclear: []itemView{}, Problems: []problemView{},
	}
	for _, d := range s.Documents {
		v.Documents = append(v.Documents, documentView{
			File: c.word(d.File), Date: c.word(d.Date), Title: c.word(d.Title), URL: c.line(s.Links.page(d.File), 0),
			Changed: d.Changed, Safe: d.Safe, Skipped: d.Skipped, Unclear: d.Unclear, Problems: d.Problems,
		})
	}
	for _, o := range s.Outcomes {
		v.Items = append(v.Items, c.outcome(o, s))
	}
	for _, left := range s.Skipped {
		v.Skipped = append(v.Skipped, c.left(left, "skipped", s))
	}
	for _, left := range s.Unclear {
		v.Unclear = append(v.Unclear, c.left(left, "unclear", s))
	}
	for _, p := range s.Problems {
		v.Problems = append(v.Problems, problemView{
			File: c.word(p.File), Line: p.Line, Column: p.Column, Reason: c.word(p.Reason),
			Detail: c.line(p.Detail, maxLine), Text: c.line(p.Text, maxLine),
		})
	}
	v.Totals = v.count()
	return v
}

func (c cleaner) item(i change.Item) itemView {
	return itemView{
		Document: c.word(i.Document), ID: c.word(i.ID), Line: i.Line, Date: c.word(i.Date), Priority: c.word(i.Priority),
		Action: c.line(i.Action, maxLine), Type: c.word(i.Type), Details: c.line(i.Details, maxLine),
	}
}

func (c cleaner) left(l Left, state string, s Summary) itemView {
	v := c.item(l.Item)
	v.State, v.Reason, v.Fix = state, c.word(l.Reason), c.line(l.Fix, maxLine)
	v.Sentence = c.line(cmp.Or(l.Sentence, sentence(v.Reason)), maxLine)
	v.New = s.Known[l.Item.ID] != l.Reason
	return v
}

func (c cleaner) outcome(o change.Outcome, s Summary) itemView {
	v := c.item(o.Item)
	v.State, v.Reason = c.word(string(o.State)), c.word(o.Reason)
	v.Sentence = sentence(v.Reason)
	if o.State != change.Done {
		v.Fix = strings.ReplaceAll(reasonOf[v.Reason].Fix, "`", "") // not every target knows them
	}
	v.New = !waits(o) || s.Known[o.Item.ID] != o.Reason
	for _, f := range o.Findings[:min(len(o.Findings), maxFindings)] {
		v.Findings = append(v.Findings, findingView{Code: c.word(f.Code), Place: c.word(f.Place), Detail: c.line(f.Detail, maxLine)})
	}
	v.Error, v.Stack, v.Command = c.err(o.Err), c.word(o.Stack), c.line(o.Command, maxLine)
	v.Commit, v.CommitURL = c.word(o.Commit), c.line(s.Links.commit(o.Commit), 0)
	v.Kept, v.KeptURL = c.word(o.Branch), c.line(s.Links.branch(o.Branch), 0)
	v.PlanHash, v.Create, v.Update = c.word(o.PlanHash), o.Counts.Create, o.Counts.Update
	v.CostUSD, v.Seconds, v.Attempt, v.Settled = money(o.CostUSD), seconds(o.Duration), o.Attempt, o.Settled
	return v
}

func (v view) count() totals {
	t := totals{
		Skipped: len(v.Skipped), Unclear: len(v.Unclear), Problems: len(v.Problems), Documents: len(v.Documents),
	}
	of := map[change.State]*int{
		change.Done: &t.Done, change.Proposed: &t.Proposed, change.Refused: &t.Refused, change.Failed: &t.Failed,
		change.NeedsPerson: &t.NeedsPerson, change.Skipped: &t.Skipped, change.NotAttempted: &t.NotAttempted,
	}
	for _, item := range v.Items {
		if counter := of[change.State(item.State)]; counter != nil {
			*counter++
		}
	}
	return t
}

// in are the items whose outcome is one of the states, in order.
func (v view) in(states ...change.State) []itemView {
	var found []itemView
	for _, item := range v.Items {
		if slices.Contains(states, change.State(item.State)) {
			found = append(found, item)
		}
	}
	return found
}

// money is an amount rounded to a hundredth of a cent; JSON has no NaN.
func money(usd float64) float64 {
	if math.IsNaN(usd) || math.IsInf(usd, 0) {
		return 0
	}
	return math.Round(usd*1e4) / 1e4
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
