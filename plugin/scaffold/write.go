package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

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
	Page     bool   // an HTML page, which nobody reads in a diff
	Older    bool   // what stands there is one of ours, and another command brings it up to date
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
	for at, c := range name + "/" {
		if c != '/' {
			continue
		}
		info, err := root.Stat(name[:at])
		switch {
		case errors.Is(err, fs.ErrNotExist) && !isLink(root, name[:at]):
			return target, nil
		case err != nil:
			return target, fmt.Errorf("%s cannot be followed: %w; a link must lead to something inside the repository", name[:at], err)
		case at == len(name) && !info.Mode().IsRegular():
			return target, fmt.Errorf("%s is no regular file; move it away", name)
		case at < len(name) && !info.IsDir():
			return target, fmt.Errorf("%s is no folder, so %s cannot be written; move it away", name[:at], name)
		}
	}
	var err error
	if target.Present, err = root.ReadFile(name); err != nil {
		return target, fmt.Errorf("read the existing file: %w", err)
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

// Diff is the unified diff from what stands in the target's place to the file,
// "" when they are the same. What a terminal would obey is taken out of it.
func (t Target) Diff() string {
	old := "a/" + t.Path
	if t.Standing == Absent {
		old = "/dev/null"
	}
	return text.Clean(string(diff.Diff(old, t.Present, "b/"+t.Path, t.Content)))
}

// Write writes the targets that are Absent, all of them or none: what was made
// before an error is removed again. A file that somebody made meanwhile is an error
// and stays as it is.
func Write(root *os.Root, targets []Target) (err error) {
	var made []string // files and folders, in order
	defer func() {
		for _, name := range slices.Backward(made) {
			if err != nil {
				err = errors.Join(err, root.Remove(name))
			}
		}
	}()
	for _, target := range targets {
		if target.Standing != Absent {
			continue
		}
		name := path.Clean(target.Path)
		for at, c := range name {
			if c != '/' {
				continue
			}
			if err := root.Mkdir(name[:at], 0o755); err == nil {
				made = append(made, name[:at])
			} else if !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("write %s: %w", target.Path, err)
			}
		}
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil {
			made = append(made, name)
			_, err = f.Write(target.Content)
			err = errors.Join(err, f.Sync(), f.Close())
		}
		if errors.Is(err, fs.ErrExist) {
			err = errors.New("somebody created it meanwhile, and it was not changed; run the command again")
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", target.Path, err)
		}
	}
	return nil
}
