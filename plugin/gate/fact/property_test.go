package fact_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
)

// values draws what a document may hold, from few keys and texts, so that two of
// them have much in common.
func values(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Map(rapid.SampledFrom([]string{"a", "b", "", "null", "off", "{{ x }}", "1", "two\nlines: 1\n"}), func(s string) any { return s }),
		rapid.Map(rapid.IntRange(0, 2), func(n int) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	if depth == 0 {
		return scalar
	}
	keys := rapid.SampledFrom([]string{"alert", "name", "id", "x", "rules", "data"})
	return rapid.OneOf(
		scalar,
		rapid.Map(rapid.MapOfN(keys, values(depth-1), 0, 4), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(values(depth-1), 0, 4), func(l []any) any { return l }),
	)
}

func document(t *rapid.T, label string) *fact.Node {
	value := rapid.MapOfN(rapid.SampledFrom([]string{"groups", "x", "y"}), values(4), 1, 3).Draw(t, label)
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return fact.Parse(string(text)).Document
}

func TestFactsUndoneGiveWhatWasBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := document(t, "before"), document(t, "after")
		if problem := undone(before, after); problem != "" {
			t.Fatal(problem)
		}
	})
}

func TestNothingDiffersFromItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := document(t, "before")
		if facts := fact.Differences(before, clone(before)); len(facts) > 0 {
			t.Fatalf("%s", line(facts[0]))
		}
	})
}

func TestTheOrderOfFactsIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := document(t, "before"), document(t, "after")
		first, second := fact.Differences(before, after), fact.Differences(before, clone(after))
		if !slices.EqualFunc(first, second, func(a, b fact.Fact) bool { return line(a) == line(b) }) {
			t.Fatal("the same trees give facts in another order")
		}
	})
}

// undone takes the facts back from a copy of the tree after and compares what is
// left with the tree before. The places of facts lead through the tree after, or
// to an element that is gone from a list in it.
func undone(before, after *fact.Node) string {
	facts := fact.Differences(before, after)
	if slices.ContainsFunc(facts, func(f fact.Fact) bool { return f.Kind == fact.Opaque || len(f.Place) == 0 }) {
		return ""
	}
	left := clone(after)
	var parents []*fact.Node
	for _, one := range facts {
		parent := left
		for _, step := range one.Place[:len(one.Place)-1] {
			parent = child(parent, step)
			if parent == nil {
				return "no place " + one.Place.String()
			}
		}
		for parent.Document != nil {
			parent = parent.Document
		}
		parents = append(parents, parent)
	}
	gone := map[*fact.Node]bool{}
	for i, one := range facts {
		last := one.Place[len(one.Place)-1]
		switch now := child(parents[i], last); one.Kind {
		case fact.Added:
			gone[now] = true
		case fact.Changed:
			*now = *clone(one.Before)
		}
	}
	for i, one := range facts {
		last, parent := one.Place[len(one.Place)-1], parents[i]
		parent.Entries = slices.DeleteFunc(parent.Entries, func(e fact.Entry) bool { return gone[e.Value] })
		parent.Elems = slices.DeleteFunc(parent.Elems, func(n *fact.Node) bool { return gone[n] })
		if one.Kind == fact.Removed && last.List {
			parent.Elems = append(parent.Elems, clone(one.Before))
		} else if one.Kind == fact.Removed {
			parent.Entries = append(parent.Entries, fact.Entry{Key: last.Key, Value: clone(one.Before)})
		}
	}
	for _, one := range fact.Differences(left, before) {
		if one.Kind != fact.Order && !strings.HasPrefix(one.Why, "only the writing") && !strings.HasPrefix(one.Why, "a key is written") {
			return "after all facts are taken back there is " + line(one)
		}
	}
	return ""
}

func child(n *fact.Node, step fact.Step) *fact.Node {
	for n.Document != nil {
		n = n.Document
	}
	if step.List {
		if step.Index < len(n.Elems) {
			return n.Elems[step.Index]
		}
		return nil
	}
	return n.Get(step.Key)
}

func clone(n *fact.Node) *fact.Node {
	if n == nil {
		return nil
	}
	copied := *n
	copied.Document = clone(n.Document)
	copied.Entries = slices.Clone(n.Entries)
	for i := range copied.Entries {
		copied.Entries[i].Value = clone(copied.Entries[i].Value)
	}
	copied.Elems = slices.Clone(n.Elems)
	for i := range copied.Elems {
		copied.Elems[i] = clone(copied.Elems[i])
	}
	return &copied
}

