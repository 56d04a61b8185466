package gate_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// realPlans is what Terraform 1.11.4 printed, with what the gate says of it.
var realPlans = map[string]string{
	"noop":                 "no-effect",
	"create":               "pass",
	"update":               "pass",
	"output-added":         "pass",
	"read":                 "pass",
	"unknown-after-apply":  "pass",
	"replace":              "replace terraform_data.b",
	"replace-create-first": "replace terraform_data.b",
	"delete":               "delete terraform_data.b",
	"forget":               "forget terraform_data.b",
	"moved":                "moved terraform_data.moved",
	"import":               "import terraform_data.c",
	"output-removed":       "output-removed output.a",
	"scale-to-zero":        "pass",
	"key-vanishes":         "pass",
	"provisioner":          "code-at-apply terraform_data.c",
	"lost-state":           "creates-everything",
}

func realPlan(t testing.TB, name string) []byte {
	t.Helper()
	show, err := os.ReadFile(filepath.Join("testdata", "terraform-1.11", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return show
}

func TestRealTerraformPlans(t *testing.T) {
	baseline := realPlan(t, "noop")
	for name, want := range realPlans {
		t.Run(name, func(t *testing.T) {
			verdict := gate.Plan(realPlan(t, name), gate.PlanPolicy{Mode: gate.Item, Baseline: baseline})
			got := strings.ReplaceAll(strings.TrimSpace(told(verdict)), "\n", ";")
			if got != want {
				t.Errorf("got %q, want %q: %v", got, want, verdict.Findings)
			}
		})
	}
}

func TestRealTerraformBaselineAndConfirm(t *testing.T) {
	for name := range realPlans {
		for mode, code := range map[gate.Mode]reason.Code{gate.Baseline: reason.Drift, gate.Confirm: reason.NotConverged} {
			verdict := gate.Plan(realPlan(t, name), gate.PlanPolicy{Mode: mode, Baseline: realPlan(t, "noop")})
			if name == "noop" {
				if !verdict.Passed() {
					t.Errorf("mode %v: an empty plan is refused: %v", mode, verdict.Findings)
				}
				continue
			}
			if !slices.ContainsFunc(verdict.Findings, func(f item.Finding) bool { return f.Code == code }) {
				t.Errorf("mode %v: %s is let pass: %v", mode, name, verdict.Findings)
			}
		}
	}
}

func TestCounts(t *testing.T) {
	for name, want := range map[string]item.Counts{"create": {Create: 1}, "update": {Update: 1}, "noop": {}, "read": {Create: 1}, "unknown-after-apply": {Create: 1, Update: 1}} {
		if got := gate.Plan(realPlan(t, name), gate.PlanPolicy{Mode: gate.Item}).Counts; got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTolerable(t *testing.T) {
	for name, want := range map[string][]string{
		"noop": nil, "create": {"terraform_data.c"}, "replace": {"terraform_data.b"}, "replace-create-first": {"terraform_data.b"},
		"delete": nil, "forget": nil, "moved": nil, "import": nil, "update": nil, "output-removed": nil,
	} {
		if got := gate.Tolerable(realPlan(t, name)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := gate.Tolerable([]byte("no plan")); got != nil {
		t.Errorf("%q", got)
	}
}

// installed is the installed Terraform in a folder of its own. It plans a
// configuration, and applies the last plan.
type installed struct {
	t            *testing.T
	program, dir string
}

const base = "resource \"terraform_data\" \"a\" {\n  input = \"one\"\n}\n"

// newInstalled has applied base.
func newInstalled(t *testing.T) installed {
	t.Helper()
	program, err := exec.LookPath(cmp.Or(os.Getenv("PM_TODOS_TERRAFORM"), "terraform"))
	if err != nil {
		t.Skip("needs a real Terraform on the PATH or in PM_TODOS_TERRAFORM")
	}
	i := installed{t, program, t.TempDir()}
	if err := errors.Join(os.WriteFile(filepath.Join(i.dir, "terraformrc"), nil, 0o600), os.WriteFile(filepath.Join(i.dir, "main.tf"), []byte(base), 0o600)); err != nil {
		t.Fatal(err)
	}
	i.run("init", "-input=false")
	i.plan(base)
	i.apply()
	return i
}

func (i installed) run(args ...string) []byte {
	i.t.Helper()
	cmd := exec.CommandContext(i.t.Context(), i.program, args...)
	cmd.Dir = i.dir
	cmd.Env = []string{"HOME=" + i.dir, "PATH=" + os.Getenv("PATH"), "TF_CLI_CONFIG_FILE=" + filepath.Join(i.dir, "terraformrc"), "CHECKPOINT_DISABLE=1"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		i.t.Fatalf("terraform %v: %v\n%s", args, err, out)
	}
	return out
}

func (i installed) plan(text string) []byte {
	i.t.Helper()
	if err := os.WriteFile(filepath.Join(i.dir, "main.tf"), []byte(text), 0o600); err != nil {
		i.t.Fatal(err)
	}
	i.run("plan", "-input=false", "-out=p.tfplan")
	return i.run("show", "-json", "p.tfplan")
}

func (i installed) apply() {
	i.t.Helper()
	i.run("apply", "-input=false", "p.tfplan")
}

// What is tolerated may not exist yet: the fix's apply makes it, and then it
// changes in every plan.
func TestInstalledTerraformToleratesWhatChangesInEveryPlan(t *testing.T) {
	terraform := newInstalled(t)
	restless := base + "resource \"terraform_data\" \"t\" {\n  triggers_replace = timestamp()\n}\n" +
		"resource \"terraform_data\" \"once\" {\n  input = \"x\"\n}\n" +
		"output \"now\" {\n  value = timestamp()\n}\noutput \"of\" {\n  value = terraform_data.t.id\n}\n"
	fixed := restless + "resource \"terraform_data\" \"fix\" {\n  input = \"x\"\n}\n"
	tolerated := []string{"terraform_data.t", "terraform_data.once", "output.now"}
	judge := func(mode gate.Mode, show, baseline []byte) string {
		return strings.TrimSpace(told(gate.Plan(show, gate.PlanPolicy{Mode: mode, Tolerated: tolerated, Baseline: baseline})))
	}
	for round, want := range []string{"pass", "no-effect"} {
		baseline := terraform.plan(restless)
		if round > 0 { // as the next item of the stack finds it
			baseline = terraform.plan(fixed)
		}
		if got := judge(gate.Baseline, baseline, nil); got != "pass" {
			t.Errorf("round %d, baseline: %s", round, got)
		}
		if got := judge(gate.Item, terraform.plan(fixed), baseline); got != want {
			t.Errorf("round %d, item: %s, want %s", round, got, want)
		}
		terraform.apply()
		if got := judge(gate.Confirm, terraform.plan(fixed), baseline); got != "pass" {
			t.Errorf("round %d, confirm: %s", round, got)
		}
	}
	if got := gate.Tolerable(terraform.plan(fixed)); !slices.Equal(got, []string{"terraform_data.t"}) {
		t.Errorf("the line to paste is %q", got)
	}
	only := base + "output \"now\" {\n  value = timestamp()\n}\n"
	terraform.plan(only)
	terraform.apply()
	show := terraform.plan(only)
	if got := gate.Tolerable(show); !slices.Equal(got, []string{"output.now"}) {
		t.Errorf("the line to paste is %q", got)
	}
	tolerated = nil
	if got := judge(gate.Baseline, show, nil); got != "drift output.now" {
		t.Errorf("an output that nobody tolerates: %s", got)
	}
}

// What this gate judged is what the installed Terraform prints today.
func TestInstalledTerraform(t *testing.T) {
	terraform := newInstalled(t)
	plan := terraform.plan
	baseline := plan(base)
	if v := gate.Plan(baseline, gate.PlanPolicy{Mode: gate.Baseline}); !v.Passed() {
		t.Fatalf("the untouched base: %v", v.Findings)
	}
	for text, want := range map[string]string{
		base + "resource \"terraform_data\" \"b\" {\n  input = 1\n}\n": "pass",
		strings.ReplaceAll(base, "one", "two"):                         "pass",
		strings.ReplaceAll(base, "input", "triggers_replace"):          "replace terraform_data.a",
		"locals {}\n": "delete terraform_data.a",
	} {
		if got := strings.TrimSpace(told(gate.Plan(plan(text), gate.PlanPolicy{Mode: gate.Item, Baseline: baseline}))); got != want {
			t.Errorf("%s\ngot %q, want %q", text, got, want)
		}
	}
}

// Findings name addresses, actions and attributes, never a value.
func TestThreat13_FindingsHoldNoValues(t *testing.T) {
	const value = "VALUE-THAT-MUST-NOT-BE-TOLD"
	changes := `[{"address":"helm_release.x","mode":"managed","type":"helm_release","name":"x","provider_name":"p","change":{"actions":["update"],
		"before":{"password":"` + value + `1","values":["alerts:\n  - alert: ` + value + `2\n    expr: ` + value + `3\n"],"m":{"` + value + `k":"x"},"` + value + `a":[1]},
		"after":{"password":"` + value + `4","values":["alerts: []\nreplicas: 0\n"],"m":{},"suspend":true,"` + value + `b":{"host_network":true}},"after_unknown":{},"then":"` + value + `5"}}]`
	for _, mode := range []gate.Mode{gate.Baseline, gate.Item, gate.Confirm} {
		verdict := gate.Plan(show(t, changes), gate.PlanPolicy{Mode: mode})
		if verdict.Passed() {
			t.Fatal("passed")
		}
		if text := fmt.Sprint(verdict); strings.Contains(text, value) {
			t.Errorf("mode %v: %s", mode, text)
		}
	}
}

func TestThreat7_HugeAndDeepOutput(t *testing.T) {
	head := `{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[],"variables":`
	for name, text := range map[string]string{
		"deep":     head + strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000) + "}",
		"deeplist": head + strings.Repeat("[", 1000000),
		"huge":     head + `"` + strings.Repeat("x", 65<<20) + `"}`,
		"not utf8": head + "\"\xff\"}",
		"nul":      "\x00{}",
	} {
		if verdict := gate.Plan([]byte(text), gate.PlanPolicy{Mode: gate.Confirm}); verdict.Passed() {
			t.Errorf("%s passed", name)
		}
	}
}

func TestTooManyFindingsAreCut(t *testing.T) {
	var entries []string
	for i := range 500 {
		entries = append(entries, fmt.Sprintf(`{"address":"terraform_data.x[%d]","mode":"managed","type":"terraform_data","name":"x","index":%d,"change":{"actions":["delete"],"before":{}}}`, i, i))
	}
	verdict := gate.Plan(show(t, "["+strings.Join(entries, ",")+"]"), gate.PlanPolicy{Mode: gate.Item})
	if n := len(verdict.Findings); n != 101 || verdict.Findings[n-1].Code != reason.TooManyFindings {
		t.Errorf("%d findings", n)
	}
}

func TestUnknownModeRefuses(t *testing.T) {
	if gate.Plan(realPlan(t, "noop"), gate.PlanPolicy{Mode: 17}).Passed() {
		t.Error("passed")
	}
}

// FuzzPlan: whenever the gate lets an item's plan pass, another reading of the
// very bytes, token by token and without any of the gate's code, finds only
// allowed actions.
func FuzzPlan(f *testing.F) {
	for name := range realPlans {
		f.Add(realPlan(f, name))
	}
	files, err := filepath.Glob("testdata/plan/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range archive.Files {
			var b bytes.Buffer
			switch section.Name {
			case "show":
				f.Add(section.Data)
			case "plan":
				if json.Compact(&b, section.Data) == nil {
					f.Add(b.Bytes())
				}
			case "changes":
				b.WriteString(`{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":`)
				if json.Compact(&b, section.Data) == nil {
					b.WriteString("}")
					f.Add(b.Bytes())
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, mode := range []gate.Mode{gate.Baseline, gate.Item, gate.Confirm} {
			if !gate.Plan(data, gate.PlanPolicy{Mode: mode}).Passed() {
				continue
			}
			verbs, plans := reread(t, data)
			if plans != 1 {
				t.Errorf("mode %v passed output with %d plans", mode, plans)
			}
			for _, verb := range verbs {
				quiet := verb == "no-op" || verb == "read"
				if !quiet && (mode != gate.Item || verb != "create" && verb != "update") {
					t.Errorf("mode %v passed a plan with %q", mode, verb)
				}
			}
		}
	})
}

// reread is every action list of the plan, joined, however often a key occurs
// and however it is written, and how many plans there are.
func reread(t *testing.T, data []byte) (verbs []string, plans int) {
	t.Helper()
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		start := bytes.IndexByte(line, '{')
		if start < 0 {
			data = rest
			continue
		}
		var object json.RawMessage
		found := json.NewDecoder(bytes.NewReader(data[start:]))
		if err := found.Decode(&object); err != nil {
			if len(bytes.TrimSpace(line[:start])) == 0 {
				t.Fatalf("the gate passed what is no JSON: %v", err)
			}
			data = rest // text that holds a brace
			continue
		}
		_, data, _ = bytes.Cut(data[start+int(found.InputOffset()):], []byte("\n"))
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(object, &keys); err != nil {
			t.Fatal(err)
		}
		if keys["format_version"] == nil {
			continue // a log line
		}
		plans++
		dec := json.NewDecoder(bytes.NewReader(object))
		var walk func(path string)
		walk = func(path string) {
			token, err := dec.Token()
			if err != nil {
				t.Fatalf("the gate passed what is no JSON: %v", err)
			}
			if strings.Contains(path, "/actions") && token != json.Delim('[') {
				t.Fatalf("the gate passed actions that are no list: %v", token)
			}
			switch token {
			case json.Delim('['):
				var list []string
				for dec.More() {
					if strings.HasSuffix(path, "/actions") {
						verb, err := dec.Token()
						if err != nil {
							t.Fatal(err)
						}
						list = append(list, fmt.Sprint(verb))
						continue
					}
					walk(path + "[]")
				}
				_, _ = dec.Token()
				if strings.HasSuffix(path, "/actions") {
					verbs = append(verbs, strings.Join(list, "+"))
				}
			case json.Delim('{'):
				for dec.More() {
					key, err := dec.Token()
					if err != nil {
						t.Fatal(err)
					}
					name, _ := key.(string)
					walk(inner(path, name))
				}
				_, _ = dec.Token()
			}
		}
		walk("")
	}
	return verbs, plans
}

// inner is the path below a key, as far as actions can be found there.
func inner(path, key string) string {
	key = strings.ToLower(key)
	switch {
	case path == "" && (key == "resource_changes" || key == "output_changes"):
		return "/" + key
	case path == "/resource_changes[]" && key == "change", path == "/output_changes":
		return "/change"
	case path == "/change" && key == "actions":
		return "/change/actions"
	}
	return path + "~"
}
