package lint

import "io"

// gitlabSeverities are those of a Code Quality report, see
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
var gitlabSeverities = map[Level]string{LevelError: "major", LevelWarning: "minor", LevelNote: "info"}

type gitlabIssue struct {
	Description string         `json:"description"`
	CheckName   string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"`
	Location    gitlabLocation `json:"location"`
}

type gitlabLocation struct {
	Path  string      `json:"path"`
	Lines gitlabLines `json:"lines"`
}

type gitlabLines struct {
	Begin int `json:"begin"`
}

// writeGitLab prints a Code Quality report, which GitLab shows in a merge
// request.
func writeGitLab(w io.Writer, r Report) error {
	issues := make([]gitlabIssue, 0, len(r.Findings))
	names := fingerprints(r.Findings)
	for i, f := range r.Findings {
		issues = append(issues, gitlabIssue{
			Description: f.Message(), CheckName: string(f.Reason), Fingerprint: names[i], Severity: gitlabSeverities[f.Level],
			Location: gitlabLocation{repositoryPath(f.File), gitlabLines{f.Line}},
		})
	}
	return encode(w, issues)
}
