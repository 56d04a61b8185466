package gate

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// judgeText is the codes that the plan gate has for a document that changes.
func judgeText(before, after, item string) []string {
	j := &judgement{policy: PlanPolicy{Text: item}}
	w := watcher{judgement: j, resource: resource{address: "a.b", kind: "kubernetes_config_map", action: action{verbs: []string{"update"}}}, attribute: "data"}
	w.text("data", before, after, false)
	var codes []string
	for _, f := range j.sorted() {
		codes = append(codes, f.Code)
	}
	return codes
}

func TestThreat18_ExistingAlertsChangeOnlyWhenNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := someRules(t)
		style := rapid.SampledFrom([]int{0, 1, 2, 3, 6}).Draw(t, "style")
		write := func(r []rule) string {
			if style == 6 {
				return jsonOf(r)
			}
			return yamlOf(r, style)
		}
		changed := slices.Clone(rules)
		i := rapid.IntRange(0, len(rules)-1).Draw(t, "changed")
		changed[i].expr = strings.NewReplacer("<", "<=", ">", ">=").Replace(rules[i].expr)
		before, after := write(rules), write(changed)
		if got := judgeText(before, after, "17"); !slices.Contains(got, CodeAlarm) {
			t.Errorf("a rule that is not named changed: %v\n%s\n%s", got, before, after)
		}
		if got := judgeText(before, after, "Tune the alert "+rules[i].name); slices.Contains(got, CodeAlarm) {
			t.Errorf("the named rule may not change: %v\n%s\n%s", got, before, after)
		}
		changed[i].expr += " unless vector(1)"
		if got := judgeText(before, write(changed), "Tune the alert "+rules[i].name); !slices.Contains(got, CodeAlarm) {
			t.Errorf("the named rule never fires again: %v\n%s", got, write(changed))
		}
		more := append(slices.Clone(rules), rule{"Zz" + strings.Repeat("z", 8), "up == 0"})
		if got := judgeText(before, write(more), "Add an alert"); len(got) > 0 {
			t.Errorf("no rule may be added: %v\n%s", got, write(more))
		}
	})
}

func TestNamedIn(t *testing.T) {
	for _, test := range []struct {
		text, name string
		want       bool
	}{
		{"Raise the threshold of NFSDown", "NFSDown", true},
		{"the nfs-down alert is noisy", "NFSDown", true},
		{"Add an alert on swap", "NFSDown", false},
		{"Look up the disk", "up", true},
		{"Update the disk", "up", false},
		{"", "NFSDown", false},
		{"anything", "", false},
		{"anything", "---", false},
	} {
		if got := namedIn(test.text, test.name); got != test.want {
			t.Errorf("%q names %q: %v", test.text, test.name, got)
		}
	}
}

func TestDataIsKeptAtLeastAsLong(t *testing.T) {
	for _, test := range []struct {
		before, after string
		want          bool
	}{
		{"30d", "90d", true},
		{"30d", "720h", true},
		{"30d", "1w", false},
		{"50GB", "50GB", true},
		{"50gb", "1gb", false},
		{"15", "30", true},
		{"30d", "for a while", false},
		{"30d", "", false},
	} {
		if got := keepsLonger(strings.ToLower(test.before), strings.ToLower(test.after)); got != test.want {
			t.Errorf("%s after %s keeps at least as long: %v", test.after, test.before, got)
		}
	}
}
