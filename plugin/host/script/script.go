package script

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CommandLine is the one command line that ever goes to a login shell, which
// may be fish or csh: it holds nothing that they read differently. It takes
// the script from standard input, as one line with printf's escapes, and
// leaves what follows there for the script.
const CommandLine = `exec sh -c '` + Boot + `'`

// Boot is the shell text that takes a script as one line of standard input, after
// a line with its length, and evaluates it. The shell's own read takes a byte at a
// time; it is for a dd(1) that does not put short reads together.
const Boot = `IFS= read -r n; s=$(dd bs="$n" count=1 iflag=fullblock 2>/dev/null) || IFS= read -r s; eval "$(printf %b "$s")"`

//go:embed *.sh
var scriptFiles embed.FS

// load is a script without comments and indentation: some shells read it byte by
// byte.
func load(name string) (string, error) {
	source, err := scriptFiles.ReadFile(name + ".sh")
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for line := range strings.Lines(string(source)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			text.WriteString(line + "\n")
		}
	}
	return text.String(), nil
}

// Variables are shell variables of a script, by name.
type Variables map[string]string

// compose puts the assignments of the variables in front of the named scripts.
func compose(variables Variables, names ...string) (string, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		quoted, err := Quote(variables[name])
		if err != nil {
			return "", fmt.Errorf("value %s of the script: %w", name, err)
		}
		// unset first: a variable of that name in the host's environment
		// would hand our value on to every program.
		text.WriteString("unset " + name + "\n" + name + "=" + quoted + "\n")
	}
	for _, name := range names {
		script, err := load(name)
		if err != nil {
			return "", err
		}
		text.WriteString(script)
	}
	return text.String(), nil
}

// Detached is a script with its prelude as one line for Boot: for a process
// that outlives the session and answers nobody.
func Detached(variables Variables, names ...string) (string, error) {
	own := maps.Clone(variables)
	own["root"], own["nonce"] = "", ""
	text, err := compose(own, append([]string{"prelude"}, names...)...)
	return escape(text), err
}

// Quote is text as one shell word.
func Quote(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", errors.New("it contains a NUL byte, which no command can take")
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'", nil
}

// QuoteAll is a list as words for "set --".
func QuoteAll(list []string) (string, error) {
	words := make([]string, len(list))
	for i, one := range list {
		word, err := Quote(one)
		if err != nil {
			return "", fmt.Errorf("argument %d: %w", i+1, err)
		}
		words[i] = word
	}
	return strings.Join(words, " "), nil
}

// escape is a script as Boot reads it: a line for printf %b, after its length with
// the newline that ends it. Bytes outside of ASCII are escaped too: some shells keep
// bytes of that range for themselves.
func escape(script string) string {
	var line strings.Builder
	line.Grow(len(script) + len(script)/8)
	for i := range len(script) {
		switch c := script[i]; {
		case c == '\\':
			line.WriteString(`\\`)
		case c == '\n':
			line.WriteString(`\n`)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&line, `\0%03o`, c)
		default:
			line.WriteByte(c)
		}
	}
	return fmt.Sprintf("%d\n%s", line.Len()+1, line.String())
}
