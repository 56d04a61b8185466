package objects

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// maxPath is the longest path that is accepted, in bytes.
const maxPath = 4000

// CheckPath tells what is wrong with the path of a file, for which nothing is
// written to it.
func CheckPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("the path is longer than %d bytes", maxPath)
	}
	for part := range strings.SplitSeq(path, "/") {
		if err := checkName(part); err != nil {
			return err
		}
	}
	return nil
}

// checkName is what one name in a tree may not be: everything that git, a file
// system or a terminal on the host could take for something else.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("an empty name")
	case name == "." || name == "..":
		return fmt.Errorf("the name %q", name)
	case strings.ContainsAny(name, "/\x00"):
		return errors.New("a name with a slash or NUL in it")
	case !utf8.ValidString(name):
		return errors.New("a name that is not UTF-8")
	case !text.OneLine(name):
		return errors.New("a name with control or invisible characters")
	case len(name) > 255:
		return errors.New("a name longer than 255 bytes")
	case isDotGit(name):
		return fmt.Errorf("the name %q, which some systems take for .git", wire.Printable(name))
	}
	return nil
}

// isDotGit reports whether a file system could take the name for .git: ignoring
// case, invisible characters (HFS+), trailing dots and blanks, a stream suffix
// or the short name (NTFS).
func isDotGit(name string) bool {
	name = strings.Map(func(r rune) rune {
		if text.Invisible(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	name, _, _ = strings.Cut(name, ":")
	name = strings.TrimRight(name, ". ")
	return name == ".git" || name == "git~1"
}
