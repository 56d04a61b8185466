package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// subjectAction is how many characters of an action fit a commit's subject.
const subjectAction = 100

// longestObserved is how many characters of what Prometheus said stand there.
const longestObserved = 1000

// Evidence is what the trailers of a fix commit prove: which item it closes
// and which judged plan it was applied by.
type Evidence struct {
	Document string
	Item     string // item id
	Stack    string
	PlanHash string // SHA-256 of the plan file, lower-case hex
	Counts   item.Counts
	CostUSD  float64
	Watched  string // what Prometheus must have loaded, see item.Watched
	Observed string // what Prometheus said of the rules, one line
	Facts    string // of a proposal: the SHA-256 of the effects that were put before a person
	Merged   string // commits of the branch that were applied, by their hashes, where a person merged them: then it is of the journal alone
}

// Stacks are the folders that the fix was planned in: several for what they share.
func (e Evidence) Stacks() []string { return strings.Split(e.Stack, ", ") }

// Ref is the item that the evidence is of.
func (e Evidence) Ref() Ref { return Ref{Document: e.Document, Item: e.Item} }

// Outcome is the beginning of the outcome of an item whose fix an earlier run made.
// What the agent cost stays with that run.
func (e Evidence) Outcome(of item.Item) item.Outcome {
	if !e.NamesPlan() {
		e.PlanHash = ""
	}
	return item.Outcome{Item: of, Stack: e.Stack, PlanHash: e.PlanHash, Counts: e.Counts, Observed: e.Observed, Watched: e.Watched, Settled: true}
}

// NotPlanned stands in the place of the hash of a plan where none was made.
const NotPlanned = "not planned"

var planHash = pattern.Lazy(`^[0-9a-f]{64}$`)

// NamesPlan reports whether the evidence names a plan file by its SHA-256.
func (e Evidence) NamesPlan() bool { return planHash().MatchString(e.PlanHash) }

// Trailer names of a fix commit.
const (
	trailerDocument = "Post-Mortem-Document"
	trailerItem     = "Post-Mortem-Item"
	trailerStack    = "Post-Mortem-Stack"
	trailerPlan     = "Post-Mortem-Plan"
	trailerCounts   = "Post-Mortem-Resources"
	trailerCost     = "Post-Mortem-Agent-Cost"
	trailerWatched  = "Post-Mortem-Rules"
	trailerObserved = "Post-Mortem-Evidence"
	trailerFacts    = "Post-Mortem-Facts"
	trailerMerged   = "Post-Mortem-Merged"
)

// Message is the commit message of a fix: the action as its subject, the whole
// action indented in the body, and the evidence as trailers. Applied fixes
// carry "[ci skip]", since a pipeline that applies the branch has nothing to do
// for them; proposed ones do not.
func Message(item item.Item, date string, e Evidence, applied bool) string {
	action := text.Line(item.Action, 0)
	var b strings.Builder
	fmt.Fprintf(&b, "fix(post-mortem): %s [PM-%s]\n\n", subject(action), date)
	fmt.Fprintf(&b, "    %s\n\n", breakSkipMarks(action))
	observed := breakSkipMarks(text.Line(e.Observed, longestObserved))
	if observed != "" {
		fmt.Fprintf(&b, "Prometheus says: %s.\n\n", observed)
	}
	if e.PlanHash == NotPlanned {
		b.WriteString("Not planned: whatever applies this branch decides what it does.\n\n")
	}
	if applied {
		b.WriteString("[ci skip]\n\n")
	}
	fmt.Fprintf(&b, "%s: %s\n", trailerDocument, quotePath(e.Document))
	fmt.Fprintf(&b, "%s: %s\n", trailerItem, e.Item)
	fmt.Fprintf(&b, "%s: %s\n", trailerStack, quotePath(e.Stack))
	if e.PlanHash == NotPlanned {
		fmt.Fprintf(&b, "%s: %s\n", trailerPlan, NotPlanned)
	} else {
		fmt.Fprintf(&b, "%s: sha256:%s\n", trailerPlan, e.PlanHash)
		fmt.Fprintf(&b, "%s: %d created, %d updated\n", trailerCounts, e.Counts.Create, e.Counts.Update)
	}
	fmt.Fprintf(&b, "%s: %.2f USD\n", trailerCost, e.CostUSD)
	if watched := text.Line(e.Watched, 0); watched != "" {
		fmt.Fprintf(&b, "%s: %s\n", trailerWatched, watched)
	}
	if observed != "" {
		fmt.Fprintf(&b, "%s: %s\n", trailerObserved, observed)
	}
	if e.Facts != "" {
		fmt.Fprintf(&b, "%s: sha256:%s\n", trailerFacts, e.Facts)
	}
	for merged := range strings.FieldsSeq(e.Merged) {
		fmt.Fprintf(&b, "%s: %s\n", trailerMerged, merged)
	}
	return b.String()
}

