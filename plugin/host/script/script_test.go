package script

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestMain lets fewer random values do, unless every case is asked for: each
// check starts every shell.
func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); os.Getenv("PM_TODOS_EVERY_CASE") == "" && checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("15"); err != nil {
			panic(err)
		}
	}
	// Hosts that start no processes are waited for.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// shells are those of this machine that the scripts must work with.
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, argv := range map[string][]string{"sh": {"sh"}, "dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			found[name] = append([]string{path}, argv[1:]...)
		}
	}
	return found
}

// evil is text that does something in any place where it is not quoted.
var evil = []string{
	"$(touch PWNED)", "`touch PWNED`", "'; touch PWNED; '", "\"; touch PWNED; \"", "a\nb\n\ntouch PWNED\n", "a && touch PWNED",
	"-rf", "--", "", " ", "*", "~", "!", "$HOME", "\\", "\\\\0101", "%s%n", "\x01\x02\x1b[31m", "\x7f", "ünï\u3000\u202e", "\xff\xfe\x81\x88", "'", "''", "#x", "{a,b}", "a=b", "\t\r\n", "if", "set -- x",
}

func TestThreat2_ValuesPassEveryShellUnchanged(t *testing.T) {
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				var values []string
				for _, raw := range rapid.SliceOfN(rapid.SliceOfN(rapid.ByteRange(1, 255), 0, 40), 1, 20).Draw(t, "values") {
					values = append(values, string(raw))
				}
				values = append(values, evil...)
				quoted, err := QuoteAll(values)
				if err != nil {
					t.Fatal(err)
				}
				text, err := compose(Variables{"words": quoted})
				if err != nil {
					t.Fatal(err)
				}
				text += "eval \"set -- $words\"\nprintf '%s\\000' \"$@\"\ncat"
				cmd := exec.Command(argv[0], append(argv[1:], "-c", Boot)...)
				cmd.Stdin = strings.NewReader(framed(text) + "\nrest\n")
				got, err := cmd.CombinedOutput()
				want := strings.Join(values, "\x00") + "\x00rest\n"
				if err != nil || !bytes.Equal(got, []byte(want)) {
					t.Fatalf("%v\n got %q\nwant %q", err, got, want)
				}
			})
		})
	}
	if _, err := Quote("a\x00b"); err == nil {
		t.Error("a NUL byte was quoted")
	}
}

func TestBootReadsAScriptWithAnOlderDd(t *testing.T) {
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "dd"), []byte("#!/bin/sh\ncase $* in *iflag*) echo 'unknown operand iflag' >&2; exit 1 ;; esac\nPATH=${PATH#*:} exec dd \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, argv := range shells(t) {
		cmd := exec.Command(argv[0], append(argv[1:], "-c", Boot)...)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		cmd.Stdin = strings.NewReader(framed("echo it works\ncat") + "\nrest\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "it works\nrest\n" {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
}

func TestCommandLineIsPlain(t *testing.T) {
	// What fish and csh read differently inside of single quotes.
	if strings.ContainsAny(strings.Trim(strings.TrimPrefix(CommandLine, "exec sh -c "), "'"), `'\!`) {
		t.Errorf("the command line is %s", CommandLine)
	}
	for _, shell := range []string{"fish", "csh", "tcsh", "zsh", "ksh", "mksh", "bash"} {
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		cmd := exec.Command(path, "-c", CommandLine)
		cmd.Stdin = strings.NewReader(framed("echo it works; cat") + "\nrest\n")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "it works\nrest\n" {
			t.Errorf("%s: %q, %v", shell, out, err)
		}
	}
}

func TestScriptsParse(t *testing.T) {
	files, err := scriptFiles.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for name, argv := range shells(t) {
		for _, file := range files {
			script := strings.TrimSuffix(file.Name(), ".sh")
			text, err := load(script)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(argv[0], append(argv[1:], "-n")...)
			cmd.Stdin = strings.NewReader(text)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s does not read %s.sh: %s", name, script, out)
			}
		}
	}
}
