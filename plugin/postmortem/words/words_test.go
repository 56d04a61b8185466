package words

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

// entry is one word as a table has it.
type entry struct {
	table string
	class Class
	base  string
}

// everyEntry reads the tables by the rule at the head of english.txt, without the
// reader of the program.
func everyEntry(tb testing.TB) []entry {
	tb.Helper()
	files, err := tables.ReadDir(".")
	if err != nil {
		tb.Fatal(err)
	}
	var all []entry
	for _, file := range files {
		content, err := tables.ReadFile(file.Name())
		if err != nil {
			tb.Fatal(err)
		}
		text := strings.ReplaceAll(string(content), "\n ", " ")
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			name, list, found := strings.Cut(line, ":")
			class, known := classOf[strings.TrimSuffix(name, " +")]
			if !found || !known {
				tb.Fatalf("%s: %q begins with no class", file.Name(), line)
			}
			for one := range strings.SplitSeq(list, ",") {
				base, _, _ := strings.Cut(strings.TrimSpace(one), " = ")
				base, _, _ = strings.Cut(base, "(") // irregular forms
				base = strings.TrimSpace(base)
				if base == "" {
					tb.Errorf("%s: the class %s has an empty word", file.Name(), name)
				}
				all = append(all, entry{file.Name(), class, base})
			}
		}
	}
	if len(all) < 500 {
		tb.Fatalf("only %d words", len(all))
	}
	return all
}

func TestEveryLanguageHasATable(t *testing.T) {
	have := map[string]bool{}
	for _, one := range everyEntry(t) {
		have[strings.TrimSuffix(one.table, path.Ext(one.table))] = true
	}
	for _, language := range []string{"english", "german", "french", "spanish", "portuguese", "japanese", "chinese", "signs"} {
		if !have[language] {
			t.Errorf("%s has no table", language)
		}
	}
}

func TestEveryWordIsFoundWhateverItsCapitals(t *testing.T) {
	seen := map[entry]bool{}
	for _, one := range everyEntry(t) {
		if seen[one] {
			t.Errorf("%s has %q twice in one class", one.table, one.base)
		}
		seen[one] = true
		if len(one.base) > longest {
			t.Errorf("%q is longer than words are looked for", one.base)
		}
		for _, text := range []string{one.base, strings.ToUpper(one.base), strings.ReplaceAll(one.base, " ", "-"), " " + strings.ReplaceAll(one.base, " ", "  ") + " "} {
			if word := Find(text); !word.Has(one.class) || !word.Base.Has(one.class) {
				t.Errorf("%q of %s is not found in its class", text, one.table)
			}
		}
	}
}

func TestAWordBeginsATextAsAWholeOnly(t *testing.T) {
	for _, one := range everyEntry(t) {
		n, word := Begins(one.base+" (note)", Of(one.class))
		if n < len(one.base) || !word.Has(one.class) {
			t.Errorf("%q of %s does not begin its text", one.base, one.table)
		}
		first, _ := utf8.DecodeRuneInString(one.base)
		last, _ := utf8.DecodeLastRuneInString(one.base)
		if first >= utf8.RuneSelf || last >= utf8.RuneSelf {
			continue
		}
		if n, _ := Begins(one.base+"xyz", Of(one.class)); n >= len(one.base) {
			t.Errorf("%q of %s begins a longer word", one.base, one.table)
		}
	}
}

func TestWordsOfOneSignStandAlone(t *testing.T) {
	for text, want := range map[string]int{"済": 3, "済む": 0, "未着手": 9, "未定": 0, "完了した": 6, "✅️ yes": 6, "✅yes": 3, "done’s": 0, "bac\u212alog": 0, "TODO_": 0, "to_do": 5, "To\u00a0do": 6} {
		if n, _ := Begins(text, Of(StatusOpen, StatusDone)); n != want {
			t.Errorf("%q begins with a status of %d bytes, want %d", text, n, want)
		}
	}
}

func TestATextContainsWordsAsAWholeOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"It was Superseded.": true, "we won’t do it": true, "is no longer needed": true, "(obsolete)": true, "": false,
		"unresolved": false, "superseded_by": false, "wontfixed": false, "no long time": false, "Überreverted": false,
	} {
		got := false
		for range In(text, Of(Settles)) {
			got = true
		}
		if got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestTablesSayWhatIsWrongWithThem(t *testing.T) {
	for table, want := range map[string]string{
		"stauts open: todo\n":   `the class "stauts open" is not known`,
		"# x\nstatus done: x\n": "",
	} {
		d := dictionary{words: map[string]Word{}}
		got := ""
		if err := d.read(table); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", table, got, want)
		}
	}
}

func TestVerbsHaveTheirForms(t *testing.T) {
	d := dictionary{words: map[string]Word{}}
	if err := d.read("status done +: close (closure), roll back, drop (dropping)\n"); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"close", "closes", "closed", "closing", "closure", "rolls back", "rolled back", "rolling back", "dropping"} {
		word, found := d.words[form]
		if base := form == "close"; !found || word.Base.Has(StatusDone) != base {
			t.Errorf("%q: found %v, base form %v", form, found, word.Base.Has(StatusDone))
		}
	}
}

func FuzzWords(f *testing.F) {
	for _, text := range []string{"", "TODO", "done — later", "未着手", "\xff\u212a", "Ünöpen", "[ ] x", "a\u00a0b"} {
		f.Add(text)
	}
	all := Of()
	for _, c := range classOf {
		all.add(Of(c))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if folded := Fold(text); len(folded) != len(text) || Fold(folded) != folded {
			t.Errorf("%q is folded to %q", text, folded)
		}
		n, word := Begins(text, all)
		if n > len(text) || n > 0 != word.meets(all) {
			t.Errorf("%q begins with %d bytes of %v", text, n, word)
		}
		Find(text)
	})
}
