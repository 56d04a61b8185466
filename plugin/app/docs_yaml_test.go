package app

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/scaffold"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/workflow"
)

// The keys that Woodpecker 3 knows, from its documentation of workflows.
var (
	workflowKeys = strings.Fields("when steps services workspace clone skip_clone labels depends_on runs_on matrix variables")
	stepKeys     = strings.Fields("name image pull commands entrypoint environment settings when depends_on failure detach volumes backend_options directory privileged")
	whenKeys     = strings.Fields("event branch path cron ref repo status platform instance evaluate matrix")
	events       = strings.Fields("push pull_request pull_request_closed pull_request_metadata tag release deployment cron manual")
)

// ownImage is the image of this program, wherever it is kept.
var ownImage = regexp.MustCompile(`^(?:\S+/)?pm-todos(?:[:@]\S+)?$|^FILL_IN_IMAGE$`)

type mapping = map[string]any

// checkYAML judges every document by what it is: a workflow, a part of one, a
// settings block, or a Kubernetes object. Of a matrix it takes the first values.
func checkYAML(text string) error {
	if step, err := workflow.ReadStep([]byte(text), nil); err == nil {
		for name, value := range step.Matrix {
			text = strings.ReplaceAll(text, "${"+name+"}", value)
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc mapping
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = checkYAMLDocument(doc)
		}
		if err != nil {
			return err
		}
	}
}

func checkYAMLDocument(doc mapping) error {
	_, isStep := doc["image"]
	switch {
	case doc["apiVersion"] != nil || doc["kind"] != nil:
		metadata, _ := doc["metadata"].(mapping)
		if doc["apiVersion"] == nil || doc["kind"] == nil || metadata["name"] == nil {
			return errors.New("a Kubernetes object needs apiVersion, kind and metadata.name")
		}
		return nil
	case doc["groups"] != nil || doc["rule_files"] != nil:
		return nil // rules of Prometheus and their tests, which promtool reads
	case doc["jobs"] != nil:
		return checkActions(doc)
	case doc["steps"] != nil || doc["when"] != nil && !isStep:
		return checkWorkflow(doc)
	case isStep || doc["backend_options"] != nil:
		return checkStep(doc, "", nil)
	case len(doc) == 1 && doc["settings"] != nil:
		return checkPartOfSettings(doc["settings"])
	}
	return fmt.Errorf("nobody knows what YAML with the keys %v is; teach checkYAML", slices.Sorted(maps.Keys(doc)))
}

func onlyKeys(what string, m mapping, known []string) error {
	for key := range m {
		if !slices.Contains(known, key) {
			return fmt.Errorf("%s is no key of a %s", key, what)
		}
	}
	return nil
}

func checkWorkflow(doc mapping) error {
	if err := onlyKeys("workflow", doc, workflowKeys); err != nil {
		return err
	}
	happens, err := checkWhen(doc["when"])
	if err != nil {
		return err
	}
	if err := checkOrder(doc["steps"]); err != nil {
		return err
	}
	switch steps := doc["steps"].(type) {
	case nil:
		return nil
	case []any:
		for _, one := range steps {
			step, ok := one.(mapping)
			if !ok || step["name"] == nil {
				return errors.New("a step of the list has no name")
			}
			if err := checkStep(step, fmt.Sprint(step["name"]), happens); err != nil {
				return err
			}
		}
	case mapping:
		for name, one := range steps {
			step, ok := one.(mapping)
			if !ok {
				return fmt.Errorf("the step %s holds nothing", name)
			}
			if err := checkStep(step, name, happens); err != nil {
				return err
			}
		}
	default:
		return errors.New("steps are neither a list nor a mapping")
	}
	return nil
}

// checkWhen checks the conditions and tells the events for which they may hold.
func checkWhen(when any) (happens []string, err error) {
	list, ok := when.([]any)
	if one, single := when.(mapping); single {
		list, ok = []any{one}, true
	}
	if !ok && when != nil {
		return nil, errors.New("when is neither a list nor a mapping")
	}
	for _, one := range list {
		condition, ok := one.(mapping)
		if !ok {
			return nil, errors.New("a condition is no mapping")
		}
		if err := onlyKeys("condition", condition, whenKeys); err != nil {
			return nil, err
		}
		if condition["event"] == nil {
			return nil, errors.New("a condition names no event")
		}
		for _, event := range listed(condition["event"]) {
			if !slices.Contains(events, event) {
				return nil, fmt.Errorf("%s is no event", event)
			}
			happens = append(happens, event)
		}
		if condition["cron"] != nil && !slices.Contains(listed(condition["event"]), "cron") {
			return nil, errors.New("a condition names a cron job but not the event")
		}
	}
	return happens, nil
}

