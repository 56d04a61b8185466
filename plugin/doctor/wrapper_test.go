package doctor

import (
	"strings"
	"testing"
)

func TestHanded(t *testing.T) {
	t.Parallel()
	const plan = "/run/ws/plan/doctor.tfplan"
	apply := []string{"apply", "--non-interactive", plan}
	for name, c := range map[string]struct {
		given []string
		calls [][]string
		text  string // part of it; "" when all is well
		fix   string
	}{
		"as it is":      {apply, [][]string{apply}, "", ""},
		"flag first":    {apply, [][]string{{"output"}, {"apply", "-lock-timeout=5m", "--non-interactive", plan}}, "", ""},
		"flag behind":   {apply, [][]string{{"apply", "--non-interactive", plan, "-lock-timeout=5m"}}, "Too many command line arguments", `set -- "$verb" -lock-timeout=5m "$@"`},
		"plan dropped":  {apply, [][]string{{"apply", "--non-interactive"}}, "does not hand", `terragrunt "$@"`},
		"nothing":       {apply, nil, "started no apply", `terragrunt "$@"`},
		"another verb":  {apply, [][]string{{"run-all"}}, "started no apply", `terragrunt "$@"`},
		"plan appended": {[]string{"plan", "-out=" + plan}, [][]string{{"plan", "-out=" + plan, "-lock-timeout=5m"}}, "", ""},
		"order turned":  {apply, [][]string{{"apply", plan, "--non-interactive"}}, "puts --non-interactive behind the plan file", ""},
		"translated":    {apply, [][]string{{"apply", "-input=false", "-auto-approve", plan}}, "", ""},
		"plan as -out":  {[]string{"plan", "-out=" + plan}, [][]string{{"plan", "-input=false", "-out", plan}}, "", ""},
		"out dropped":   {[]string{"plan", "-out=" + plan}, [][]string{{"plan", "-input=false"}}, "does not hand", ""},
		"plan as flag":  {apply, [][]string{{"apply", "--plan=" + plan}}, "does not hand the plan file on as it is", ""},
		"without plan":  {[]string{"init", "--non-interactive"}, [][]string{{"init", "-input=false"}}, "", ""},
	} {
		text, fix := handed("scripts/tg", c.given, c.calls, plan)
		if (c.text == "") != (text == "") || !strings.Contains(text, c.text) || !strings.Contains(fix, c.fix) {
			t.Errorf("%s: %q, %q", name, text, fix)
		}
	}
}
