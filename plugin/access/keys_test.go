package access_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin/vault"
)

// TestTheLoginToPrometheusComesFromTheSettingsOrFromVault holds the settings to go
// before the fields, and a user's name to ask for a password.
func TestTheLoginToPrometheusComesFromTheSettingsOrFromVault(t *testing.T) {
	t.Parallel()
	server, err := vault.Start(vault.Options{Token: "root", Secrets: map[string]map[string]string{"ci/infra": {
		"devvm_ssh_key": "key", "known_hosts": "", "prometheus_token": "token-of-vault", "prometheus_password": "password-of-vault",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for name, test := range map[string]struct {
		settings        map[string]string
		token, password string
	}{
		"nothing is set":       {nil, "token-of-vault", ""},
		"a token is set":       {map[string]string{"PLUGIN_PROMETHEUS_TOKEN": "token-of-settings"}, "token-of-settings", ""},
		"a user is set":        {map[string]string{"PLUGIN_PROMETHEUS_USERNAME": "u"}, "", "password-of-vault"},
		"a user with password": {map[string]string{"PLUGIN_PROMETHEUS_USERNAME": "u", "PLUGIN_PROMETHEUS_PASSWORD": "password-of-settings"}, "", "password-of-settings"},
	} {
		environment := map[string]string{
			"PLUGIN_REMOTE": "https://forge.example.org/r.git", "PLUGIN_BRANCH": "main", "PLUGIN_HOSTS": "u@host", "PLUGIN_PROMETHEUS_URL": "http://prometheus:9090",
			"PLUGIN_VAULT_ADDR": server.Addr(), "PLUGIN_VAULT_AUTH": "token", "PLUGIN_VAULT_TOKEN": "root",
		}
		maps.Copy(environment, test.settings)
		s, err := settings.FromEnvironment(environment)
		if err != nil {
			t.Fatal(err)
		}
		var redactor secret.Redactor
		keys, _, err := access.Opener{Settings: s, Log: zerolog.Nop(), Redactor: &redactor}.Keys(t.Context())
		got := keys.Prometheus
		if err != nil || got.Token.Reveal() != test.token || got.Password.Reveal() != test.password {
			t.Errorf("%s: token %q, password %q, %v", name, got.Token.Reveal(), got.Password.Reveal(), err)
		}
		if printed := redactor.Redact("token-of-vault password-of-vault"); strings.Contains(printed, "of-vault") {
			t.Errorf("%s: what Vault says is printed: %s", name, printed)
		}
	}
}
