package dashboard

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
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/target"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// How every index page begins. It tells pages that may be written again from
// those that people wrote.
const (
	doctype = "<!doctype html>"
	marker  = "<!-- generator: " + generator
	comment = marker + ". Written again with every change of the post-mortems; do not edit. -->"
)

//go:embed page.tmpl
var source string

//go:embed page.css
var style template.CSS

//go:embed page.js
var script template.JS

var pageTemplate = template.Must(template.New("index").Parse(source))

// isPage reports whether a file is a page that Write wrote, of any version.
func isPage(content []byte) bool {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if len(content) < len(doctype) || !strings.EqualFold(string(content[:len(doctype)]), doctype) {
		return false
	}
	return bytes.HasPrefix(bytes.TrimLeft(content[len(doctype):], " \t\r\n"), []byte(marker))
}

// page is the board as a page of HTML that needs nothing besides itself. How old an
// open item is and which targets are passed today gets worked out by the browser;
// without a script the page says it of the day on which it was written.
func (b board) page(own string, targets target.Targets) ([]byte, error) {
	json, feed := Beside(path.Base(own))
	view := pageView{
		Style: style, Script: script, JSON: json, Feed: feed, Totals: b.Totals, Written: b.Written, Charts: b.charts(targets),
		Policy: fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'",
			contentHash(string(style)), contentHash(string(script))),
		Day: b.Written.Format(time.DateOnly), States: stateNames,
	}
	for _, d := range b.Documents {
		view.Rows = append(view.Rows, newRow(d, b.Written))
	}
	view.choices()
	var out bytes.Buffer
	// The template would drop the comment.
	out.WriteString(doctype + "\n" + comment + "\n")
	if err := pageTemplate.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("render the index page: %w", err)
	}
	return out.Bytes(), nil
}

// pageView is what the template shows.
type pageView struct {
	Policy     string // what the browser lets the page do
	Style      template.CSS
	Script     template.JS
	JSON, Feed string // links
	Written    time.Time
	Day        string // of it
	Totals     Totals
	Charts     charts
	Rows       []row
	States     []stateName
	Reasons    []entry  // an item of each reason that occurs
	Severities []string // those that occur, worst first
	Services   []string
	Types      []string
}

// stateName is a state as people read it.
type stateName struct {
	State State
	Name  string
}

var stateNames = []stateName{
	{Person, "Needs a person"},
	{Approval, "May be proposed"},
	{Proposed, "Proposed"},
	{Automatic, "Automatic"},
	{Unclear, "Unclear"},
	{Done, "Done"},
	{Declined, "Declined"},
}

// row is a document as the page lists it.
type row struct {
	Document
	Entries []entry
	Rank    int    // of the severity: 0 is the worst
	Oldest  string // since when its oldest open item is open
	Target  string // the first one that its open items pass
	Totals  Totals // of it alone
}

// entry is an item of it.
type entry struct {
	Item
	Name string // of its state
	Late bool
	Hash string // of its commit, short
}

func newRow(d Document, now time.Time) row {
	r := row{Document: d, Rank: severityRank(d.Severity)}
	r.Totals.add(&d, now)
	for _, one := range d.Items {
		e := entry{Item: one, Late: one.late(now), Hash: one.Commit[:min(len(one.Commit), 7)]}
		for _, known := range stateNames {
			if known.State == one.State {
				e.Name = known.Name
			}
		}
		r.Entries = append(r.Entries, e)
		if one.State.Open() {
			r.Oldest = d.Date
			if one.Target != "" && (r.Target == "" || one.Target < r.Target) {
				r.Target = one.Target
			}
		}
	}
	// What waits comes first, the most urgent on top.
	slices.SortStableFunc(r.Entries, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.rank(), y.rank()), cmp.Compare(x.Priority, y.Priority))
	})
	return r
}

// More is what else is stated of it.
func (e entry) More() string {
	var more []string
	for _, part := range [][2]string{{"owner ", e.Owner}, {"due ", e.Due}, {"done ", e.Closed}, {"by ", e.By}} {
		if part[1] != "" {
			more = append(more, part[0]+part[1])
		}
	}
	return strings.Join(more, " · ")
}

// Sentence is why it waits.
func (e entry) Sentence() string { return text.Capital(e.Why) + "." }

// rank is 0 for what is open, else its place among the states.
func (e entry) rank() int {
	if e.State.Open() {
		return 0
	}
	return slices.IndexFunc(stateNames, func(known stateName) bool { return known.State == e.State })
}

// choices are what there is to choose from.
func (v *pageView) choices() {
	rows := slices.Clone(v.Rows)
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.Severity, b.Severity))
	})
	for _, r := range rows {
		v.Severities = appendNew(v.Severities, r.Severity)
		for _, name := range r.Services {
			v.Services = appendNew(v.Services, name)
		}
		for _, one := range r.Entries {
			v.Types = appendNew(v.Types, one.Type)
			if one.Reason != "" && !slices.ContainsFunc(v.Reasons, func(e entry) bool { return e.Reason == one.Reason }) {
				v.Reasons = append(v.Reasons, one)
			}
		}
	}
	slices.SortFunc(v.Reasons, func(a, b entry) int { return cmp.Compare(a.Reason, b.Reason) })
	slices.Sort(v.Services)
	slices.Sort(v.Types)
}

func appendNew(list []string, one string) []string {
	if one == "" || slices.Contains(list, one) {
		return list
	}
	return append(list, one)
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
	folder, err := filepath.Rel(path.Dir(from), path.Dir(to))
	if err != nil {
		folder = path.Dir(to) // one of them is no relative path
	}
	return (&url.URL{Path: path.Join(folder, path.Base(to))}).String()
}