// listed is a list, or a single text as one.
func listed(value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return []string{fmt.Sprint(value)}
}

func checkStep(step mapping, name string, happens []string) error {
	if err := onlyKeys("step", step, stepKeys); err != nil {
		return fmt.Errorf("step %s: %w", name, err)
	}
	if step["settings"] != nil && (step["commands"] != nil || step["entrypoint"] != nil || step["environment"] != nil) {
		return fmt.Errorf("step %s: with commands, entrypoint or environment beside its settings it is no plugin and gets no plugin's secrets", name)
	}
	if !ownImage.MatchString(fmt.Sprint(step["image"])) {
		if commands := listed(step["commands"]); len(commands) > 0 {
			return checkShellSyntax(strings.Join(commands, "\n"))
		}
		return nil
	}
	if words := listed(step["entrypoint"]); len(words) > 1 && words[0] == "/pm-todos" && step["commands"] == nil {
		if App("test", nil, nil, nil).Command(words[1]) == nil {
			return fmt.Errorf("step %s: %s is no command", name, words[1])
		}
		return nil // a command beside the plugin's run; the image has no shell
	}
	if step["commands"] != nil || step["entrypoint"] != nil || step["environment"] != nil {
		return fmt.Errorf("step %s: with commands, entrypoint or environment it is no plugin", name)
	}
	given, _ := step["settings"].(mapping)
	environment, err := pipelineEnvironment(given, happens)
	if err != nil {
		return err
	}
	if _, err := settings.FromEnvironment(environment); err != nil {
		return fmt.Errorf("step %s: %w", name, err)
	}
	return nil
}

// checkPartOfSettings takes settings that are not all: what is there must be
// known and readable.
func checkPartOfSettings(value any) error {
	given, ok := value.(mapping)
	if !ok {
		return errors.New("settings are no mapping")
	}
	environment, err := pluginVariables(given)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(given))
	for name := range given {
		if err := checkVariable(settings.Prefix + strings.ToUpper(name)); err != nil {
			return err
		}
		names = append(names, name)
	}
	_, problems := settings.ReadSome(names, func(setting string) string { return environment[settings.Prefix+strings.ToUpper(setting)] })
	return settings.Wrong(problems)
}

// pipelineEnvironment is what Woodpecker hands to a step for a push, or for the
// only event that the workflow is for.
func pipelineEnvironment(given mapping, happens []string) (map[string]string, error) {
	environment, err := pluginVariables(given)
	if err != nil {
		return nil, err
	}
	event := "push"
	if len(happens) > 0 && !slices.Contains(happens, event) {
		event = happens[0]
	}
	maps.Copy(environment, map[string]string{
		"CI": "woodpecker", "CI_STEP_TYPE": "plugin", "CI_PIPELINE_EVENT": event, "CI_WORKSPACE": "/woodpecker/src",
		"CI_REPO_CLONE_URL": "https://git.example.org/infra/infra.git", "CI_REPO_URL": "https://git.example.org/infra/infra",
		"CI_COMMIT_BRANCH": "main", "CI_REPO_DEFAULT_BRANCH": "main", "CI_COMMIT_REF": "refs/heads/main", "CI_COMMIT_SHA": strings.Repeat("a", 40),
	})
	return environment, nil
}

// pluginVariables are settings as Woodpecker makes variables of them.
func pluginVariables(given mapping) (map[string]string, error) {
	content, err := yaml.Marshal(mapping{"steps": []mapping{{"name": "x", "image": "pm-todos", "settings": given}}})
	if err != nil {
		return nil, err
	}
	step, err := workflow.ReadStep(content, nil)
	if err != nil {
		return nil, err
	}
	values := step.Settings
	for name, variable := range step.Variables {
		values[name] = "${" + variable + "}"
	}
	for name := range step.Secrets {
		if values[name], err = exampleSecret(name); err != nil {
			return nil, err
		}
	}
	environment := map[string]string{}
	for name, text := range values {
		environment[settings.Prefix+strings.ToUpper(name)] = text
	}
	return environment, nil
}

