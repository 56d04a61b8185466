// Package gittest runs the installed git for tests.
package gittest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Env keeps git away from the configuration of whoever runs the tests, and from
// what costs time and shows nothing: compression, fsync and upkeep.
func Env() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.org",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.org",
		"GIT_CONFIG_COUNT=5", "GIT_CONFIG_KEY_0=core.compression", "GIT_CONFIG_VALUE_0=0", "GIT_CONFIG_KEY_1=core.fsync", "GIT_CONFIG_VALUE_1=none",
		"GIT_CONFIG_KEY_2=gc.auto", "GIT_CONFIG_VALUE_2=0", "GIT_CONFIG_KEY_3=maintenance.auto", "GIT_CONFIG_VALUE_3=false",
		"GIT_CONFIG_KEY_4=receive.autogc", "GIT_CONFIG_VALUE_4=false",
	}
}

// Git runs git in dir and returns its trimmed output.
func Git(tb testing.TB, dir string, args ...string) string {
	tb.Helper()
	out, err := Input(dir, nil, args...)
	if err != nil {
		tb.Fatalf("git %v: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// Input runs git in dir with an input and returns its output.
func Input(dir string, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("git", args...) //nolint:gosec // for tests only
	cmd.Dir, cmd.Env, cmd.Stdin = dir, Env(), bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return out, err
}

// History is a stream for git fast-import: files that grow, shrink,
// move and repeat themselves, small, large and empty.
func History(r *rand.Rand, branch string, commits int) []byte {
	var b bytes.Buffer
	texts := map[int]string{}
	for c := range commits {
		fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter Ann <ann@example.org> %d +0000\ndata 2\nc\n", branch, 1_700_000_000+c)
		for range 1 + r.IntN(4) {
			f := r.IntN(12)
			text := texts[f]
			switch r.IntN(8) {
			case 0:
				text = ""
			case 1:
				text = strings.Repeat(fmt.Sprintln(r.Uint64()), r.IntN(9000))
			case 2:
				text = texts[r.IntN(12)]
			default:
				at := r.IntN(len(text) + 1)
				text = text[:at] + fmt.Sprintln(r.Uint64()) + text[min(len(text), at+r.IntN(50)):]
			}
			texts[f] = text
			fmt.Fprintf(&b, "M 100644 inline d%d/e/f%d\ndata %d\n%s\n", f%3, f, len(text), text)
		}
	}
	return b.Bytes()
}
