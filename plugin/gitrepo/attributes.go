package gitrepo

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// attributes answers what a commit's .gitattributes files, of all folders,
// assign to a path. It follows git's own rules, so that git on a host and this
// program agree on which files are encrypted. go-git's matcher lets the weaker
// of two rules win and knows no nested macros.
type attributes struct {
	store *store
	root  plumbing.Hash
	files map[string][]attributeRule // by folder, "" is the root
}

// attributeRule is one line: a pattern, or the definition of a macro.
type attributeRule struct {
	macro   string         // name, when the line defines one
	pattern *regexp.Regexp // nil for macros
	base    bool           // the pattern is matched with the last name only
	assigns []assignment
}

// assignment gives an attribute a state: a value, or one of those below.
type assignment struct {
	name, state string
}

const (
	stateSet         = "\x00set"
	stateUnset       = "\x00unset"
	stateUnspecified = "\x00unspecified"
)

// Limits that git itself keeps.
const (
	maxAttributeFile = 100 << 20
	maxAttributeLine = 2048
)

func newAttributes(s *store, root plumbing.Hash) *attributes {
	return &attributes{store: s, root: root, files: map[string][]attributeRule{}}
}

// filtered tells whether the path has a filter, such as git-crypt or lfs.
func (a *attributes) filtered(file string) (bool, error) {
	state, err := a.state(file, "filter")
	return err == nil && state != "" && !strings.HasPrefix(state, "\x00"), err
}

// state is the state of one attribute for a path, "" when no rule says any.
func (a *attributes) state(file, name string) (string, error) {
	rules, err := a.rules(file)
	if err != nil {
		return "", err
	}
	// What is read later is stronger: deeper folders, later lines, later words.
	macros := map[string][]assignment{}
	for _, r := range rules {
		if r.macro != "" {
			macros[r.macro] = r.assigns
		}
	}
	states := map[string]string{}
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(file) {
			fillStates(states, macros, rules[i].assigns)
		}
	}
	if states[name] == stateUnspecified {
		return "", nil
	}
	return states[name], nil
}

// fillStates adds assignments to those that are stronger, macros with what
// they stand for.
func fillStates(states map[string]string, macros map[string][]assignment, assigns []assignment) {
	for i := len(assigns) - 1; i >= 0; i-- {
		one := assigns[i]
		if _, taken := states[one.name]; taken {
			continue
		}
		states[one.name] = one.state
		if one.state == stateSet {
			fillStates(states, macros, macros[one.name])
		}
	}
}

// rules are all rules for a path, the weakest first.
func (a *attributes) rules(file string) ([]attributeRule, error) {
	rules := []attributeRule{{macro: "binary", assigns: []assignment{{"diff", stateUnset}, {"merge", stateUnset}, {"text", stateUnset}}}}
	folder := ""
	for {
		own, err := a.folder(folder)
		if err != nil {
			return nil, err
		}
		rules = append(rules, own...)
		rest := strings.TrimPrefix(file[len(folder):], "/")
		name, _, deeper := strings.Cut(rest, "/")
		if !deeper {
			return rules, nil
		}
		folder = path.Join(folder, name)
	}
}

// folder reads the .gitattributes of one folder. Links are not followed, as in
// git.
func (a *attributes) folder(folder string) ([]attributeRule, error) {
	if rules, ok := a.files[folder]; ok {
		return rules, nil
	}
	e, err := a.store.find(a.root, path.Join(folder, ".gitattributes"))
	var rules []attributeRule
	switch {
	case errors.Is(err, ErrNotFound):
	case err != nil:
		return nil, err
	case e.mode&modeMask == modeFile&modeMask:
		_, data, err := a.store.get(plumbing.BlobObject, e.hash)
		if err != nil {
			return nil, err
		}
		rules = parseAttributes(data, folder)
	}
	a.files[folder] = rules
	return rules, nil
}

func parseAttributes(data []byte, folder string) []attributeRule {
	if len(data) > maxAttributeFile {
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	var rules []attributeRule
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		if len(line) >= maxAttributeLine {
			continue
		}
		if rule, ok := parseAttributeLine(strings.TrimSuffix(string(line), "\r"), folder); ok {
			rules = append(rules, rule)
		}
	}
	return rules
}

const attributeBlanks = " \t\r\n"

func parseAttributeLine(line, folder string) (attributeRule, bool) {
	line = strings.TrimLeft(line, attributeBlanks)
	if line == "" || line[0] == '#' {
		return attributeRule{}, false
	}
	pattern, rest, ok := cutPattern(line)
	if !ok {
		return attributeRule{}, false
	}
	var rule attributeRule
	if rule.assigns, ok = parseAssignments(rest); !ok {
		return rule, false
	}
	if name, isMacro := strings.CutPrefix(pattern, "[attr]"); isMacro && name != "" {
		rule.macro = name
		// git takes macros from the top folder only.
		return rule, folder == "" && validAttribute(name)
	}
	if pattern[0] == '!' {
		return attributeRule{}, false // git ignores negative patterns here
	}
	rule.base = !strings.Contains(strings.TrimSuffix(pattern, "/"), "/")
	if strings.HasSuffix(pattern, "/") {
		return attributeRule{}, false // folders have no attributes
	}
	prefix := ""
	if !rule.base {
		pattern = strings.TrimPrefix(pattern, "/")
		if folder != "" {
			prefix = folder + "/"
		}
	}
	rule.pattern = compileWildcard(prefix, pattern)
	return rule, rule.pattern != nil
}

// cutPattern takes the pattern off a line; it may be quoted as in C.
func cutPattern(line string) (pattern, rest string, ok bool) {
	if line[0] == '"' {
		if quoted, err := strconv.QuotedPrefix(line); err == nil {
			if pattern, err = strconv.Unquote(quoted); err == nil {
				return pattern, line[len(quoted):], pattern != ""
			}
		}
	}
	i := strings.IndexAny(line, attributeBlanks)
	if i < 0 {
		i = len(line)
	}
	return line[:i], line[i:], true
}

// parseAssignments reads the words after a pattern. git ignores a line with one
// bad word in it.
func parseAssignments(text string) (out []assignment, ok bool) {
	for word := range strings.FieldsSeq(text) {
		name, value, valued := strings.Cut(word, "=")
		one := assignment{name: name, state: stateSet}
		switch {
		case word[0] == '-':
			one = assignment{strings.TrimPrefix(name, "-"), stateUnset}
		case word[0] == '!':
			one = assignment{strings.TrimPrefix(name, "!"), stateUnspecified}
		case valued:
			one.state = value
		}
		if !validAttribute(one.name) {
			return nil, false
		}
		out = append(out, one)
	}
	return out, true
}

var attributeName = pattern.Lazy(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

func validAttribute(name string) bool { return attributeName().MatchString(name) }

func (r attributeRule) matches(file string) bool {
	if r.pattern == nil {
		return false
	}
	if r.base {
		file = path.Base(file)
	}
	return r.pattern.MatchString(file)
}
