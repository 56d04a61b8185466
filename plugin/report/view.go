package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Lengths in characters to which texts from outside are cut, in every target.
const (
	maxWord = 300  // names, paths, codes
	maxLine = 1000 // sentences, actions
	maxText = 4000 // errors, which may quote the end of a log
)

// maxFindings is how many findings of one item are told.
const maxFindings = 40

// View is a Summary made fit to be shown: every text is clean, redacted and
// cut, every link is checked. It is what summary.json holds; the other targets
// are rendered from it.
type View struct {
	Schema      int       `json:"schema" doc:"Version of this format. It grows when a field changes its meaning or goes away; new fields do not change it."`
	Version     string    `json:"version" doc:"Version of pm-todos."`
	Run         string    `json:"run" doc:"Id of the run."`
	Mode        string    `json:"mode" doc:"apply, propose or dry-run." enum:"apply,propose,dry-run"`
	Event       string    `json:"event" doc:"What started the pipeline, as Woodpecker says it: push, cron, manual, pull_request, …"`
	Repository  string    `json:"repository" doc:"owner/name, or the URL without credentials."`
	Branch      string    `json:"branch" doc:"Branch that was read and published to."`
	PipelineURL string    `json:"pipeline_url" doc:"Link of the pipeline, empty when unknown."`
	Started     time.Time `json:"started" doc:"When the run started, in UTC."`
	Seconds     float64   `json:"duration_seconds" doc:"How long it took."`
	Scope       string    `json:"scope" doc:"changed or all: which documents were looked at."`
	Base        string    `json:"base" doc:"Commit that the documents were compared with, empty when none was."`
	Sandboxed   string    `json:"sandboxed" doc:"Whether a sandbox confines the agent on its host, empty when none was reached." enum:",yes,no"`

	Totals    totals         `json:"totals" doc:"How many items ended in which way."`
	Documents []documentView `json:"documents" doc:"The documents that were looked at, the first hundred, changed ones before others; totals has how many."`
	Items     []itemView     `json:"items" doc:"The items that the run worked on or came to, in that order, the first hundred of each state, new ones before others; totals has how many."`
	Skipped   []leftView     `json:"skipped" doc:"The items that need a person, as was clear when the documents were read, the first hundred, new ones before others; totals.skipped counts them and the items of that state."`
	Unclear   []leftView     `json:"unclear" doc:"Reported only: not certainly open items, the first hundred; totals has how many."`
	Problems  []problemView  `json:"problems" doc:"Places in documents that cannot be used, the first hundred; totals has how many."`

	CostUSD   float64 `json:"cost_usd" doc:"What the agent cost."`
	BudgetUSD float64 `json:"budget_usd" doc:"What it might cost, the setting budget_usd."`

	DocsCommit    string `json:"docs_commit" doc:"Commit that recorded the outcomes in the documents, empty when none did."`
	DocsCommitURL string `json:"docs_commit_url" doc:"Its link, empty when unknown."`

	ExitCode int      `json:"exit_code" doc:"Exit code: 0, 1, 2, 3 or 75."`
	ExitKind string   `json:"exit_kind" doc:"The exit code as a word." enum:"none,temporary,failed,settings,person"`
	Error    string   `json:"error" doc:"Why the run as a whole ended early, empty when it did not."`
	Warnings []string `json:"warnings" doc:"What the run warned of, the first hundred, and how many more."`
	Notes    []string `json:"notes" doc:"Why the run ended where it did, and which proposals it withdrew."`

	of Summary // what this is a view of: it has those that are not listed, too
}

// confinement is whether the agent is confined, as a word for people.
func (v View) confinement() string {
	return map[string]string{"yes": "sandboxed", "no": "not sandboxed"}[v.Sandboxed]
}

