package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Status is how a check ended.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warn    Status = "warn"    // a run would work, something should be better
	Fail    Status = "FAIL"    // a run would end here
	Skipped Status = "skipped" // it cannot be checked, or need not be
)

// Finding is how one check ended.
type Finding struct {
	Check  string     `json:"check"`           // short name, such as "push"
	About  string     `json:"about,omitempty"` // host, stack or setting that it is about
	Status Status     `json:"status"`
	Text   string     `json:"text"`          // what was found, one line
	Fix    string     `json:"fix,omitempty"` // what to do or to paste, may have several lines
	Kind   fault.Kind `json:"-"`             // of a Fail
}

// Report collects findings. With a writer it prints each as it comes: some
// checks take their time.
type Report struct {
	Findings []Finding
	to       io.Writer
	colour   bool
	err      error
}

// NewReport is an empty report that prints to w; nil prints nothing.
func NewReport(w io.Writer, colour bool) *Report { return &Report{to: w, colour: colour} }

// Add takes a finding over. Its texts are made printable.
func (r *Report) Add(f Finding) {
	f.About, f.Text, f.Fix = text.Line(f.About, 0), text.Line(f.Text, 0), text.Text(f.Fix, 0)
	r.Findings = append(r.Findings, f)
	if r.to != nil && r.err == nil {
		_, r.err = io.WriteString(r.to, f.lines(r.colour))
	}
}

// Kind is the worst kind of what failed, fault.None when nothing did.
func (r *Report) Kind() fault.Kind {
	worst := fault.None
	for _, f := range r.Findings {
		if f.Status == Fail {
			worst = fault.Worst(worst, f.Kind)
		}
	}
	return worst
}

// colours of the marks, as ANSI escape sequences.
var colours = map[Status]string{OK: "\x1b[32m", Warn: "\x1b[33m", Fail: "\x1b[31m", Skipped: "\x1b[2m"}

const fixIndent = "                      "

// lines is the finding for people: mark, check, text, and below it the fix.
func (f Finding) lines(colour bool) string {
	mark := fmt.Sprintf("%-8s", f.Status)
	if colour {
		mark = colours[f.Status] + mark + "\x1b[0m"
	}
	text := f.Text
	if f.About != "" {
		text = f.About + ": " + text
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %-12s %s\n", mark, f.Check, text)
	for line := range strings.Lines(f.Fix) {
		fmt.Fprintf(&b, "%s%s\n", fixIndent, strings.TrimRight(line, " \n"))
	}
	return b.String()
}

// counts is how many findings there are of each status.
func (r *Report) counts() map[Status]int {
	counts := map[Status]int{}
	for _, f := range r.Findings {
		counts[f.Status]++
	}
	return counts
}

// Close prints the sums, and reports whether everything could be printed.
func (r *Report) Close() error {
	if r.to != nil && r.err == nil {
		n := r.counts()
		_, r.err = fmt.Fprintf(r.to, "\n%d ok, %d to look at, %d failed, %d skipped; nothing was changed and nothing was spent\n", n[OK], n[Warn], n[Fail], n[Skipped])
	}
	if r.err != nil {
		return fmt.Errorf("print the findings: %w", r.err)
	}
	return nil
}

// JSON prints the whole report as one object.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	findings := r.Findings
	if findings == nil {
		findings = []Finding{}
	}
	n := r.counts()
	err := encoder.Encode(struct {
		Findings []Finding `json:"checks"`
		OK       int       `json:"ok"`
		Warn     int       `json:"warn"`
		Fail     int       `json:"failed"`
		Skipped  int       `json:"skipped"`
		ExitCode int       `json:"exit_code"`
	}{findings, n[OK], n[Warn], n[Fail], n[Skipped], r.Kind().ExitCode()})
	if err != nil {
		return fmt.Errorf("print the findings: %w", err)
	}
	return nil
}
