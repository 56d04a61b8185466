package plugin

import (
	"os"
	"strings"
	"testing"
)

func TestEmptyVariablesAreUnset(t *testing.T) {
	t.Setenv("PLUGIN_HOSTS", "")
	t.Setenv("PLUGIN_MODE", " \n")
	t.Setenv("PLUGIN_MODEL", "opus")
	t.Setenv("CI_COMMIT_BRANCH", "")
	t.Setenv("OTHER", "")
	if err := CleanEnvironment(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"PLUGIN_HOSTS": false, "PLUGIN_MODE": false, "PLUGIN_MODEL": true, "CI_COMMIT_BRANCH": false, "OTHER": true} {
		if _, got := os.LookupEnv(name); got != want {
			t.Errorf("%s is set: %v, want %v", name, got, want)
		}
	}
}

func TestThreat9_SecretsLeaveTheEnvironment(t *testing.T) {
	names := []string{"CI_NETRC_PASSWORD", "CI_NETRC_USERNAME"}
	for _, e := range entries() {
		if e.secret {
			names = append(names, variable(e.name))
		}
	}
	for _, name := range names {
		t.Setenv(name, "hunter2")
	}
	t.Setenv("PLUGIN_HOSTS", "local")
	if err := forgetSecrets(); err != nil {
		t.Fatal(err)
	}
	for _, pair := range os.Environ() {
		if strings.Contains(pair, "hunter2") {
			t.Errorf("%s is still there", pair)
		}
	}
	if os.Getenv("PLUGIN_HOSTS") != "local" {
		t.Error("a setting that is no secret was unset")
	}
}

func TestUnknownSettings(t *testing.T) {
	for variable, say := range map[string]string{
		"PLUGIN_HSOTS":        "did you mean hosts?",
		"PLUGIN_VAULTADDR":    "did you mean vault_addr?", // vaultAddr in YAML
		"PLUGIN_MAXITEMS":     "did you mean max_items?",
		"PLUGIN_BUDGET":       "did you mean budget_usd?",
		"PLUGIN_PROTECT":      "did you mean protected?",
		"PLUGIN_ALLOW_PATH":   "did you mean allow_paths?",
		"PLUGIN_Mode":         "did you mean mode?",
		"PLUGIN_SKIP_TLS":     "lists them all",
		"PLUGIN_XYZZY_PLUGHS": "lists them all",
	} {
		got := unknownSettings([]string{"PLUGIN_HOSTS=local", "PATH=/bin", variable + "=hunter2"})
		if len(got) != 1 || !strings.Contains(got[0].Text, say) || strings.Contains(got[0].Text, "hunter2") {
			t.Errorf("%s: %q, want one that says %q", variable, got, say)
		}
	}
	if got := unknownSettings([]string{"PLUGIN_HSOTS="}); got != nil {
		t.Errorf("an empty value does not count as unset: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"hosts", "hosts", 0}, {"hsots", "hosts", 2}, {"flaw", "lawn", 2}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
		if got := distance(test.b, test.a); got != test.want {
			t.Errorf("%q to %q: %d, want %d", test.b, test.a, got, test.want)
		}
	}
}