// ParseEvidence reads the trailers of a commit message, and reports whether it
// is the message of a fix commit at all. Only the last paragraph counts, so
// that nothing an action says can pass for evidence.
func ParseEvidence(message string) (Evidence, bool) {
	message = strings.TrimRight(message, "\n")
	i := strings.LastIndex(message, "\n\n")
	if i < 0 {
		return Evidence{}, false // a subject alone has no trailers
	}
	var e Evidence
	for line := range strings.SplitSeq(message[i+2:], "\n") {
		name, value, found := strings.Cut(line, ": ")
		if !found {
			return Evidence{}, false
		}
		switch name {
		case trailerDocument:
			e.Document = unquotePath(value)
		case trailerItem:
			e.Item = value
		case trailerStack:
			e.Stack = unquotePath(value)
		case trailerPlan:
			e.PlanHash = strings.TrimPrefix(value, "sha256:")
		case trailerCounts:
			if _, err := fmt.Sscanf(value, "%d created, %d updated", &e.Counts.Create, &e.Counts.Update); err != nil {
				return Evidence{}, false
			}
		case trailerCost:
			cost, err := strconv.ParseFloat(strings.TrimSuffix(value, " USD"), 64)
			if err != nil {
				return Evidence{}, false
			}
			e.CostUSD = cost
		case trailerWatched:
			e.Watched = value
		case trailerObserved:
			e.Observed = value
		case trailerFacts:
			e.Facts = strings.TrimPrefix(value, "sha256:")
		case trailerMerged:
			e.Merged = strings.TrimSpace(e.Merged + " " + value)
		}
	}
	return e, e.Document != "" && e.Item != "" && e.PlanHash != ""
}

// Evidences reads every paragraph of trailers in a commit message. Merging by
// squash puts the messages of several fix commits into one, and adds lines of
// its own behind them.
func Evidences(message string) []Evidence {
	if !strings.Contains(message, trailerPlan) {
		return nil
	}
	var list []Evidence
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(message, "\r\n", "\n"), "\n\n") {
		if e, ok := ParseEvidence("\n\n" + paragraph); ok {
			list = append(list, e)
		}
	}
	return list
}

// ActionOf is the action that a fix commit names: the indented line of its body.
func ActionOf(message string) string {
	for line := range strings.SplitSeq(message, "\n") {
		if action, ok := strings.CutPrefix(line, "    "); ok {
			return text.Line(action, 0)
		}
	}
	return ""
}

// docsSubject begins the message of the commit that updates the documents.
const docsSubject = "docs: update post-mortem follow-up "

// DocsMessage is the commit message of the documents' update. Each distinct
// date is named once, and who approved what was done.
func DocsMessage(dates, approvers []string) string {
	var marks, trailers []string
	add := func(list []string, one string) []string {
		if slices.Contains(list, one) {
			return list
		}
		return append(list, one)
	}
	for _, date := range dates {
		marks = add(marks, "[PM-"+date+"]")
	}
	for _, by := range approvers {
		if by = breakSkipMarks(text.Line(by, 100)); by != "" {
			trailers = add(trailers, "Approved-by: "+by+"\n")
		}
	}
	message := docsSubject + strings.Join(marks, " ") + " [ci skip]\n"
	if len(trailers) > 0 {
		message += "\n" + strings.Join(trailers, "")
	}
	return message
}

// RefusedMessage is the commit message of a change that the plan gate refused,
// on the branch that keeps it for a person.
func RefusedMessage(item item.Item) string {
	return "refused: " + subject(text.Line(item.Action, 0)) + "\n\nThe gates did not let this change be applied by itself; it was not applied. [ci skip]\n"
}

// SkipsPipeline reports whether a commit's message keeps Woodpecker from starting
// a pipeline.
func SkipsPipeline(message string) bool { return text.SkipMark().MatchString(message) }

// IsOwn reports whether a commit's message is one that this program writes.
func IsOwn(message string) bool {
	_, fix := ParseEvidence(message)
	return fix || IsDocs(message)
}

// IsDocs reports whether a commit's message is the one of a documents' update.
func IsDocs(message string) bool { return strings.HasPrefix(message, docsSubject) }

func subject(action string) string {
	// A mark may come to be only when another between its halves is taken out.
	for text.SkipMark().MatchString(action) {
		action = text.SkipMark().ReplaceAllString(action, " ")
	}
	action = strings.Join(strings.Fields(action), " ")
	runes := []rune(action)
	if len(runes) > subjectAction {
		return strings.TrimSpace(string(runes[:subjectAction-1])) + "…"
	}
	return action
}

// breakSkipMarks keeps the words of a mark and takes its power.
func breakSkipMarks(message string) string {
	return text.SkipMark().ReplaceAllStringFunc(message, func(mark string) string {
		return "(" + strings.TrimSpace(strings.Trim(mark, "[]")) + ")"
	})
}

// quotePath writes unusual paths as Go strings, so that a trailer stays one
// line.
func quotePath(path string) string {
	if quoted := strconv.Quote(path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}

func unquotePath(value string) string {
	if plain, err := strconv.Unquote(value); err == nil && strings.HasPrefix(value, `"`) {
		return plain
	}
	return value
}