func FuzzDiff(f *testing.F) {
	files, err := filepath.Glob("testdata/facts/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(archive.Files) > 1 {
			f.Add(string(archive.Files[0].Data), string(archive.Files[1].Data))
		}
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		old, now := fact.Parse(before), fact.Parse(after)
		for _, n := range []*fact.Node{old, now} {
			if facts := fact.Differences(n, clone(n)); len(facts) > 0 {
				t.Fatalf("differs from itself: %s", line(facts[0]))
			}
		}
		if old.Document != nil && now.Document != nil && old.Document.Origin == now.Document.Origin {
			if problem := undone(old.Document, now.Document); problem != "" {
				t.Fatal(problem)
			}
		}
		if before != after && len(fact.Differences(old, now)) == 0 && (old.Document == nil || now.Document == nil) {
			t.Fatal("texts that are no documents differ and no fact says so")
		}
	})
}

func FuzzRead(f *testing.F) {
	plans, err := filepath.Glob("../testdata/plan/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range plans {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range archive.Files {
			if text := strings.ReplaceAll(string(section.Data), "\n", " "); section.Name == "changes" {
				f.Add([]byte(fmt.Sprintf(`{"format_version": "1.2", "resource_changes": %s}`, text)), []byte(nil))
			} else if strings.HasPrefix(text, "{") {
				f.Add([]byte(text), []byte(text))
			}
		}
	}
	f.Fuzz(func(t *testing.T, show, baseline []byte) {
		plan, err := read(show, baseline)
		if err != nil {
			return
		}
		for _, effect := range plan.Effects {
			for _, one := range effect.Facts {
				_ = one.Place.String()
				effect.After.At(one.Place)
				effect.Before.At(one.Place)
			}
		}
	})
}

// bigValues is a template of values as large charts have them.
func bigValues(rules int) string {
	var b strings.Builder
	b.WriteString("serverFiles:\n  alerting_rules.yml:\n    groups:\n      - name: big\n        rules:\n")
	for i := range rules {
		fmt.Fprintf(&b, "          - alert: Alert%d\n            expr: |\n              rate(metric_%d{job=\"x\"}[5m])\n                > %d\n            for: 5m\n            labels:\n              severity: page\n            annotations:\n              summary: \"{{ $labels.instance }} is %d\"\n", i, i, i, i)
	}
	return b.String()
}

func TestValuesOfThousandsOfLines(t *testing.T) {
	before := bigValues(600)
	if n := strings.Count(before, "\n"); n < 5000 {
		t.Fatal(n)
	}
	after := strings.Replace(before, "> 300\n", "> 299\n", 1)
	after = strings.Replace(after, "          - alert: Alert599\n", "          - alert: New\n            expr: up == 0\n          - alert: Alert599\n", 1)
	show := fixture{map[string]string{"before.yaml": before, "after.yaml": after}}.show(t, "before", "after")
	plan, err := read(show, show)
	if err != nil {
		t.Fatal(err)
	}
	facts := plan.Effects[0].Facts
	if len(facts) != 2 || !strings.HasSuffix(facts[0].Place.String(), "rules[alert=Alert300].expr") || !strings.HasSuffix(facts[1].Place.String(), "rules[alert=New]") || !facts[1].Drift {
		t.Errorf("%v", facts)
	}
}

func TestHostileDocumentsAreNotUnderstood(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, text := range map[string]string{
		"aliases of aliases": bomb,
		"nested flow":        "a:\n  " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"nested blocks":      "a:\n" + strings.Repeat("- ", 5000) + "x",
		"nested JSON":        strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			if n := fact.Parse(text); n.Document != nil {
				t.Error("it is a document")
			}
			if facts := fact.Differences(fact.Parse("a: 1\nb: 2"), fact.Parse(text)); len(facts) != 1 || facts[0].Kind != fact.Opaque {
				t.Errorf("%v", facts)
			}
		})
	}
}

func TestPlansThatCannotBeRead(t *testing.T) {
	for _, show := range []string{"", "{}x", "{}\n{}", `{"format_version": "1.2", "resource_changes": {}}`, `{"format_version": "1.2", "resource_changes": [{}]}`, `{"format_version": "1.2", "resource_changes": [{"address": "a", "type": "b"}]}`, `{"a": 1, "a": 2}`, "{\"a\": \"\xff\"}"} {
		if _, err := read([]byte(show), nil); err == nil {
			t.Errorf("%q is read", show)
		}
		if _, err := read([]byte(`{}`), []byte(show)); err == nil {
			t.Errorf("%q is read as the plan of the base", show)
		}
	}
}

