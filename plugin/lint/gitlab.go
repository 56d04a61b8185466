package lint

import "io"

// gitlabSeverities are those of a Code Quality report, see
// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
var gitlabSeverities = map[Level]string{LevelError: "major", LevelWarning: "minor", LevelNote: "info"}

// writeGitLab prints a Code Quality report, which GitLab shows in a merge
// request.
func writeGitLab(w io.Writer, r Report) error {
	issues := []object{}
	names := fingerprints(r.Findings)
	for i, f := range r.Findings {
		issues = append(issues, object{
			"description": f.Message(), "check_name": f.Reason, "fingerprint": names[i], "severity": gitlabSeverities[f.Level],
			"location": object{"path": repositoryPath(f.File), "lines": object{"begin": f.Line}},
		})
	}
	return encode(w, issues)
}
