package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Wrapper is the program that plans and applies when the repository has it and
// the setting terraform is unset.
const Wrapper = "scripts/tg"

// planFile stands for the absolute path of the saved plan in arguments.
const planFile = "{plan}"

// Commands is how a stack is planned and applied. {plan} in arguments stands
// for the absolute path of the plan file.
type Commands struct {
	Program                 string   // path in the repository when it has a slash, else a program on the host
	Init, Plan, Show, Apply []string // arguments; an empty Init is skipped
}

// TerraformCommands completes the Terraform settings. hasWrapper tells whether
// the repository has Wrapper, which decides the program when it is unset; the
// program decides the arguments that are unset.
func (s Settings) TerraformCommands(hasWrapper bool) Commands {
	program := s.Terraform.Program
	switch {
	case program != "":
	case hasWrapper:
		program = Wrapper
	default:
		program = "terraform"
	}
	c := Commands{
		Program: program,
		Init:    []string{"init", "-input=false", "-lockfile=readonly"},
		Plan:    []string{"plan", "-input=false", "-lock-timeout=5m", "-out=" + planFile},
		Show:    []string{"show", "-json", planFile},
		Apply:   []string{"apply", "-input=false", "-lock-timeout=5m", planFile},
	}
	if strings.TrimPrefix(program, "./") == Wrapper {
		c.Init = nil // the wrapper initialises by itself
		c.Apply = []string{"apply", "--non-interactive", planFile}
	}
	c.Init = orElse(s.Terraform.InitArgs, c.Init)
	c.Plan = orElse(s.Terraform.PlanArgs, c.Plan)
	c.Show = orElse(s.Terraform.ShowArgs, c.Show)
	c.Apply = orElse(s.Terraform.ApplyArgs, c.Apply)
	return c
}

// orElse is given when it was set, else standard.
func orElse(given, standard []string) []string {
	if len(given) > 0 {
		return slices.Clone(given)
	}
	return standard
}

// splitCommand splits arguments as a POSIX shell does, quotes and backslashes
// included, but expands nothing: what a shell would expand is refused, so that
// nobody is surprised by a literal $HOME or *.
func splitCommand(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if err := oneLine(text); err != nil {
		return nil, err
	}
	if strings.ContainsAny(text, "$`") {
		return nil, fmt.Errorf("%s holds $ or a backquote; arguments are not expanded, write the value itself", quoted(text))
	}
	var words []string
	end := uint(0)
	parser := syntax.NewParser(syntax.Variant(syntax.LangPOSIX))
	for word, err := range parser.WordsSeq(strings.NewReader(text)) {
		if err != nil {
			return nil, fmt.Errorf("%s cannot be split into arguments: %s; quote shell characters", quoted(text), parseProblem(err))
		}
		plain, ok := literal(word.Parts, false)
		if !ok {
			return nil, fmt.Errorf("%s holds shell syntax; only plain and quoted arguments are allowed", quoted(text))
		}
		words = append(words, plain)
		end = word.End().Offset()
	}
	// The shell's parser drops what follows a word that begins with #.
	if rest := strings.TrimSpace(text[end:]); rest != "" {
		return nil, fmt.Errorf("%s holds a comment; quote a # that belongs to an argument", quoted(text))
	}
	return words, nil
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

// wantsPlanFile refuses arguments that do not name the saved plan: without it
// the command would plan again, and not what was judged.
func wantsPlanFile(words []string) error {
	for _, word := range words {
		if strings.Contains(word, planFile) {
			return nil
		}
	}
	return fmt.Errorf("does not hold %s, which stands for the path of the saved plan; add it", planFile)
}

// wantsNoPlanFile is for init, which runs before there is a plan.
func wantsNoPlanFile(words []string) error {
	if wantsPlanFile(words) == nil {
		return fmt.Errorf("holds %s, but there is no plan yet when it runs; leave it out", planFile)
	}
	return nil
}