// totals counts items: the outcomes by their state, and what was left to
// people before.
type totals struct {
	Done         int `json:"done" doc:"Applied, confirmed and on the branch."`
	Proposed     int `json:"proposed" doc:"On a branch for a person to merge."`
	Refused      int `json:"refused" doc:"A gate said no, or there was nothing to do."`
	Failed       int `json:"failed" doc:"Agent, plan or check failed."`
	NeedsPerson  int `json:"needs_person" doc:"A person must look now."`
	Skipped      int `json:"skipped" doc:"Needs a person, as was clear before anything was paid, by the run or by the document."`
	NotAttempted int `json:"not_attempted" doc:"Waiting for the next run."`
	Unclear      int `json:"unclear" doc:"Reported only: not certainly open items."`
	Problems     int `json:"problems" doc:"Places in documents that cannot be used."`
	Overdue      int `json:"overdue" doc:"Open items whose due date, of the form YYYY-MM-DD, has passed, whatever became of them."`
	Documents    int `json:"documents" doc:"Looked at."`
}

type documentView struct {
	File     string `json:"file" doc:"Path in the repository."`
	Date     string `json:"date" doc:"YYYY-MM-DD, or empty."`
	Title    string `json:"title" doc:"First heading."`
	URL      string `json:"url" doc:"Link of the published document, empty without pages_url."`
	Changed  bool   `json:"changed" doc:"By the push that started the run; of several shards, one says so."`
	Safe     int    `json:"safe" doc:"Number of safe items."`
	Skipped  int    `json:"skipped" doc:"Number of items that need a person."`
	Unclear  int    `json:"unclear" doc:"Number of unclear items."`
	Problems int    `json:"problems" doc:"Number of problems."`
}

// leftView is an item that needs a person, as was clear when its document was read.
type leftView struct {
	Document string `json:"document" doc:"Path of the document."`
	ID       string `json:"id" doc:"Identity of the item; it outlives changes of status, padding and line."`
	Line     int    `json:"line" doc:"Line in the document as it was read, from 1."`
	Date     string `json:"date" doc:"YYYY-MM-DD of the post-mortem."`
	Priority string `json:"priority" doc:"P0 to P3."`
	Action   string `json:"action" doc:"Markdown of the action."`
	Type     string `json:"type" doc:"Name of the type, or what the document says instead."`
	Details  string `json:"details" doc:"Markdown of the details."`
	Owner    string `json:"owner,omitempty" doc:"Markdown of the owner, as the document has it."`
	Due      string `json:"due,omitempty" doc:"Markdown of the due date, as the document has it."`
	Overdue  bool   `json:"overdue,omitempty" doc:"It is open, and its due date, of the form YYYY-MM-DD, had passed when the run started."`

	IssueURL string `json:"issue_url,omitempty" doc:"Page of its issue on the forge, with the setting issues."`

	State    string      `json:"state" doc:"What became of it." enum:"done,proposed,refused,failed,skipped,not-attempted,needs-person,unclear"`
	Reason   reason.Code `json:"reason" doc:"Reason code, empty when done; see reasons.md."`
	Sentence string      `json:"sentence" doc:"The reason in words."`
	Fix      string      `json:"fix,omitempty" doc:"What a person can do about it."`
	New      bool        `json:"new" doc:"It was not left for this reason before."`
}

// itemView is an item that the run worked on or came to.
type itemView struct {
	leftView

	Findings []findingView `json:"findings,omitempty" doc:"Why a gate refused."`
	Error    string        `json:"error,omitempty" doc:"What failed."`

	Stack     string   `json:"stack,omitempty" doc:"Folder of the stack, when known."`
	Commit    string   `json:"commit,omitempty" doc:"Full hash of the fix commit."`
	CommitURL string   `json:"commit_url,omitempty" doc:"Its link."`
	Kept      string   `json:"branch,omitempty" doc:"Branch that keeps refused or proposed work."`
	KeptURL   string   `json:"branch_url,omitempty" doc:"Its link."`
	PullURL   string   `json:"pull_request_url,omitempty" doc:"Page of the pull request of that branch."`
	Journal   string   `json:"journal,omitempty" doc:"Ref on the remote that keeps the fix commit of an item that needs a person, while it is not on the branch."`
	Observed  string   `json:"evidence,omitempty" doc:"What Prometheus says of the rules: whether they would have fired in the incident, and how often lately."`
	briefly   string   // the same in a few words
	PlanHash  string   `json:"plan_sha256,omitempty" doc:"SHA-256 of the plan file that was judged last; of items that are done it was applied."`
	Create    int      `json:"create,omitempty" doc:"Resources that this plan creates."`
	Update    int      `json:"update,omitempty" doc:"Resources that this plan updates."`
	CostUSD   float64  `json:"cost_usd,omitempty" doc:"What the agent cost."`
	Seconds   float64  `json:"duration_seconds,omitempty" doc:"How long it took."`
	Attempt   int      `json:"attempt,omitempty" doc:"1 for the first."`
	Refused   []string `json:"refused_servers,omitempty" doc:"Servers that the sandbox kept the agent from, as host:port."`
	Approver  string   `json:"approved_by,omitempty" doc:"Who merged its proposal, as the forge or the commit has it."`
	Settled   bool     `json:"settled,omitempty" doc:"Left by an earlier run, ended by this one."`
	Command   string   `json:"command,omitempty" doc:"What a person runs to close it."`
}

