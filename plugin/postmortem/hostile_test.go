package postmortem

import (
	"os"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// TestHostileDocumentsAreRead runs documents that were made to be slow, and
// checks what of them is withheld.
func TestHostileDocumentsAreRead(t *testing.T) {
	complexOnes := map[string]bool{
		"wide header": true, "wide header, rows": true, "huge cell": true, "quotes": true, "lists on a line": true, "stairs": true,
		"one line": true, "pipes": true, "zero bytes": true, "mentions": true, "sixteen levels": true, "blank gaps": true,
		"short items": true,
	}
	for name, src := range hostile() {
		if len(src) > 300<<10 {
			src = src[:300<<10]
		}
		t.Run(name, func(t *testing.T) {
			doc := Parse("d.md", src, defaultPolicy)
			checkDocument(t, src, doc)
			found := false
			for _, p := range doc.Problems {
				found = found || p.Reason == reason.TooComplex
			}
			if complexOnes[name] && !found {
				t.Error("nothing is said to be too complex")
			}
			if len(doc.Safe()) > 0 {
				t.Errorf("safe items in it: %+v", doc.Safe()[0])
			}
		})
	}
}

func TestLimits(t *testing.T) {
	table := func(columns int) []byte {
		return lines("| Action | Status |"+strings.Repeat(" a |", columns-2), "|"+strings.Repeat("---|", columns),
			"| Add alert for x | TODO |"+strings.Repeat(" a |", columns-2))
	}
	nested := func(levels int) []byte {
		return lines("## Action items", "", strings.Repeat("- ", levels-1)+"- [ ] [Alert] Add alert")
	}
	long := func(size int) []byte {
		return lines("## Action items", "", "| Action | Type | Note | Status |", "|---|---|---|---|", "| Add alert | Alert | "+strings.Repeat("a", size)+" | TODO |")
	}
	for name, test := range map[string]struct {
		src     []byte
		items   int
		complex bool
	}{
		"64 columns":                  {table(64), 1, false},
		"65 columns":                  {table(65), 0, true},
		"16 levels":                   {nested(16), 1, false},
		"17 levels":                   {nested(17), 0, true},
		"a line of 60 KiB":            {long(60 << 10), 1, false},
		"a line over 64 KiB":          {long(64 << 10), 0, true},
		"over 16 MiB":                 {lines("## Action items", "- [ ] [Alert] Add alert", strings.Repeat("\n", 16<<20)), 0, true},
		"over 500,000 blank lines":    {lines(strings.Repeat("\n", 500_001), "## Action items", "- [ ] [Alert] Add alert"), 1, false},
		"1000 lines of six marks":     {lines(strings.Repeat("- - - - - - a\n", 1000), "## Action items", "- [ ] [Alert] Add alert"), 1, false},
		"4000 lines of eight marks":   {lines(strings.Repeat("- - - - - - - - a\n", 4000), "## Action items", "- [ ] [Alert] Add alert"), 0, true},
		"4000 lines of four tabs":     {lines(strings.Repeat("\t\t\t\ta\n\n", 4000), "## Action items", "- [ ] [Alert] Add alert"), 0, true},
		"257 rules of six stars":      {lines(strings.Repeat("* * * * * *\n", 257), "## Action items", "- [ ] [Alert] Add alert"), 1, false},
		"500 tiny tasks":              {lines("## Action items", strings.Repeat("- [ ] a\n", 500)), 500, false},
		"more tiny tasks than limits": {lines("## Action items", strings.Repeat("- [ ] a\n", 2000)), 0, true},
		"very many blank lines":       {lines("## Action items", "- [ ] [Alert] Add alert", strings.Repeat("\n", 100_000)), 1, false},
		"as many lines as limits":     {lines("## Action items", "- [ ] [Alert] Add alert", "", strings.Repeat("a\n", 2283)), 1, false},
		"more lines than limits":      {lines("## Action items", "- [ ] [Alert] Add alert", "", strings.Repeat("a\n", 2300)), 0, true},
		"a long line in code":         {lines("```", strings.Repeat("a", 70<<10), "```", "## Action items", "- [ ] [Alert] Add alert"), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			doc := Parse("d.md", test.src, defaultPolicy)
			if len(doc.Items) != test.items {
				t.Errorf("%d items, want %d", len(doc.Items), test.items)
			}
			if found := len(doc.Problems) == 1 && doc.Problems[0].Reason == reason.TooComplex; found != test.complex {
				t.Errorf("problems %v", doc.Problems)
			}
		})
	}
}

// TestMemoryStaysInProportion checks the allocations, which do not depend on
// the machine and which the heap cannot exceed. Those of documents just within
// the limits are more, for growing slices are copied; their heap is not.
func TestMemoryStaysInProportion(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates much itself")
	}
	check := func(name string, src []byte, times int) {
		const free = 2 << 20 // what a small document of tiny pieces may take
		if used, limit := allocated(src), uint64(times*len(src)+free); used > limit {
			t.Errorf("%s: %d bytes are allocated for %d, over %d times as many", name, used, len(src), times)
		}
	}
	check("ordinary", ordinary(256<<10), 25)
	check("rows", rows(10_000), 25)
	every := os.Getenv("PM_TODOS_EVERY_CASE") != ""
	if !every {
		t.Log("the beginning of each: with PM_TODOS_EVERY_CASE=1 each is 1 MiB long")
	}
	for name, src := range hostile() {
		if !every {
			src = src[:min(len(src), 300<<10)]
		}
		check(name, src, 50)
	}
}
