package gate

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Unreadable says why nothing can be said about a plan that was judged, with the
// first line of what was printed up to any JSON, whose values may be secret. It
// is nil when the plan was understood, whatever was found in it.
func Unreadable(verdict item.Verdict, show []byte) error {
	for _, f := range verdict.Findings {
		if !slices.Contains([]reason.Code{reason.PlanUnreadable, reason.PlanFormat, reason.PlanUnknownField, reason.GateError}, f.Code) {
			continue
		}
		line, _, _ := bytes.Cut(bytes.TrimSpace(show[:min(len(show), maxFirstLine)]), []byte{'\n'})
		raw, _, json := strings.Cut(text.Line(string(line), 0), "{")
		raw = text.Cut(raw, 160)
		if json {
			raw += "{…"
		}
		return fmt.Errorf("%s; it begins with %q", f, raw)
	}
	return nil
}

// maxFirstLine is how much of an output is looked at for its first line.
const maxFirstLine = 4 << 10
