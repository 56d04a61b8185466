package report

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// unrankedSeverity is the rank of a severity that is no known word.
const unrankedSeverity = 9

// severityNumber finds the level in the usual spellings: SEV1, SEV-2, P0, S3,
// Severity 1, Level 2, Tier 1.
var severityNumber = pattern.Lazy(`(?i)(?:^|[^a-z0-9])(?:sev|severity|level|lvl|tier|p|s)[\s_:#-]*([0-9])(?:[^0-9]|$)`)

// severityWords are the words that stand for a level, in the order of levels.
var severityWords = [][]string{
	{"blocker", "critical", "emergency", "catastrophic", "致命的", "重大", "crítica", "crítico", "kritisch", "critique"},
	{"major", "high", "severe", "高", "alta", "alto", "hoch", "élevée"},
	{"moderate", "medium", "mid", "中", "média", "medio", "mittel", "moyenne"},
	{"minor", "low", "低", "baixa", "baja", "niedrig", "faible"},
	{"trivial", "info", "informational", "none"},
}

// severityRank orders severities, 0 being the worst. The number counts where
// there is one, since teams number their own ways: SEV1 (high) is 1.
func severityRank(severity string) int {
	if m := severityNumber().FindStringSubmatch(severity); m != nil {
		return min(int(m[1][0]-'0'), unrankedSeverity)
	}
	words := strings.FieldsFunc(strings.ToLower(severity), func(r rune) bool { return strings.ContainsRune(" /,;()-–—:*_", r) })
	for rank, known := range severityWords {
		for _, word := range words {
			for _, name := range known {
				if word == name {
					return rank
				}
			}
		}
	}
	return unrankedSeverity
}
