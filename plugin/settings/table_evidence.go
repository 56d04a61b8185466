package settings

import (
	"errors"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// evidenceEntries are the settings of the Prometheus that is asked about rules.
var evidenceEntries = []Entry{
	{
		Name:  "prometheus_url",
		Usage: "Base URL of the Prometheus that is asked about alert rules, without `/api/v1`; Mimir, Thanos and VictoriaMetrics work too. See [evidence](evidence.md).",
		read:  asText(func(s *Settings) *string { return &s.Evidence.URL }, evidence.CheckURL),
	},
	{
		Name: "prometheus_token", told: "the Vault secret's field `prometheus_token`",
		Usage:  "Bearer token for it.",
		secret: func(s *Settings) *secret.String { return &s.Evidence.Token },
		parse:  asSecret(),
	},
	{
		Name:  "prometheus_username",
		Usage: "User name for it, instead of a token.",
		read:  asText(func(s *Settings) *string { return &s.Evidence.Username }),
	},
	{
		Name: "prometheus_password", told: "the Vault secret's field `prometheus_password`",
		Usage:  "Password of `prometheus_username`.",
		secret: func(s *Settings) *secret.String { return &s.Evidence.Password },
		parse:  asSecret(),
	},
	{
		Name: "prometheus_ca_cert", told: "`git_ca_cert`",
		Usage: "PEM of the CA that signed its certificate.",
		read:  asPasted(func(s *Settings) *string { return &s.Evidence.CACert }, certificates),
	},
	{
		Name:  "prometheus_tenant",
		Usage: "Tenant, sent as `X-Scope-OrgID`.",
		read:  asText(func(s *Settings) *string { return &s.Evidence.Tenant }, tenant),
	},
	{
		Name: "prometheus_via", Default: string(evidence.Step),
		Usage: "`step` connects to it from the pipeline's step, `host` from the Terraform host, by a channel of the SSH connection: nothing runs there, and no token is there.",
		read:  asChoice(func(s *Settings) *evidence.Via { return &s.Evidence.Via }, evidence.Step, evidence.Host),
	},
	{
		Name: "noisy_after", Default: "20",
		Usage: "Firings a day, on the average of the last 30 days, above which a rule needs a person.",
		read:  asCount(func(s *Settings) *int { return &s.Evidence.NoisyAfter }, 1),
	},
	{
		Name: "evidence_timeout", Default: "5m",
		Usage: "How long a run waits, after its last push, for Prometheus to load its rules.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.Evidence.Timeout }, false),
	},
}

// tenantName is what Mimir takes as a tenant, several of them joined by bars.
// Source: https://grafana.com/docs/mimir/latest/configure/about-tenant-ids/
var tenantName = pattern.Lazy(`^[A-Za-z0-9!\-_.*'()|]{1,500}$`)

func tenant(value string) error {
	if !tenantName().MatchString(value) {
		return fault.WithFix(errors.New("is no name of a tenant"), "use letters, digits and !-_.*'() only")
	}
	return nil
}

// evidence looks at the settings for Prometheus, which have no use without its
// address.
func (f *finder) evidence() {
	if f.s.Evidence.URL == "" {
		for _, e := range evidenceEntries {
			if e.Name != "prometheus_url" && f.given(e.Name) {
				f.add("prometheus_url", "is missing", e.Name+" has no use without it")
				return
			}
		}
		return
	}
	f.exclude("prometheus_token", "prometheus_username", "a request has one login")
	if f.given("prometheus_password") && !f.given("prometheus_username") {
		f.add("prometheus_username", "is missing", "prometheus_password has no use without it")
	}
}
