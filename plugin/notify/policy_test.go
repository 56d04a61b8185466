package notify

import (
	"errors"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/report"
)

func TestNotifyPolicy(t *testing.T) {
	outcome := func(state item.State, code reason.Code, attempt int) func(*report.Summary) {
		return func(s *report.Summary) {
			s.Outcomes = append(s.Outcomes, item.Outcome{Item: item.Item{ID: "i"}, State: state, Reason: code, Attempt: attempt})
		}
	}
	left := func(s *report.Summary) {
		s.Skipped = []report.Left{{Item: item.Item{ID: "i"}, Reason: "type-not-safe"}}
	}
	known := func(code reason.Code) func(*report.Summary) {
		return func(s *report.Summary) { s.Known = map[string]reason.Code{"i": code} }
	}
	push := func(s *report.Summary) { s.Event = "push" }
	changed := func(s *report.Summary) { s.Documents[0].Changed = true }
	dry := func(s *report.Summary) { s.Mode = "dry-run" }

	for name, test := range map[string]struct {
		with             []func(*report.Summary)
		changes, failure bool
	}{
		"nothing to do":                       {nil, false, false},
		"nothing to do, push of other things": {[]func(*report.Summary){push}, false, false},
		"nothing to do, push of a document":   {[]func(*report.Summary){push, changed}, true, false},
		"a document is older than the cron":   {[]func(*report.Summary){changed}, false, false},
		"done":                                {[]func(*report.Summary){outcome(item.Done, "", 1)}, true, false},
		"proposed now":                        {[]func(*report.Summary){outcome(item.Proposed, "", 1)}, true, false},
		"proposed before":                     {[]func(*report.Summary){outcome(item.Proposed, "proposed", 0), known("proposed")}, false, false},
		"refused":                             {[]func(*report.Summary){outcome(item.Refused, "no-effect", 1)}, true, false},
		"refused once more":                   {[]func(*report.Summary){outcome(item.Refused, "no-effect", 2), known("no-effect")}, true, false},
		"failed":                              {[]func(*report.Summary){outcome(item.Failed, "agent-failed", 1)}, true, true},
		"a person must look":                  {[]func(*report.Summary){outcome(item.NeedsPerson, "apply-failed", 1)}, true, true},
		"not attempted":                       {[]func(*report.Summary){outcome(item.NotAttempted, "not-attempted-limit", 0)}, false, false},
		"stack drifts now":                    {[]func(*report.Summary){outcome(item.Skipped, "stack-drifts", 0)}, true, false},
		"stack drifts still":                  {[]func(*report.Summary){outcome(item.Skipped, "stack-drifts", 0), known("stack-drifts")}, false, false},
		"newly left to people":                {[]func(*report.Summary){left}, true, false},
		"left for another reason":             {[]func(*report.Summary){left, known("hedged")}, true, false},
		"left as before":                      {[]func(*report.Summary){left, known("type-not-safe")}, false, false},
		"the run failed":                      {[]func(*report.Summary){func(s *report.Summary) { s.Err = errors.New("x") }}, true, true},
		"temporary":                           {[]func(*report.Summary){func(s *report.Summary) { s.Exit = fault.Temporary }}, true, true},
		"dry run that would speak":            {[]func(*report.Summary){outcome(item.Done, "", 1), dry}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := quiet()
			for _, with := range test.with {
				with(&s)
			}
			v := report.Render(s)
			if got := Changes.result(v); got != test.changes {
				t.Errorf("changes: %v", got)
			}
			if got := Failure.result(v); got != test.failure {
				t.Errorf("failure: %v", got)
			}
			if got := Fixes.result(v); got != (name == "done") {
				t.Errorf("fixes: %v", got)
			}
			if got := Always.result(v); got != (s.Mode != "dry-run") {
				t.Errorf("always: %v", got)
			}
		})
	}
}

func TestStartIsToldUnlessOnlyFailuresAre(t *testing.T) {
	if !Always.start("apply") || !Changes.start("propose") || Failure.start("apply") || Fixes.start("apply") || Always.start("dry-run") {
		t.Error("the wrong runs tell that they start")
	}
}

// quiet is a run that found nothing to do.
func quiet() report.Summary {
	return report.Summary{
		Mode: "apply", Event: "cron", Repository: "ops/infra", Branch: "main",
		Documents: []report.Document{{File: "docs/post-mortems/2026-04-14-nfs.md", Date: "2026-04-14", Title: "NFS outage"}},
	}
}
