package lint

import (
	"fmt"
	"io"
	"strings"
)

// githubCommands are the workflow commands that annotate a line, see
// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
var githubCommands = map[Level]string{LevelError: "error", LevelWarning: "warning", LevelNote: "notice"}

// The runner undoes these in messages, and in properties the signs that end one
// too.
var (
	githubMessage  = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	githubProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// writeGitHub prints workflow commands of GitHub Actions, which become
// annotations of a pull request. Columns there are characters, not bytes: none
// is given.
func writeGitHub(w io.Writer, r Report) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "::%s file=%s,line=%d,title=%s::%s\n", githubCommands[f.Level],
			githubProperty.Replace(repositoryPath(f.File)), f.Line, githubProperty.Replace(string(f.Reason)), githubMessage.Replace(f.Message())); err != nil {
			return err
		}
	}
	return nil
}
