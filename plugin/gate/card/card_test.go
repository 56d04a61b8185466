package card_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gate/fact"
)

// planOf is what the show command prints for one resource that is updated.
func planOf(kind, before, after string) []byte {
	return fmt.Appendf(nil, `{"format_version":"1.2","resource_changes":[{"address":"%s.x","type":"%s","mode":"managed","change":{"actions":["update"],"before":%s,"after":%s}}]}`,
		kind, kind, before, after)
}

func judge(t *testing.T, show []byte, item card.Item, policy card.Policy) []card.Proof {
	t.Helper()
	plan, err := read(show)
	if err != nil {
		t.Fatal(err)
	}
	return card.Judge(plan, nil, item, policy)
}

// The same change is automatic for the types that have a card, where it is a
// rule of that card, and for no others.
func TestEachTypeHasItsOwnCard(t *testing.T) {
	rule := func(expr string) string {
		text := "groups:\n- name: a\n  rules:\n  - alert: NodeDown\n    expr: " + expr + "\n"
		encoded, err := json.Marshal(map[string]any{"input": text})
		if err != nil {
			t.Fatal(err)
		}
		return string(encoded)
	}
	alert := planOf("terraform_data", rule("up < 2"), rule("up < 1"))
	setting := planOf("aws_db_instance", `{"backup_retention_period":7}`, `{"backup_retention_period":14}`)
	for kind, want := range map[string]struct{ alert, setting string }{
		"Alert":   {"alert-tuned", ""},
		"Monitor": {"alert-tuned", ""},
		"Config":  {"alert-tuned", "config-stated"},
		"Docs":    {"", ""},
		"":        {"", ""},
	} {
		if got := judge(t, alert, card.Item{Type: kind, Action: "NodeDown below 1"}, card.Policy{})[0].Rule; got != want.alert {
			t.Errorf("%q: an alert is proved by %q, want %q", kind, got, want.alert)
		}
		if got := judge(t, setting, card.Item{Type: kind, Action: "Keep backups, retention period 14 days"}, card.Policy{})[0].Rule; got != want.setting {
			t.Errorf("%q: a setting is proved by %q, want %q", kind, got, want.setting)
		}
		if got := card.Has(kind); got != (want.alert != "") {
			t.Errorf("%q has a card: %v", kind, got)
		}
		if got := len(card.Prompt(kind)) > 0; got != (want.alert != "") {
			t.Errorf("%q has lines for the agent: %v", kind, got)
		}
	}
}

// What is created beside the tables is proved only when the owner lists its type.
func TestOnlyListedTypesAreCreatedBesideTheTables(t *testing.T) {
	show := []byte(`{"format_version":"1.2","resource_changes":[{"address":"aws_sqs_queue.x","type":"aws_sqs_queue","mode":"managed","change":{"actions":["create"],"before":null,"after":{"name":"x"}}}]}`)
	for listed, want := range map[string]string{"aws_sqs_queue": "automatic-creates", "aws_sqs": "", "*": ""} {
		got := judge(t, show, card.Item{Type: "Config"}, card.Policy{AutomaticCreates: []string{listed}})[0]
		if got.Rule != want || got.Proved() != (want != "") {
			t.Errorf("%s: proved by %q, want %q", listed, got.Rule, want)
		}
	}
}

// The page and the prompt name every rule and fill in all that they leave open.
func TestThePageIsWhole(t *testing.T) {
	page := card.Page()
	for _, rule := range []string{
		"prose", "alert-added", "alert-tuned", "keep-list", "monitor-added", "dashboard", "config-stated", "automatic-creates",
	} {
		if !strings.Contains(page, "`"+rule+"`") {
			t.Errorf("the page lacks %s", rule)
		}
	}
	for _, text := range append(card.Prompt("Config"), page) {
		if strings.Contains(text, "{alert") || strings.Contains(text, "{common") {
			t.Errorf("something is left open in: %.80s", text)
		}
	}
}

// Whatever a plan and an item hold, judging ends and does not panic, proves
// nothing opaque, and says why of all that it does not prove.
func FuzzJudge(f *testing.F) {
	f.Add("helm_release", `{"values":["a: 1\nb: 2"]}`, `{"values":["a: 2\nb: 2"]}`, "Config", "set `a` to 2")
	f.Add("aws_cloudwatch_metric_alarm", `{"alarm_name":"a","threshold":1,"alarm_actions":[]}`, `{"alarm_name":"a","threshold":2,"alarm_actions":["x"]}`, "Alert", "`a` at 2")
	f.Add("terraform_data", `{"input":"groups:\n- name: a\n  rules:\n  - {alert: A, expr: up > 1}\n"}`, `{"input":"groups:\n- name: a\n  rules:\n  - {alert: A, expr: up > 2, for: 5m}\n  - {alert: B, expr: up}\n"}`, "Alert", "A")
	f.Add("grafana_dashboard", `{"config_json":"{}"}`, `{"config_json":"{\"panels\":[{\"id\":1}]}"}`, "Monitor", "")
	f.Add("kubectl_manifest", `{}`, `{"yaml_body":"kind: Probe\nspec: {targets: {staticConfig: 1}}\n"}`, "Monitor", "{")
	f.Add("datadog_monitor", `{"name":"a b","query":"x > 1"}`, `{"name":"a b","query":"x > 2","message":"@a"}`, "Alert", "a b to 2")
	f.Add("terraform_data", `{"input":"scrape_configs:\n- job_name: a\n"}`, `{"input":"scrape_configs:\n- job_name: a\n- job_name: b\n  relabel_configs: [{target_label: a}, 1]\n  params: 1\n"}`, "Alert", "")
	f.Fuzz(func(t *testing.T, kind, before, after, item, text string) {
		encoded, err := json.Marshal(kind)
		if err != nil || !json.Valid([]byte(before)) || !json.Valid([]byte(after)) {
			return
		}
		for _, verb := range []string{"update", "create"} {
			if verb == "create" {
				before = "null"
			}
			show := fmt.Appendf(nil, `{"format_version":"1.2","resource_changes":[{"address":"x.y","type":%s,"mode":"managed","change":{"actions":[%q],"before":%s,"after":%s}}]}`,
				encoded, verb, compact(before), compact(after))
			plan, err := read(show)
			if err != nil {
				continue
			}
			for _, proof := range card.Judge(plan, nil, card.Item{Type: item, Action: text}, card.Policy{}) {
				if proof.Proved() && (proof.Fact.Kind == fact.Opaque || proof.Fact.Kind == fact.Removed || proof.Fact.Kind == fact.Order || !card.Has(item)) {
					t.Errorf("%s %s is proved by %s", proof.Fact.Kind, proof.Place(), proof.Rule)
				}
				if !proof.Proved() && proof.Why == "" {
					t.Errorf("%s is not proved and nothing says why", proof.Place())
				}
			}
		}
	})
}

// compact is a JSON text on one line.
func compact(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && r != '\r' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// read takes the facts out of what the show command printed.
func read(show []byte) (*fact.Plan, error) {
	shown, err := fact.Show(show)
	if err != nil {
		return nil, err
	}
	return fact.Read(shown, nil)
}