type findingView struct {
	Code   reason.Code `json:"code" doc:"Reason code."`
	Place  string      `json:"place" doc:"Path, path:line or resource address."`
	Detail string      `json:"detail" doc:"One sentence."`
}

// line is the finding as one line.
func (f findingView) line() string { return item.Finding(f).String() }

type problemView struct {
	File   string      `json:"file" doc:"Path of the document."`
	Line   int         `json:"line" doc:"From 1."`
	Column int         `json:"column" doc:"From 1."`
	Reason reason.Code `json:"reason" doc:"Reason code."`
	Detail string      `json:"detail" doc:"One sentence."`
	Text   string      `json:"text" doc:"What stands there."`
}

// cleaner takes out of texts what must not be shown.
type cleaner struct{ redactor *secret.Redactor }

// line is s as one line. It is redacted before, so that a secret of several
// lines is whole, and after, so that hidden characters inside of one do not
// save it; only then is it cut, so that no half of a secret remains.
func (c cleaner) line(s string, limit int) string {
	return text.Cut(c.redactor.Redact(text.Line(c.redactor.Redact(s), 0)), limit)
}

// text is s as several lines.
func (c cleaner) text(s string) string {
	return text.Cut(c.redactor.Redact(text.Text(c.redactor.Redact(s), 0)), maxText)
}

func (c cleaner) word(s string) string { return c.line(s, maxWord) }

// code is the reason code, which an earlier version may have written.
func (c cleaner) code(r reason.Code) reason.Code { return reason.Code(c.word(string(r))) }

func (c cleaner) err(err error) string {
	if err == nil {
		return ""
	}
	return c.text(err.Error())
}

func (c cleaner) lines(all []string) []string {
	result := make([]string, 0, min(len(all), maxListed+1))
	for i, one := range all {
		if i == maxListed {
			return append(result, fmt.Sprintf("… and %d more", len(all)-i))
		}
		result = append(result, c.line(one, maxLine))
	}
	return result
}

