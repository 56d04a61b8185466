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
// the script from standard input, and leaves what follows there for the script.
const CommandLine = `exec sh -c '` + Boot + `'`

// Boot is the shell text that takes a script from standard input, after a line with its
// length, and evaluates it. A dd(1) that does not put short reads together takes a byte
// at a time.
const Boot = `IFS= read -r n; s=$(dd bs="$n" count=1 iflag=fullblock 2>/dev/null) || s=$(dd bs=1 count="$n" 2>/dev/null); eval "$s"`

//go:embed *.sh
var scriptFiles embed.FS

// load is a script without comments and indentation, which would be sent for nothing.
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

// Detached is a script with its prelude as Boot takes it: for a process
// that outlives the session and answers nobody.
func Detached(variables Variables, names ...string) (string, error) {
	own := maps.Clone(variables)
	own["root"], own["nonce"] = "", ""
	text, err := compose(own, append([]string{"prelude"}, names...)...)
	return framed(text), err
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

// framed is a script as Boot takes it, but for the newline that ends it: after its
// length with that newline.
func framed(script string) string { return fmt.Sprintf("%d\n%s", len(script)+1, script) }

// escape is any bytes for printf %b. Those outside of ASCII are escaped too: some shells
// keep bytes of that range for themselves.
func escape(data []byte) string {
	var text strings.Builder
	text.Grow(len(data) + len(data)/8)
	for _, c := range data {
		switch {
		case c == '\\':
			text.WriteString(`\\`)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&text, `\0%03o`, c)
		default:
			text.WriteByte(c)
		}
	}
	return text.String()
}
