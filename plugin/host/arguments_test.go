package host

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// wrappers are scripts/tg as repositories have them.
var wrappers = map[string]string{
	"hands on":    "#!/bin/sh\nset -eu\nverb=$1\nshift\nexec terragrunt \"$verb\" -lock-timeout=5m \"$@\"\n",
	"appends":     "#!/bin/sh\nset -eu\ncase $1 in plan | apply) set -- \"$@\" -lock-timeout=5m ;; esac\nterragrunt \"$@\"\ncase $1 in apply) terragrunt output ;; esac\n",
	"drops":       "#!/bin/sh\nexec terragrunt \"$1\" --non-interactive\n",
	"own program": "#!/bin/sh\nexec /absent/terragrunt \"$@\"\n",
	"own path":    "#!/bin/sh\nPATH=$(cd \"$(dirname \"$0\")\" && pwd):$PATH\nexec terragrunt \"$@\"\n",
	"fails":       "#!/bin/sh\necho 'error: no credentials' >&2\nexit 7\n",
}

func TestArgumentsThatAWrapperHandsOn(t *testing.T) {
	for name, wrapper := range wrappers {
		t.Run(name, func(t *testing.T) {
			anywhere(t, func(t *testing.T, w *world) {
				real := filepath.Join(t.TempDir(), "real")
				r := makeRepository(t, map[string]string{
					"scripts/tg*": wrapper, "stacks/a/main.tf": "x\n", "scripts/terragrunt*": "#!/bin/sh\necho \"$@\" >>" + real + "\n",
				})
				_, ws := space(t, w.Host, r, Checkout, Prepare{})
				plan, shown, err := ws.Arguments(t.Context(), "stacks", "scripts/tg", [][]string{
					{"plan", "-out={plan}", "a b'c"}, {"apply", "--non-interactive", "{plan}"},
				})
				switch name {
				case "hands on", "appends", "drops": // one call: no wrapper takes the apply for one that succeeded
					if err != nil || len(shown) != 2 || len(shown[0].Calls) != 1 || len(shown[1].Calls) != 1 {
						t.Fatalf("%s: got %+v, %v", name, shown, err)
					}
				default:
					if !errors.Is(err, ErrUnreached) {
						t.Errorf("%s: got %+v, %v", name, shown, err)
					}
					// Nothing but the version was asked of a program that is not ours.
					if said, err := os.ReadFile(real); err == nil && strings.TrimSpace(string(said)) != "version" {
						t.Errorf("%s: the real program was called with %s", name, said)
					}
					return
				}
				want := map[string][]string{
					"hands on": {"apply", "-lock-timeout=5m", "--non-interactive", plan},
					"appends":  {"apply", "--non-interactive", plan, "-lock-timeout=5m"},
					"drops":    {"apply", "--non-interactive"},
				}[name]
				if got := shown[1].Calls[0]; !slices.Equal(got, want) {
					t.Errorf("%s: got %+v, want %q", name, got, want)
				}
				if name == "hands on" && !slices.Contains(shown[0].Calls[0], "a b'c") {
					t.Errorf("an argument was not kept whole: %+v", shown[0].Calls)
				}
			})
		})
	}
}
