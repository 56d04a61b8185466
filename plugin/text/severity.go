package text

import (
	"slices"
	"strings"
)

// Severity is how urgent an alert or an incident is, the higher the louder; 0
// is a word that is not known.
type Severity int

// The severities that code refers to.
const (
	Silent Severity = 1 // nobody is told
	Quiet  Severity = 2 // nobody is woken
	most   Severity = 6
)

// labels are the values that labels of alerts have, the quietest first. Words on
// one line are equally loud.
var labels = [most][]string{
	{"none", "debug"},
	{"info", "information", "informational", "low", "p5", "p4", "sev5", "sev4", "minor", "notice"},
	{"warning", "warn", "medium", "moderate", "p3", "sev3"},
	{"error", "high", "major", "p2", "sev2", "urgent"},
	{"critical", "crit", "page", "fatal", "disaster", "p1", "sev1", "highest"},
	{"emergency", "p0", "sev0"},
}

// prose are words that only people use.
var prose = [most][]string{
	{"off", "null", "silent", "trivial"},
	{"ticket", "低", "baixa", "baja", "niedrig", "faible"},
	{"mid", "中", "média", "medio", "mittel", "moyenne"},
	{"severe", "高", "alta", "alto", "hoch", "élevée"},
	{"pager", "blocker", "重大", "crítica", "crítico", "kritisch", "critique"},
	{"catastrophic", "致命的"},
}

// SeverityOfLabel is what the value of an alert's label says.
func SeverityOfLabel(value string) Severity { return find(labels, value) }

// SeverityOfWord is what a word of a document says.
func SeverityOfWord(word string) Severity { return max(find(labels, word), find(prose, word)) }

// Rank orders severities with the worst first: 0 for what is critical and worse.
func (s Severity) Rank() int { return max(0, int(most-1-s)) }

// SeverityLabels lists the values of labels, the quietest first.
func SeverityLabels() [][]string { return labels[:] }

func find(scale [most][]string, word string) Severity {
	return Severity(slices.IndexFunc(scale[:], func(words []string) bool { return slices.Contains(words, strings.ToLower(word)) }) + 1)
}
