package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // the page's template, style and script
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// IndexEntry is one post-mortem as the index page lists it.
type IndexEntry struct {
	File     string   // path with slashes, relative to the same folder as the page's
	Title    string   // empty: the file's name
	Date     string   // YYYY-MM-DD, empty when unknown
	Severity string   // as its author wrote it, empty when not stated
	Open     int      // items that are open, those of Left included
	Left     int      // of Open, those that need a person
	Approval int      // of Left, those that may become a proposal, which a person approves or not
	Done     int      // items that are done
	Unclear  int      // items of which nobody can tell whether they are open
	Evidence []string // what Prometheus said of the rules of items that are done
	Oldest   string   // YYYY-MM-DD since when the oldest open item is open, empty when unknown or none is
}

// How every index page begins. It tells pages that may be written again from
// those that people wrote.
const (
	indexDoctype = "<!doctype html>"
	indexMarker  = "<!-- generator: pm-todos index"
	indexComment = indexMarker + ". Written again with every change of the post-mortems; do not edit. -->"
)

// Texts are cut to these lengths in characters.
const (
	maxIndexTitle    = 300
	maxIndexSeverity = 40
	maxIndexEvidence = 200
	mostEvidence     = 5 // of one post-mortem
)

//go:embed index.tmpl
var indexSource string

//go:embed index.css
var indexStyle template.CSS

//go:embed index.js
var indexScript template.JS

var indexTemplate = template.Must(template.New("index").Parse(indexSource))

// IsIndex reports whether a file is a page that Index wrote, of any version.
func IsIndex(content []byte) bool {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if len(content) < len(indexDoctype) || !strings.EqualFold(string(content[:len(indexDoctype)]), indexDoctype) {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(content[len(indexDoctype):], " \t\r\n"), []byte(indexMarker))
}

// Index is the HTML page that lists post-mortems, newest first. page is its own
// path, from which the links lead to the documents. The same entries give the
// same bytes whenever and in whatever order they come: how old an open item is
// gets worked out by the browser. The page needs nothing besides itself.
func Index(page string, entries []IndexEntry) ([]byte, error) {
	view := newIndexView(page, entries)
	var b bytes.Buffer
	// The template would drop the comment.
	b.WriteString(indexDoctype + "\n" + indexComment + "\n")
	if err := indexTemplate.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("render the index page: %w", err)
	}
	return b.Bytes(), nil
}

// indexView is what the template shows.
type indexView struct {
	Policy     string // what the browser lets the page do
	Style      template.CSS
	Script     template.JS
	Rows       []indexRow
	Severities []string // those that occur, worst first
	Total      IndexEntry
}

type indexRow struct {
	IndexEntry
	Link string
	Rank int // of the severity: 0 is the worst
}

// SeverityKey sorts as the severities do.
func (r indexRow) SeverityKey() string {
	if r.Severity == "" {
		return ""
	}
	return fmt.Sprintf("%d %s", r.Rank, r.Severity)
}

func newIndexView(page string, entries []IndexEntry) indexView {
	v := indexView{
		Style: indexStyle, Script: indexScript,
		Policy: fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
			contentHash(string(indexStyle)), contentHash(string(indexScript))),
	}
	for _, e := range entries {
		e.Date, e.Oldest = validDate(e.Date), validDate(e.Oldest)
		row := indexRow{IndexEntry: e, Link: relativeLink(page, e.File)}
		row.Title = cmp.Or(indexTitle(e.Title), text.Line(path.Base(e.File), maxIndexTitle))
		row.Severity = text.Line(e.Severity, maxIndexSeverity)
		row.Rank = severityRank(row.Severity)
		row.Evidence = nil
		for _, line := range e.Evidence[:min(len(e.Evidence), mostEvidence)] {
			row.Evidence = append(row.Evidence, text.Line(line, maxIndexEvidence))
		}
		v.Rows = append(v.Rows, row)
		v.Total.Open += e.Open
		v.Total.Left += e.Left
		v.Total.Done += e.Done
		if e.Open > 0 && e.Oldest != "" && (v.Total.Oldest == "" || e.Oldest < v.Total.Oldest) {
			v.Total.Oldest = e.Oldest
		}
	}
	slices.SortFunc(v.Rows, func(a, b indexRow) int {
		return cmp.Or(cmp.Compare(b.Date, a.Date), cmp.Compare(a.File, b.File))
	})
	v.Severities = severities(v.Rows)
	return v
}

// sayingSo is what many titles begin with, on a page where it goes without
// saying.
var sayingSo = pattern.Lazy(`(?i)^(?:incident )?post[- ]?mortem(?: report)?\s*[:：|–—-]\s*`)

func indexTitle(title string) string {
	title = text.Line(title, 0)
	return text.Cut(cmp.Or(sayingSo().ReplaceAllString(title, ""), title), maxIndexTitle)
}

// validDate is the date, "" when it is none: browsers reckon with it.
func validDate(date string) string {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return ""
	}
	return date
}

// severities are the distinct severities of the rows, worst first.
func severities(rows []indexRow) []string {
	sorted := slices.Clone(rows)
	slices.SortFunc(sorted, func(a, b indexRow) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Severity, b.Severity))
	})
	var names []string
	for _, row := range sorted {
		if row.Severity != "" && !slices.Contains(names, row.Severity) {
			names = append(names, row.Severity)
		}
	}
	return names
}

// contentHash is a source of a content security policy: it lets through exactly
// this style or script.
func contentHash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// relativeLink leads from one file to another, both relative to the same
// folder.
func relativeLink(from, to string) string {
	folders := strings.Split(path.Dir(path.Clean(from)), "/")
	parts := strings.Split(path.Clean(to), "/")
	if folders[0] == "." {
		folders = nil
	}
	for len(folders) > 0 && len(parts) > 1 && folders[0] == parts[0] {
		folders, parts = folders[1:], parts[1:]
	}
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	link := strings.Repeat("../", len(folders)) + strings.Join(parts, "/")
	if first, _, _ := strings.Cut(link, "/"); strings.Contains(first, ":") {
		return "./" + link // else the browser would take what is before the colon for a protocol
	}
	return link
}
