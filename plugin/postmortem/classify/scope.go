package classify

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// relative is a path in a repository: with a file extension, perhaps with lines
// behind it, and no host before it as in github.com/owner/name.git.
var relative = pattern.Lazy(`^[*_!?:]*((?:\.+/)*\.*[^./:@%\\~$*_!?][^./:@%\\]*/(?:[^:@%\\]*/)?[^/:@%\\]*\.[A-Za-z][A-Za-z0-9]{0,9})(?::[0-9:-]*)?[*_.!?:]*$`)

// outside reports whether text names a relative path with a file extension of
// which no suffix matches the globs. Absolute paths of hosts and URLs name
// nothing in the repository.
func outside(text string, allow []string) bool {
	if strings.IndexByte(text, '/') < 0 {
		return false
	}
	for field := range strings.FieldsFuncSeq(text, pathEnd) {
		if strings.IndexByte(field, '/') < 0 {
			continue
		}
		if found := relative().FindStringSubmatch(field); found != nil && !allowed(path.Clean(found[1]), allow) {
			return true
		}
	}
	return false
}

func pathEnd(r rune) bool {
	return r <= ' ' || r > 0x7e || strings.ContainsRune("`'\"()<>[]{}|,;=&", r)
}

func allowed(name string, allow []string) bool {
	for rest, more := name, true; more && !strings.HasPrefix(rest, ".."); _, rest, more = strings.Cut(rest, "/") {
		for _, glob := range allow {
			if ok, err := doublestar.Match(glob, rest); err == nil && ok {
				return true
			}
		}
	}
	return false
}
