package incident

import "testing"

func TestCommitDate(t *testing.T) {
	for _, test := range []struct{ file, text, want string }{
		{"docs/2026-04-14-nfs.md", "Date: 2020-01-01", "2026-04-14"},
		{"docs/20260414.md", "", "2026-04-14"},
		{"docs/2026-13-45.md", "", ""},
		{"docs/v2026-02-30-x.md", "Date: 2026-03-01", "2026-03-01"},
		{"a.md", "**Date**: 2026/04/14 10:00 UTC", "2026-04-14"},
		{"a.md", "| **Date** | 2026-04-14 |", "2026-04-14"},
		{"a.md", "- Incident date: 14th April 2026", "2026-04-14"},
		{"a.md", "Date: Apr 14, 2026", "2026-04-14"},
		{"a.md", "発生日: 2026年4月14日", "2026-04-14"},
		{"a.md", "The date of this is unknown, perhaps 2026-04-14", ""},
		{"a.md", "Date: soon", ""},
		{"a.md", "", ""},
	} {
		if got := Date(test.file, []byte(test.text)); got != test.want {
			t.Errorf("CommitDate(%q, %q) = %q, want %q", test.file, test.text, got, test.want)
		}
	}
}
