package gate

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/gate/leak"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// DiffPolicy is what the diff gate allows. All globs are doublestar patterns
// over slash-separated paths from the root of the repository.
type DiffPolicy struct {
	Type       string            // the item's type, for messages
	AllowPaths []string          // what a change may touch; none allows nothing
	TypePaths  []string          // narrower paths of the type; none adds no limit
	Protected  []string          // names, paths or globs of stacks that are never touched
	Stacks     []string          // globs of the folders that are planned and applied on their own
	StatePaths []string          // globs of where tracked state would be
	Documents  []string          // globs of the post-mortems, which are updated by this program alone
	BasePaths  []string          // every path of the base commit
	BaseFiles  map[string][]byte // content of the base's configuration by path, see IsConfiguration: shows which stacks share a module, and what a changed value reaches
	Unread     []string          // configuration of the base that is too large to be read
	ByHand     bool              // what several stacks use, and stacks whose state is tracked in git, may change, since nothing of it is applied here
	Unplanned  bool              // nothing is planned or applied here, so that neither state nor broken files of a stack matter
	Secrets    []secret.String   // known secrets that must not appear in added text
	Wrapper    string            // path of the Terraform wrapper in the repository; its folder is denied too; "" when there is none
}

// IsConfiguration reports whether a path is that of a file whose content the
// policy wants of the base: of Terraform, OpenTofu or Terragrunt.
func IsConfiguration(file string) bool { return hclfile.IsConfiguration(file) }

// Limits of one change.
const (
	maxFiles = 20
	maxBytes = 1 << 20 // of old and of new content
)

// The modes of files that git knows, as far as the gate tells them apart.
const (
	modeRegular    = 0o100644
	modeExecutable = 0o100755 // no program by itself: some repositories set it on every file
	modeLink       = 0o120000
	modeModule     = 0o160000
)

// diff is one judgement of the diff gate.
type diff struct {
	findings
	*Changeset
	byHand bool // several stacks use what is changed, or the state of one is tracked in git
}

// Verdict judges what an agent changed. It names the stack when exactly one is
// touched. Whatever goes wrong inside refuses the change.
func (c *Changeset) Verdict() (verdict item.Verdict) {
	d := &diff{Changeset: c}
	defer func() {
		if recover() != nil {
			d.add(reason.GateError, "", "the diff gate failed on this change; it is refused to be safe")
			verdict = item.Verdict{Findings: d.sorted()}
		}
	}()
	if c.Empty() {
		d.add(reason.NoChange, "", "the agent changed nothing")
		return item.Verdict{Findings: d.sorted()}
	}
	d.limits()
	d.paths()
	stacks := d.stacks()
	d.modes()
	for _, file := range readable(c.change.Files) {
		d.content(file)
	}
	d.terraform()
	d.programs(stacks)
	verdict = item.Verdict{Stacks: stacks, ByHand: d.byHand, Findings: d.sorted()}
	if len(stacks) == 1 {
		verdict.Stack = stacks[0]
	}
	return verdict
}

// limits judges the size of the whole change.
func (d *diff) limits() {
	if len(d.change.Files) > maxFiles {
		d.add(reason.TooManyFiles, "", fmt.Sprintf("%d files are changed; an item may change at most %d", len(d.change.Files), maxFiles))
	}
	var before, after int64
	for _, file := range d.change.Files {
		before += max(file.OldSize, int64(len(file.Old)))
		after += max(file.NewSize, int64(len(file.New)))
	}
	if max(before, after) > maxBytes {
		d.add(reason.TooManyBytes, "", fmt.Sprintf("the changed files hold %d bytes; an item may change files of at most %d bytes in all", max(before, after), maxBytes))
	}
}

// modes judges what kind of object every path is and was.
func (d *diff) modes() {
	for _, file := range d.change.Files {
		switch {
		case file.OldMode == modeLink || file.NewMode == modeLink:
			d.add(reason.Symlink, file.Path, "symbolic links must not be added or changed")
		case file.OldMode == modeModule || file.NewMode == modeModule:
			d.add(reason.Submodule, file.Path, "submodules must not be added or changed")
		case file.Kind == item.Deleted:
			d.add(reason.FileDeleted, file.Path, "an item must not delete or rename a file")
		case file.Kind == item.Added && file.NewMode != modeRegular:
			d.add(reason.ModeChange, file.Path, "a new file must be a regular file with mode 100644")
		case file.Kind == item.Modified && file.NewMode != file.OldMode:
			d.add(reason.ModeChange, file.Path, "the mode of a file must stay as it is")
		case file.Kind == item.Modified && file.OldMode != modeRegular && file.OldMode != modeExecutable:
			d.add(reason.ModeChange, file.Path, "only regular files may change")
		case file.Kind != item.Added && file.Kind != item.Modified:
			d.add(reason.ModeChange, file.Path, "the kind of this change is unknown")
		}
		if file.Filtered {
			d.add(reason.FilteredPath, file.Path, "the repository gives this path a filter (git-crypt, LFS); a change would be published unfiltered")
		}
	}
}

// readable is the files whose content matters.
func readable(files []item.File) []item.File {
	var list []item.File
	for _, file := range files {
		if file.Kind != item.Deleted && file.NewMode != modeLink && file.NewMode != modeModule {
			list = append(list, file)
		}
	}
	return list
}

// content judges the bytes of one file, whatever its language.
func (d *diff) content(file item.File) {
	if file.New == nil && file.NewSize > 0 || file.Kind == item.Modified && file.Old == nil && file.OldSize > 0 {
		d.add(reason.ContentMissing, file.Path, "the file is too large to judge")
		return
	}
	if bytes.IndexByte(file.New, 0) >= 0 || !utf8.Valid(file.New) {
		d.add(reason.Binary, file.Path, "the file is not text in UTF-8")
		return
	}
	d.invisible(file)
	if bytes.HasPrefix(file.New, []byte("#!")) || bytes.HasPrefix(file.Old, []byte("#!")) {
		d.add(reason.FileKind, file.Path, "the file is a script; scripts need a person")
	}
	d.secrets(file)
	if !strings.EqualFold(path.Ext(file.Path), ".tf") {
		d.template(file)
	}
}

// invisible refuses characters that show a reader something else than what a
// program reads: direction marks, zero-width and other format characters.
func (d *diff) invisible(file item.File) {
	for _, line := range leak.AddedLines(file.Old, file.New) {
		for _, r := range line.Text {
			if text.Invisible(r) {
				d.add(reason.Binary, fmt.Sprintf("%s:%d", file.Path, line.Number), "the line holds a control character or an invisible one")
				break
			}
		}
	}
}

// secrets refuses known secrets and what has the shape of one, in added lines
// only: what was there before is not this item's doing.
func (d *diff) secrets(file item.File) {
	if leak.Holds(file.Old, file.New, d.policy.Secrets) {
		d.add(reason.Secret, file.Path, "the file holds a secret that this run was given")
	}
	for _, line := range leak.AddedLines(file.Old, file.New) {
		if what := leak.Shape(line.Text); what != "" {
			d.add(reason.Secret, fmt.Sprintf("%s:%d", file.Path, line.Number), "the line looks like it holds "+what)
		}
	}
}
