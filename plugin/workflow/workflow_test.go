package workflow_test

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/workflow"
)

func TestWhatAPushOfAProposalStarts(t *testing.T) {
	push := workflow.Push{Branch: "pm-todos/propose/2026-01-01-x-01234567/0123456789ab", Default: "main", Files: []string{"stacks/monitoring/alerts.tf"}}
	const (
		steps = "steps:\n- name: apply\n  image: alpine\n"
		own   = "steps:\n- image: r/pm-todos:1\n"
		job   = "apply:\n  script: [terraform apply]\n"
	)
	for _, test := range []struct {
		file, content string
		want          workflow.Answer
	}{
		{".woodpecker/apply.yml", steps, workflow.Yes},
		{".woodpecker.yaml", steps, workflow.Yes},
		{".woodpecker/apply.yml", "when:\n  event: push\n" + steps, workflow.Yes},
		{".woodpecker/apply.yml", "when:\n  event: push\n  branch: main\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "when:\n  - event: push\n    branch: ${CI_REPO_DEFAULT_BRANCH}\n  - event: cron\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "when:\n  - event: push\n    branch: ${DEPLOY_BRANCH}\n" + steps, workflow.Perhaps},
		{".woodpecker/apply.yml", "when:\n  - event: [push, pull_request]\n    branch: {exclude: [main, release/*]}\n" + steps, workflow.Yes},
		{".woodpecker/apply.yml", "when:\n  - event: push\n    branch: {exclude: pm-todos/**}\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "when:\n  - event: {exclude: push}\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "when:\n  - event: push\n    path: docs/**\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "when:\n  - event: push\n    path: {include: [stacks/**], exclude: ['**/*.md']}\n" + steps, workflow.Yes},
		{".woodpecker/apply.yml", "when:\n  - event: push\n    ref: refs/heads/main\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "when:\n  - evaluate: 'CI_COMMIT_BRANCH == CI_REPO_DEFAULT_BRANCH'\n" + steps, workflow.Perhaps},
		{".woodpecker/apply.yml", "when:\n  - event: tag\n" + steps, workflow.No},
		{".woodpecker/apply.yml", "steps:\n  apply:\n    image: alpine\n    when: {branch: main}\n", workflow.No},
		{".woodpecker/apply.yml", "steps:\n  apply:\n    image: alpine\n    when: [{branch: main}, {event: push}]\n", workflow.Yes},
		{".woodpecker/todos.yml", own, workflow.No},
		{".woodpecker/todos.yml", own + "- image: alpine\n", workflow.Yes},
		{".woodpecker/none.yml", "labels: {a: b}\n", workflow.No},
		{".woodpecker/broken.yml", "steps: [", workflow.Perhaps},

		{".github/workflows/x.yml", "on: push\njobs: {}\n", workflow.Yes},
		{".gitea/workflows/x.yaml", "on: [pull_request, push]\n", workflow.Yes},
		{".forgejo/workflows/x.yml", "on: [pull_request, workflow_dispatch]\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  push:\n", workflow.Yes},
		{".github/workflows/x.yml", "on:\n  push:\n    branches: [main, 'release/**']\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  push:\n    branches: ['*']\n", workflow.No}, // of names without a slash
		{".github/workflows/x.yml", "on:\n  push:\n    branches: ['**', '!pm-todos/**']\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  push:\n    branches: ['!pm-todos/**', '**']\n", workflow.Yes},
		{".github/workflows/x.yml", "on:\n  push:\n    branches-ignore: [main]\n", workflow.Yes},
		{".github/workflows/x.yml", "on:\n  push:\n    branches-ignore: ['pm-todos/**']\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  push:\n    tags: ['v*']\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  push:\n    paths: ['docs/**']\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  push:\n    paths-ignore: ['docs/**']\n", workflow.Yes},
		{".github/workflows/x.yml", "on:\n  push:\n    paths: ['**', '!stacks/**']\n", workflow.No},
		{".github/workflows/x.yml", "on:\n  schedule:\n  - cron: '0 0 * * *'\n", workflow.No},
		{".github/workflows/x.yml", "on: {push: [", workflow.Perhaps},

		{".gitlab-ci.yml", job, workflow.Yes},
		{".gitlab-ci.yml", "stages: [a]\n" + job + "  only: [main]\n", workflow.No},
		{".gitlab-ci.yml", job + "  only: [branches]\n", workflow.Yes},
		{".gitlab-ci.yml", job + "  only: [/^release/]\n", workflow.Perhaps},
		{".gitlab-ci.yml", job + "  except: [main]\n", workflow.Yes},
		{".gitlab-ci.yml", job + "  except: [branches]\n", workflow.No},
		{".gitlab-ci.yml", job + "  when: manual\n", workflow.No},
		{".gitlab-ci.yml", job + "  rules: [{if: '$CI_COMMIT_BRANCH == \"main\"'}]\n", workflow.Perhaps},
		{".gitlab-ci.yml", job + "  extends: .base\n", workflow.Perhaps},
		{".gitlab-ci.yml", "workflow: {rules: [{if: $X}]}\n" + job, workflow.Perhaps},
		{".gitlab-ci.yml", "include: [other.yml]\n", workflow.Perhaps},
		{".gitlab-ci.yml", ".hidden:\n  script: [x]\nvariables: {A: b}\n", workflow.No},
		{".gitlab-ci.yml", "a: [", workflow.Perhaps},
	} {
		if got := workflow.Starts(test.file, []byte(test.content), push); got != test.want || !workflow.Is(test.file) {
			t.Errorf("%s: %d, want %d\n%s", test.file, got, test.want, test.content)
		}
	}
	for _, file := range []string{"docs/x.yml", ".woodpecker/sub/x.yml", ".woodpecker/x.md", ".github/x.yml", ".github/workflows/a/x.yml", "ci/.gitlab-ci.yml"} {
		if workflow.Starts(file, []byte("apply: {script: [x]}\nsteps: [{image: x}]\non: push\n"), push) != workflow.No || workflow.Is(file) {
			t.Errorf("%s is no workflow", file)
		}
	}
}
