package host

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// oddName is a path that only survives where it is never taken for text.
const oddName = "it's \"odd\"\n\\ $(x)/-rf\n*.tf"

func TestAgentTreeHoldsTheBytesOfTheCommit(t *testing.T) {
	r := makeRepository(t, map[string]string{
		".gitattributes":                  "* text=auto eol=crlf\n*.id ident\n*.secret filter=git-crypt\n*.u16 working-tree-encoding=UTF-16\n",
		"a/plain.txt":                     "one\ntwo\n",
		"a/crlf.txt":                      "one\r\ntwo\r\n",
		"b.id":                            "$Id$\n",
		"c.secret":                        "\x00GITCRYPT\x00cipher",
		"d.u16":                           "text\n",
		"run.sh*":                         "#!/bin/sh\n",
		"link@":                           "a/plain.txt",
		"with space/ünï \"q\".tf":         "x",
		oddName:                           "odd",
		".claude/settings.json":           `{"hooks":{}}`,
		".claude/hooks/go.sh*":            "#!/bin/sh\n",
		".claude/agents/me.md":            "prompt",
		"sub/.claude/settings.local.json": "{}",
		".mcp.json":                       "{}",
		".codex/config.toml":              "x",
		"sub/.gemini/settings.json":       "{}",
		".opencode/plugin/p.js":           "x",
		"sub/opencode.jsonc":              "{}",
	})
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		for name, want := range map[string]string{
			"a/plain.txt": "one\ntwo\n", "a/crlf.txt": "one\r\ntwo\r\n", "b.id": "$Id$\n",
			"c.secret": "\x00GITCRYPT\x00cipher", "d.u16": "text\n", "with space/ünï \"q\".tf": "x", oddName: "odd", ".claude/agents/me.md": "prompt",
		} {
			if got := read(t, filepath.Join(ws.tree(), name)); got != want {
				t.Errorf("%s holds %q, want %q", name, got, want)
			}
		}
		for _, name := range []string{".git", ".claude/settings.json", ".claude/hooks/go.sh", "sub/.claude/settings.local.json", ".mcp.json", ".codex", "sub/.gemini", ".opencode", "sub/opencode.jsonc"} {
			if exists(filepath.Join(ws.tree(), name)) {
				t.Errorf("%s is in the agent's tree", name)
			}
		}
		tree, pack, err := ws.Export(t.Context(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.TrimSpace(string(git(t, r.dir, nil, "rev-parse", r.commit+"^{tree}"))); tree != want {
			t.Errorf("an untouched workspace exports as %s, want the base %s: %v", tree, want, r.take(t, tree, pack))
		}
		if exists(filepath.Join(ws.tree(), ".claude/settings.json")) {
			t.Error("the hidden settings came back with the export")
		}
	})
}

func TestThreat4_ExportIgnoresWhatTheAgentPlanted(t *testing.T) {
	r := makeRepository(t, map[string]string{
		".gitignore": "*.ignored\n", ".gitattributes": "", "stacks/a/main.tf": "old\n", "stacks/a/gone.tf": "x\n", "keep.ignored": "tracked\n",
	})
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		sh(t, ws, `
			printf 'new\r\n' >stacks/a/main.tf
			rm stacks/a/gone.tf
			echo 'changed' >keep.ignored
			echo 'x' >left.ignored
			printf '* text eol=lf filter=evil ident working-tree-encoding=UTF-16\n' >.gitattributes
			printf '$Id$ \r\n' >ident.txt
			mkdir -p sub/.git/hooks sub/deep .claude
			printf '[core]\n\tfsmonitor = touch %s/PWNED\n[filter "evil"]\n\tclean = touch %s/PWNED\n\trequired = true\n' "$PWD" "$PWD" >sub/.git/config
			echo ref: refs/heads/master >sub/.git/HEAD
			mkdir -p sub/.git/objects sub/.git/refs
			echo inner >sub/file.txt
			cp -r sub/.git .git
			echo gitdir: /tmp >sub/deep/.git
			cp sub/.git/config ../git/config
			mkdir -p ../git/hooks
			printf '#!/bin/sh\ntouch %s/PWNED\n' "$PWD" | tee ../git/hooks/post-index-change >../git/hooks/pre-commit
			chmod +x ../git/hooks/*
			printf '* -text filter=evil\n' >../git/info/attributes
			echo '{"mine":1}' >.claude/settings.json
			ln -s /etc/passwd link
			mkdir unreadable && echo y >unreadable/f && chmod 000 unreadable
			mkfifo pipe
		`)
		tree, pack, err := ws.Export(t.Context(), 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		got := r.take(t, tree, pack)
		want := map[string]string{
			".gitignore":            "100644 *.ignored\n",
			".gitattributes":        "100644 * text eol=lf filter=evil ident working-tree-encoding=UTF-16\n",
			"stacks/a/main.tf":      "100644 new\r\n",
			"keep.ignored":          "100644 changed\n",
			"ident.txt":             "100644 $Id$ \r\n",
			"sub/file.txt":          "100644 inner\n",
			".claude/settings.json": "100644 {\"mine\":1}\n",
			"link":                  "120000 /etc/passwd",
			"unreadable/f":          "100644 y\n",
		}
		for name := range want {
			if got[name] != want[name] {
				t.Errorf("%s is %q, want %q", name, got[name], want[name])
			}
		}
		for name := range got {
			if _, expected := want[name]; !expected {
				t.Errorf("%s was taken: %q", name, got[name])
			}
		}
		if exists(filepath.Join(ws.tree(), "PWNED")) {
			t.Error("something that the agent planted was run")
		}
	})
}

