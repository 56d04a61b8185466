package gate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

var update = flag.Bool("update", false, "write what the gates say into the fixtures; read every difference before you commit it")

// fixtures runs judge on every fixture of a folder and compares its findings
// with the section "want": one finding per line, code and place, or "pass"; of
// plans that pass every hard rule, the lane.
func fixtures(t *testing.T, folder string, judge func(*testing.T, map[string]string) gate.Judgement) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s: %v", folder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			sections := map[string]string{}
			for _, section := range archive.Files {
				sections[section.Name] = string(section.Data)
			}
			verdict := judge(t, sections)
			got := toldLane(verdict)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(sections["want"], got); diff != "" {
				t.Errorf("%s(-want +got)\n%s\n%v", archive.Comment, diff, factsOf(verdict))
			}
			if again := judge(t, sections); toldLane(again) != got {
				t.Error("the second judgement is another one")
			}
		})
	}
}

// told is the findings as the fixtures have them.
func told(v item.Verdict) string {
	if v.Passed() {
		return "pass\n"
	}
	var lines []string
	for _, f := range v.Findings {
		lines = append(lines, strings.TrimSpace(string(f.Code)+" "+f.Place))
	}
	return strings.Join(slices.Compact(lines), "\n") + "\n"
}

// toldLane is a judgement as the fixtures have it.
func toldLane(j gate.Judgement) string {
	if j.Lane == gate.Automatic || j.Lane == gate.Approval {
		return string(j.Lane) + "\n"
	}
	return told(item.Verdict{Findings: j.Findings})
}

func TestDiffFixtures(t *testing.T) { fixtures(t, "diff", judgeDiff) }

func TestPlanFixtures(t *testing.T) { fixtures(t, "plan", judgePlan) }

// judgeDiff reads a change: old/PATH and new/PATH are files before and after,
// base/PATH is a file that stays, paths lists more paths of the base, modes and filtered say what differs from
// a plain file, policy changes the default policy.
func judgeDiff(t *testing.T, sections map[string]string) gate.Judgement {
	t.Helper()
	policy := gate.DiffPolicy{
		Type: "Alert", AllowPaths: []string{"stacks/**"}, Protected: []string{"vault", "dbaas", "traefik", "authentik", "kyverno"},
		Stacks: []string{"stacks/*"}, StatePaths: []string{"state/**"}, Wrapper: "scripts/tg",
		Secrets:   []secret.String{secret.New("s3cr3t-from-vault")},
		BasePaths: []string{"README.md", "scripts/tg", "stacks/monitoring/main.tf", "stacks/other/main.tf", "stacks/vault/main.tf", "modules/alert/main.tf"},
		BaseFiles: map[string][]byte{},
	}
	if text, ok := sections["policy"]; ok {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			t.Fatal(err)
		}
	}
	policy.BasePaths = append(policy.BasePaths, strings.Fields(sections["paths"])...)
	files := map[string]*item.File{}
	at := func(path string) *item.File {
		if files[path] == nil {
			files[path] = &item.File{Path: path}
		}
		return files[path]
	}
	for name, text := range sections {
		if path, ok := strings.CutPrefix(name, "base/"); ok {
			policy.BaseFiles[path] = []byte(text)
			policy.BasePaths = append(policy.BasePaths, path)
		} else if path, ok := strings.CutPrefix(name, "old/"); ok {
			f := at(path)
			f.Old, f.OldMode, f.OldSize = []byte(text), 0o100644, int64(len(text))
			policy.BasePaths = append(policy.BasePaths, path)
		} else if path, ok := strings.CutPrefix(name, "new/"); ok {
			f := at(path)
			f.New, f.NewMode, f.NewSize = []byte(text), 0o100644, int64(len(text))
		}
	}
	for line := range strings.Lines(sections["modes"]) {
		fields := strings.Fields(line)
		old, _ := strconv.ParseUint(fields[1], 8, 32)
		now, _ := strconv.ParseUint(fields[2], 8, 32)
		at(fields[0]).OldMode, at(fields[0]).NewMode = uint32(old), uint32(now)
	}
	for _, path := range strings.Fields(sections["filtered"]) {
		at(path).Filtered = true
	}
	var c item.Change
	for _, f := range files {
		switch {
		case f.OldMode == 0:
			f.Kind = item.Added
		case f.NewMode == 0:
			f.Kind = item.Deleted
		default:
			f.Kind = item.Modified
		}
		c.Files = append(c.Files, *f)
	}
	slices.SortFunc(c.Files, func(a, b item.File) int { return strings.Compare(a.Path, b.Path) })
	return gate.Judgement{Findings: gate.Compare(c, policy).Verdict().Findings}
}

