package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// stacks looks whether there is anything to plan: without it no item can ever be
// done.
func stacks(_ context.Context, p *patient, say voice) {
	if p.Settings.Unplanned() {
		say.skip("", "nothing is planned, since terraform is "+settings.NoTerraform)
		return
	}
	globs := strings.Join(p.Settings.Terraform.Stacks, ", ")
	folders := p.stackFolders()
	if len(folders) == 0 {
		say.fail("", fault.WithFix(errors.New("no folder of the repository matches stacks: "+globs), "set stacks to the folders that are planned on their own, such as stacks/*"))
		return
	}
	say.ok("", fmt.Sprintf("%s: %s", globs, text.Counted(len(folders), "folder")))
}

// stackFolders is the folders of the repository that are planned on their own.
func (p *patient) stackFolders() []string {
	return place.Stacks(slices.Clone(p.paths), p.Settings.Terraform.Stacks)
}
