package app

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// privileged are plugins that Woodpecker 3 no longer runs with privileges by
// itself, so that its linter warns of them.
var privileged = []string{"plugins/docker", "plugins/gcr", "plugins/ecr", "woodpeckerci/plugin-docker-buildx"}

// checkActions looks at a workflow of GitHub Actions.
func checkActions(doc mapping) error {
	if err := onlyKeys("workflow of Actions", doc, strings.Fields("name on permissions concurrency env defaults jobs")); err != nil {
		return err
	}
	on, _ := doc["on"].(mapping)
	if err := onlyKeys("trigger of Actions", on, strings.Fields("push pull_request schedule workflow_dispatch")); err != nil || len(on) == 0 {
		return cmp.Or(err, errors.New("nothing triggers it"))
	}
	jobs, _ := doc["jobs"].(mapping)
	for name, one := range jobs {
		job, _ := one.(mapping)
		if err := onlyKeys("job of Actions", job, strings.Fields("name needs if runs-on permissions environment concurrency env steps timeout-minutes")); err != nil {
			return fmt.Errorf("job %s: %w", name, err)
		}
		steps, _ := job["steps"].([]any)
		if job["runs-on"] == nil || len(steps) == 0 {
			return fmt.Errorf("job %s runs nowhere or does nothing", name)
		}
		for _, one := range steps {
			step, _ := one.(mapping)
			if err := onlyKeys("step of Actions", step, strings.Fields("name id if uses with run env shell working-directory")); err != nil {
				return fmt.Errorf("job %s: %w", name, err)
			}
			if (step["uses"] == nil) == (step["run"] == nil) {
				return fmt.Errorf("job %s: a step either uses an action or runs commands", name)
			}
			if run, ok := step["run"].(string); ok {
				if err := checkShellSyntax(run); err != nil {
					return fmt.Errorf("job %s: %w", name, err)
				}
			}
		}
	}
	return nil
}

// checkOrder looks at what Woodpecker's linter says of steps together: each waits
// for steps that are there.
func checkOrder(value any) error {
	steps := map[string]any{}
	switch list := value.(type) {
	case []any:
		for _, one := range list {
			if step, ok := one.(mapping); ok {
				steps[fmt.Sprint(step["name"])] = step
			}
		}
		if len(steps) != len(list) {
			return errors.New("two steps have the same name")
		}
	case mapping:
		steps = list
	}
	for name, one := range steps {
		step, _ := one.(mapping)
		for _, other := range listed(step["depends_on"]) {
			if steps[other] == nil {
				return fmt.Errorf("step %s waits for %s, which is not there", name, other)
			}
		}
		image, _, _ := strings.Cut(fmt.Sprint(step["image"]), ":")
		if slices.Contains(privileged, image) {
			return fmt.Errorf("step %s: %s runs with privileges only where the server's owner has said so", name, image)
		}
	}
	return nil
}

// lintByWoodpecker asks Woodpecker's own linter, where it is installed.
func lintByWoodpecker(t *testing.T, name, content string) {
	t.Helper()
	program, err := exec.LookPath("woodpecker-cli")
	if err != nil || !strings.Contains(content, "\nsteps:") {
		return
	}
	file := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "lint", "--strict", file)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}
