package settings

import (
	"strings"
	"testing"
)

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
		if len(got) != 1 || !strings.Contains(got[0].Fix, say) || strings.Contains(got[0].Text+got[0].Fix, "hunter2") {
			t.Errorf("%s: %q, want one that says %q", variable, got, say)
		}
	}
	if got := unknownSettings([]string{"PLUGIN_HSOTS="}); got != nil {
		t.Errorf("an empty value does not count as unset: %q", got)
	}
}
