package settings

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/settings/argv"
)

// Wrapper is the program that plans and applies when the repository has it and
// the setting terraform is unset.
const Wrapper = "scripts/tg"

// NoTerraform is the value of terraform for repositories that something else plans
// and applies.
const NoTerraform = "none"

// Unplanned reports whether changes are proposed without a plan.
func (s Settings) Unplanned() bool { return s.Terraform.Commands.Program == NoTerraform }

// TerraformCommands completes the Terraform settings. hasWrapper reports whether
// the repository has Wrapper, which decides the program when it is unset; the
// program decides the arguments that are unset. There are none for what is not
// planned.
func (s Settings) TerraformCommands(hasWrapper bool) host.Commands {
	program := s.Terraform.Commands.Program
	switch {
	case s.Unplanned():
		return host.Commands{}
	case program != "":
	case hasWrapper:
		program = Wrapper
	default:
		program = "terraform"
	}
	c := host.Commands{
		Program: program,
		Init:    []string{"init", "-input=false", "-lockfile=readonly"},
		Plan:    []string{"plan", "-input=false", "-lock-timeout=5m", "-out=" + argv.PlanFile},
		Show:    []string{"show", "-json", argv.PlanFile},
		Apply:   []string{"apply", "-input=false", "-lock-timeout=5m", argv.PlanFile},
	}
	if strings.TrimPrefix(program, "./") == Wrapper {
		c.Init = nil // the wrapper initialises by itself
		c.Apply = []string{"apply", "--non-interactive", argv.PlanFile}
	}
	c.Init = orElse(s.Terraform.Commands.Init, c.Init)
	c.Plan = orElse(s.Terraform.Commands.Plan, c.Plan)
	c.Show = orElse(s.Terraform.Commands.Show, c.Show)
	c.Apply = orElse(s.Terraform.Commands.Apply, c.Apply)
	return c
}

// orElse is given when it was set, else standard.
func orElse(given, standard []string) []string {
	if len(given) > 0 {
		return slices.Clone(given)
	}
	return standard
}
