package gate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// rule is an alert as the documents of the tests have it.
type rule struct{ name, expr string }

func someRules(t *rapid.T) []rule {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z][a-z]{1,6}`), 1, 8, rapid.ID).Draw(t, "names")
	rules := make([]rule, len(names))
	for i, name := range names {
		rules[i] = rule{name, rapid.StringMatching(`[a-z_]{1,8}(\{job="[a-z]+"\})? [<>] [0-9]{1,3}`).Draw(t, "expr")}
	}
	return rules
}

// yamlOf writes rules as YAML, in one of the styles in use.
func yamlOf(rules []rule, style int) string {
	var b strings.Builder
	b.WriteString("# rules\ngroups:\n  - name: g\n    interval: 1m\n    rules:\n")
	indent := "      "
	if style%2 == 1 {
		indent = "    " // a list may stand at the column of its key
	}
	for _, r := range rules {
		switch style / 2 {
		case 0:
			fmt.Fprintf(&b, "%s- alert: %s\n%s  expr: %s\n", indent, r.name, indent, r.expr)
		case 1:
			fmt.Fprintf(&b, "%s- expr: |\n%s    %s\n\n%s  for: 5m\n%s  alert: %q # page\n", indent, indent, r.expr, indent, indent, r.name)
		default:
			fmt.Fprintf(&b, "%s-\n%s  \"alert\": '%s'\n%s  annotations:\n%s    summary: \"{{ $labels.x }}: down\"\n", indent, indent, r.name, indent, indent)
		}
	}
	b.WriteString("    limit: 3\ntail: 1\n")
	return b.String()
}

func jsonOf(rules []rule) string {
	list := []map[string]any{}
	for _, r := range rules {
		list = append(list, map[string]any{"alert": r.name, "expr": r.expr})
	}
	text, _ := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "g", "rules": list}}, "tail": 1})
	return string(text)
}

func TestThreat18_NoAlertVanishesFromADocument(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := someRules(t)
		style := rapid.IntRange(0, 6).Draw(t, "style")
		write := func(r []rule) string {
			if style == 6 {
				return jsonOf(r)
			}
			return yamlOf(r, style)
		}
		before := write(rules)
		gone := rapid.IntRange(0, len(rules)-1).Draw(t, "gone")
		rest := append(append([]rule{}, rules[:gone]...), rules[gone+1:]...)
		if c := compareTexts(before, write(rest)); len(c.losses) == 0 {
			t.Fatalf("an alert vanished unseen\n%s", before)
		}
		more := append(append(append([]rule{}, rules[:gone]...), rule{"New0", "up == 0"}), rules[gone:]...)
		if c := compareTexts(before, write(more)); len(c.losses) > 0 {
			t.Fatalf("an addition is refused: %v\n%s", c.losses, before)
		}
		changed := append([]rule{}, rules...)
		changed[gone].expr = "other > 7"
		if c := compareTexts(before, write(changed)); len(c.losses) > 0 {
			t.Fatalf("another threshold is refused: %v\n%s", c.losses, before)
		}
		if c := compareTexts(before, before); len(c.losses)+len(c.leaves) > 0 {
			t.Fatalf("no change is a change: %+v", c)
		}
	})
}

func TestCompareTexts(t *testing.T) {
	const base = "a:\n  b: 1\n  c: [x, y]\nd: {e: 1, name: n}\nscript: |\n  key: v\n  other: w\nlist:\n  - one\n  - two=2\n"
	for name, c := range map[string]struct {
		after string
		lost  bool
	}{
		"value":                      {strings.Replace(base, "b: 1", "b: 2", 1), false},
		"comment":                    {"# hi\n" + base, false},
		"flow element gone":          {strings.Replace(base, "[x, y]", "[x]", 1), true},
		"flow element added":         {strings.Replace(base, "[x, y]", "[x, z, y]", 1), false},
		"flow key gone":              {strings.Replace(base, "e: 1, ", "", 1), true},
		"flow name changed":          {strings.Replace(base, "name: n", "name: m", 1), true},
		"flow value changed":         {strings.Replace(base, "e: 1", "e: 2", 1), false},
		"flow becomes text":          {strings.Replace(base, "[x, y]", "x y", 1), true},
		"list element gone":          {strings.Replace(base, "  - one\n", "", 1), true},
		"setting in a list changed":  {strings.Replace(base, "two=2", "two=3", 1), false},
		"key in a block scalar gone": {strings.Replace(base, "  other: w\n", "", 1), true},
		"block scalar gone":          {strings.Replace(base, "script: |\n  key: v\n  other: w\n", "script: x\n", 1), true},
		"value emptied":              {strings.Replace(base, "b: 1", "b:", 1), true},
		"value null":                 {strings.Replace(base, "b: 1", "b: ~", 1), true},
		"parent renamed":             {strings.Replace(base, "a:\n", "z:\n", 1), true},
		"child moved out":            {strings.Replace(base, "  b: 1\n", "b: 1\n", 1), true},
		"children below a text":      {strings.Replace(base, "a:\n", "a: text\n", 1), true},
		"children below a quote":     {strings.Replace(base, "a:\n", "a: \"\n", 1), true},
		"children below a tag":       {strings.Replace(base, "a:\n", "a: !!str\n", 1), true},
		"children below an anchor":   {strings.Replace(base, "a:\n", "a: &x\n", 1), true},
		"children in a block scalar": {strings.Replace(base, "a:\n", "a: >-\n", 1), true},
		"merge key":                  {strings.Replace(base, "  b: 1\n", "  b: 1\n  <<: *x\n", 1), true},
		"repeated key":               {base + "a:\n  q: 1\n", true},
		"second document":            {base + "---\nx: 1\n", true},
		"end of document":            {strings.Replace(base, "script:", "...\nscript:", 1), true},
		"a tab":                      {base + "\tx: 1\n", true},
		"a flow over several lines":  {base + "x: [\n  1\n]\n", true},
		"a complex key":              {base + "? x\n", true},
		"a template line":            {base + "{{- if false }}\n", true},
		"all of it a comment":        {"# " + strings.ReplaceAll(base, "\n", "\n# "), true},
		"empty":                      {"", true},
		"JSON instead":               {`{"a":{"b":1}}`, true},
		"CRLF":                       {strings.ReplaceAll(base, "\n", "\r\n"), false},
	} {
		if got := compareTexts(base, c.after); (len(got.losses) > 0) != c.lost {
			t.Errorf("%s: %v", name, got.losses)
		}
	}
}

func FuzzCompareTexts(f *testing.F) {
	f.Add("a:\n  - alert: x\n", "a: []\n")
	f.Add(`{"a":[{"name":"x"}]}`, `{"a":[]}`)
	f.Add("- - a: |\n  x\n", "? x\n: y\n")
	f.Fuzz(func(t *testing.T, before, after string) {
		c := compareTexts(before, after)
		if kind, _ := kindOfText(before); kind == "json" && len(c.losses) == 0 {
			if kind, _ := kindOfText(after); kind != "json" {
				t.Errorf("%q became %q", before, after)
			}
		}
		if len(compareTexts(before, before).losses) > 0 {
			t.Errorf("%q is not like itself", before)
		}
	})
}
