package postmortem

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// serving shows what the words of a class are for: the row, with the word at its %,
// has the reason, or the type; with a word that nobody knows it is otherwise.
type serving struct {
	action, kind, details string
	want                  reason.Code // "" for none
	other                 string      // the word that makes it otherwise, when it is not any that nobody knows
	inferred              term.Type   // when the table has no Type column
}

var servings = map[string]serving{
	"joins":             {action: "Add an alert % delete the mirror", kind: "Alert", want: reason.DestructiveVerb},
	"aims":              {action: "Set the limit of the mirror % restarting", kind: "Config", want: reason.DestructiveVerb},
	"definite":          {action: "Add an alert", kind: "Alert", details: "x; delete % mirror", want: reason.DestructiveVerb},
	"destroys":          {action: "Add an alert, % mirrors", kind: "Alert", want: reason.DestructiveVerb},
	"destroys anywhere": {action: "Alert % mirror", kind: "Alert", want: reason.DestructiveVerb},
	"loses":             {action: "Set the limit of the mirror for %", kind: "Config", want: reason.DestructiveVerb},
	"programs":          {action: "Add an alert", kind: "Alert", details: "with % delete mirror", want: reason.DestructiveVerb},
	"commands":          {action: "Add an alert", kind: "Alert", details: "with `% mirror`", want: reason.DestructiveVerb},
	"runs":              {action: "Add an alert", kind: "Alert", details: "x, % rm mirror", want: reason.DestructiveVerb},
	"quiets":            {action: "% the alert of mirrors", kind: "Alert", want: reason.DestructiveVerb},
	"causes":            {action: "Add an alert, % a restart", kind: "Alert", want: reason.DestructiveVerb},
	"quiets anywhere":   {action: "Add an alert with %", kind: "Alert", want: reason.DestructiveVerb},
	"doers":             {action: "Add an alert % which restarts mirrors", kind: "Alert", want: reason.DestructiveVerb},
	"thresholds":        {action: "Set the alert % of mirrors to 99%%", kind: "Alert", want: reason.DestructiveVerb},
	"risks":             {action: "Set the % limit of mirrors", kind: "Config", want: reason.DestructiveVerb},
	"everybody":         {action: "Set the % limit of mirrors", kind: "Config", want: reason.DestructiveVerb},
	"secrets":           {action: "Set the limit of mirrors", kind: "Config", details: "with the % of mirrors", want: reason.DestructiveVerb},
	"risks in names":    {action: "Set `x_%` limit of mirrors", kind: "Config", want: reason.DestructiveVerb},
	"frees":             {action: "Set the limit of mirrors, % mirrors", kind: "Config", want: reason.DestructiveVerb},
	"kept":              {action: "Set the % limit", kind: "Config", want: reason.DestructiveVerb},
	"lessens":           {action: "% the memory limit of mirrors", kind: "Config", want: reason.DestructiveVerb},
	"sizes":             {action: "Lower the limit of the % of mirrors", kind: "Config", want: reason.DestructiveVerb},
	"off":               {action: "Set the limit of mirrors to %", kind: "Config", want: reason.DestructiveVerb},
	"zero":              {action: "Set the limit of mirrors to % for all", kind: "Config", want: reason.DestructiveVerb},

	"hedges":              {action: "Add an alert and % it", kind: "Alert", want: reason.Hedged},
	"open ends":           {action: "Alert on mirrors %", kind: "Alert", want: reason.Hedged},
	"hedges in front":     {action: "Add an alert, % mirrors", kind: "Alert", want: reason.Hedged},
	"leads for people":    {action: "% the alert of mirrors", kind: "Alert", want: reason.Hedged},
	"vague":               {action: "% mirror alerts", kind: "Alert", want: reason.Hedged},
	"outcomes":            {action: "% the alert of mirrors in time", kind: "Alert", want: reason.Hedged},
	"adjusts":             {action: "% the alert", kind: "Alert", want: reason.Hedged},
	"holds":               {action: "Add an alert", kind: "Alert", details: "it % of Ann", want: reason.Hedged},
	"holds configuration": {action: "Set the limit of mirrors", kind: "Config", details: "it % Ann", want: reason.Hedged},
	"by hand":             {action: "Set the limit of mirrors", kind: "Config", details: "with `%`", want: reason.Hedged},
	"decides":             {action: "Add an alert", kind: "Alert", details: "x, % it", want: reason.Hedged},
	"undecided":           {action: "Add an alert", kind: "Alert", details: "at %", want: reason.Hedged},
	"negates":             {action: "% alert on mirrors", kind: "Alert", want: reason.Hedged},
	"structure":           {action: "Set the % of mirrors", kind: "Config", want: reason.Hedged},

	"leads to migration":     {action: "% the mirror and its friends", inferred: term.Migration},
	"leads to investigation": {action: "% the mirror and its friends", inferred: term.Investigation},
	"leads to a runbook":     {action: "% the mirror and its friends", inferred: term.Runbook},
	"leads to architecture":  {action: "% the mirror and its friends", inferred: term.Architecture},
	"adds":                   {action: "% an alert on mirrors", inferred: term.Alert},
	"phrases an alert":       {action: "% the mirror if full", kind: "Alert"},
	"conditions":             {action: "Notify Ann % mirrors are full", kind: "Alert"},
	"bounds":                 {action: "mirror alert node % 85", inferred: term.Alert},
	"ends a thing":           {action: "Add an alert % mirrors", inferred: term.Alert},
	"about alerts":           {action: "Add the % on mirrors", inferred: term.Alert},
	"about monitors":         {action: "Add the % on mirrors", inferred: term.Monitor},
	"about settings":         {action: "Set the % to 2", inferred: term.Config},
	"about resources":        {action: "Set the % to 2Gi", inferred: term.Config},
	"about runbooks":         {action: "Add the new % on mirrors", inferred: term.Runbook},

	"watching":         {action: "Mind mirrors with %", kind: "Alert"},
	"keeps more":       {action: "% the retention of mirrors", kind: "Config"},
	"events":           {action: "Add an alert, delete % of mirrors", kind: "Alert"},
	"told":             {action: "Add an alert", kind: "Alert", details: "Ann % kubectl delete"},
	"mild":             {action: "Set the limit of mirrors", kind: "Config", details: "x, % mirrors", other: "delete"},
	"good ratios":      {action: "Set the % alert threshold to 99%%", kind: "Alert"},
	"watches":          {action: "% the uptime of mirrors", kind: "Monitor", other: "review"},
	"settings":         {action: "Change the % of mirrors", kind: "Config"},
	"settings named":   {action: "Swing the % of mirrors", kind: "Config"},
	"changes":          {action: "% the `x` of mirrors", kind: "Config", details: "by 2"},
	"changes anywhere": {action: "Mirrors of `x` %", kind: "Config"},
	"sets":             {action: "% the mirror of mirrors", kind: "Config"},
}

