package gate

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gate/program"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

const usedByCode = "a provider, a provisioner, a hook or a data source that runs a program is made of this; it stays as it is"

// programs refuses changes of what programs are made of: of values, and of files
// that are no Terraform.
func (d *diff) programs() {
	reached := map[string]program.Reached{}
	for _, file := range d.change.Files {
		stack := place.StackOf(file.Path, d.policy.Stacks)
		if stack == "" {
			continue
		}
		before, known := reached[stack]
		if !known {
			before = program.Of(configurationOf(d.change.Files, d.policy.BaseFiles, d.policy.BasePaths, false), stack)
			after := program.Of(configurationOf(d.change.Files, d.policy.BaseFiles, d.policy.BasePaths, true), stack)
			for _, difference := range program.Differences(before, after) {
				d.add(codeOf(difference.Kind), fmt.Sprintf("%s:%d", difference.File, difference.Line), usedByCode)
			}
			reached[stack] = before
		}
		if _, ok := before.File(file.Path); ok && !IsConfiguration(file.Path) {
			d.add(reason.CodeAtPlan, file.Path, usedByCode)
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

// configurationOf is the configuration of a repository as it was or as it would
// be.
func configurationOf(files []change.File, base map[string][]byte, paths []string, after bool) program.Configuration {
	c := program.Configuration{Files: maps.Clone(base), Paths: paths}
	if c.Files == nil {
		c.Files = map[string][]byte{}
	}
	for _, file := range files {
		delete(c.Files, file.Path)
		if file.Kind == change.Added {
			c.Paths = append(c.Paths[:len(c.Paths):len(c.Paths)], file.Path)
		}
		src := file.Old
		if after {
			src = file.New
		}
		if src != nil && IsConfiguration(strings.ToLower(path.Clean(file.Path))) {
			c.Files[file.Path] = bytes.Clone(src)
		}
	}
	return c
}
