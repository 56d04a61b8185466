package gate

import (
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gate/program"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

const usedByCode = "a provider, a provisioner, a hook or a data source that runs a program is made of this; it stays as it is"

// programs refuses changes of what programs of the stacks are made of: of values,
// and of files that are no Terraform.
func (d *diff) programs(stacks []string) {
	for _, stack := range stacks {
		before, after := d.reached(stack)
		for _, difference := range program.Differences(before, after) {
			d.add(codeOf(difference.Kind), fmt.Sprintf("%s:%d", difference.File, difference.Line), usedByCode)
		}
		for _, file := range d.change.Files {
			if _, ok := before.File(file.Path); ok && !IsConfiguration(file.Path) {
				d.add(reason.CodeAtPlan, file.Path, usedByCode)
			}
		}
	}
}

func codeOf(kind program.Kind) reason.Code {
	switch kind {
	case program.Provider:
		return reason.ProviderBlock
	case program.Provisioner:
		return reason.Provisioner
	}
	return reason.CodeAtPlan
}
