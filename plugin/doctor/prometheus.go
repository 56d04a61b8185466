package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// clockTolerance is how far the clock of Prometheus may be off: what a rule would
// have done is told in minutes.
const clockTolerance = time.Minute

// prometheus asks the Prometheus of the settings from here, as a run does, unless a
// host is to reach it.
func prometheus(ctx context.Context, p *patient, say voice) {
	switch c := p.Settings.Evidence; {
	case c.URL == "":
		say.skip("", "prometheus_url is not set: nobody asks whether an alert would have fired")
	case c.Via == evidence.Host:
		// Each host that is ready is asked for it.
	default:
		p.askPrometheus(ctx, "", nil, say)
	}
}

// askPrometheus asks it by way of a dialer, from here without one. A run goes on
// without its evidence, so nothing of it is a failure.
func (p *patient) askPrometheus(ctx context.Context, about string, dial evidence.Dialer, say voice) {
	config := p.keys.Prometheus
	if p.unusable != "" {
		config = p.Settings.Evidence
	}
	asked, err := p.Prometheus(config, dial)
	if err != nil {
		say.caution(about, err)
		return
	}
	defer asked.Close()
	found, err := asked.Examine(ctx)
	if err != nil {
		say.caution(about, err)
		return
	}
	what := "Prometheus"
	if found.Version != "" {
		what = "a server of version " + found.Version
	}
	line := fmt.Sprintf("%s answers at %s, %s", what, config.URL, login(config))
	switch {
	case found.Skew.Abs() > clockTolerance:
		say.warn(about, fmt.Sprintf("%s; its clock is %s off the one here", line, found.Skew.Abs()), "set both clocks by NTP: what a rule would have done is told in minutes")
	case !found.ListsRules:
		say.warn(about, line+"; it has no list of rules (/api/v1/rules), so no row waits until its rule is loaded", "set prometheus_url to a server that has one, such as the Prometheus or the ruler that evaluates the rules")
	case found.Rules == 0:
		say.warn(about, line+"; it lists no rules, and a row waits for its rule", "none, if it has no rules yet; a VictoriaMetrics needs -vmalert.proxyURL")
	default:
		say.ok(about, line+"; "+text.Counted(found.Rules, "rule")+" loaded")
	}
}

// login is how a run identifies itself.
func login(c evidence.Config) string {
	how := "without a login"
	switch {
	case !c.Token.Empty():
		how = "by token"
	case c.Username != "":
		how = "as " + c.Username
	}
	if c.Tenant != "" {
		how += ", tenant " + c.Tenant
	}
	return how
}
