package postmortem

import (
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
)

func TestDocumentSeverity(t *testing.T) {
	for name, test := range map[string]struct{ src, want string }{
		"bold line":              {"# X\n\n**Severity**: SEV1\n", "SEV1"},
		"colon inside":           {"- **Severity:** SEV-2\r\n", "SEV-2"},
		"plain line":             {"Severity: high", "high"},
		"quote":                  {"> Incident severity level: P1", "P1"},
		"full width":             {"重大度：高", "高"},
		"front matter":           {"---\ntitle: x\nseverity: \"SEV3\"\n---\n# X", "SEV3"},
		"TOML front matter":      {"+++\nseverity = 'low'\n+++\n", "low"},
		"table of fields":        {"| Field | Value |\n|---|---|\n| Date | 2026-01-01 |\n| **Severity** | SEV2 (major) |\n", "SEV2 (major)"},
		"table without header":   {"| Severity | `critical` |\n|---|---|\n| Date | x |\n", "critical"},
		"table that lies":        {"| Date | Severity | Status |\n|:--|:-:|--:|\n| 2026-01-01 | SEV1 | done |\n\ntext", "SEV1"},
		"table at the end":       {"| Date | Severity | Status |\n|---|---|---|\n| 2026-01-01 | SEV1 | done |", "SEV1"},
		"fields in one line":     {"**Date**: 2026-01-01 | **Severity**: SEV2 | **Owner**: x", "SEV2"},
		"link":                   {"**Severity**: [SEV1](https://x.example/sev1)", "SEV1"},
		"explanation":            {"**Severity**: SEV2 — customers could not log in for a long time", "SEV2"},
		"long":                   {"Severity: " + strings.Repeat("very ", 20) + "high", strings.TrimSpace(strings.Repeat("very ", 8)) + "…"},
		"comment behind":         {"**Severity**: SEV3 <!-- SEV1 to SEV4 -->", "SEV3"},
		"the first counts":       {"Severity: low\nSeverity: high", "low"},
		"hidden characters":      {"Severity: SEV\u200b1\u202e\x1b[31m", "SEV1"},
		"no severity":            {"# X\n\nThe severity was high: all were down.\n", ""},
		"another field":          {"**Severity of impact on others**: high", ""},
		"placeholder":            {"**Severity**: <SEV1|SEV2>", ""},
		"choice":                 {"**Severity**: SEV1/2/3", ""},
		"brackets":               {"**Severity**: [1-4]", ""},
		"empty":                  {"**Severity**:\n\nhigh", ""},
		"dash":                   {"| Severity | — |", ""},
		"column of items":        {"| Severity | Action | Status |\n|---|---|---|\n| high | Add it | TODO |\n", ""},
		"column of several rows": {"| Service | Severity |x|\n|---|---|---|\n| a | high |x|\n| b | low |x|\n", ""},
		"code block":             {"```yaml\nseverity: critical\n```\n", ""},
		"indented code block":    {"Example:\n\n    severity: critical\n", ""},
		"after a code block":     {"~~~~\nseverity: critical\n~~~\n~~~~\nSeverity: low", "low"},
		"comment":                {"<!--\nSeverity: SEV1\n-->\nSeverity: low", "low"},
		"comment inside a line":  {"Text <!-- of the\n\nSeverity: SEV1\n\n--> template\n\nSeverity: low", "low"},
		"comment in a comment":   {"<!--\nSeverity: SEV1 <!-- or 2 -->\nSeverity: low", "low"},
		"comment of one line":    {"<!-- Severity: SEV1 -->\nSeverity: low", "low"},
		"line 100":               {strings.Repeat("\n", 99) + "Severity: low", "low"},
		"line 101":               {strings.Repeat("\n", 100) + "Severity: low", ""},
		"nothing":                {"", ""},
		"invalid UTF-8":          {"Severity: \xff\xfehigh", "\uFFFDhigh"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Parse("x.md", []byte(test.src), classify.Policy{}).Severity
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestDocumentServices(t *testing.T) {
	for name, test := range map[string]struct {
		src  string
		want []string
	}{
		"bold line":        {"# X\n\n**Services**: checkout, `billing`\n", []string{"checkout", "billing"}},
		"one":              {"- **Affected service:** [NFS](https://x.example)\n", []string{"NFS"}},
		"table of fields":  {"| Field | Value |\n|---|---|\n| Services affected | web / api |\n", []string{"web", "api"}},
		"front matter":     {"---\nservice: dns\n---\n# X", []string{"dns"}},
		"explanation":      {"Systems: registry — pushes only; mail", []string{"registry", "mail"}},
		"placeholder":      {"**Services**: <service>, TBD\n", nil},
		"code block":       {"```yaml\nservices: web\n```\n", nil},
		"a sentence":       {"The service: it was down\n", nil},
		"column of events": {"| Time | Service |\n|---|---|\n| 05:37 | web |\n", nil},
	} {
		doc := Parse("a.md", []byte(test.src), classify.Policy{})
		if !slices.Equal(doc.Services, test.want) {
			t.Errorf("%s: %q, want %q", name, doc.Services, test.want)
		}
	}
}
