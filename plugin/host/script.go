package host

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// commandLine is the one command line that ever goes to a login shell, which
// may be fish or csh: it holds nothing that they read differently. It takes
// the script from standard input, as one line with printf's escapes, and
// leaves what follows there for the script: read takes a byte at a time.
const commandLine = `exec sh -c '` + bootScript + `'`

const bootScript = `IFS= read -r s; eval "$(printf %b "$s")"`

//go:embed script/*.sh
var scriptFiles embed.FS

// scripts holds every script by name, without comments and indentation: they
// are read byte by byte on the other side.
var scripts = sync.OnceValue(loadScripts)

func loadScripts() map[string]string {
	found := map[string]string{}
	// Neither call can fail: the files are part of the program.
	entries, err := fs.ReadDir(scriptFiles, "script")
	if err != nil {
		panic(err)
	}
	for _, entry := range entries {
		src, err := fs.ReadFile(scriptFiles, "script/"+entry.Name())
		if err != nil {
			panic(err)
		}
		var lines strings.Builder
		for line := range strings.Lines(string(src)) {
			line = strings.TrimSpace(line)
			if line != "" && !strings.HasPrefix(line, "#") {
				lines.WriteString(line + "\n")
			}
		}
		found[strings.TrimSuffix(entry.Name(), ".sh")] = lines.String()
	}
	return found
}

// A variable is a shell variable of a script.
type variable struct{ name, value string }

// compose puts the assignments of the variables in front of the named scripts.
func compose(variables []variable, names ...string) (string, error) {
	var text strings.Builder
	for _, v := range variables {
		quoted, err := quote(v.value)
		if err != nil {
			return "", fmt.Errorf("value %s of the script: %w", v.name, err)
		}
		// unset first: a variable of that name in the host's environment
		// would hand our value on to every program.
		text.WriteString("unset " + v.name + "\n" + v.name + "=" + quoted + "\n")
	}
	for _, name := range names {
		script, found := scripts()[name]
		if !found {
			return "", fmt.Errorf("no script is called %q", name)
		}
		text.WriteString(script)
	}
	return text.String(), nil
}

// quote is text as one shell word. syntax.Quote refuses control characters in
// POSIX mode; those need nothing but single quotes around them.
func quote(text string) (string, error) {
	if strings.ContainsRune(text, 0) {
		return "", errors.New("it contains a NUL byte, which no command can take")
	}
	if text == "" {
		return "''", nil
	}
	var word strings.Builder
	for len(text) > 0 {
		n, printable := run(text)
		if !printable {
			word.WriteString("'" + text[:n] + "'")
		} else {
			part, err := syntax.Quote(text[:n], syntax.LangPOSIX)
			if err != nil {
				return "", err
			}
			word.WriteString(part)
		}
		text = text[n:]
	}
	return word.String(), nil
}

// run is the length of the longest start of text that is printable throughout
// or nowhere, in the sense of syntax.Quote.
func run(text string) (n int, printable bool) {
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		is := r != utf8.RuneError && unicode.IsPrint(r)
		if n == 0 {
			printable = is
		} else if is != printable {
			break
		}
		n += size
	}
	return n, printable
}

// quoteAll is a list as words for "set --".
func quoteAll(list []string) (string, error) {
	words := make([]string, len(list))
	for i, one := range list {
		word, err := quote(one)
		if err != nil {
			return "", fmt.Errorf("argument %d: %w", i+1, err)
		}
		words[i] = word
	}
	return strings.Join(words, " "), nil
}

// escape is a script as one line for printf %b. Bytes outside of ASCII are
// escaped too: some shells keep bytes of that range for themselves.
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
	return line.String()
}
