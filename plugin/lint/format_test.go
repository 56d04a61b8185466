package lint

import (
	"encoding/json"
	"net/url"
	"regexp"
	"testing"
)

func decoded[T any](t *testing.T, format string, r Report) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(printed(t, format, r)), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestJSONHasAllThatIsKnown(t *testing.T) {
	got := decoded[map[string]any](t, "json", hostile)
	if got["errors"] != 1.0 || got["warnings"] != 1.0 || got["notes"] != 1.0 || got["documents"] != 2.0 || got["automatic"] != 1.0 {
		t.Errorf("%v", got)
	}
	if all, isList := decoded[map[string]any](t, "json", Report{})["findings"].([]any); !isList || len(all) != 0 {
		t.Errorf("no findings are no empty list")
	}
}

// TestGitLabReport checks what GitLab's documentation asks of a Code Quality
// report.
func TestGitLabReport(t *testing.T) {
	severities := map[string]bool{"info": true, "minor": true, "major": true, "critical": true, "blocker": true}
	issues := decoded[[]gitlabIssue](t, "gitlab", hostile)
	seen := map[string]bool{}
	for i, issue := range issues {
		if issue.Description == "" || issue.CheckName == "" || issue.Fingerprint == "" || !severities[issue.Severity] || issue.Location.Lines.Begin != hostile.Findings[i].Line {
			t.Errorf("%+v", issue)
		}
		if seen[issue.Fingerprint] || issue.Location.Path[:2] == "./" {
			t.Errorf("fingerprint or path of %+v", issue)
		}
		seen[issue.Fingerprint] = true
	}
	if empty := printed(t, "gitlab", Report{}); len(issues) != 3 || empty != "[]\n" {
		t.Errorf("%d issues; none are %q", len(issues), empty)
	}
}

// TestSARIFKeepsTheRulesOfItsSchema checks what the schema and the standard ask
// of the parts that are used: sections 3.13 (log), 3.14 (run), 3.19 (driver),
// 3.27 (result), 3.29 (physical location), 3.30 (region).
func TestSARIFKeepsTheRulesOfItsSchema(t *testing.T) {
	for _, r := range []Report{hostile, {Version: "1"}} {
		log := decoded[sarifLog](t, "sarif", r)
		if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Tool.Driver.Name == "" || log.Runs[0].Results == nil {
			t.Fatalf("%+v", log)
		}
		if schema, err := url.Parse(log.Schema); err != nil || !schema.IsAbs() {
			t.Errorf("$schema %q", log.Schema)
		}
		run := log.Runs[0]
		ids := map[string]bool{}
		for _, rule := range run.Tool.Driver.Rules {
			if rule.ID == "" || ids[rule.ID] || rule.Short.Text == "" || rule.Help.Text == "" {
				t.Errorf("rule %+v", rule)
			}
			ids[rule.ID] = true
		}
		if len(run.Results) != len(r.Findings) {
			t.Errorf("%d results", len(run.Results))
		}
		for i, result := range run.Results {
			if result.RuleIndex < 0 || result.RuleIndex >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[result.RuleIndex].ID != result.RuleID {
				t.Errorf("rule %d of %+v", result.RuleIndex, result)
			}
			if !regexp.MustCompile(`^(none|note|warning|error)$`).MatchString(result.Level) || result.Message.Text == "" || len(result.Locations) != 1 || len(result.Fingerprints) == 0 {
				t.Errorf("%+v", result)
			}
			at := result.Locations[0].Physical
			uri, err := url.Parse(at.Artifact.URI)
			if err != nil || uri.Scheme != "" || uri.Host != "" || uri.Path != repositoryPath(r.Findings[i].File) || at.Region.StartLine < 1 {
				t.Errorf("%v: place %+v", err, at)
			}
		}
	}
}
