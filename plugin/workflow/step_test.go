package workflow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/workflow"
)

// step is a workflow with one step of this plugin.
func step(before, settings string) string {
	return before + "\nskip_clone: true\nsteps:\n  - name: todos\n    image: r/pm-todos:1\n    settings:\n      hosts: a@b\n" + settings
}

func mustRead(t *testing.T, content string) workflow.Step {
	t.Helper()
	s, err := workflow.ReadStep([]byte(content), map[string]string{"CI_REPO_DEFAULT_BRANCH": "main"})
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	return s
}

// TestSettingsAreReadAsWoodpeckerHandsThemOn has the forms that were measured
// with Woodpecker 3.
func TestSettingsAreReadAsWoodpeckerHandsThemOn(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string]string{
		"hello": "hello", "3": "3", "1.50": "1.5", "007": "7", `"007"`: "007", "true": "true", "yes": "yes", `""`: "", "[]": "", "null": "",
		`[a, "b,c", 3]`: "a,b,c,3", "{b: 1, a: [x]}": `{"a":["x"],"b":1}`, "[{a: 1}]": `[{"a":1}]`, "2026-01-02": `"2026-01-02T00:00:00Z"`,
		"$${X}": "${X}", "${CI_REPO_DEFAULT_BRANCH}": "main", "5m": "5m",
	} {
		s := mustRead(t, step("", "      max-items: "+yaml+"\n"))
		if got := s.Settings["max_items"]; got != want {
			t.Errorf("%s is read as %q, want %q", yaml, got, want)
		}
	}
}

func TestWhatAWorkflowAloneCannotTell(t *testing.T) {
	t.Parallel()
	s := mustRead(t, step("matrix:\n  SHARD: [1/2, 2/2]\n", "      git_password: {from_secret: git_token}\n      tolerated: [a, {from_secret: b}]\n      shard: ${SHARD}\n      branch: x-${DEPLOY}\n"))
	want := workflow.Step{
		Name: "todos", Settings: map[string]string{"hosts": "a@b", "shard": "1/2"},
		Secrets:   map[string]string{"git_password": "git_token", "tolerated": "b"},
		Variables: map[string]string{"branch": "DEPLOY"}, Matrix: map[string]string{"SHARD": "1/2"}, SkipClone: true,
	}
	if diff := cmp.Diff(want, s, cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "workflow" || p.String() == "step" }, cmp.Ignore())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	include := mustRead(t, step("matrix:\n  include:\n    - {SHARD: 2/3}\n    - {SHARD: 3/3}\n", "      shard: ${SHARD}\n"))
	if include.Settings["shard"] != "2/3" {
		t.Errorf("the first combination gives %q", include.Settings["shard"])
	}
	none := mustRead(t, step("", "    environment: {A: b}\n    commands: [x]\n"))
	if diff := cmp.Diff([]string{"commands", "environment"}, none.NoPlugin); diff != "" {
		t.Errorf("beside the settings (-want +got):\n%s", diff)
	}
}

func TestAWorkflowWithoutOneStepOfThePluginIsRefused(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"steps:\n- image: alpine\n":                          "no step runs pm-todos",
		"steps:\n- image: pm-todos\n- image: r/pm-todos:2\n": "2 steps run pm-todos",
		"steps: [": "no workflow of Woodpecker",
		"matrix: {A: {b: c}}\nsteps:\n- image: pm-todos\n":          "matrix.A",
		"matrix: {include: {b: c}}\nsteps:\n- image: pm-todos\n":    "matrix.include",
		"steps:\n- image: pm-todos\n  entrypoint: [/pm-todos, x]\n": "no step runs pm-todos",
	} {
		if _, err := workflow.ReadStep([]byte(content), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

func TestWhatStartsAStep(t *testing.T) {
	t.Parallel()
	document := workflow.Push{Branch: "main", Default: "main", Files: []string{"docs/post-mortems/a.md"}}
	for _, test := range []struct {
		when, event string
		push        workflow.Push
		want        workflow.Answer
	}{
		{"", "push", document, workflow.Yes},
		{"", "tag", workflow.Push{}, workflow.Yes},
		{"when: {event: push, branch: main, path: 'docs/**'}", "push", document, workflow.Yes},
		{"when: {event: push, branch: main, path: 'docs/**'}", "cron", workflow.Push{}, workflow.No},
		{"when: {event: push, branch: main, path: 'stacks/**'}", "push", document, workflow.No},
		{"when: [{event: push, branch: other}, {event: [cron, manual]}]", "push", document, workflow.No},
		{"when: [{event: push, branch: other}, {event: [cron, manual]}]", "manual", workflow.Push{}, workflow.Yes},
		{"when: [{event: cron, cron: nightly}]", "cron", workflow.Push{}, workflow.Yes},
		{"when: [{evaluate: 'CI_X == \"1\"'}]", "manual", workflow.Push{}, workflow.Perhaps},
	} {
		if got := mustRead(t, step(test.when, "")).Meets(test.event, test.push); got != test.want {
			t.Errorf("%s: %s starts it: %d, want %d", test.when, test.event, got, test.want)
		}
	}
}