// Render makes a Summary fit to be shown. All that tells of a run is made from
// the one value that it returns.
func Render(s Summary) View {
	c := cleaner{s.Redactor}
	notes := slices.Clone(s.Notes)
	for _, w := range s.Withdrawn {
		notes = append(notes, w.String())
	}
	v := View{
		of: s, Totals: s.count(),

		Schema: Schema, Version: c.word(s.Version), Run: c.word(s.Run), Mode: c.word(s.Mode), Event: c.word(s.Event),
		Repository: c.word(s.Repository), Branch: c.word(s.Branch), PipelineURL: c.line(webURL(s.PipelineURL), 0),
		Started: s.Started.UTC().Truncate(time.Second), Seconds: seconds(s.Duration), Scope: c.word(s.Scope), Base: c.word(s.Base), Sandboxed: c.word(s.Sandboxed),
		CostUSD: money(s.CostUSD), BudgetUSD: money(s.BudgetUSD),
		DocsCommit: c.word(s.DocsCommit), DocsCommitURL: c.line(s.Links.commit(s.DocsCommit), 0),
		ExitCode: s.Exit.ExitCode(), ExitKind: s.Exit.String(), Error: c.err(s.Err),
		Warnings: c.lines(slices.Concat(s.Warnings, refusals(s.Outcomes))), Notes: c.lines(notes),
		Documents: make([]documentView, 0, len(s.Documents)), Items: []itemView{}, Skipped: []leftView{}, Unclear: []leftView{}, Problems: []problemView{},
	}
	for _, d := range s.Documents {
		v.Documents = append(v.Documents, documentView{
			File: c.word(d.File), Date: c.word(d.Date), Title: c.word(d.Title), URL: c.line(s.Links.page(d.File), 0),
			Changed: d.Changed, Safe: d.Safe, Skipped: d.Skipped, Unclear: d.Unclear, Problems: d.Problems,
		})
	}
	for _, o := range firstOf(s.Outcomes, func(o item.Outcome) string { return string(o.State) }, s.newOutcome) {
		v.Items = append(v.Items, c.outcome(o, s))
	}
	for _, left := range firstOf(s.Skipped, alike, s.newLeft) {
		v.Skipped = append(v.Skipped, c.left(left, "skipped", s))
	}
	for _, left := range firstOf(s.Unclear, alike, s.newLeft) {
		v.Unclear = append(v.Unclear, c.left(left, "unclear", s))
	}
	for _, p := range s.Problems[:min(len(s.Problems), maxListed)] {
		v.Problems = append(v.Problems, problemView{
			File: c.word(p.File), Line: p.Line, Column: p.Column, Reason: c.code(p.Reason),
			Detail: c.line(p.Detail, maxLine), Text: c.line(p.Text, maxLine),
		})
	}
	return v
}

// refusals is a warning for each agent that asked for more than its model.
func refusals(outcomes []item.Outcome) (warnings []string) {
	for _, o := range outcomes {
		if len(o.Refused) > 0 {
			warnings = append(warnings, fmt.Sprintf("The agent of \"%s\" tried to reach %s; its sandbox refused.", text.Line(o.Item.Action, 80), strings.Join(o.Refused, ", ")))
		}
	}
	return warnings
}

func (c cleaner) item(i item.Item, s Summary) leftView {
	return leftView{
		IssueURL: s.Links.issue(s.Issues[keyOf(i)]), Owner: c.word(i.Owner), Due: c.word(i.Due), Overdue: i.Overdue(s.Started),
		Document: c.word(i.Document), ID: c.word(i.ID), Line: i.Line, Date: c.word(i.Date), Priority: c.word(i.Priority),
		Action: c.line(i.Action, maxLine), Type: c.word(i.Type), Details: c.line(i.Details, maxLine),
	}
}

func (c cleaner) left(l Left, state string, s Summary) leftView {
	v := c.item(l.Item, s)
	v.State, v.Reason, v.Fix = state, c.code(l.Reason), l.Reason.Fix()
	v.Sentence = v.Reason.Sentence()
	if l.Evidence != nil {
		if evidence := c.word(l.Evidence()); evidence != "" {
			v.Sentence += fmt.Sprintf(" Because of \"%s\".", evidence)
		}
	}
	v.New = s.newLeft(l)
	return v
}

