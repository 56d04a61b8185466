// Package doctor checks everything that a run needs, without changing or
// spending anything. Each check has a file of its own and a line in checks; what
// it finds is a Finding, with the fix to paste where something is not well.
package doctor

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// check is one thing that is looked at, alone or with what belongs to it.
type check struct {
	name string
	repo bool // skipped when the repository could not be read
	look func(context.Context, *patient, voice)
}

// checks in the order in which they are made: later ones use what earlier ones
// found.
var checks = []check{
	{"forge", false, forge},
	{"remote", false, remote},
	{"push", true, push},
	{"refs", true, ownRefs},
	{"rules", true, rules},
	{"pull requests", false, pulls},
	{"issues", false, issues},
	{"documents", true, documents},
	{"stacks", true, stacks},
	{"gates", true, gates},
	{"ci skip", true, skipMarks},
	{"woodpecker", true, woodpecker},
	{"workflows", true, workflows},
	{"definition", true, definition},
	{"vault", false, readVault},
	{"key", false, keys},
	{"agent user", false, separation},
	{"prometheus", false, prometheus},
	{"reach", false, hosts},
	{"summary", false, summaryDir},
	{"chat", false, chat},
}

// patient is what is examined, with what the checks learn of it.
type patient struct {
	access.Opener
	plan     string    // stack that is still to be planned, "" for none
	pipeline *Pipeline // that the settings come from, nil for none

	repo     *gitrepo.Repo // nil when it could not be read
	tip      string
	paths    []string
	commands host.Commands
	remove   func() error // removes the clone

	keys     access.Keys
	unusable string // why no SSH host can be logged in to

	terraforms []string // accounts that plan and apply, by the names of their hosts
}

const noRepository = "the repository could not be read"

// Request is what is to be examined beside what the settings name.
type Request struct {
	Wrong    []settings.Problem // with them nothing is contacted
	Plan     string             // a stack to plan too, on the first host that is ready; "" for none
	Pipeline *Pipeline          // where the settings come from, nil for the environment
}

// Examine makes the checks: those that depend on one that failed are skipped,
// the others go on.
func Examine(ctx context.Context, opener access.Opener, r Request, report *Report) {
	p := &patient{Opener: opener, plan: r.Plan, pipeline: r.Pipeline}
	if r.Pipeline != nil {
		r.Pipeline.look(p.Settings, len(r.Wrong) == 0, voice{"pipeline", report})
	}
	if !p.readable(r, voice{"settings", report}) {
		voice{"everything", report}.skip("", "with wrong settings nothing is contacted")
		return
	}
	defer func() {
		if p.remove == nil {
			return
		}
		if err := p.remove(); err != nil {
			voice{"remote", report}.fail("", fmt.Errorf("remove the clone: %w", err))
		}
	}()
	for _, c := range checks {
		c.run(ctx, p, report)
	}
}

func (c check) run(ctx context.Context, p *patient, report *Report) {
	say := voice{c.name, report}
	if c.repo && p.repo == nil {
		say.skip("", noRepository)
		return
	}
	c.look(ctx, p, say)
}

// voice adds the findings of a check to the report.
type voice struct {
	check  string
	report *Report
}

// as is the voice of another check, which goes along with this one.
func (v voice) as(check string) voice { return voice{check, v.report} }

func (v voice) ok(about, text string)        { v.add(OK, about, text, "") }
func (v voice) skip(about, text string)      { v.add(Skipped, about, text, "") }
func (v voice) warn(about, text, fix string) { v.add(Warn, about, text, fix) }

func (v voice) add(status Status, about, text, fix string) {
	v.report.Add(Finding{Check: v.check, About: about, Status: status, Text: text, Fix: fix})
}

// fail is for an error that a run would end with.
func (v voice) fail(about string, err error) { v.report.Add(finding(Fail, v.check, about, err)) }

// caution is for an error that a run would only warn of.
func (v voice) caution(about string, err error) { v.report.Add(finding(Warn, v.check, about, err)) }

// finding is an error with its fix apart.
func finding(status Status, check, about string, err error) Finding {
	parts := fault.Parts(err)
	fix := parts.Fix
	parts.Fix = ""
	return Finding{Check: check, About: about, Status: status, Text: parts.Error(), Fix: fix, Kind: fault.Of(err)}
}
