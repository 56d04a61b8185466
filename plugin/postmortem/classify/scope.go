package classify

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
)

// outside reports whether text names a relative path with a file extension of
// which no suffix matches the globs. Absolute paths of hosts and URLs name
// nothing in the repository.
func outside(text string, allow []string) bool {
	if strings.IndexByte(text, '/') < 0 {
		return false
	}
	for field := range strings.FieldsFuncSeq(text, pathEnd) {
		if name, isPath := relativePath(field); isPath && !allowed(name, allow) {
			return true
		}
	}
	return false
}

func pathEnd(r rune) bool {
	return r <= ' ' || r > 0x7e || strings.ContainsRune("`'\"()<>[]{}|,;=&", r)
}

// relativePath cleans a word and reports whether it is a path in a repository.
func relativePath(word string) (string, bool) {
	if strings.IndexByte(word, '/') < 0 {
		return "", false
	}
	word = strings.TrimRight(strings.TrimLeft(word, "*_!?:"), "*_.!?:")
	word = strings.TrimPrefix(word, "./")
	if at := strings.LastIndexByte(word, ':'); at > 0 && strings.Trim(word[at+1:], "0123456789-:") == "" {
		word = word[:at]
	}
	if strings.Contains(word, "://") || strings.HasPrefix(word, "~") || strings.HasPrefix(word, "$") || strings.ContainsAny(word, ":@%\\") {
		return "", false
	}
	return checkPath(word)
}

func checkPath(word string) (string, bool) {
	slash := strings.LastIndexByte(word, '/')
	if slash <= 0 || strings.HasPrefix(word, "/") {
		return "", false
	}
	if host, _, _ := strings.Cut(word, "/"); strings.Contains(strings.TrimLeft(host, "."), ".") {
		return "", false // github.com/owner/name.git
	}
	dot := strings.LastIndexByte(word, '.')
	ext := word[dot+1:]
	if dot < slash || len(ext) == 0 || len(ext) > 10 || ext[0] >= '0' && ext[0] <= '9' || ext == "*" {
		return "", false
	}
	for i := 0; i < len(ext); i++ {
		if !markdown.IsWord(ext[i]) {
			return "", false
		}
	}
	return path.Clean(word), true
}

func allowed(name string, allow []string) bool {
	for rest := name; rest != "" && !strings.HasPrefix(rest, ".."); {
		for _, glob := range allow {
			if ok, err := doublestar.Match(glob, rest); err == nil && ok {
				return true
			}
		}
		_, after, found := strings.Cut(rest, "/")
		if !found {
			break
		}
		rest = after
	}
	return false
}
