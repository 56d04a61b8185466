// Package attributes answers what the .gitattributes files of a commit assign to
// a path, by git's own rules.
package attributes

import (
	"bytes"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Files answers what a commit's .gitattributes files, of all folders,
// assign to a path. It follows git's own rules, so that git on a host and this
// program agree on which files are encrypted. go-git's matcher lets the weaker
// of two rules win and knows no nested macros.
type Files struct {
	read  func(folder string) ([]byte, error) // .gitattributes of a folder, nil for none
	files map[string][]attributeRule          // by folder, "" is the root
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

// New are those that read finds.
func New(read func(folder string) ([]byte, error)) *Files {
	return &Files{read: read, files: map[string][]attributeRule{}}
}

// Filtered reports whether the path has a filter, such as git-crypt or lfs.
func (a *Files) Filtered(file string) (bool, error) {
	state, err := a.state(file, "filter")
	return err == nil && state != "" && !strings.HasPrefix(state, "\x00"), err
}

// state is the state of one attribute for a path, "" when no rule says any.
func (a *Files) state(file, name string) (string, error) {
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
func (a *Files) rules(file string) ([]attributeRule, error) {
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

// folder is the rules of one folder.
func (a *Files) folder(folder string) ([]attributeRule, error) {
	if rules, ok := a.files[folder]; ok {
		return rules, nil
	}
	data, err := a.read(folder)
	if err != nil {
		return nil, err
	}
	a.files[folder] = parseAttributes(data, folder)
	return a.files[folder], nil
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