// judgePlan reads a plan: "show" is what the command printed, word by word;
// "plan" is its JSON on several lines; "changes" is resource_changes alone;
// "before" and "after" are the values of one Helm release.
func judgePlan(t *testing.T, sections map[string]string) gate.Judgement {
	t.Helper()
	policy := struct {
		gate.PlanPolicy
		Text string // of the item
	}{PlanPolicy: gate.PlanPolicy{Type: "Alert", Mode: gate.Item}}
	if text, ok := sections["policy"]; ok {
		if err := json.Unmarshal([]byte(text), &policy); err != nil {
			t.Fatal(err)
		}
	}
	if text, ok := sections["baseline"]; ok {
		policy.Baseline = show(t, text)
	}
	var printed []byte
	switch {
	case sections["show"] != "":
		printed = []byte(sections["show"])
	case sections["plan"] != "":
		printed = oneLine(t, sections["plan"])
	case sections["after"] != "":
		printed = show(t, valuesChange(t, sections["before"], sections["after"]))
	default:
		printed = show(t, sections["changes"])
	}
	if policy.Mode != gate.Item {
		return gate.Judgement{Findings: gate.Plan(printed, policy.PlanPolicy).Findings}
	}
	return gate.Judge(printed, policy.PlanPolicy, gate.Request{Item: card.Item{Type: policy.Type, Action: policy.Text}})
}

// valuesChange is resource_changes in which the values of a Helm release change.
func valuesChange(t *testing.T, before, after string) string {
	t.Helper()
	values := func(text string) map[string]any {
		return map[string]any{"name": "prometheus", "chart": "prometheus", "values": []string{text}}
	}
	encoded, err := json.Marshal([]any{map[string]any{
		"address": "helm_release.prometheus", "mode": "managed", "type": "helm_release", "name": "prometheus", "provider_name": "registry.terraform.io/hashicorp/helm",
		"change": map[string]any{"actions": []string{"update"}, "before": values(before), "after": values(after), "after_unknown": map[string]any{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// releases is the configuration of the Helm releases in the fixtures: which
// arguments are written down, as opposed to what the provider computes.
const releases = `{"root_module":{"resources":[
	{"address":"helm_release.prometheus","mode":"managed","type":"helm_release","name":"prometheus","expressions":{"name":{},"chart":{},"values":{}}}]}}`

// show is the output for a plan with these resource_changes.
func show(t *testing.T, changes string) []byte {
	t.Helper()
	return oneLine(t, fmt.Sprintf(`{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":%s,
		"prior_state":{"format_version":"1.0","values":{"root_module":{"resources":[
			{"address":"terraform_data.old","mode":"managed","type":"terraform_data","provider_name":"terraform.io/builtin/terraform"},
			{"address":"helm_release.old","mode":"managed","type":"helm_release","provider_name":"registry.terraform.io/hashicorp/helm"},
			{"address":"kubernetes_config_map.old","mode":"managed","type":"kubernetes_config_map","provider_name":"registry.terraform.io/hashicorp/kubernetes"}]}}},
		"configuration":%s,"complete":true,"errored":false}`, changes, releases))
}

func oneLine(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	return append(b.Bytes(), '\n')
}
