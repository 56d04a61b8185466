// Package outlet writes what users and other programs read, into files, pipes
// and devices that a user names.
package outlet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Outlet is where a file is to be written, as far as it is known before.
type Outlet struct {
	Path    string // links followed
	Absent  bool   // nothing is there yet
	Through bool   // a pipe or a character device: what is written goes on to somebody
}

// At looks at a path that a user named. What is neither a file nor takes a
// stream of bytes is refused: a folder, a disk, a socket, a link to nowhere.
func At(path string) (Outlet, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return Outlet{}, fmt.Errorf("write %s: it is a link that leads to nothing; remove it, or name another file", path)
		}
		if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
			return Outlet{}, fmt.Errorf("write %s: the folder %s does not exist; make it, or name another file", path, filepath.Dir(path))
		}
		return Outlet{Path: path, Absent: true}, nil
	}
	if err != nil {
		return Outlet{}, fmt.Errorf("write %s: %w", path, err)
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			return Outlet{}, fmt.Errorf("write %s: %w", path, err)
		}
		return Outlet{Path: real}, nil
	case mode&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0:
		return Outlet{Path: path, Through: true}, nil
	}
	return Outlet{}, fmt.Errorf("write %s: it is neither a file nor a pipe; name another", path)
}

// Write writes what users and other steps read: a file whole or not at all,
// and into a pipe or a device what anybody else would write into it. None of
// these is ever replaced by a file.
func Write(ctx context.Context, path string, content []byte) error {
	to, err := At(path)
	if err != nil {
		return err
	}
	return to.Write(ctx, content)
}

// Write writes what stands there from now on, or what goes on to its reader.
func (o Outlet) Write(ctx context.Context, content []byte) error {
	act := replaceFile
	if o.Through {
		act = func(path string, content []byte) error { return writeThrough(ctx, path, content) }
	}
	if err := act(o.Path, content); err != nil {
		return fmt.Errorf("write %s: %w", o.Path, err)
	}
	return nil
}

// writeThrough writes into what is there. Opening a pipe waits for its reader,
// and so may each write: neither outlasts ctx.
func writeThrough(ctx context.Context, path string, content []byte) error {
	ended := make(chan error, 1)
	go func() {
		file, err := os.OpenFile(path, os.O_WRONLY, 0) //nolint:gosec // a path that the user names
		if err == nil {
			_, err = file.Write(content)
			err = errors.Join(err, file.Close())
		}
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("it was not read to its end: %w", context.Cause(ctx))
	}
}

// replaceFile puts a file in the place of another one, whose permissions it
// takes, or of none, by its name.
func replaceFile(path string, content []byte) (err error) {
	mode := fs.FileMode(0o644)
	if present, err := os.Stat(path); err == nil {
		mode = present.Mode().Perm()
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".pm-todos-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(content)
	if err = errors.Join(err, file.Chmod(mode), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