func TestThreat7_HugeExportIsRefused(t *testing.T) {
	r := makeRepository(t, map[string]string{"a": "a\n", ".gitignore": "cache/\n"})
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		sh(t, ws, `mkdir cache; head -c 3000000 /dev/zero >cache/ignored`)
		if _, _, err := ws.Export(t.Context(), 1<<20); err != nil {
			t.Errorf("ignored files count: %v", err)
		}
		sh(t, ws, `head -c 2000000 /dev/zero >one`)
		if _, _, err := ws.Export(t.Context(), 1<<20); !errors.Is(err, script.ErrTooLarge) {
			t.Errorf("one large file: %v", err)
		}
		sh(t, ws, `rm one; for i in 1 2 3; do head -c 900000 /dev/urandom >many$i; done`)
		if _, _, err := ws.Export(t.Context(), 1<<20); !errors.Is(err, script.ErrTooLarge) {
			t.Errorf("a large pack: %v", err)
		}
	})
}

func TestThreat4_ReplacedWorkTreeIsNotFollowed(t *testing.T) {
	r := makeRepository(t, map[string]string{"a": "a\n"})
	_, ws := space(t, localWorld(t).Host, r, AgentTree, Prepare{})
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "private"), "p", 0o600)
	if err := errors.Join(os.RemoveAll(ws.tree()), os.Symlink(elsewhere, ws.tree())); err != nil {
		t.Fatal(err)
	}
	if tree, _, err := ws.Export(t.Context(), 1<<20); err == nil {
		t.Errorf("a link in place of the work tree was exported as %s", tree)
	}
	if !exists(filepath.Join(elsewhere, "private")) {
		t.Error("the link was followed")
	}
}

func TestCheckoutIsADetachedShallowRepository(t *testing.T) {
	r := makeRepository(t, map[string]string{"stacks/a/main.tf": "x\n", ".gitattributes": "*.secret filter=git-crypt\n", "k.secret": "cipher"})
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{Command: "echo prepared >made; git status --porcelain; git config --get-regexp '^filter' || :"})
		if got := strings.TrimSpace(string(git(t, ws.tree(), nil, "rev-parse", "HEAD"))); got != r.commit {
			t.Errorf("HEAD is %s, want %s", got, r.commit)
		}
		if got := strings.TrimSpace(string(git(t, ws.tree(), nil, "rev-list", "--count", "HEAD"))); got != "1" {
			t.Errorf("%s commits are there, want the one of a shallow repository", got)
		}
		if got := string(git(t, ws.tree(), nil, "status", "--porcelain")); got != "?? made\n" {
			t.Errorf("status says %q", got)
		}
		if got := string(git(t, ws.tree(), nil, "remote")); got != "" {
			t.Errorf("it has the remote %q", got)
		}
	})
}

func TestFailedPrepareCommandIsNamed(t *testing.T) {
	r := makeRepository(t, map[string]string{"a": "a\n"})
	run, err := localWorld(t).OpenRun(t.Context(), "", "r", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = run.Workspace(t.Context(), "w", r.commit, sends(r.pack), Checkout, Prepare{Command: "printf '\\033[31mError: no key\\033[0m\\n' >&2; exit 7"})
	var failed *CommandError
	if !errors.As(err, &failed) || failed.Code != 7 || failed.Step != "prepare_command" || failed.Output != "Error: no key" {
		t.Errorf("got %#v (%v)", failed, err)
	}
}

func TestBrokenPackIsAnError(t *testing.T) {
	r := makeRepository(t, map[string]string{"a": strings.Repeat("a\n", 1000)})
	anywhere(t, func(t *testing.T, w *world) {
		run, err := w.OpenRun(t.Context(), "", "r", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := run.Workspace(t.Context(), "short", r.commit, sends(r.pack[:len(r.pack)-30]), AgentTree, Prepare{}); err == nil {
			t.Error("a cut pack was accepted")
		}
		if _, err := run.Workspace(t.Context(), "broken", r.commit, broken, AgentTree, Prepare{}); !errors.Is(err, errBroken) {
			t.Errorf("a reader that fails gives %v", err)
		}
		if _, err := run.Workspace(t.Context(), "whole", r.commit, sends(r.pack), AgentTree, Prepare{}); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

var errBroken = errors.New("broken")

func broken(string) (string, func(io.Writer) error) {
	return "", func(io.Writer) error { return errBroken }
}

func TestLargeInputArrivesWhole(t *testing.T) {
	r := makeRepository(t, map[string]string{"a": "a\n"})
	input := bytes.Repeat([]byte("0123456789abcde\n\x00\xff'\\"), 200_000)
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"cat"}, Stdin: input})
		if err != nil || !exit.OK() || !bytes.Equal(exit.Stdout, input) || exit.Truncated {
			t.Errorf("%d of %d bytes came back: %v %+v", len(exit.Stdout), len(input), err, exit.Reason)
		}
	})
}
