package terraform

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

func TestMain(m *testing.M) {
	if handled, code := program.Dispatch(os.Args, map[string]program.Main{"terraform": Main}); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// cli is a Terraform, ours or the real one, as the tests run it.
type cli struct {
	path string
	env  []string
}

func standinTerraform(t *testing.T) (cli, *Terraform) {
	t.Helper()
	terraform, err := Install(filepath.Join(t.TempDir(), "bin"), t.TempDir(), "")
	must(t, err)
	return cli{terraform.Program, []string{"PATH=" + os.Getenv("PATH")}}, terraform
}

// realTerraform is the one on the PATH, apart from the user's settings.
func realTerraform(t *testing.T) cli {
	t.Helper()
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Skip("no terraform on the PATH to compare with")
	}
	settings := filepath.Join(t.TempDir(), "terraform.rc")
	must(t, os.WriteFile(settings, nil, 0o600))
	return cli{path, []string{"PATH=" + os.Getenv("PATH"), "TF_CLI_CONFIG_FILE=" + settings, "CHECKPOINT_DISABLE=1", "HOME=" + t.TempDir()}}
}

func (p cli) run(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.path, args...)
	cmd.Dir, cmd.Env = dir, p.env
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

func (p cli) must(t *testing.T, dir string, args ...string) string {
	t.Helper()
	stdout, stderr, code := p.run(t, dir, args...)
	if code != 0 {
		t.Fatalf("terraform %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// refused runs a command that must fail with these words.
func (p cli) refused(t *testing.T, dir, words string, args ...string) {
	t.Helper()
	stdout, stderr, code := p.run(t, dir, args...)
	if code != 1 || !strings.Contains(stderr, words) {
		t.Errorf("terraform %s: exit %d, want 1 and %q on standard error\n%s%s", strings.Join(args, " "), code, words, stdout, stderr)
	}
}

const backendBlock = "terraform {\n  backend \"local\" {\n    path = \"STATE\"\n  }\n}\n"

// configure writes a configuration with its state beside the folder.
func configure(t *testing.T, dir, resources string) {
	t.Helper()
	backend := strings.ReplaceAll(backendBlock, "STATE", filepath.ToSlash(dir)+"-state/a.tfstate")
	must(t, os.MkdirAll(dir, 0o750))
	must(t, os.MkdirAll(dir+"-state", 0o750))
	must(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(backend+resources), 0o600))
}

// configurations go through every action, one after another on one state.
var configurations = []struct {
	name, text string
	actions    map[string]string
}{
	{
		"create", `
resource "terraform_data" "text" { input = "one" }
resource "terraform_data" "tree" {
  input            = { n = 1, list = ["x", true, { deep = 2.5 }], none = null, text = <<-EOT
    two
    lines
  EOT
  }
  triggers_replace = ["a", 2]
}
resource "terraform_data" "empty" {}
resource "terraform_data" "clock" { input = { now = timestamp(), fixed = 1, list = [timestamp(), "x"] } }
resource "terraform_data" "again" { triggers_replace = timestamp() }
resource "terraform_data" "first" {
  input            = 1
  triggers_replace = { k = 1 }
}`,
		map[string]string{"text": "create", "tree": "create", "empty": "create", "clock": "create", "again": "create", "first": "create"},
	},
	{
		"update, replace, delete", `
resource "terraform_data" "text" { input = "two" }
resource "terraform_data" "tree" {
  input            = { n = 1, list = ["x", true, { deep = 2.5 }], none = null, text = "two\nlines\n" }
  triggers_replace = ["a", 3]
}
resource "terraform_data" "clock" { input = { now = timestamp(), fixed = 1, list = [timestamp(), "x"] } }
resource "terraform_data" "again" { triggers_replace = timestamp() }
resource "terraform_data" "first" {
  input            = 2
  triggers_replace = { k = 2 }
}`,
		map[string]string{"text": "update", "tree": "delete,create", "empty": "delete", "clock": "update", "again": "delete,create", "first": "delete,create"},
	},
	{
		"types, by a local value", `
locals { number = 2 }
resource "terraform_data" "text" { input = local.number }
resource "terraform_data" "first" {
  input            = "2"
  triggers_replace = { k = 2 }
}`,
		map[string]string{"text": "update", "first": "update", "tree": "delete", "clock": "delete", "again": "delete"},
	},
	{
		"nothing", `
resource "terraform_data" "text" { input = local.number }
locals {
  number = 2
}
resource "terraform_data" "first" {
  input            = "2"
  triggers_replace = { k = 2 }
}`,
		map[string]string{"text": "no-op", "first": "no-op"},
	},
}

// walk plans and applies the configurations and returns each plan's JSON.
func walk(t *testing.T, p cli) []string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "stack")
	var shows []string
	for i, configuration := range configurations {
		configure(t, dir, configuration.text)
		if i == 0 {
			p.must(t, dir, "init", "-input=false", "-lockfile=readonly", "-no-color")
		}
		p.must(t, dir, "plan", "-input=false", "-lock-timeout=5m", "-no-color", "-out=p")
		shows = append(shows, p.must(t, dir, "show", "-json", "p"))
		p.must(t, dir, "apply", "-input=false", "-lock-timeout=5m", "-no-color", "p")
	}
	return shows
}

