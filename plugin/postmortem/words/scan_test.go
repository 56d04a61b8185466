package words

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// has reports whether one of the words of a text stands in a class, and the text of
// the first that does.
func has(text string, class Class) (string, bool) {
	for _, one := range Scan(nil, text) {
		if one.Has(class) {
			return one.Text, true
		}
	}
	return "", false
}

// capital is a word as a sentence begins with it.
func capital(word string) string {
	first, size := utf8.DecodeRuneInString(word)
	return string(unicode.ToUpper(first)) + word[size:]
}

func TestEveryWordIsFoundInASentenceAndNoneInALongerWord(t *testing.T) {
	for _, one := range everyEntry(t) {
		if one.class < Joins {
			continue
		}
		for _, sentence := range []string{"%s", "Zzz %s zzz", "zzz,%s.", "`%s`", "**%s** zzz", "zzz (%s)"} {
			text := fmt.Sprintf(sentence, capital(strings.ReplaceAll(one.base, "#", "#7")))
			if _, found := has(text, one.class); !found {
				t.Errorf("%q of %s is not found in %q", one.base, one.table, text)
			}
		}
		if first, _ := utf8.DecodeRuneInString(one.base); spaceless(first) {
			if _, found := has("ヰヰ"+one.base+"ヰヰ", one.class); !found {
				t.Errorf("%q of %s is not found between other signs", one.base, one.table)
			}
			continue
		}
		for _, text := range []string{"zz" + one.base + "zz", one.base + "zz", "zz" + one.base} {
			if found, inside := has(text, one.class); inside && found != one.base && len(strings.Fields(one.base)) == 1 && !strings.ContainsAny(one.base, "#/.-") {
				t.Errorf("%q is found in %q", found, text)
			}
		}
	}
}

func TestCompoundsAndNamesOfSettingsAreSeveralWords(t *testing.T) {
	for text, want := range map[string]string{
		"deletionProtection":       "deletion protection.",
		"skip_final_snapshot":      "skip final snapshot.",
		"auto-reboot":              "auto +reboot",
		"TLSVerify":                "tls. +verify.",
		"hostNetwork host-network": "host network. host network",
		"4Gi 99.9% 10.0.0.0/8":     "4gi 99.9 10.0.0.0 +8",
		"don’t roll back":          "don’t roll back",
		"depends on #3":            "depends on # 3",
		"DNSのアラートを追加":              "dns の アラート を 追加",
		"APIキー":                    "api キー",
		"the public, API":          "the public api",
		"public API":               "public api",
	} {
		var got []string
		for _, one := range Scan(nil, text) {
			word := one.Text
			if one.Inside {
				word = "+" + word
			}
			if one.Name {
				word += "."
			}
			got = append(got, word)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is split into %q, want %q", text, strings.Join(got, " "), want)
		}
	}
}

// checkScan holds for every text whatsoever.
func checkScan(t interface{ Errorf(string, ...any) }, text string) {
	last := 0
	for _, one := range Scan(nil, text) {
		if one.Start < last || one.End <= one.Start || one.End > len(text) {
			t.Errorf("%q: the word %q stands at %d to %d, behind %d", text, one.Text, one.Start, one.End, last)
		}
		last = one.End
	}
}

func TestWordsOfATextStandInItsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"delete", "Roll-back", "api_key", "監視", " ", "`", "#", "’", "\xff"}))).Draw(t, "parts")
		checkScan(t, strings.Join(parts, ""))
	})
}

func FuzzScan(f *testing.F) {
	for _, text := range []string{"", "Set `deletionProtection: false`", "アラートを追加", "\xff#1", "don’t", "a-b_c.d/e"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkScan(t, text) })
}
