package lint

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"path"
	"strings"
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

// shapes are the objects of the formats, each with what its properties hold: a word
// of leaves, an object, a [list] of either, or an {object by any names}. What is not
// named here the object may not have, and what does not end in ? it has to have.
//
// Those of SARIF are the parts of the schema of version 2.1.0 that are used here,
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json;
// that of GitLab is in https://docs.gitlab.com/ci/testing/code_quality/.
var shapes = map[string]map[string]string{
	"sarifLog":                 {"$schema?": "uri", "version": "2.1.0", "runs": "[run]"},
	"run":                      {"tool": "tool", "results?": "[result]"},
	"tool":                     {"driver": "toolComponent"},
	"toolComponent":            {"name": "text", "version?": "text", "rules?": "[reportingDescriptor]"},
	"reportingDescriptor":      {"id": "text", "shortDescription?": "multiformatMessageString", "help?": "multiformatMessageString"},
	"multiformatMessageString": {"text": "text"},
	"result": {
		"message": "message", "ruleId?": "text", "ruleIndex?": "count", "level?": "level", "locations?": "[location]", "partialFingerprints?": "{text}",
	},
	"message":          {"text": "text"},
	"location":         {"physicalLocation?": "physicalLocation"},
	"physicalLocation": {"artifactLocation": "artifactLocation", "region?": "region"},
	"artifactLocation": {"uri": "relative uri"},
	"region":           {"startLine?": "line"},

	"gitlabIssue":    {"description": "text", "check_name": "text", "fingerprint": "text", "severity": "severity", "location": "gitlabLocation"},
	"gitlabLocation": {"path": "relative path", "lines": "gitlabLines"},
	"gitlabLines":    {"begin": "line"},
}

var leaves = map[string]func(any) bool{
	"text":  func(v any) bool { s, is := v.(string); return is && s != "" },
	"2.1.0": func(v any) bool { return v == "2.1.0" },
	"count": func(v any) bool { n, is := v.(float64); return is && n >= 0 && n == math.Trunc(n) },
	"line":  func(v any) bool { n, is := v.(float64); return is && n >= 1 && n == math.Trunc(n) },
	"level": func(v any) bool { return v == "none" || v == "note" || v == "warning" || v == "error" },
	"severity": func(v any) bool {
		return v == "info" || v == "minor" || v == "major" || v == "critical" || v == "blocker"
	},
	"relative path": func(v any) bool { s, is := v.(string); return is && path.Clean(s) == s && !path.IsAbs(s) },
	"uri":           func(v any) bool { return isURI(v, true) },
	"relative uri":  func(v any) bool { return isURI(v, false) },
}

func isURI(v any, absolute bool) bool {
	s, _ := v.(string)
	uri, err := url.Parse(s)
	return err == nil && s != "" && uri.IsAbs() == absolute && uri.RawQuery == "" && uri.Fragment == "" && uri.String() == s
}

// misshapen says what of a value is not as its format has it.
func misshapen(value any, want, place string) (faults []string) {
	if list, found := strings.CutPrefix(want, "["); found {
		all, is := value.([]any)
		if !is {
			return []string{place + " is no list"}
		}
		for i, one := range all {
			faults = append(faults, misshapen(one, strings.TrimSuffix(list, "]"), fmt.Sprintf("%s[%d]", place, i))...)
		}
		return faults
	}
	if holds := leaves[want]; holds != nil {
		if !holds(value) {
			return []string{fmt.Sprintf("%s: %v is no %s", place, value, want)}
		}
		return nil
	}
	object, is := value.(map[string]any)
	if !is {
		return []string{place + " is no object"}
	}
	if any, found := strings.CutPrefix(want, "{"); found {
		for name, one := range object {
			faults = append(faults, misshapen(one, strings.TrimSuffix(any, "}"), place+"."+name)...)
		}
		return faults
	}
	for name, one := range shapes[want] {
		name, optional := strings.CutSuffix(name, "?")
		property, there := object[name]
		switch delete(object, name); {
		case there:
			faults = append(faults, misshapen(property, one, place+"."+name)...)
		case !optional:
			faults = append(faults, place+" has no "+name)
		}
	}
	for name := range object {
		faults = append(faults, place+" may not have "+name)
	}
	return faults
}

func TestFormatsHaveTheShapeThatTheirReadersAskFor(t *testing.T) {
	for _, r := range []Report{hostile, {Version: "1"}, {}} {
		for format, want := range map[string]string{"sarif": "sarifLog", "gitlab": "[gitlabIssue]"} {
			for _, fault := range misshapen(decoded[any](t, format, r), want, format) {
				t.Error(fault)
			}
		}
	}
	wrong := map[string]any{"version": "2.1", "runs": []any{map[string]any{"tool": map[string]any{}, "result": 1.0}}}
	if faults := misshapen(wrong, "sarifLog", ""); len(faults) != 3 {
		t.Errorf("of three faults %q are found", faults)
	}
}

func TestGitLabNamesEachFindingOnce(t *testing.T) {
	issues := decoded[[]struct {
		Fingerprint string
		Location    struct {
			Path  string
			Lines struct{ Begin int }
		}
	}](t, "gitlab", hostile)
	seen := map[string]bool{}
	for i, issue := range issues {
		if seen[issue.Fingerprint] || issue.Location.Lines.Begin != hostile.Findings[i].Line || issue.Location.Path != repositoryPath(hostile.Findings[i].File) {
			t.Errorf("%+v", issue)
		}
		seen[issue.Fingerprint] = true
	}
	if empty := printed(t, "gitlab", Report{}); len(issues) != 3 || empty != "[]\n" {
		t.Errorf("%d issues; none are %q", len(issues), empty)
	}
}

// TestSARIFResultsFindTheirRule checks what no schema can: rules are told of once, and
// each result is of the rule that its index names (section 3.27.6) and stands where
// the finding does.
func TestSARIFResultsFindTheirRule(t *testing.T) {
	run := decoded[struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleIndex int
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI string }
						Region           struct{ StartLine int }
					}
				}
			}
		}
	}](t, "sarif", hostile).Runs[0]
	ids := map[string]bool{}
	for _, rule := range run.Tool.Driver.Rules {
		if ids[rule.ID] {
			t.Errorf("rule %s is told of twice", rule.ID)
		}
		ids[rule.ID] = true
	}
	for i, result := range run.Results {
		at, f := result.Locations[0].PhysicalLocation, hostile.Findings[i]
		uri, err := url.Parse(at.ArtifactLocation.URI)
		if err != nil || uri.Path != repositoryPath(f.File) || at.Region.StartLine != f.Line || run.Tool.Driver.Rules[result.RuleIndex].ID != string(f.Reason) {
			t.Errorf("%v: %+v", err, result)
		}
	}
	if len(run.Results) != len(hostile.Findings) {
		t.Errorf("%d results", len(run.Results))
	}
}
