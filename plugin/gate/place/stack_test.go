package place_test

import (
	"slices"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate/place"
)

func TestStackOf(t *testing.T) {
	globs := []string{"stacks/*", "stacks/*/env/*", "./infra/"}
	for file, want := range map[string]string{
		"stacks/a/main.tf": "stacks/a", "stacks/a/b/c.yaml": "stacks/a", "stacks/a/env/prod/x.tf": "stacks/a/env/prod", "stacks/README.md": "", "main.tf": "",
		"infra/x.tf": "infra", "other/stacks/a/x.tf": "", "": "", "/": "",
	} {
		if got := place.StackOf(file, globs); got != want {
			t.Errorf("%s: %q", file, got)
		}
	}
	if got := place.StackOf("a/b/c", []string{"[", "a/*"}); got != "a/b" {
		t.Errorf("a broken glob: %q", got)
	}
	for file, want := range map[string]string{
		"main.tf": ".", "modules/a/main.tf": ".", "environments/prod/main.tf": "environments/prod", "/main.tf": "", "": "",
	} {
		if got := place.StackOf(file, []string{"./", "environments/*"}); got != want {
			t.Errorf("with the root as a stack, %s: %q", file, got)
		}
	}
	if got := place.StackOf("main.tf", []string{"*", "**"}); got != "" {
		t.Errorf("a wildcard means folders: %q", got)
	}
	if got := place.Stacks([]string{"stacks/b/x", "stacks/a/x", "stacks/a/y", "z"}, globs); !slices.Equal(got, []string{"stacks/a", "stacks/b"}) {
		t.Errorf("%q", got)
	}
}

func TestStackNamed(t *testing.T) {
	folders := []string{"stacks/monitoring", "stacks/uptime-kuma", "stacks/monitoring-extra"}
	for text, want := range map[string]string{
		"Add alert in stacks/monitoring/alerts.tf":        "stacks/monitoring",
		"Add alert in `monitoring`":                       "stacks/monitoring",
		"Improve monitoring of NFS":                       "",
		"In the monitoring stack, add NFS":                "stacks/monitoring",
		"stacks/uptime-kuma and stacks/monitoring":        "",
		"STACKS/MONITORING":                               "stacks/monitoring",
		"stacks/monitoring-extra/x.tf":                    "stacks/monitoring-extra",
		"see https://example.org/x/stacks/monitoring/a":   "",
		"xstacks/monitoring":                              "",
		"":                                                "",
		"stacks/monitorin":                                "",
		"Add a check to stack uptime-kuma, see issue #12": "stacks/uptime-kuma",
	} {
		if got := place.StackNamed(text, folders); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestStackWithin(t *testing.T) {
	folders := []string{"stacks/monitoring", "stacks/uptime-kuma"}
	for _, c := range []struct {
		globs []string
		want  string
	}{
		{[]string{"stacks/monitoring/**"}, "stacks/monitoring"},
		{[]string{"stacks/**"}, ""},
		{nil, ""},
		{[]string{"docs/**"}, ""},
		{[]string{"stacks/uptime-kuma/*.tf", "docs/**"}, "stacks/uptime-kuma"},
	} {
		if got := place.StackWithin(c.globs, folders); got != c.want {
			t.Errorf("%q: %q", c.globs, got)
		}
	}
}
