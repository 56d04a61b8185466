package report

import (
	"strings"
	"testing"
)

func TestThreat12_LinksOnlyFromFullHashesAndWebAddresses(t *testing.T) {
	for _, test := range []struct{ template, hash, want string }{
		{"https://f.example/o/r/commit/{sha}", fixCommit, "https://f.example/o/r/commit/" + fixCommit},
		{"https://f.example/o/r/commit/{sha}", strings.Repeat("a", 64), "https://f.example/o/r/commit/" + strings.Repeat("a", 64)},
		{"https://f.example/o/r/commit/{sha}", "abc1234", ""},
		{"https://f.example/o/r/commit/{sha}", fixCommit + ")", ""},
		{"https://f.example/o/r/commit/{sha}", strings.ToUpper(fixCommit), ""},
		{"", fixCommit, ""},
		{"javascript:alert('{sha}')", fixCommit, ""},
		{"https://u:p@f.example/{sha}", fixCommit, ""},
		{"//f.example/{sha}", fixCommit, ""},
		{"https://f.example/a b(c)|<d>/{sha}", fixCommit, "https://f.example/a%20b%28c%29%7C%3Cd%3E/" + fixCommit},
		{"https://f.example/" + strings.Repeat("x", maxURL) + "{sha}", fixCommit, ""},
	} {
		if got := (Links{Commit: test.template}).commit(test.hash); got != test.want {
			t.Errorf("%s with %s is %q, want %q", test.template, test.hash, got, test.want)
		}
	}
}

func TestPagesAndBranches(t *testing.T) {
	l := Links{Pages: "https://p.example/{file}#{name}", Branch: "https://f.example/src/branch/{branch}"}
	for file, want := range map[string]string{
		"docs/post-mortems/2026-04-14-nfs.md": "https://p.example/docs/post-mortems/2026-04-14-nfs.md#2026-04-14-nfs",
		"docs/a b?c#d.md":                     "https://p.example/docs/a%20b%3Fc%23d.md#a%20b%3Fc%23d",
		"":                                    "",
	} {
		if got := l.page(file); got != want {
			t.Errorf("page of %q is %q, want %q", file, got, want)
		}
	}
	if got, want := l.branch("pm-todos/refused/a b/1"), "https://f.example/src/branch/pm-todos/refused/a%20b/1"; got != want {
		t.Errorf("branch is %q, want %q", got, want)
	}
	if l.branch("") != "" || (Links{}).page("x.md") != "" {
		t.Error("a link out of nothing")
	}
}

func TestWords(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "", -1: "", 0.2: "1s", 10: "10s", 60: "1m", 190: "3m10s", 600: "10m", 3600: "1h", 3610: "1h0m10s", 7200 + 600: "2h10m",
	} {
		if got := took(seconds); got != want {
			t.Errorf("took(%v) = %q, want %q", seconds, got, want)
		}
	}
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"🚨🚨", 4, "🚨🚨"}, {"🚨🚨", 3, "🚨…"}, {"a🚨🚨", 4, "a🚨…"}, {"🚨🚨🚨", 4, "🚨…"}} {
		if got := cut16(test.text, test.limit); got != test.want {
			t.Errorf("cut16(%q, %d) = %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}