// oneSided are classes whose words take a type away, or a reason only together
// with others; what they are for is in the documents of the corpus.
var oneSided = []string{"harmless", "about other work", "about other things", "about software", "boundless", "people", "doubts", "settles"}

// TestEveryWordServes leaves out each word of the sentences' classes once: it has to
// make a difference, else it is no word that anybody needs.
func TestEveryWordServes(t *testing.T) {
	files, err := filepath.Glob("words/*.txt")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	served, inSentences := map[string]bool{}, false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(strings.ReplaceAll(string(content), "\n ", " ")) {
			name, list, found := strings.Cut(strings.TrimSpace(line), ":")
			name = strings.TrimSuffix(name, " +")
			if !found || strings.HasPrefix(name, "#") {
				continue
			}
			s, known := servings[name]
			inSentences = inSentences && name != "status open" || name == "joins"
			if !known {
				if inSentences && !slices.Contains(oneSided, name) {
					t.Errorf("nothing shows what the class %q is for", name)
				}
				continue
			}
			served[name] = true
			if got := s.with(cmp.Or(s.other, "gaze")); got == s.outcome() {
				t.Errorf("%s: another word does as well: %+v", name, s)
			}
			for word := range strings.SplitSeq(list, ",") {
				word, _, _ = strings.Cut(strings.TrimSpace(word), " (")
				word = strings.ReplaceAll(word, "#", "#1")
				if got := s.with(word); got != s.outcome() {
					t.Errorf("%s: %s: %q makes %q, want %q", filepath.Base(file), name, word, got, s.outcome())
				}
			}
		}
	}
	for name := range servings {
		if !served[name] {
			t.Errorf("no table has words of the class %q", name)
		}
	}
}

func (s serving) outcome() string { return string(s.want) + string(s.inferred) }

// with is the first reason, or the inferred type, of the row with the word at its %.
func (s serving) with(word string) string {
	fill := func(text string) string {
		if strings.HasPrefix(text, "%") {
			first, size := utf8.DecodeRuneInString(word)
			text = string(unicode.ToUpper(first)) + word[size:] + text[1:]
		}
		text = strings.Replace(strings.ReplaceAll(text, "99%%", "99\x00"), "%", word, 1)
		return strings.ReplaceAll(text, "\x00", "%")
	}
	if s.inferred != "" {
		doc := Parse("d.md", lines("## Action items", "", "| Action | Status |", "|---|---|", "| "+fill(s.action)+" | TODO |"), defaultPolicy)
		return doc.Items[0].Type
	}
	doc := Parse("d.md", lines("| Action | Type | Details | Status |", "|---|---|---|---|", "| "+fill(s.action)+" | "+s.kind+" | "+fill(s.details)+" | TODO |"), defaultPolicy)
	// A word may be of several classes; what it is here for is one of its reasons.
	if slices.Contains(doc.Items[0].Reasons, s.want) {
		return string(s.want)
	}
	return string(doc.Items[0].Reason())
}
