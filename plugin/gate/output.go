package gate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/plain"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Unreadable says why nothing can be said about a plan that was judged, with the
// first line of what was printed up to any JSON, whose values may be secret. It
// is nil when the plan was understood, whatever was found in it.
func Unreadable(verdict change.Verdict, show []byte) error {
	for _, f := range verdict.Findings {
		if !slices.Contains([]reason.Code{reason.PlanUnreadable, reason.PlanFormat, reason.PlanUnknownField, reason.GateError}, f.Code) {
			continue
		}
		line, _, _ := bytes.Cut(bytes.TrimSpace(show[:min(len(show), maxFirstLine)]), []byte{'\n'})
		text, _, json := strings.Cut(plain.Line(string(line), 0), "{")
		text = plain.Cut(text, 160)
		if json {
			text += "{…"
		}
		return fmt.Errorf("%s; it begins with %q", f, text)
	}
	return nil
}

// maxFirstLine is how much of an output is looked at for its first line.
const maxFirstLine = 4 << 10
