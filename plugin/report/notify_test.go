package report

import (
	"errors"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

func TestNotifyPolicy(t *testing.T) {
	outcome := func(state change.State, code reason.Code, attempt int) func(*Summary) {
		return func(s *Summary) {
			s.Outcomes = append(s.Outcomes, change.Outcome{Item: change.Item{ID: "i"}, State: state, Reason: code, Attempt: attempt})
		}
	}
	left := func(s *Summary) {
		s.Skipped = []Left{{Item: change.Item{ID: "i"}, Reason: "type-not-safe"}}
	}
	known := func(code reason.Code) func(*Summary) {
		return func(s *Summary) { s.Known = map[string]reason.Code{"i": code} }
	}
	push := func(s *Summary) { s.Event = "push" }
	changed := func(s *Summary) { s.Documents[0].Changed = true }
	dry := func(s *Summary) { s.Mode = "dry-run" }

	for name, test := range map[string]struct {
		with             []func(*Summary)
		changes, failure bool
	}{
		"nothing to do":                       {nil, false, false},
		"nothing to do, push of other things": {[]func(*Summary){push}, false, false},
		"nothing to do, push of a document":   {[]func(*Summary){push, changed}, true, false},
		"a document is older than the cron":   {[]func(*Summary){changed}, false, false},
		"done":                                {[]func(*Summary){outcome(change.Done, "", 1)}, true, false},
		"proposed now":                        {[]func(*Summary){outcome(change.Proposed, "", 1)}, true, false},
		"proposed before":                     {[]func(*Summary){outcome(change.Proposed, "proposed", 0), known("proposed")}, false, false},
		"refused":                             {[]func(*Summary){outcome(change.Refused, "no-effect", 1)}, true, false},
		"refused once more":                   {[]func(*Summary){outcome(change.Refused, "no-effect", 2), known("no-effect")}, true, false},
		"failed":                              {[]func(*Summary){outcome(change.Failed, "agent-failed", 1)}, true, true},
		"a person must look":                  {[]func(*Summary){outcome(change.NeedsPerson, "apply-failed", 1)}, true, true},
		"not attempted":                       {[]func(*Summary){outcome(change.NotAttempted, "not-attempted-limit", 0)}, false, false},
		"stack drifts now":                    {[]func(*Summary){outcome(change.Skipped, "stack-drifts", 0)}, true, false},
		"stack drifts still":                  {[]func(*Summary){outcome(change.Skipped, "stack-drifts", 0), known("stack-drifts")}, false, false},
		"newly left to people":                {[]func(*Summary){left}, true, false},
		"left for another reason":             {[]func(*Summary){left, known("hedged")}, true, false},
		"left as before":                      {[]func(*Summary){left, known("type-not-safe")}, false, false},
		"the run failed":                      {[]func(*Summary){func(s *Summary) { s.Err = errors.New("x") }}, true, true},
		"temporary":                           {[]func(*Summary){func(s *Summary) { s.Exit = fault.Temporary }}, true, true},
		"dry run that would speak":            {[]func(*Summary){outcome(change.Done, "", 1), dry}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := quiet()
			for _, with := range test.with {
				with(&s)
			}
			if got := Changes.Result(s); got != test.changes {
				t.Errorf("changes: %v", got)
			}
			if got := Failure.Result(s); got != test.failure {
				t.Errorf("failure: %v", got)
			}
			if got := Always.Result(s); got != (s.Mode != "dry-run") {
				t.Errorf("always: %v", got)
			}
		})
	}
}

func TestStartIsToldUnlessOnlyFailuresAre(t *testing.T) {
	if !Always.Start("apply") || !Changes.Start("propose") || Failure.Start("apply") || Always.Start("dry-run") {
		t.Error("the wrong runs tell that they start")
	}
}

func TestParsePolicy(t *testing.T) {
	for text, want := range map[string]Policy{"": Changes, "always": Always, "changes": Changes, "failure": Failure} {
		if got, err := ParsePolicy(text); err != nil || got != want {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
	if _, err := ParsePolicy("Always"); err == nil {
		t.Error("an unknown policy passes")
	}
}
