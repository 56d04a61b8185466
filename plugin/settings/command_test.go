package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pm-todos/pm-todos/plugin/host"
)

func TestTerraformCommands(t *testing.T) {
	terraform := host.Commands{
		Program: "terraform",
		Init:    []string{"init", "-input=false", "-lockfile=readonly"},
		Plan:    []string{"plan", "-input=false", "-lock-timeout=5m", "-out={plan}"},
		Show:    []string{"show", "-json", "{plan}"},
		Apply:   []string{"apply", "-input=false", "-lock-timeout=5m", "{plan}"},
	}
	wrapper := terraform
	wrapper.Program, wrapper.Init, wrapper.Apply = "scripts/tg", nil, []string{"apply", "--non-interactive", "{plan}"}
	tofu := terraform
	tofu.Program = "tofu"
	own := wrapper
	own.Init, own.Apply = []string{"init"}, []string{"apply", "-x=a b", "{plan}"}
	tests := []struct {
		name       string
		b          block
		hasWrapper bool
		want       host.Commands
	}{
		{"no wrapper", nil, false, terraform},
		{"wrapper", nil, true, wrapper},
		{"wrapper by name", block{"terraform": "scripts/tg"}, false, wrapper},
		{"another program", block{"terraform": "tofu"}, true, tofu},
		{"arguments that are set", block{"init_args": "init", "apply_args": "apply '-x=a b' {plan}"}, true, own},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := mustRead(t, least.with(test.b), CI{}).TerraformCommands(test.hasWrapper)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