// exampleSecret is a value of the kind that a setting takes.
func exampleSecret(setting string) (string, error) {
	switch {
	case strings.HasSuffix(setting, "known_hosts"):
		public, _, err := ed25519.GenerateKey(nil)
		if err != nil {
			return "", err
		}
		key, err := ssh.NewPublicKey(public)
		if err != nil {
			return "", err
		}
		return "10.0.10.10 " + string(ssh.MarshalAuthorizedKey(key)), nil
	case strings.HasSuffix(setting, "ssh_key"):
		_, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return "", err
		}
		block, err := ssh.MarshalPrivateKey(private, "")
		if err != nil {
			return "", err
		}
		return string(pem.EncodeToMemory(block)), nil
	case strings.HasSuffix(setting, "ca_cert"):
		server := httptest.NewTLSServer(nil)
		defer server.Close()
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), nil
	case setting == "proxy":
		return "http://example:example@proxy.example.org:3128", nil
	case setting == "slack_webhook":
		return "T0000/B0000/" + strings.Repeat("x", 24), nil
	case setting == "chat_webhook":
		return "https://chat.example.org/hooks/" + strings.Repeat("x", 26), nil
	case setting == "chat_secret":
		return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32)), nil
	}
	return "example-" + setting, nil
}

// TestPipelines judges every pipeline that users copy, get, or run here.
func TestPipelines(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../docs/examples/*.yml", "../../.woodpecker/*.yml"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := checkYAML(string(content)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		lintByWoodpecker(t, file, string(content))
	}
	written := initFiles(t, exampleValues())
	actions := exampleValues()
	actions["pages"] = "actions"
	maps.Copy(written, initFiles(t, actions))
	for name, content := range written {
		if filepath.Ext(name) == ".yml" {
			if err := checkYAML(content); err != nil {
				t.Errorf("init writes %s: %v", name, err)
			}
			lintByWoodpecker(t, name, content)
		}
	}
}

// exampleSettings are the variables of the first step of a pipeline to copy.
func exampleSettings(t *testing.T, example string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", example))
	if err != nil {
		t.Fatal(err)
	}
	var pipeline struct {
		Steps []struct {
			Settings mapping `yaml:"settings"`
		} `yaml:"steps"`
	}
	if err := yaml.Unmarshal(content, &pipeline); err != nil || len(pipeline.Steps) == 0 {
		t.Fatalf("%s: %v", example, err)
	}
	variables, err := pluginVariables(pipeline.Steps[0].Settings)
	if err != nil {
		t.Fatal(err)
	}
	return variables
}

func initFiles(t *testing.T, values map[string]string) map[string]string {
	t.Helper()
	files, err := scaffold.Files(values)
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]string{}
	for _, file := range files {
		contents[file.Path] = string(file.Content)
	}
	return contents
}

// TestWhatInitLeavesOpenStopsTheRun: a placeholder that nobody filled in is a
// problem of the settings, told before anything is contacted.
func TestWhatInitLeavesOpenStopsTheRun(t *testing.T) {
	err := checkYAML(initFiles(t, nil)[".woodpecker/postmortem-todos.yml"])
	var wrong *settings.Error
	if !errors.As(err, &wrong) {
		t.Fatalf("%v is no error of the settings", err)
	}
	var names []string
	for _, p := range wrong.Problems {
		names = append(names, p.Setting)
	}
	if diff := cmp.Diff([]string{"vault_addr", "hosts"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestExampleIsWhatInitWrites keeps the pipeline to copy and the one that init
// writes from drifting apart.
func TestExampleIsWhatInitWrites(t *testing.T) {
	for example, written := range map[string]string{
		"postmortem-todos.yml": ".woodpecker/postmortem-todos.yml", "pages.yml": ".woodpecker/pages.yml",
		"postmortem-lint.yml": ".woodpecker/postmortem-lint.yml", "post-mortem-pages.yml": ".github/workflows/post-mortem-pages.yml",
	} {
		content, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", example))
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{
			"image": "registry.example.org/infra/pm-todos:1.0.0", "hosts": "wizard@10.0.10.10",
			"vault-addr": "http://vault-active.vault.svc.cluster.local:8200", "agent-hosts": "",
		}
		if strings.HasPrefix(written, ".github/") {
			values["pages"] = "actions"
		}
		if diff := cmp.Diff(string(content), initFiles(t, values)[written]); diff != "" {
			t.Errorf("docs/examples/%s (-it +init):\n%s", example, diff)
		}
	}
}
