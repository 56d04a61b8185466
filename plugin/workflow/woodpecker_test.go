package workflow

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/scaffold"
)

func TestRunsPluginLooksAtStepsAlone(t *testing.T) {
	t.Parallel()
	files, err := scaffold.Files(map[string]string{"image": "r/x:1"})
	if err != nil {
		t.Fatal(err)
	}
	inits := map[string]string{}
	for _, file := range files {
		inits[file.Path] = string(file.Content)
	}
	for name, test := range map[string]struct {
		workflow string
		want     bool
	}{
		"the workflow of init":            {inits[".woodpecker/postmortem-todos.yml"], true},
		"the pages of init":               {inits[".woodpecker/pages.yml"], false},
		"the lint of init":                {inits[".woodpecker/postmortem-lint.yml"], false},
		"steps by name":                   {"steps:\n  x:\n    image: r.example.org:5000/infra/pm-todos:1\n", true},
		"image of another name":           {"steps:\n- image: r/x\n  settings: {hosts: a@b, vault_addr: http://v}\n", true},
		"a digest":                        {"steps:\n- image: r/pm-todos@sha256:00\n", true},
		"named by a comment":              {"steps:\n# image: pm-todos\n- image: alpine\n", false},
		"named by a command":              {"steps:\n- image: alpine\n  commands: [echo image: pm-todos]\n", false},
		"hosts of another plugin":         {"steps:\n- image: r/rsync\n  settings: {hosts: a, key: b}\n", false},
		"a folder of the registry":        {"steps:\n- image: r/pm-todos/alpine:1\n", false},
		"a step that is none, before one": {"steps:\n- 1\n- image: pm-todos\n", true},
		"no YAML":                         {"steps: [pm-todos", false},
		"no steps":                        {"image: pm-todos\n", false},
	} {
		if got := RunsPlugin(".woodpecker.yml", []byte(test.workflow)); got != test.want {
			t.Errorf("%s: %t, want %t\n%s", name, got, test.want, test.workflow)
		}
	}
}