func (c cleaner) outcome(o item.Outcome, s Summary) itemView {
	v := itemView{leftView: c.item(o.Item, s)}
	v.Overdue = v.Overdue && o.State != item.Done
	v.State, v.Reason = c.word(string(o.State)), c.code(o.Reason)
	v.Sentence = v.Reason.Clause()
	if o.State != item.Done {
		v.Fix = strings.ReplaceAll(v.Reason.Fix(), "`", "") // not every target knows them
	}
	if o.State == item.Refused && len(o.Findings) > 0 {
		kept := "The findings are all that is kept of the work."
		if o.Branch != "" {
			kept = "The work is kept on the branch."
		}
		v.Fix = strings.TrimSpace(v.Fix + " " + kept)
	}
	v.New = s.newOutcome(o)
	for _, f := range o.Findings[:min(len(o.Findings), maxFindings)] {
		v.Findings = append(v.Findings, findingView{Code: c.code(f.Code), Place: c.word(f.Place), Detail: c.line(f.Detail, maxLine)})
	}
	v.Error, v.Stack, v.Command = c.err(o.Err), c.word(o.Stack), c.line(o.Command, maxLine)
	v.Commit, v.CommitURL = c.word(o.Commit), c.line(s.Links.commit(o.Commit), 0)
	v.Kept, v.KeptURL, v.Journal = c.word(o.Branch), c.line(s.Links.branch(o.Branch), 0), journal(o.Journal)
	v.PullURL = s.Links.pull(o.Pull)
	v.Observed = c.line(o.Observed, maxLine)
	v.briefly = c.line(cmp.Or(o.Briefly, o.Observed), maxLine)
	v.PlanHash, v.Create, v.Update = c.word(o.PlanHash), o.Counts.Create, o.Counts.Update
	v.Refused, v.Approver = c.lines(o.Refused), c.line(o.Approver, 100)
	v.CostUSD, v.Seconds, v.Attempt, v.Settled = money(o.CostUSD), seconds(o.Duration), o.Attempt, o.Settled
	return v
}

// newLeft reports whether an item was not left for its reason before.
func (s Summary) newLeft(l Left) bool { return s.Known[l.Item.ID] != l.Reason }

// newOutcome is newLeft for what became of an item; what was tried is new.
func (s Summary) newOutcome(o item.Outcome) bool {
	return !waits(o) || s.Known[o.Item.ID] != o.Reason
}

func (s Summary) count() totals {
	t := totals{
		Skipped: len(s.Skipped), Unclear: len(s.Unclear), Problems: len(s.Problems), Documents: len(s.Documents),
	}
	overdue := func(i item.Item) {
		if i.Overdue(s.Started) {
			t.Overdue++
		}
	}
	for _, o := range s.Outcomes {
		if row := rowOf(o.State); row != nil {
			*row.count(&t)++
		}
		if o.State != item.Done {
			overdue(o.Item)
		}
	}
	for _, lists := range [][]Left{s.Skipped, s.Unclear} {
		for _, left := range lists {
			overdue(left.Item)
		}
	}
	return t
}

// Failed reports whether something failed, or a person must look.
func (v View) Failed() bool {
	return v.Error != "" || v.ExitCode != 0 || v.Totals.Failed+v.Totals.NeedsPerson > 0
}

// News reports whether the run has something to tell that earlier ones did not:
// something was done, proposed, withdrawn, refused or failed, an item waits for a person
// for a reason that Known does not have, or a push changed a document.
func (v View) News() bool {
	return len(v.of.Withdrawn) > 0 || slices.ContainsFunc(v.Items, func(i itemView) bool {
		return i.State != string(item.NotAttempted) && (i.New || i.Reason == "")
	}) || slices.ContainsFunc(v.Skipped, func(i leftView) bool {
		return i.New
	}) || v.Event == "push" && slices.ContainsFunc(v.Documents, func(d documentView) bool {
		return d.Changed
	})
}

// waits reports whether nothing was tried for the item in this run: it was only
// found where an earlier run had left it.
func waits(o item.Outcome) bool {
	return o.State == item.Skipped || o.State == item.Proposed && o.Attempt == 0
}

// in are the listed items of a state, in order.
func (v View) in(state item.State) []itemView {
	var found []itemView
	for _, todo := range v.Items {
		if todo.State == string(state) {
			found = append(found, todo)
		}
	}
	return found
}

// asItems are items that need a person, for lists of all kinds.
func asItems(left []leftView) []itemView {
	items := make([]itemView, len(left))
	for n, one := range left {
		items[n].leftView = one
	}
	return items
}

// money is an amount rounded to a hundredth of a cent. JSON has neither NaN nor
// infinity, and neither is an amount.
func money(usd float64) float64 {
	cents := math.Round(usd * 1e4)
	if math.IsNaN(cents) || math.IsInf(cents, 0) {
		return 0
	}
	return cents / 1e4
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }
