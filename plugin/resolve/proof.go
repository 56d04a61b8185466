package resolve

import (
	"context"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Refs below refs/pm-todos/ can be written by anybody who may push refs, and
// that may be more people than those who may push the branch. So a journal is a
// claim. It is acted upon when the diff rules let its commit pass, from a parent
// that is on the branch, and when the run directory on the Terraform host names
// that commit and holds the plan file: those were there before the apply began.
// The ledger is a claim too; all that is taken from it here is which host to ask
// first.

// Rules are what every change is judged by, whoever made it.
type Rules struct {
	Scope   Scope
	Secrets []secret.String // must appear in no change
	Wrapper string          // as in Options
}

// policy is what the diff gate may let pass for an item.
func (r Rules) policy(repo Remote, item change.Item, base string) (gate.DiffPolicy, error) {
	p, err := r.Scope.DiffPolicy(repo, item.Type, base)
	p.Secrets, p.Wrapper = r.Secrets, r.Wrapper
	return p, err
}

// Left is what a journal on the remote says was left: a claim, until judge and
// the run directory bear it out.
type Left struct {
	Name     string          // of the journal ref
	Fix      string          // the journaled commit
	Item     change.Item     // of the documents, else what the commit says of it
	Evidence record.Evidence // zero when the commit has none of the item that the ref is of
	commit   gitrepo.Commit
	foreign  *foreign // why it is not believed, when that is known already
}

// foreign is a journal that is not believed, and why.
type foreign struct {
	findings []change.Finding
	err      error
}

// Error says why.
func (f *foreign) Error() string { return f.err.Error() }

// Unwrap is the cause.
func (f *foreign) Unwrap() error { return f.err }

func foreignf(format string, args ...any) error { return &foreign{err: fmt.Errorf(format, args...)} }

// readLeft reads a journal. known are the items of the documents, by reference:
// the name of a ref tells its item even when the commit does not. The error is a
// *foreign one, with all that can be said of the journal, or that of a remote
// that does not answer.
func readLeft(repo Remote, name, fix string, known map[record.Ref]change.Item) (Left, error) {
	left := Left{Name: name, Fix: fix, Item: change.Item{ID: strings.TrimPrefix(name, record.JournalPrefix), Action: "a journal that this program did not write"}}
	for ref, item := range known {
		if record.JournalRef(ref) == name {
			left.Item = item
		}
	}
	var err error
	if left.commit, err = repo.Lookup(fix); err != nil {
		return left, doubted(fmt.Errorf("read the journal %s: %w", name, err))
	}
	evidence, ok := record.ParseEvidence(left.commit.Message)
	if !ok || record.JournalRef(evidence.Ref()) != name {
		return left, foreignf("the journal %s holds a commit that this program did not make for it", name)
	}
	left.Evidence = evidence
	if left.Item.Document == "" {
		// The row is gone from the documents; the commit still says what it was.
		left.Item = change.Item{
			Document: text.Line(evidence.Document, 0), ID: text.Line(evidence.Item, 100), Action: record.ActionOf(left.commit.Message),
		}
	}
	return left, nil
}

// doubted makes an error of reading a journal's objects one of the journal,
// unless it is the remote's trouble: whoever wrote the ref chose the objects.
func doubted(err error) error {
	if fault.Of(err) == fault.Temporary {
		return err
	}
	return &foreign{err: err}
}

// judge holds the commit of a journal against the diff rules. The error is a
// *foreign one when it does not pass.
func (l Left) judge(repo Remote, rules Rules) error {
	if l.commit.Merge || l.commit.Parent == "" {
		return foreignf("its commit %.12s is not made on one parent", l.Fix)
	}
	if !l.Evidence.NamesPlan() {
		return foreignf("its commit %.12s names no plan file by its SHA-256", l.Fix)
	}
	onBranch, err := repo.Contains(repo.Tip(), l.commit.Parent)
	if err != nil {
		return doubted(fmt.Errorf("look for the parent of %.12s: %w", l.Fix, err))
	}
	if !onBranch {
		return foreignf("its commit %.12s starts from %.12s, which is not on the branch", l.Fix, l.commit.Parent)
	}
	policy, err := rules.policy(repo, l.Item, l.commit.Parent)
	if err != nil {
		return doubted(err)
	}
	diff, err := repo.Diff(l.commit.Parent, l.commit.Tree)
	if err != nil {
		return doubted(fmt.Errorf("read what %.12s changes: %w", l.Fix, err))
	}
	verdict := gate.Compare(diff, policy).Verdict()
	switch {
	case !verdict.Passed():
		return &foreign{verdict.Findings, fmt.Errorf("its commit %.12s changes what no item may change: %s", l.Fix, verdict.Findings[0])}
	case verdict.Stack != l.Evidence.Stack:
		return foreignf("its commit %.12s changes %s and names another stack", l.Fix, verdict.Stack)
	}
	return nil
}

// hostsOf are the hosts that may have the run directory of an item: the one that
// the ledger names, when the settings still do, and the one in use.
func (r *Resolver) hostsOf(ctx context.Context, ref record.Ref) ([]ApplyRecords, error) {
	attempt, _ := r.ledger.LastAttempt(ref)
	name := attempt.Host
	hosts := []ApplyRecords{r.terraform}
	switch {
	case name == "" || name == r.terraform.Name():
	case r.others[name] != nil:
		hosts = []ApplyRecords{r.others[name], r.terraform}
	default:
		h, err := r.opts.Dial(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w; take it out of hosts when it is gone for good, and settle the item by hand", errHostDown, name, err)
		}
		if h != nil {
			r.others[name] = h
			hosts = []ApplyRecords{h, r.terraform}
		}
	}
	return hosts, nil
}

// status asks the hosts how the apply of a journal ended, and waits for one that
// still runs. The error is a *foreign one when the run directory tells of
// another commit or plan than the journal.
func (s *settling) status(ctx context.Context) (host.ApplyStatus, error) {
	hosts, err := s.hostsOf(ctx, s.ref)
	if err != nil {
		return host.ApplyStatus{}, err
	}
	s.log.Info().Str("stage", "settle").Str("item", s.out.Item.ID).Msg("asking the host how its apply ended; one that still runs is waited for")
	var status host.ApplyStatus
	for _, h := range hosts {
		status, err = h.FenceApply(ctx, applyID(s.ref, s.evidence.PlanHash), s.evidence.PlanHash)
		if err != nil && status.Running {
			return status, fault.Mark(fault.Person, fmt.Errorf("an apply still runs on %s: %w", h.Name(), err))
		}
		if err != nil {
			return status, fmt.Errorf("read how the apply ended on %s: %w", h.Name(), err)
		}
		if status.Began || !status.Unknown {
			break // its run directory is there
		}
	}
	if status.Began && (status.Commit != s.fix || status.SHA256 != s.evidence.PlanHash) {
		return status, foreignf("the run directory is of another commit or plan than the journal's %.12s", s.fix)
	}
	return status, nil
}
