package app

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// says is what the command line prints.
func says(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if err := App("v1.2.3", strings.NewReader(""), &out, &out).RunContext(t.Context(), append([]string{"pm-todos"}, args...)); err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return out.String()
}

// TestHelpFitsATerminal has no line that a terminal of 80 columns would break.
func TestHelpFitsATerminal(t *testing.T) {
	pages := [][]string{{"--help"}, {"help"}, {"help", "settings"}}
	for _, c := range App("", nil, nil, nil).Commands {
		pages = append(pages, []string{c.Name, "--help"}, []string{"help", c.Name})
	}
	for _, g := range settings.Groups() {
		pages = append(pages, []string{"help", "settings", strings.ToLower(g.Title)})
	}
	for _, args := range pages {
		page := says(t, args...)
		for line := range strings.Lines(page) {
			if columns := text.Columns(strings.TrimSuffix(line, "\n")); columns > 80 {
				t.Errorf("%q: %d columns: %s", args, columns, line)
			}
		}
		if args[len(args)-1] == "--help" && len(args) == 2 && args[0] != "help" && page != says(t, "help", args[0]) {
			t.Errorf("%s --help and help %s differ", args[0], args[0])
		}
		if strings.Count(page, "\n") > 80 && args[len(args)-2] != "settings" {
			t.Errorf("%q has %d lines", args, strings.Count(page, "\n"))
		}
	}
}

func TestEverySettingIsExplained(t *testing.T) {
	var listed []struct{ Name, Group, Flag, Variable, Usage string }
	if err := json.Unmarshal([]byte(says(t, "help", "settings", "--format", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	all := says(t, "help", "settings")
	for _, e := range settings.All() {
		at := slices.IndexFunc(listed, func(one struct{ Name, Group, Flag, Variable, Usage string }) bool { return one.Name == e.Name })
		if at < 0 || listed[at].Variable != e.Variable() || !strings.Contains(all, e.Name) {
			t.Errorf("%s is not listed", e.Name)
		}
		if page := says(t, "help", "settings", strings.ReplaceAll(e.Name, "_", "-")); !strings.Contains(page, "\n   "+e.Name+"\n") {
			t.Errorf("help %s says %s", e.Name, page)
		}
	}
	if got := says(t, "help", "--format=json", "settings", "mode", "vault_addr"); strings.Count(got, `"name"`) != 2 {
		t.Errorf("of two settings it says %s", got)
	}
}

func TestSlipsOfThePenAreMet(t *testing.T) {
	for line, want := range map[string]string{
		"prase":                  `"prase" is not a command; did you mean parse? pm-todos help lists them`,
		"x":                      `"x" is not a command; pm-todos help lists them`,
		"help lintt":             `"lintt" is neither a command nor a setting; did you mean lint? pm-todos help lists them`,
		"help setting":           `"setting" is neither a command nor a setting; did you mean settings? pm-todos help lists them`,
		"help vault-adr":         `"vault-adr" is neither a command nor a setting; did you mean vault_addr? pm-todos help lists them`,
		"help settings vualt":    `"vualt" is neither a setting nor a group of them; did you mean vault? pm-todos help settings lists them`,
		"parse --formt=json":     "--formt is not a flag; did you mean --format? pm-todos help parse lists the flags",
		"--vaultaddr x":          "--vaultaddr is not a flag; did you mean --vault-addr? pm-todos help lists the flags",
		"doctor --budget 1":      "--budget is not a flag; did you mean --budget-usd? pm-todos help doctor lists the flags",
		"lint --qqqqqqqq":        "--qqqqqqqq is not a flag; pm-todos help lint lists the flags",
		"parse --format":         "flag needs an argument: -format; pm-todos help parse lists the flags",
		"completion tcsh":        "completion needs the name of a shell: bash, zsh or fish",
		"version --format yaml":  `--format: "yaml" is not one of text or json`,
		"version x":              "version takes no argument",
		"help settings --format": `"format" is neither a setting nor a group of them; pm-todos help settings lists them`,
	} {
		var out bytes.Buffer
		err := App("", nil, &out, &out).RunContext(t.Context(), append([]string{"pm-todos"}, strings.Fields(line)...))
		if err == nil || err.Error() != want || out.Len() > 0 {
			t.Errorf("%s: %v\nwant: %s\nprinted: %q", line, err, want, out.String())
		}
	}
}

func TestVersion(t *testing.T) {
	if got := says(t, "version"); !strings.HasPrefix(got, "pm-todos version v1.2.3, ") {
		t.Error(got)
	}
	var v struct{ Version, Go, Platform string }
	if err := json.Unmarshal([]byte(says(t, "version", "--format", "json")), &v); err != nil || v.Version != "v1.2.3" || v.Go == "" || v.Platform == "" {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestShellsCompleteTheCommandLine asks the shells themselves what they would offer.
func TestShellsCompleteTheCommandLine(t *testing.T) {
	folder := t.TempDir()
	for shell, ask := range map[string]string{
		// Words of the line, of which the last is completed.
		"bash": `source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pm_todos; printf '%s\n' "${COMPREPLY[@]}"`,
		"fish": `source $argv[1]; complete -C (string join ' ' -- $argv[2..]) | string split -f 1 \t; true`,
	} {
		t.Run(shell, func(t *testing.T) {
			program, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("needs %s: %v", shell, err)
			}
			script := filepath.Join(folder, shell)
			if err := os.WriteFile(script, []byte(says(t, "completion", shell)), 0o600); err != nil {
				t.Fatal(err)
			}
			for line, want := range map[string][]string{
				"pm-todos ver":                       {"verify", "version"},
				"pm-todos parse --f":                 {"--format"},
				"pm-todos doctor --format json --pl": {"--plan", "--plan-args"},
				"pm-todos completion ":               {"bash", "fish", "zsh"},
				"pm-todos help sett":                 {"settings", "settle"},
				"pm-todos --vault-ad":                {"--vault-addr"},
			} {
				words := strings.Split(line, " ")
				args := append([]string{"--norc", "-c", ask, "bash", script}, words...)
				if shell == "fish" {
					args = append([]string{"--no-config", "-c", ask, script}, words...)
				}
				command := exec.CommandContext(t.Context(), program, args...)
				command.Dir, command.Env = t.TempDir(), append(os.Environ(), "HOME="+folder, "XDG_CONFIG_HOME="+folder, "XDG_DATA_HOME="+folder)
				out, err := command.Output()
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				got := strings.Fields(string(out))
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", line, diff)
				}
			}
		})
	}
	if program, err := exec.LookPath("zsh"); err != nil {
		t.Logf("what is for zsh was not tried: %v", err)
	} else if out, err := exec.CommandContext(t.Context(), program, "-n", "-c", says(t, "completion", "zsh")).CombinedOutput(); err != nil {
		t.Errorf("zsh does not read it: %v: %s", err, out)
	}
}

func TestTheManualPageCanBeRead(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skipf("needs groff: %v", err)
	}
	var complaints bytes.Buffer
	command := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-P-cbou", "-ww", "-Wbreak")
	command.Stdin, command.Stderr = strings.NewReader(says(t, "man")), &complaints
	page, err := command.Output()
	if err != nil || complaints.Len() > 0 {
		t.Errorf("%v: %s", err, complaints.String())
	}
	for _, part := range []string{"EXIT STATUS", "COMMANDS\n   parse\n", "   Vault\n", "--vault-addr", "--safe-types"} {
		if !bytes.Contains(page, []byte(part)) {
			t.Errorf("it lacks %q", part)
		}
	}
}