func TestPlansEveryAction(t *testing.T) {
	p, terraform := standinTerraform(t)
	for i, show := range walk(t, p) {
		var plan tfjson.Plan
		must(t, json.Unmarshal([]byte(show), &plan))
		if strings.Count(show, "\n") != 1 {
			t.Errorf("%s: the JSON is not one line", configurations[i].name)
		}
		actions := map[string]string{}
		for _, change := range plan.ResourceChanges {
			var words []string
			for _, action := range change.Change.Actions {
				words = append(words, string(action))
			}
			actions[change.Name] = strings.Join(words, ",")
		}
		if diff := cmp.Diff(configurations[i].actions, actions); diff != "" {
			t.Errorf("%s (-want +got):\n%s", configurations[i].name, diff)
		}
		if (plan.PriorState != nil) != (i > 0) {
			t.Errorf("%s: prior state is %v", configurations[i].name, plan.PriorState)
		}
	}
	calls, err := terraform.Calls()
	must(t, err)
	if want := 1 + 3*len(configurations); len(calls) != want || calls[0].Args[0] != "init" {
		t.Errorf("%d calls recorded, want %d beginning with init: %+v", len(calls), want, calls)
	}
}

var (
	madeUp  = regexp.MustCompile(`"id":"[^"]*"`)
	instant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
)

// stable is a plan without what differs between any two runs.
func stable(t *testing.T, show string) map[string]any {
	t.Helper()
	show = madeUp.ReplaceAllString(instant.ReplaceAllString(show, "WHEN"), `"id":"ID"`)
	var plan map[string]any
	must(t, json.Unmarshal([]byte(show), &plan))
	return plan
}

func TestEqualsTheRealOne(t *testing.T) {
	genuine := realTerraform(t)
	ours, _ := standinTerraform(t)
	version := genuine.must(t, t.TempDir(), "version", "-json")
	want, got := walk(t, genuine), walk(t, ours)
	for i := range want {
		name := configurations[i].name
		if diff := cmp.Diff(actionsOf(t, want[i]), actionsOf(t, got[i])); diff != "" {
			t.Errorf("%s: actions (-real +ours):\n%s", name, diff)
		}
		// Other versions print other extras around the same actions.
		if strings.Contains(version, `"`+Version+`"`) {
			if diff := cmp.Diff(stable(t, want[i]), stable(t, got[i])); diff != "" {
				t.Errorf("%s: whole plan (-real +ours):\n%s", name, diff)
			}
		}
	}
}

