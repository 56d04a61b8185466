// Package refname says what the refs of this program may be called, and what a
// person may name: fewer names than git takes.
package refname

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Names that this program gives to refs of its own.
const (
	// OwnRefs is the prefix of the refs that no person has to see. It is their
	// name here, wherever Options.StateRefs puts them on the remote.
	OwnRefs = "refs/pm-todos/"
	// OwnBranches is the prefix of the branches that keep work for people.
	OwnBranches = "refs/heads/pm-todos/"
	// RowsRef is the branch on which rows of documents wait to be merged. A clone has
	// it from the start: it says what is done already.
	RowsRef = OwnBranches + "documents"
	// Branches is where branches stand.
	Branches = "refs/heads/"
)

var refPart = pattern.Lazy(`^[A-Za-z0-9_][A-Za-z0-9._+=@#,-]*$`)

// CheckBranch tells what is wrong with the name of a branch, given without
// refs/heads/. It accepts fewer names than git does.
func CheckBranch(name string) error {
	if strings.HasPrefix(name, "refs/") || name == "HEAD" {
		return fmt.Errorf("branch %q: give the short name of a branch, without refs/heads/", wire.Printable(name))
	}
	return Check(Branches + name)
}

// Check is the allow-list of ref names: ASCII letters, digits and a few
// marks, no part that starts with a dash or a dot, nothing that git forbids.
func Check(name string) error {
	bad := func(why string) error {
		return fmt.Errorf("ref %q: %s", wire.Printable(name), why)
	}
	if len(name) > 250 {
		return bad("longer than 250 bytes")
	}
	parts := strings.Split(name, "/")
	if parts[0] != "refs" || len(parts) < 3 {
		return bad("not a full name such as refs/heads/master")
	}
	for _, part := range parts {
		switch {
		case !refPart().MatchString(part):
			return bad("each part needs ASCII letters, digits or one of . _ + = @ # , - and starts with a letter, digit or _")
		case strings.Contains(part, ".."), strings.HasSuffix(part, "."), strings.HasSuffix(part, ".lock"):
			return bad("a part has two dots in a row, or ends with a dot or .lock")
		}
	}
	return nil
}

// CheckStateRefs tells what is wrong with a place for the refs below OwnRefs: a
// prefix of refs, with or without refs/.
func CheckStateRefs(place string) error {
	prefix := StatePrefix(place)
	if err := Check(prefix + "lock"); err != nil {
		return err
	}
	switch {
	case isForges(prefix):
		return fault.WithFix(fmt.Errorf("%s holds the refs of people", wire.Printable(place)), "name a place below it, such as heads/pm-todos-state")
	case strings.HasPrefix(prefix, OwnBranches):
		return fault.WithFix(fmt.Errorf("branches below %s are for proposals and refused work", OwnBranches), "use another place, such as heads/pm-todos-state")
	case strings.HasPrefix(prefix, "refs/tags/"), strings.HasPrefix(prefix, "refs/remotes/"):
		return fault.WithFix(fmt.Errorf("%s is for refs that never move", wire.Printable(place)), "name a place such as heads/pm-todos-state")
	}
	return nil
}

// isForges reports whether git or the forge itself says what stands there.
func isForges(prefix string) bool {
	switch prefix {
	case Branches, "refs/refs/", "refs/tags/", "refs/remotes/", "refs/notes/", "refs/pull/", "refs/merge-requests/", "refs/changes/", "refs/for/":
		return true
	}
	return false
}

// StatePrefix is the full prefix of a place for the refs below OwnRefs.
func StatePrefix(place string) string {
	place = strings.TrimRight(place, "/")
	if place == "" {
		return OwnRefs
	}
	return "refs/" + strings.TrimPrefix(place, "refs/") + "/"
}

// IsState reports whether a branch is one of this program's own: one that
// keeps work for people, or one below a place for the refs of OwnRefs.
func IsState(place, branch string) bool {
	return strings.HasPrefix(Branches+branch, OwnBranches) || strings.HasPrefix(Branches+branch+"/", StatePrefix(place))
}
