// Package argv reads the arguments of a command as a person writes them in a
// setting, and refuses what could be read in two ways. It expands nothing.
package argv

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"mvdan.cc/sh/v3/syntax"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// PlanFile stands for the absolute path of the saved plan in arguments.
const PlanFile = "{plan}"

// Read reads the arguments of a command as a person writes them or as
// Woodpecker hands them on: a line, split as a shell does; a JSON array; or, for
// a YAML list, its values joined by commas. What could be read in two ways is
// refused: a wrong argument is met only once the work is paid for.
func Read(raw string) ([]string, error) {
	raw = strings.TrimSpace(raw)
	if !text.OneLine(raw) {
		return nil, fault.WithFix(fmt.Errorf("%s holds a line break, a control character or an invisible one", text.Quote(raw)), "write it on one line")
	}
	if strings.ContainsAny(raw, "$`") {
		return nil, fault.WithFix(fmt.Errorf("%s holds $ or a backquote", text.Quote(raw)), "arguments are not expanded, write the value itself")
	}
	read := splitCommand
	switch {
	case strings.HasPrefix(raw, "["):
		read = splitArray
	case strings.Contains(raw, ",") && !strings.ContainsFunc(raw, unicode.IsSpace):
		read = splitCSV
	}
	words, err := read(raw)
	if err != nil {
		return nil, err
	}
	for i, word := range words {
		// The verb is one word, and no value goes on with another argument.
		if i == 0 && strings.ContainsFunc(word, unicode.IsSpace) || strings.Contains(word, " -") || strings.Contains(word, " "+PlanFile) {
			return nil, fault.WithFix(fmt.Errorf("%s would be one argument and looks like several", text.Quote(word)), "write each of them as a word or a value of its own")
		}
	}
	return words, nil
}

// unmistakable is how arguments can be written that are read in one way only.
const unmistakable = `write a JSON array, such as '["plan", "-out={plan}"]'`

// splitArray reads a JSON array of arguments. Woodpecker makes one of a list
// that holds a secret.
func splitArray(raw string) ([]string, error) {
	var words []string
	if err := json.Unmarshal([]byte(raw), &words); err != nil {
		return nil, fault.WithFix(fmt.Errorf("%s starts like a JSON array of texts and is none", text.Quote(raw)), "%s", unmistakable)
	}
	if slices.Contains(words, "") {
		return nil, fault.WithFix(fmt.Errorf("%s holds an empty argument", text.Quote(raw)), "leave it out")
	}
	return words, nil
}

// splitCSV reads the values of a YAML list, which Woodpecker joins by commas
// without a mark at those that a value holds: after the first option, a value
// that is none may be the rest of one.
func splitCSV(raw string) ([]string, error) {
	words := strings.Split(raw, ",")
	if strings.ContainsAny(raw, `'"\`) || slices.Contains(words, "") {
		return nil, fault.WithFix(fmt.Errorf("%s is a list with quotes, backslashes or an empty value, of which it cannot be told where its values end", text.Quote(raw)), "%s", unmistakable)
	}
	options := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, "-") })
	for i, word := range words {
		if options >= 0 && i > options && !strings.HasPrefix(word, "-") && word != PlanFile {
			return nil, fault.WithFix(fmt.Errorf("%s has %s as a value, which may as well be the rest of %s", text.Quote(raw), text.Quote(word), text.Quote(words[i-1])), "%s", unmistakable)
		}
	}
	return words, nil
}

// splitCommand splits arguments as a POSIX shell does, quotes and backslashes
// included, but expands nothing: what a shell would expand is refused, so that
// nobody is surprised by a literal $HOME or *.
func splitCommand(raw string) ([]string, error) {
	var words []string
	end := uint(0)
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	for word, err := range parser.WordsSeq(strings.NewReader(raw)) {
		if err != nil {
			return nil, fault.WithFix(fmt.Errorf("%s cannot be split into arguments: %s", text.Quote(raw), parseProblem(err)), "quote shell characters")
		}
		unquoted, ok := literal(word.Parts, false)
		if !ok {
			return nil, fault.WithFix(fmt.Errorf("%s holds shell syntax", text.Quote(raw)), "only plain and quoted arguments are allowed")
		}
		if expands(word) {
			return nil, fault.WithFix(fmt.Errorf("%s holds ~, *, ? or [ outside of quotes", text.Quote(unquoted)), "arguments are not expanded, so quote what is meant as it stands")
		}
		if strings.HasPrefix(unquoted, ",") || strings.HasSuffix(unquoted, ",") || strings.Contains(unquoted, ",-") || strings.Contains(unquoted, ","+PlanFile) {
			return nil, fault.WithFix(fmt.Errorf("%s is one word and looks like several values of a list", text.Quote(unquoted)), "separate the arguments by spaces alone, or %s", unmistakable)
		}
		words = append(words, unquoted)
		end = word.End().Offset()
	}
	// The shell's parser drops what follows a word that begins with #.
	if rest := strings.TrimSpace(raw[end:]); rest != "" {
		return nil, fault.WithFix(fmt.Errorf("%s holds a comment", text.Quote(raw)), "quote a # that belongs to an argument")
	}
	return words, nil
}

// expands reports whether a shell would put file or folder names in the place of a
// word, or try to.
func expands(word *syntax.Word) bool {
	for i, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok {
			continue
		}
		if i == 0 && strings.HasPrefix(lit.Value, "~") {
			return true
		}
		for at := 0; at < len(lit.Value); at++ {
			switch lit.Value[at] {
			case '\\':
				at++
			case '*', '?', '[':
				return true
			}
		}
	}
	return false
}

// parseProblem is the message of the shell parser without its position.
func parseProblem(err error) string {
	var parse syntax.ParseError
	if errors.As(err, &parse) {
		return parse.Text
	}
	return err.Error()
}

// literal joins the parts of a word that stand for themselves; it tells false
// of any other.
func literal(parts []syntax.WordPart, inQuotes bool) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(unescaped(p.Value, inQuotes))
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			inner, ok := literal(p.Parts, true)
			if !ok {
				return "", false
			}
			b.WriteString(inner)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// unescaped takes the backslashes out as a shell would: before any character
// outside quotes, only before a few inside double quotes.
func unescaped(text string, inQuotes bool) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (!inQuotes || strings.IndexByte("\\\"$`", text[i+1]) >= 0) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// HasPlanFile refuses arguments that do not name the saved plan once: without
// it the command would plan again, and not what was judged.
func HasPlanFile(words []string) error {
	switch n := strings.Count(strings.Join(words, " "), PlanFile); n {
	case 0:
		return fault.WithFix(fmt.Errorf("does not hold %s, which stands for the path of the saved plan", PlanFile), "add it")
	case 1:
		return nil
	default:
		return fault.WithFix(fmt.Errorf("holds %s %d times", PlanFile, n), "name the saved plan once")
	}
}

// PlanFileLast is for the commands that read the saved plan: whatever stands
// behind it, Terraform takes for another one.
func PlanFileLast(words []string) error {
	if err := HasPlanFile(words); err != nil {
		return err
	}
	if words[len(words)-1] != PlanFile {
		return fmt.Errorf("must end in %s as an argument of its own: Terraform takes no option after the saved plan, and reads it by no option", PlanFile)
	}
	return nil
}

// NoPlanFile is for init, which runs before there is a plan.
func NoPlanFile(words []string) error {
	if strings.Contains(strings.Join(words, " "), PlanFile) {
		return fault.WithFix(fmt.Errorf("holds %s, but there is no plan yet when it runs", PlanFile), "leave it out")
	}
	return nil
}