func actionsOf(t *testing.T, show string) []string {
	t.Helper()
	var plan tfjson.Plan
	must(t, json.Unmarshal([]byte(show), &plan))
	var lines []string
	for _, change := range plan.ResourceChanges {
		line := change.Address
		for _, action := range change.Change.Actions {
			line += " " + string(action)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// TestSharesItsState lets each cli plan on the state of the other.
func TestSharesItsState(t *testing.T) {
	genuine := realTerraform(t)
	ours, _ := standinTerraform(t)
	for name, order := range map[string][2]cli{"real state": {genuine, ours}, "our state": {ours, genuine}} {
		dir := filepath.Join(t.TempDir(), "stack")
		configure(t, dir, `resource "terraform_data" "a" {
  input            = { n = 1, l = ["x", true, null] }
  triggers_replace = "t"
}`)
		order[0].must(t, dir, "init", "-no-color")
		order[0].must(t, dir, "apply", "-auto-approve", "-no-color")
		must(t, os.RemoveAll(filepath.Join(dir, ".terraform")))
		order[1].must(t, dir, "init", "-no-color")
		if _, stderr, code := order[1].run(t, dir, "plan", "-detailed-exitcode", "-no-color"); code != 0 {
			t.Errorf("%s: the other cli sees changes: exit %d %s", name, code, stderr)
		}
		inputs, err := StateInputs(dir + "-state/a.tfstate")
		must(t, err)
		if diff := cmp.Diff(map[string]any{"terraform_data.a": map[string]any{"n": 1.0, "l": []any{"x", true, nil}}}, inputs); diff != "" {
			t.Errorf("%s: inputs (-want +got):\n%s", name, diff)
		}
	}
}

// TestRefuses holds for both programs, since the words are Terraform's.
func TestRefuses(t *testing.T) {
	t.Run("stand-in", func(t *testing.T) {
		p, _ := standinTerraform(t)
		refusals(t, p)
	})
	t.Run("real", func(t *testing.T) { refusals(t, realTerraform(t)) })
}

func refusals(t *testing.T, p cli) {
	dir := filepath.Join(t.TempDir(), "stack")
	configure(t, dir, `resource "terraform_data" "a" { input = 1 }`)
	p.refused(t, dir, "Backend initialization required", "plan", "-no-color")
	p.must(t, dir, "init", "-no-color")
	p.refused(t, dir, "Failed to parse command-line flags", "plan", "-no-color", "-no-such-flag")
	p.refused(t, dir, "Failed to read the given file", "show", "-json", "-no-color", "absent")
	p.must(t, dir, "plan", "-no-color", "-out=p1")
	p.must(t, dir, "plan", "-no-color", "-out=p2")
	p.refused(t, dir, "Too many command line arguments", "apply", "-no-color", "p1", "-lock-timeout=5m")
	p.must(t, dir, "apply", "-no-color", "p1")
	p.refused(t, dir, "Saved plan is stale", "apply", "-no-color", "p2")
	p.refused(t, dir, "Saved plan is stale", "apply", "-no-color", "p1")
	configure(t, dir, "resource \"terraform_data\" \"a\" {\n  input = 1\n  triggers_replace = 1\n  lifecycle { prevent_destroy = true }\n}")
	p.refused(t, dir, "Instance cannot be destroyed", "plan", "-no-color")
	configure(t, dir, `resource "terraform_data" "a" { input = `)
	p.refused(t, dir, "main.tf line", "plan", "-no-color")
	p.refused(t, dir, `Terraform has no command named "obliterate"`, "obliterate")
}

func TestStateLock(t *testing.T) {
	p, _ := standinTerraform(t)
	dir := filepath.Join(t.TempDir(), "stack")
	configure(t, dir, `resource "terraform_data" "a" { input = 1 }`)
	p.must(t, dir, "init")
	p.must(t, dir, "plan", "-out=p")
	release, err := HoldStateLock(dir+"-state/a.tfstate", "OperationTypeApply")
	must(t, err)
	p.refused(t, dir, "Error acquiring the state lock", "plan")
	p.refused(t, dir, "Who:       stand-in@localhost", "apply", "-lock-timeout=60ms", "p")
	time.AfterFunc(200*time.Millisecond, func() {
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	p.must(t, dir, "apply", "-lock-timeout=1m", "p")
}

func TestAppliesInPart(t *testing.T) {
	p, terraform := standinTerraform(t)
	dir := filepath.Join(t.TempDir(), "stack")
	configure(t, dir, "resource \"terraform_data\" \"a\" { input = 1 }\nresource \"terraform_data\" \"b\" { input = 2 }")
	p.must(t, dir, "init")
	p.must(t, dir, "plan", "-out=p")
	must(t, terraform.FailApplyAfter(1))
	p.refused(t, dir, "terraform_data.b", "apply", "p")
	inputs, err := StateInputs(dir + "-state/a.tfstate")
	must(t, err)
	if diff := cmp.Diff(map[string]any{"terraform_data.a": 1.0}, inputs); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	must(t, terraform.FailApplyAfter(-1))
	p.must(t, dir, "apply", "--non-interactive", "-auto-approve")
	if _, _, code := p.run(t, dir, "plan", "-detailed-exitcode"); code != 0 {
		t.Errorf("after the second apply a plan ends %d", code)
	}
}

func TestScript(t *testing.T) {
	p, terraform := standinTerraform(t)
	dir := filepath.Join(t.TempDir(), "stack")
	configure(t, dir, `resource "terraform_data" "a" { input = 1 }`)
	p.must(t, dir, "init")
	must(t, terraform.FailPlan("expired token"))
	p.refused(t, dir, "expired token", "plan")
	must(t, terraform.FailPlan(""))
	must(t, terraform.DelayApply(time.Millisecond))
	p.must(t, dir, "plan", "-out=p")
	p.must(t, dir, "apply", "p")
	if out := p.must(t, dir, "-chdir="+dir, "version"); !strings.HasPrefix(out, "Terraform v"+Version+"\n") {
		t.Errorf("version printed %q", out)
	}
}

func TestUnsupported(t *testing.T) {
	p, _ := standinTerraform(t)
	for name, text := range map[string]string{
		"provider":   `provider "x" {}`,
		"type":       `resource "null_resource" "a" {}`,
		"reference":  `resource "terraform_data" "a" { input = var.x }`,
		"argument":   `resource "terraform_data" "a" { count = 2 }`,
		"lifecycle":  `resource "terraform_data" "a" { lifecycle { ignore_changes = all } }`,
		"twice":      "resource \"terraform_data\" \"a\" {}\nresource \"terraform_data\" \"a\" {}",
		"no backend": "terraform {\n  backend \"s3\" {}\n}",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600))
			p.refused(t, dir, "main.tf", "plan")
		})
	}
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