func TestOtherVerbsAreOpaque(t *testing.T) {
	for _, actions := range []string{`["delete"]`, `["delete", "create"]`, `["forget"]`, `["future"]`, `[]`, `null`} {
		show := `{"format_version": "1.2", "resource_changes": [{"address": "a.b", "type": "a", "mode": "managed", "change": {"actions": ` + actions + `, "before": {}, "after": null}}]}`
		plan, err := read([]byte(show), nil)
		if err != nil || len(plan.Effects) != 1 || plan.Effects[0].Verb != fact.Other || plan.Effects[0].Facts[0].Kind != fact.Opaque {
			t.Errorf("%s: %v %v", actions, plan, err)
		}
	}
}

func TestReferencesOfArguments(t *testing.T) {
	show := printed(t, []any{}, map[string]any{
		"resources": []any{map[string]any{"address": "aws_x.y", "expressions": map[string]any{
			"alarm_actions": map[string]any{"references": []any{"aws_sns_topic.p.arn", "aws_sns_topic.p"}},
			"threshold":     map[string]any{"constant_value": 5},
			"block":         []any{map[string]any{"a": map[string]any{"references": []any{"var.a"}}}},
		}}},
		"module_calls": map[string]any{"m": map[string]any{"expressions": map[string]any{"topic": map[string]any{"references": []any{"local.t"}}}, "module": map[string]any{
			"resources": []any{map[string]any{"address": "aws_x.z", "expressions": map[string]any{"a": map[string]any{}}, "count_expression": map[string]any{"references": []any{"var.n"}}}},
			"outputs":   map[string]any{"o": map[string]any{"expression": map[string]any{"references": []any{"aws_x.z"}}}},
		}}},
	})
	plan, err := read(show, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		address, argument, want string
	}{
		{"aws_x.y[0]", "alarm_actions", "[aws_sns_topic.p aws_sns_topic.p.arn]"},
		{"aws_x.y", "threshold", "[]"},
		{"aws_x.y", "block", "[var.a]"},
		{"aws_x.y", "other", "[]"},
		{`module.m["a.b]"].aws_x.z`, "count", "[var.n]"},
	} {
		if got := fmt.Sprint(plan.ReferencesOf(test.address, test.argument)); got != test.want {
			t.Errorf("%s %s is %s", test.address, test.argument, got)
		}
	}
	if m := plan.Modules["module.m"]; m.Arguments["topic"][0] != "local.t" || m.Outputs["o"][0] != "aws_x.z" {
		t.Errorf("%v", m)
	}
}

func TestPlaces(t *testing.T) {
	place := fact.Place{{Key: "values"}, {Key: "a.b"}, {List: true, Index: 2, IDKey: "name", ID: "x y"}, {List: true, Index: 3, IDKey: "name", ID: "secret", Hidden: true}, {Key: ""}}
	if got, want := place.String(), `values."a.b"[name="x y"][3].""`; got != want {
		t.Error(got)
	}
	if keys := place.Keys(); len(keys) != 3 {
		t.Error(keys)
	}
	tree := fact.Parse("rules:\n  - {alert: A, expr: a}\n  - {alert: B, expr: b}\n")
	at := fact.Place{{Key: "rules"}, {List: true, Index: 0, IDKey: "alert", ID: "B"}, {Key: "expr"}}
	if n := tree.At(at); n == nil || n.Text != "b" {
		t.Error("an element is found by its name, wherever it stands")
	}
	at[1].ID = "C"
	if tree.At(at) != nil || tree.At(fact.Place{{List: true, Index: 9}}) != nil || (*fact.Node)(nil).At(at) != nil {
		t.Error("what is not there is found")
	}
}

func BenchmarkRead(b *testing.B) {
	text, err := json.Marshal(bigValues(600))
	if err != nil {
		b.Fatal(err)
	}
	show := fmt.Sprintf(`{"format_version": "1.2", "resource_changes": [{"address": "helm_release.a", "type": "helm_release", "mode": "managed", "change": {"actions": ["update"], "before": {"values": [%s]}, "after": {"values": [%s]}}}]}`, text, strings.Replace(string(text), "> 5", "> 6", 1))
	for b.Loop() {
		if _, err := read([]byte(show), nil); err != nil {
			b.Fatal(err)
		}
	}
}
