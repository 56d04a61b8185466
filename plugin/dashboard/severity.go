package dashboard

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// unrankedSeverity is the rank of a severity that is no known word.
const unrankedSeverity = 9

// severityNumber finds the level in the usual spellings: SEV1, SEV-2, P0, S3,
// Severity 1, Level 2, Tier 1.
var severityNumber = pattern.Lazy(`(?i)(?:^|[^a-z0-9])(?:sev|severity|level|lvl|tier|p|s)[\s_:#-]*([0-9])(?:[^0-9]|$)`)

// severityRank orders severities, 0 being the worst. The number counts where
// there is one, since teams number their own ways: SEV1 (high) is 1.
func severityRank(severity string) int {
	if m := severityNumber().FindStringSubmatch(severity); m != nil {
		return min(int(m[1][0]-'0'), unrankedSeverity)
	}
	words := strings.FieldsFunc(severity, func(r rune) bool { return strings.ContainsRune(" /,;()-–—:*_", r) })
	worst := text.Severity(0)
	for _, word := range words {
		worst = max(worst, text.SeverityOfWord(word))
	}
	if worst > 0 {
		return worst.Rank()
	}
	return unrankedSeverity
}
