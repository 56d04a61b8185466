package text_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/text"
)

func TestThreat13_LineDropsWhatATerminalObeysAndWhatNobodySees(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"ordinary text":        {"Add NFS alert (p95 > 3 ms) — größer", "Add NFS alert (p95 > 3 ms) — größer"},
		"colours":              {"\x1b[31mred\x1b[0m text", "red text"},
		"window title":         {"a\x1b]0;owned\x07b", "ab"},
		"hyperlink":            {"\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"},
		"cursor up, erase":     {"\x1b[1A\x1b[2Kforged", "forged"},
		"unfinished sequence":  {"x\x1b[31", "x31"},
		"C1 sequence":          {"a\u009b31mb", "a31mb"},
		"forged second line":   {"ok\nWRN all is lost\r\nmore", "ok WRN all is lost more"},
		"carriage return":      {"password\rharmless", "password harmless"},
		"line separators":      {"a\u2028b\u2029c\u0085d", "a b c d"},
		"bidirectional":        {"user\u202e\u2066nimda\u2069", "usernimda"},
		"zero width":           {"Al\u200ber\u200dt\ufeff", "Alert"},
		"tag characters":       {"hi\U000e0041\U000e0042", "hi"},
		"variation selectors":  {"a\ufe0fb\U000e0101c", "abc"},
		"fillers":              {"a\u3164b\u115fc\u2800d\u00ade", "abcde"},
		"NUL and delete":       {"a\x00b\x7fc", "abc"},
		"invalid UTF-8":        {"a\xffb", "a\uFFFDb"},
		"private use":          {"a\ue000b", "ab"},
		"runs of white space":  {"  a \t  b  ", "a b"},
		"only hidden":          {"\u200b\u200b", ""},
		"wide characters stay": {"日本語 🚨", "日本語 🚨"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := text.Line(test.in, 0); got != test.want {
				t.Errorf("Line(%q) = %q, want %q", test.in, got, test.want)
			}
		})
	}
}

func TestTextKeepsLinesAndTabs(t *testing.T) {
	got := text.Text("\r\n\n  a\tb  \r\nc\x1b[1m!\x1b[m\n\n", 0)
	if want := "  a\tb\nc!"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		in    string
		limit int
		want  string
	}{
		{"abc", 0, "abc"},
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"ab cd", 4, "ab…"},
		{"日本語です", 3, "日本…"},
		{"abc", 1, "…"},
	} {
		if got := text.Cut(test.in, test.limit); got != test.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", test.in, test.limit, got, test.want)
		}
	}
}

func TestLineIsAlwaysOneCleanLineWithinItsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		got := text.Line(in, limit)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > limit {
			t.Fatalf("Line(%q, %d) = %q", in, limit, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return text.Invisible(r) || unicode.IsControl(r) }) {
			t.Fatalf("Line(%q) = %q has a hidden character", in, got)
		}
		if again := text.Line(got, limit); again != got {
			t.Fatalf("Line is not stable: %q, then %q", got, again)
		}
	})
}

func TestFitCountsColumnsNotCharacters(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{{"abc", 5, "abc  "}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本", 5, "日本 "}, {"e\u0301", 2, "e\u0301 "}} {
		if got := text.Fit(test.text, test.limit); got != test.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}
