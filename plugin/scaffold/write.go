package scaffold

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Standing is how a file of ours compares with what is in the repository.
type Standing string

// The standings. Only a file that is Absent is ever written.
const (
	Absent  Standing = "absent"
	Same    Standing = "the same"
	Differs Standing = "different"
)

// Target is a file of ours beside what stands in its place.
type Target struct {
	File
	Standing Standing
	Present  []byte // what stands there; nil when Absent
}

// Compare looks at what stands in the places of files. Its error names the
// place that cannot be looked at or where no file can be, such as a folder of
// that name or a link that leads out of the repository.
func Compare(root *os.Root, files []File) ([]Target, error) {
	targets := make([]Target, 0, len(files))
	for _, file := range files {
		target, err := compare(root, file)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	return targets, nil
}

func compare(root *os.Root, file File) (Target, error) {
	target := Target{File: file, Standing: Absent}
	name := path.Clean(file.Path)
	// What is in the way shows at the first part of the path that is no folder.
	for at, c := range name {
		if c != '/' {
			continue
		}
		info, err := root.Stat(name[:at])
		switch {
		case errors.Is(err, fs.ErrNotExist) && !isLink(root, name[:at]):
			return target, nil
		case err != nil:
			return target, inTheWay(name[:at], err)
		case !info.IsDir():
			return target, fmt.Errorf("%s is no folder, so %s cannot be written; move it away", name[:at], name)
		}
	}
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isLink(root, name):
		return target, nil
	case err != nil:
		return target, inTheWay(name, err)
	case !info.Mode().IsRegular():
		return target, fmt.Errorf("%s is no regular file; move it away", name)
	}
	if target.Present, err = root.ReadFile(name); err != nil {
		return target, fmt.Errorf("look at what is there: %w", err)
	}
	target.Standing = Differs
	if bytes.Equal(target.Present, file.Content) {
		target.Standing = Same
	}
	return target, nil
}

func isLink(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

func inTheWay(name string, err error) error {
	return fmt.Errorf("%s cannot be followed: %w; a link must lead to something inside the repository", name, err)
}

// Diff is the unified diff from what stands in the target's place to the file,
// "" when they are the same. What a terminal would obey is taken out of it.
func (t Target) Diff() string {
	old := "a/" + t.Path
	if t.Standing == Absent {
		old = "/dev/null"
	}
	return text.Clean(string(diff.Diff(old, t.Present, "b/"+t.Path, t.Content)))
}

// Write writes the targets that are Absent, all of them or none: each appears
// whole under its name, and what was made before an error is removed again. A
// file that somebody made meanwhile is an error and stays as it is.
func Write(root *os.Root, targets []Target) (err error) {
	w := writing{root: root}
	defer func() { err = errors.Join(err, w.finish(err != nil)) }()
	for i, target := range targets {
		if target.Standing != Absent {
			continue
		}
		if err := w.stage(targets[i].File); err != nil {
			return fmt.Errorf("write %s: %w", target.Path, err)
		}
	}
	for _, one := range w.staged {
		if err := w.place(one); err != nil {
			return fmt.Errorf("write %s: %w", one.name, err)
		}
	}
	return nil
}

// writing is one call of Write, and what it made so far.
type writing struct {
	root    *os.Root
	folders []string // outermost first
	staged  []staged
	placed  []string
}

// staged is a file that is complete under another name.
type staged struct{ temporary, name string }

func (w *writing) stage(file File) error {
	name := path.Clean(file.Path)
	folder := path.Dir(name)
	if err := w.folder(folder); err != nil {
		return err
	}
	temporary := path.Join(folder, ".pm-todos-"+strings.ToLower(rand.Text()))
	f, err := w.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	w.staged = append(w.staged, staged{temporary: temporary, name: name})
	_, err = f.Write(file.Content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// folder makes a folder with those above it.
func (w *writing) folder(name string) error {
	if name == "." {
		return nil
	}
	if err := w.folder(path.Dir(name)); err != nil {
		return err
	}
	err := w.root.Mkdir(name, 0o755)
	if err == nil {
		w.folders = append(w.folders, name)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// place gives a staged file its name, unless something has it already.
func (w *writing) place(one staged) error {
	err := w.root.Link(one.temporary, one.name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Not every file system has hard links.
		if _, there := w.root.Lstat(one.name); errors.Is(there, fs.ErrNotExist) {
			err = w.root.Rename(one.temporary, one.name)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return errors.New("somebody has made it meanwhile, and it is left as it is; run the command again")
	case err != nil:
		return err
	}
	w.placed = append(w.placed, one.name)
	return nil
}

// finish removes the other names of the files and, after an error, everything
// that was made.
func (w *writing) finish(failed bool) error {
	var problems []error
	remove := func(name string) {
		if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, fmt.Errorf("clean up: %w", err))
		}
	}
	for _, one := range w.staged {
		remove(one.temporary)
	}
	if !failed {
		return errors.Join(problems...)
	}
	for _, name := range w.placed {
		remove(name)
	}
	for i := len(w.folders) - 1; i >= 0; i-- {
		remove(w.folders[i])
	}
	return errors.Join(problems...)
}
