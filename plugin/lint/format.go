package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
)

// Report is the findings of a run of lint.
type Report struct {
	Version   string // of this program
	Documents int
	Automatic int // items of that lane
	Approval  int // items of that lane
	Findings  []Finding
}

// Add adds a document with its findings.
func (r *Report) Add(in *postmortem.Inspection) {
	r.Documents++
	for _, item := range in.Items {
		switch item.Lane {
		case postmortem.LaneAutomatic:
			r.Automatic++
		case postmortem.LaneApproval:
			r.Approval++
		}
	}
	r.Findings = append(r.Findings, Findings(in)...)
}

// Count is how many findings have a level.
func (r Report) Count(level Level) int {
	n := 0
	for _, f := range r.Findings {
		if f.Level == level {
			n++
		}
	}
	return n
}

// Format prints the findings of a report for one kind of reader.
type Format func(io.Writer, Report) error

// Formats are the formats by their names.
var Formats = map[string]Format{
	"text":   writeText,
	"json":   writeJSON,
	"github": writeGitHub,
	"gitlab": writeGitLab,
	"sarif":  writeSARIF,
}

// writeText prints a line for each finding, in the form that editors and CI
// logs understand.
func writeText(w io.Writer, r Report) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintln(w, f); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON prints one object with all that is known.
func writeJSON(w io.Writer, r Report) error {
	return encode(w, struct {
		Documents int       `json:"documents"`
		Errors    int       `json:"errors"`
		Warnings  int       `json:"warnings"`
		Notes     int       `json:"notes"`
		Automatic int       `json:"automatic"`
		Approval  int       `json:"approval"`
		Findings  []Finding `json:"findings"`
	}{r.Documents, r.Count(LevelError), r.Count(LevelWarning), r.Count(LevelNote), r.Automatic, r.Approval, append([]Finding{}, r.Findings...)})
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// repositoryPath is a file as forges name it: with slashes, from the root of
// the repository, where the program is run.
func repositoryPath(file string) string { return path.Clean(filepath.ToSlash(file)) }

// fingerprints names each finding in a way that does not change when lines move,
// so that forges know which ones a change brings.
func fingerprints(findings []Finding) []string {
	seen := map[string]int{}
	names := make([]string, 0, len(findings))
	for _, f := range findings {
		name := strings.Join([]string{repositoryPath(f.File), string(f.Reason), f.Text}, "\x00")
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", name, seen[name]))
		seen[name]++
		names = append(names, hex.EncodeToString(sum[:]))
	}
	return names
}
