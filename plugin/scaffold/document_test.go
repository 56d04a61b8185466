package scaffold

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSlug(t *testing.T) {
	for title, want := range map[string]string{
		"NFS mounts hung":                     "nfs-mounts-hung",
		"  Vault: sealed -- after power cut!": "vault-sealed-after-power-cut",
		"Größere Störung in Łódź":             "grossere-storung-in-lodz",
		"Déjà vu & co, naïve":                 "deja-vu-and-co-naive",
		"The registry's disk isn't enough":    "the-registrys-disk-isnt-enough",
		"NFS 障害":                              "nfs",
		"ＮＦＳ down":                            "nfs-down",
		"../../etc/passwd":                    "etc-passwd",
		"-rf":                                 "rf",
		strings.Repeat("long ", 30):           strings.TrimSuffix(strings.Repeat("long-", 12), "-"),
		strings.Repeat("x", 200):              strings.Repeat("x", 60),
	} {
		if got := slug(title); got != want {
			t.Errorf("%q becomes %q, want %q", title, got, want)
		}
	}
	one, other := slug("認証サービスの停止"), slug("ストレージの停止")
	if !regexp.MustCompile(`^incident-[0-9a-f]{8}$`).MatchString(one) || one == other {
		t.Errorf("titles in another script become %q and %q", one, other)
	}
}

func TestSlugIsAlwaysAFileName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		title := rapid.String().Draw(t, "title")
		name := slug(title)
		if len(name) > 69 || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(name) {
			t.Fatalf("%q becomes %q", title, name)
		}
		if again := slug(title); again != name {
			t.Fatalf("%q becomes %q and %q", title, name, again)
		}
	})
}

func TestDocumentFillsInWhatIsKnown(t *testing.T) {
	f := Fields{Title: "Pipes | and {date}", Date: "2026-04-14", Services: "wiki"}
	got := string(Document(Template(), f))
	for _, want := range []string{"# Post-mortem: Pipes \\| and {date}\n", "| Date | 2026-04-14 |", "| Severity | {severity} |", "| Affected services | wiki |"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	var open []string
	for _, blank := range OpenFields([]byte(got)) {
		open = append(open, blank.Name)
	}
	if want := "date duration severity issue"; strings.Join(open, " ") != want {
		t.Errorf("open are %q, want %q", open, want)
	}
}

// TestTemplatesWithoutBracesAreFilledInByName has the two shapes that people
// write.
func TestTemplatesWithoutBracesAreFilledInByName(t *testing.T) {
	f := Fields{Title: "NFS hung", Date: "2026-04-14", Severity: "SEV2", Services: "a|b", Issue: "#7"}
	for template, want := range map[string]string{
		"# <Title>\n\n| Field | Value |\n|---|---|\n| **Date** | YYYY-MM-DD |\n| Severity | SEV1/SEV2 |\n| Duration | x |\n| Affected Services | |\n\n## Timeline\n\n| Date | x |\n": "# Post-mortem: NFS hung\n\n| Field | Value |\n|---|---|\n| **Date** | 2026-04-14 |\n| Severity | SEV2 |\n| Duration | x |\n| Affected Services | a\\|b |\n\n## Timeline\n\n| Date | x |\n",
		"# Incident\r\n\r\n**Date**: TBD\r\n- **Severity:** ?\r\nIssue: none\r\nText: stays\r\n":                                                                                     "# Post-mortem: NFS hung\r\n\r\n**Date**: 2026-04-14\r\n- **Severity:** SEV2\r\nIssue: #7\r\nText: stays\r\n",
		"no heading": "no heading",
		"":           "",
	} {
		if got := string(Document([]byte(template), f)); got != want {
			t.Errorf("%q became\n%q, want\n%q", template, got, want)
		}
	}
}

func TestFieldsThatCannotStandInAPostMortem(t *testing.T) {
	good := Fields{Title: "NFS hung", Date: "2026-04-14"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	if good.FileName() != "2026-04-14-nfs-hung.md" || good.CommitMessage() != "docs: post-mortem for 2026-04-14 NFS hung" {
		t.Errorf("%s, %s", good.FileName(), good.CommitMessage())
	}
	for want, f := range map[string]Fields{
		"title is empty":             {Title: " ", Date: "2026-04-14"},
		"more than 200":              {Title: strings.Repeat("x", 201), Date: "2026-04-14"},
		"a mark such as":             {Title: "x [Skip CI] y", Date: "2026-04-14"},
		"no day written":             {Title: "x", Date: "2026-02-30"},
		"the title holds":            {Title: "x\ny", Date: "2026-04-14"},
		"the severity holds":         {Title: "x", Date: "2026-04-14", Severity: "a\u200bb"},
		"the list of services holds": {Title: "x", Date: "2026-04-14", Services: "a\tb"},
		"the issue holds":            {Title: "x", Date: "2026-04-14", Issue: "\x1b[31m"},
	} {
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", f, err, want)
		}
	}
}
