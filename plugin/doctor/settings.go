package doctor

import (
	"errors"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// readable tells every problem of the settings, and reports whether the rest can
// be checked.
func (p *patient) readable(r Request, say voice) bool {
	wrong := r.Wrong
	if len(wrong) == 0 && p.Settings.CI.PullRequest() {
		wrong = []settings.Problem{{Text: "a pull request's pipeline uses no secret", Fix: "run doctor by hand, or in a manual pipeline"}}
	}
	for _, problem := range wrong {
		secret, explained := r.Pipeline.secretOf(problem.Setting)
		if explained {
			problem.Text, problem.Fix = "comes from the secret "+secret+", which only Woodpecker has", "export "+variableOf(problem.Setting)+" with its value"
		}
		fix := problem.Fix
		if !explained && problem.Setting == "known_hosts" && p.Settings.Hosts.KnownHosts == "" {
			fix += "\n" + scanCommand(p.Settings.Hosts.JumpHost, slices.Concat(p.Settings.Hosts.Hosts, p.Settings.Hosts.AgentHosts))
		}
		say.fail(problem.Setting, fault.Mark(fault.Settings, &fault.Error{Err: errors.New(problem.Text), Fix: fix}))
	}
	if len(wrong) > 0 {
		return false
	}
	if err := access.MayRunHere(p.Settings); err != nil {
		say.fail("hosts", err)
		return false
	}
	say.ok("", "they go together; mode is "+string(p.Settings.Mode))
	for _, warning := range p.Settings.Warnings() {
		say.warn("", warning, "")
	}
	return true
}
