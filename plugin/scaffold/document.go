package scaffold

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Fields are what is known of an incident when its post-mortem is begun. Those
// that are empty stay open, see OpenFields.
type Fields struct {
	Title    string
	Date     string // YYYY-MM-DD, the day on which it began
	Severity string
	Services string
	Issue    string
}

// maxTitle is the longest title, in bytes: it is a heading, a line in lists, and
// the subject of a commit.
const maxTitle = 200

// Check finds what cannot stand in a post-mortem, with every field named.
func (f Fields) Check() error {
	var problems []error
	switch {
	case strings.TrimSpace(f.Title) == "":
		problems = append(problems, errors.New("the title is empty; say in a few words what broke"))
	case len(f.Title) > maxTitle:
		problems = append(problems, fmt.Errorf("the title has %d bytes, more than %d; say in a few words what broke", len(f.Title), maxTitle))
	case text.SkipMark().MatchString(f.Title):
		problems = append(problems, errors.New("the title holds a mark such as [ci skip], which would keep the commit from starting the pipeline; take it out"))
	}
	if _, err := time.Parse(time.DateOnly, f.Date); err != nil {
		problems = append(problems, fmt.Errorf("the date %q is no day written as YYYY-MM-DD", f.Date))
	}
	for _, field := range []struct{ name, text string }{
		{"title", f.Title}, {"severity", f.Severity}, {"list of services", f.Services}, {"issue", f.Issue},
	} {
		if err := oneLine(field.text); err != nil {
			problems = append(problems, fmt.Errorf("the %s %w", field.name, err))
		}
	}
	return errors.Join(problems...)
}

// FileName is the name of the post-mortem's file.
func (f Fields) FileName() string { return f.Date + "-" + slug(f.Title) + ".md" }

// CommitMessage is the subject of the commit that adds the post-mortem. It has
// no skip mark, which would keep the push from starting the pipeline.
func (f Fields) CommitMessage() string { return "docs: post-mortem for " + f.Date + " " + f.Title }

// Document is a template with the fields filled in. In a template that has
// none of the fields in braces, the first heading and the values of the table or
// list at the top are replaced instead, by their names.
func Document(template []byte, f Fields) []byte {
	if !fieldBlank().Match(template) {
		return byName(template, f)
	}
	var pairs []string
	for _, field := range f.list() {
		if field.text != "" {
			pairs = append(pairs, "{"+field.name+"}", field.cell())
		}
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(template)))
}

type field struct{ name, label, text string }

func (f Fields) list() []field {
	return []field{
		{"title", "", f.Title},
		{"date", "date|incident date|date of incident", f.Date},
		{"severity", "severity|sev", f.Severity},
		{"services", "services|service|affected services|affected systems", f.Services},
		{"issue", "issue|ticket|incident issue", f.Issue},
	}
}

// cell is the text so that it divides no table.
func (f field) cell() string { return strings.ReplaceAll(f.text, "|", `\|`) }

var (
	heading   = pattern.Lazy(`^#[ \t]+\S`)
	tableLine = pattern.Lazy(`^(\|[ \t]*[*_]*)([A-Za-z ]+?)([*_:]*[ \t]*\|)([^|]*)(\|[ \t]*\r?\n?)$`)
	labelLine = pattern.Lazy(`^([-*]?[ \t]*[*_]*)([A-Za-z ]+?)(:[*_]*|[*_]+:)([^\r\n]*)(\r?\n?)$`)
)

// byName fills in what stands before the second heading.
func byName(template []byte, f Fields) []byte {
	var b strings.Builder
	headings := 0
	for line := range strings.Lines(string(template)) {
		switch {
		case heading().MatchString(line) && headings == 0:
			headings++
			line = "# Post-mortem: " + f.Title + line[len(strings.TrimRight(line, "\r\n")):]
		case strings.HasPrefix(line, "#"):
			headings++
		case headings <= 1:
			line = f.labelled(line)
		}
		b.WriteString(line)
	}
	return []byte(b.String())
}

// labelled is a line "| Date | … |" or "**Date**: …" with its value.
func (f Fields) labelled(line string) string {
	m, end := tableLine().FindStringSubmatch(line), " "
	if m == nil {
		m, end = labelLine().FindStringSubmatch(line), ""
	}
	if m == nil {
		return line
	}
	for _, field := range f.list() {
		for label := range strings.SplitSeq(field.label, "|") {
			if field.text != "" && strings.EqualFold(label, strings.TrimSpace(m[2])) {
				return m[1] + m[2] + m[3] + " " + field.cell() + end + m[5]
			}
		}
	}
	return line
}

// maxSlug is the longest slug, in bytes.
const maxSlug = 60

// letters are written with several in ASCII, or are not divided by Unicode's
// decomposition.
var letters = strings.NewReplacer(
	"ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "ł", "l", "þ", "th", "ı", "i", "&", " and ", "'", "", "’", "",
)

// slug makes a title into a part of a file name: lower-case ASCII letters,
// digits and single dashes, cut at a word. Accents go. A title of which nothing
// is left, such as one in another script, becomes "incident-" with eight digits
// that only this title has.
func slug(title string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(letters.Replace(strings.ToLower(title))) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case !unicode.Is(unicode.Mn, r):
			b.WriteByte(' ')
		}
	}
	name := ""
	for _, word := range strings.Fields(b.String()) {
		if name != "" && len(name)+1+len(word) > maxSlug {
			break
		}
		name = strings.TrimPrefix(name+"-"+word[:min(len(word), maxSlug)], "-")
	}
	if name == "" {
		sum := sha256.Sum256([]byte(title))
		return "incident-" + hex.EncodeToString(sum[:4])
	}
	return name
}
