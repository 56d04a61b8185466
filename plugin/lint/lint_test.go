package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

var policy = classify.Policy{
	SafeTypes: []term.Type{term.Alert, term.Config, term.Monitor},
	Inferred:  classify.Tables, Protected: []string{"vault"}, AllowPaths: []string{"stacks/**"},
}

func inspect(lines ...string) *postmortem.Inspection {
	return postmortem.Inspect("d.md", []byte(strings.Join(lines, "\n")+"\n"), policy)
}

func TestFindings(t *testing.T) {
	for name, test := range map[string]struct{ doc, want []string }{
		"levels": {
			doc: []string{
				"## Action items", "", "| Action | Type | Status |", "|---|---|---|",
				"| Add alert A | Alert | TODO |", "| Add alert B | Alert | maybe |", "| Add alert C | Alert |", "| Move it | Migration | TODO |",
			},
			want: []string{"6:3 warning status-unknown", "7:1 error malformed-row", "8:3 note type-not-safe"},
		},
		"one line for what has no type": {
			doc: []string{
				"## Action items", "", "| Action | Type | Status |", "|---|---|---|", "| Buy disks | | TODO |", "| Talk to Bo | | TODO |", "",
				"- [ ] Buy more", "", "| Action | Status |", "|---|---|", "| Buy most | TODO |",
			},
			want: []string{"5:3 warning type-unknown: 4 open items without a known type: lines 5, 6, 8, 12. " +
				"If it is one of these, write `[Alert]`, `[Config]` or `[Monitor]` before the text of the box; put Alert, Config or Monitor into the Type column; " +
				"give the table a Type column, and put Alert, Config or Monitor into it. Work of any other type needs a person."},
		},
		"one line for a form": {
			doc:  []string{"## Action items", "", "- [ ] Buy disks"},
			want: []string{"3:7 warning type-unknown: 1 open item without a known type: line 3. If it is one of these, write `[Alert]`, `[Config]` or `[Monitor]` before the text of the box. Work of any other type needs a person."},
		},
		"one line for each section of boxes that are no items": {
			doc: []string{
				"- [ ] First", "# Title", "## Our own words", "- [ ] Second", "- [x] Done", "- [ ] Third", "## Timeline", "- [ ] Fourth",
			},
			want: []string{
				"1:1 warning implicit: 1 unchecked box stands above the first heading outside every follow-up heading; a run does nothing about that.",
				`4:1 warning implicit: 2 unchecked boxes stand below "Our own words" outside every follow-up heading; a run does nothing about that.`,
				`8:1 note implicit: 1 unchecked box stands below "Timeline" outside every follow-up heading; a run does nothing about that.`,
			},
		},
		"one line for what of a template is left": {
			doc: []string{
				"# {title}", "| Duration | {duration} |", "|---|---|", "| Issue | {issue} |", "", "Written by [Name] on DD/MM/YYYY, {title}.", "",
				"## Action items", "", "| Action | Type | Status |", "|---|---|---|", "| Add an alert on <service> for [Name] | Alert | TODO |",
			},
			want: []string{
				"1:3 warning placeholder: Left to fill in: {title} (line 1), {duration} (line 2), {issue} (line 4), [Name] (line 6), DD/MM/YYYY (line 6).",
				"12:3 warning placeholder",
			},
		},
		"what of a template in another language is left": {
			doc: []string{
				"# {titre}", "", "[Équipe], [Nom], JJ/MM/AAAA; <Zuständig>, TT.MM.JJJJ; [Nombre]; [Responsável]; 【担当者】, YYYY年MM月DD日; [负责人]; [담당자].",
				"", "See [équipe SRE](https://x.example), <https://x.example>, <br>, [Alert], 【重要】 and `[Nom]`.",
			},
			want: []string{
				"1:3 warning placeholder: Left to fill in: {titre} (line 1), [Équipe] (line 3), [Nom] (line 3), JJ/MM/AAAA (line 3), <Zuständig> (line 3), " +
					"TT.MM.JJJJ (line 3), [Nombre] (line 3), [Responsável] (line 3), 【担当者】 (line 3), YYYY年MM月DD日 (line 3), [负责人] (line 3), [담당자] (line 3).",
			},
		},
		"lanes": {
			doc:  []string{"## Action items", "", "- [ ] Add an alert on disk usage over 80 %", "- [ ] [Approved] [Runbook] Write the runbook of the registry"},
			want: []string{"3:7 note type-inferred approval", "4:7 note type-not-safe approval"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for i, f := range Findings(inspect(test.doc...)) {
				line := strings.TrimSpace(fmt.Sprintf("%d:%d %s %s %s", f.Line, f.Column, f.Level, f.Reason, f.Lane))
				if i < len(test.want) && strings.Contains(test.want[i], ": ") {
					line += ": " + f.Detail
				}
				if i < len(test.want) && strings.HasSuffix(test.want[i], "needs a person.") {
					line += " " + f.Fix
				}
				got = append(got, line)
				if f.Fix == "" || f.Detail == "" || strings.ContainsAny(f.String(), "\n\x1b") {
					t.Errorf("finding without a sentence or a way out, or on several lines: %+v", f)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplain(t *testing.T) {
	for row, wants := range map[string][]string{
		"| P1 | Add alert A | Alert | | TODO |":              {"lane automatic", "priority P1, type Alert", "1 safe"},
		"| P1 | Add alert A | Alert | | Done |":              {"not open: it is done"},
		"| P1 | Add alert A | Alert | | N/A |":               {"not open: it is declined"},
		"| P1 | Add alert A | Alert | | |":                   {"reported only", string(reason.StatusUnknown), reason.StatusUnknown.Fix()},
		"| P1 | Delete vault | Config | | TODO |":            {"needs a person", reason.ProtectedTarget.Sentence(), reason.DestructiveVerb.Fix()},
		"| P1 | Write the runbook | Runbook | | Approved |":  {"lane approval", reason.TypeNotSafe.Sentence()},
		"| P1 | Add alert A | Alert | | Held |":              {"needs a person", reason.Held.Sentence()},
		"| P1 | Add alert ~~A~~ | Alert | | TODO | extra | ": {"no item: it cannot be used", string(reason.MalformedRow)},
	} {
		doc := inspect("## Action items", "", "| Priority | Action | Type | Details | Status |", "|---|---|---|---|---|", row)
		said := Explain(doc.Document)
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q is missing in\n%s", row, want, said)
			}
		}
		if line := ExplainLine(doc, 5); !strings.Contains(said, line) {
			t.Errorf("%s: the line alone is explained as\n%s", row, line)
		}
	}
}

// TestExplainLineSaysWhyItIsNoItem has every kind of place that is none.
func TestExplainLineSaysWhyItIsNoItem(t *testing.T) {
	doc := inspect("# T", "", "Text.", "", "- [ ] Outside", "", "```", "code", "```", "", "> quote", "", "## Next steps", "",
		"- [ ] Add an alert", "  on two lines", "- Do:", "  - nested", "- **Owner**: Bo", "- [ ] TBD", "", "| A | B |", "|---|---|", "| 1 | 2 |", "",
		"| Action | Status |", "|---|---|", "| Buy | TODO |", "",
		"| Action | Commit |", "|---|---|", "| Buy | abc |", "", "Hidden <!--", "", "- [ ] hidden", "", "--> ", "",
		"<!-- comment -->", "", "## Impact", "", "- [ ] done?", "- point")
	seen := map[string]bool{}
	for line, want := range map[int]postmortem.Why{
		1: postmortem.WhyHeading, 3: postmortem.WhyText, 5: postmortem.WhyOutside, 7: postmortem.WhyCode, 8: postmortem.WhyCode, 11: postmortem.WhyQuote,
		17: postmortem.WhyIntro, 18: postmortem.WhyNested, 19: postmortem.WhyField, 20: postmortem.WhyPlaceholder, 24: postmortem.WhyOtherTable,
		26: postmortem.WhyTableHead, 27: postmortem.WhyTableHead, 32: postmortem.WhyLog, 36: postmortem.WhyHidden, 40: postmortem.WhyHTML,
		44: postmortem.WhyOtherTopic, 45: postmortem.WhyBullet,
	} {
		seen[string(want)] = true
		if said := ExplainLine(doc, line); !strings.Contains(said, "no item: "+whys[want][0]) || !strings.Contains(said, "The nearest item is ") {
			t.Errorf("line %d is explained as\n%s", line, said)
		}
	}
	for why := range whys {
		if !seen[string(why)] {
			t.Errorf("no line is no item because of %s", why)
		}
	}
	for _, line := range []int{15, 16} {
		if said := ExplainLine(doc, line); !strings.HasPrefix(said, "d.md:15: Add an alert on two lines\n") {
			t.Errorf("line %d of the item is explained as\n%s", line, said)
		}
	}
	for _, line := range []int{2, 999} {
		if said := ExplainLine(doc, line); !strings.HasPrefix(said, fmt.Sprintf("d.md:%d: no item stands at this line.\n", line)) {
			t.Errorf("line %d is explained as\n%s", line, said)
		}
	}
	if said := ExplainLine(inspect("# T", "", "- [ ] Outside"), 3); !strings.HasSuffix(said, "The document has no items.\n") || !strings.Contains(said, "outside every follow-up heading") {
		t.Errorf("without any item: %s", said)
	}
}

// hostile has names and texts that would forge what the formats print.
var hostile = Report{
	Version: "1.2.3", Documents: 2, Automatic: 1,
	Findings: []Finding{
		{File: "docs/a,b:c%\n::error::x.md", Line: 3, Column: 7, Level: LevelError, Reason: reason.MalformedRow, Detail: "100% wrong: a,\r\n::error::b.", Fix: "Mend it.", Text: "| \"x\" |"},
		{File: "docs/ü #?.md", Line: 4, Column: 1, Level: LevelWarning, Reason: reason.Implicit, Detail: "D.", Fix: "F.", Text: "t", Evidence: "e"},
		{File: "./docs/ü #?.md", Line: 9, Column: 1, Level: LevelNote, Reason: reason.Implicit, Detail: "D.", Fix: "F.", Text: "t", Lane: postmortem.LaneApproval},
	},
}

func printed(t *testing.T, format string, r Report) string {
	t.Helper()
	var b strings.Builder
	if err := Formats[format](&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTextIsOneLineForEachFinding(t *testing.T) {
	if got := printed(t, "text", hostile); strings.Count(got, "\n") != 3 || strings.Contains(got, "\n::") {
		t.Errorf("%s", got)
	}
}

// TestGitHubReadsWhatWasMeant undoes the escapes as the runner does.
func TestGitHubReadsWhatWasMeant(t *testing.T) {
	got := strings.Split(strings.TrimSuffix(printed(t, "github", hostile), "\n"), "\n")
	if len(got) != 3 {
		t.Fatalf("%d commands: %q", len(got), got)
	}
	undo := strings.NewReplacer("%25", "%", "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",")
	for i, command := range []string{"error", "warning", "notice"} {
		head, message, _ := strings.Cut(strings.TrimPrefix(got[i], "::"), "::")
		name, properties, _ := strings.Cut(head, " ")
		values := map[string]string{}
		for property := range strings.SplitSeq(properties, ",") {
			key, value, _ := strings.Cut(property, "=")
			values[key] = undo.Replace(value)
		}
		f := hostile.Findings[i]
		want := map[string]string{"file": strings.TrimPrefix(f.File, "./"), "line": fmt.Sprint(f.Line), "title": string(f.Reason)}
		if diff := cmp.Diff(want, values); diff != "" || name != command || undo.Replace(message) != f.Message() {
			t.Errorf("%s: %s (-want +got):\n%s", got[i], name, diff)
		}
	}
}

func TestFingerprintsStayWhenLinesMoveAndAreUnique(t *testing.T) {
	before := fingerprints(hostile.Findings)
	moved := slices.Clone(hostile.Findings)
	for i := range moved {
		moved[i].Line += 5
	}
	if diff := cmp.Diff(before, fingerprints(moved)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if slices.Sort(before); len(slices.Compact(before)) != len(moved) {
		t.Errorf("two findings have one fingerprint: %v", before)
	}
}
