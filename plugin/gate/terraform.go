package gate

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// statement is one top-level block of a folder's Terraform files.
type statement struct {
	file  hclfile.File
	block *hclsyntax.Block
	text  string // the block without comments, spaces and line ends
}

func (s statement) place() string {
	return fmt.Sprintf("%s:%d", s.file.Path, s.block.DefRange().Start.Line)
}

// name is the kind of the block and its labels.
func (s statement) name() string {
	return strings.Join(append([]string{s.block.Type}, s.block.Labels...), ".")
}

// folder is the Terraform files of one folder that differ, before and after.
// A folder is one module for Terraform, so that a block may move between its
// files without being another one.
type folder struct{ before, after []hclfile.File }

// terraform judges the Terraform files of the change.
func (d *diff) terraform() {
	folders := map[string]*folder{}
	var order []string
	broken := map[string]bool{}
	for _, file := range d.change.Files {
		if !strings.EqualFold(path.Ext(file.Path), ".tf") {
			continue
		}
		name := path.Dir(file.Path)
		if folders[name] == nil {
			folders[name] = &folder{}
			order = append(order, name)
		}
		if !d.readFile(folders[name], file) {
			broken[name] = true
		}
	}
	for _, name := range order {
		// A folder with a file that cannot be read is judged all the same, so
		// that every reason is named; it is refused already.
		c := comparison{diff: d, folder: folders[name], partial: broken[name]}
		c.judge()
	}
}

// readFile parses both sides of a file into its folder.
func (d *diff) readFile(into *folder, file item.File) bool {
	good := true
	if file.Kind != item.Added && file.OldMode != modeLink && file.OldMode != modeModule {
		parsed, err := d.before.Parse(file.Path)
		if err != nil {
			d.add(reason.HCLUnreadable, file.Path, "before the change: "+err.Error())
			good = false
		} else {
			into.before = append(into.before, parsed)
		}
	}
	if file.Kind != item.Deleted && file.NewMode != modeLink && file.NewMode != modeModule {
		parsed, err := d.after.Parse(file.Path)
		if err != nil {
			d.add(reason.HCLUnreadable, file.Path, err.Error())
			good = false
		} else {
			into.after = append(into.after, parsed)
		}
	}
	return good
}

// statements is the top-level blocks of files, in order.
func statements(files []hclfile.File) []statement {
	var list []statement
	for _, file := range files {
		for _, block := range file.Body.Blocks {
			list = append(list, statement{file, block, hclfile.TextOf(file.Src, block.Range())})
		}
	}
	return list
}
