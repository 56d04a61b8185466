package settings

import (
	"errors"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// evidenceEntries are the settings of the Prometheus that is asked about rules.
func evidenceEntries(s *Settings) []Entry {
	return []Entry{
		{
			Name: "prometheus_url", read: asText(&s.Evidence.URL, evidence.CheckURL),
			Usage: "Base URL of the Prometheus that is asked about alert rules, without `/api/v1`; Mimir, Thanos and VictoriaMetrics work too. See [evidence](evidence.md).",
		},
		{Name: "prometheus_token", told: "the Vault secret's field `prometheus_token`", secret: &s.Evidence.Token, Usage: "Bearer token for it."},
		{Name: "prometheus_username", read: asText(&s.Evidence.Username), Usage: "User name for it, instead of a token."},
		{Name: "prometheus_password", told: "the Vault secret's field `prometheus_password`", secret: &s.Evidence.Password, Usage: "Password of `prometheus_username`."},
		{Name: "prometheus_ca_cert", told: "`git_ca_cert`", read: asPasted(&s.Evidence.CACert, certificates), Usage: "PEM of the CA that signed its certificate."},
		{Name: "prometheus_tenant", read: asText(&s.Evidence.Tenant, tenant), Usage: "Tenant, sent as `X-Scope-OrgID`."},
		{
			Name: "prometheus_via", Default: string(evidence.Step), read: asChoice(&s.Evidence.Via, evidence.Step, evidence.Host),
			Usage: "`step` connects to it from the pipeline's step, `host` from the Terraform host, by a channel of the SSH connection: nothing runs there, and no token is there.",
		},
		{Name: "noisy_after", Default: "20", read: asCount(&s.Evidence.NoisyAfter, 1), Usage: "Firings a day, on the average of the last 30 days, above which a rule needs a person."},
		{Name: "evidence_timeout", Default: "5m", read: asDuration(&s.Evidence.Timeout, false), Usage: "How long a run waits, after its last push, for Prometheus to load its rules."},
	}
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
		for _, e := range evidenceEntries(&f.s) {
			if e.Name != "prometheus_url" && f.given(e.Name) {
				f.add("prometheus_url", "is missing", e.Name+" has no use without it")
				return
			}
		}
		return
	}
	f.exclude("prometheus_token", "prometheus_username", "a request has one login")
	f.needs("prometheus_password", "prometheus_username", "prometheus_password has no use without it")
}
