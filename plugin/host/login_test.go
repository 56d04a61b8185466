package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host/script"
)

func TestLoginThatTheAgentRefreshes(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	refreshed := strings.NewReplacer("aaa-111", "ccc-222", "bbb", "d/d+d=", "1700000000000", "1800000000000").Replace(login)
	for name, tc := range sample(t, map[string]struct {
		text string // of the program, in which $new is the refreshed login
		want string // what the account has then
		why  string // why it is not the new one
	}{
		"refreshed":       {text: `printf %s "$new" >"$f.new" && mv "$f.new" "$f"`, want: refreshed},
		"untouched":       {text: `true`, want: login},
		"with a hook":     {text: `printf '%s' "$new" | sed 's/}}/},"hooks": {"x": "y"}}/' >"$f"`, want: login, why: "shape"},
		"no login at all": {text: `echo '#!/bin/sh' >"$f"`, want: login, why: "shape"},
		"another server":  {text: `printf '%s' "$new" | sed 's/ccc-222/https:..evil/' >"$f"`, want: login, why: "shape"},
		"with a command":  {text: `printf '%s' "$new" | sed 's/}}/},"helper": "curl x|sh"}/' >"$f"`, want: login, why: "shape"},
		"without a token": {text: `printf '%s' "$new" | sed 's/"refresh": "[^"]*", //' >"$f"`, want: login, why: "shape"},
		"an empty token":  {text: `printf '%s' "$new" | sed 's/ccc-222//' >"$f"`, want: login, why: "shape"},
		"by a newer version": {
			text: `printf '%s' "$new" | sed 's/"scopes"/"until": 1900000000000, "plan": null, "scopes"/; s/"user:inference"/"user:inference","user:file_upload"/' >"$f"`,
			want: strings.NewReplacer(`"scopes"`, `"until": 1900000000000, "plan": null, "scopes"`, `"user:inference"`, `"user:inference","user:file_upload"`).Replace(refreshed),
		},
		"flooded": {text: `head -c 100000 /dev/zero >"$f"`, want: login, why: "shape"},
		"a link":  {text: `rm "$f"; ln -s /etc/passwd "$f"`, want: login},
		"a pipe":  {text: `rm "$f"; mkfifo "$f"`, want: login},
		"removed": {text: `rm "$f"`, want: login},
		"locked":  {text: `chmod 000 "$f" "$AGENT_CONFIG"`, want: login},
	}, "refreshed", "another server", "by a newer version", "a link", "removed") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfined(t)
			// The account's login may be a link, as in homes that are kept in git.
			file, kept := filepath.Join(c.home, ".agent/login.json"), filepath.Join(c.home, "dotfiles/login.json")
			write(t, kept, login, 0o640)
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(kept, file); err != nil {
				t.Fatal(err)
			}
			quoted, err := script.Quote(refreshed)
			if err != nil {
				t.Fatal(err)
			}
			_, exit := c.turn(t, "f=$AGENT_CONFIG/login.json; new="+quoted+"; "+tc.text)
			wantFile(t, kept, tc.want)
			info, err := os.Stat(kept)
			if err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("%v %v", info.Mode(), err)
			}
			if link, err := os.Readlink(file); err != nil || link != kept {
				t.Errorf("the link leads to %q, %v", link, err)
			}
			if (tc.why == "") != (exit.Login == nil) || exit.Login != nil && !strings.Contains(exit.Login.Error(), tc.why) {
				t.Errorf("it is said: %v", exit.Login)
			}
			if left, err := os.ReadDir(filepath.Dir(kept)); err != nil || len(left) != 1 {
				t.Errorf("beside the login there is %v %v", left, err)
			}
		})
	}
}

func TestLoginThatThePersonChangedMeanwhileStays(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	c := newConfined(t)
	box := c.box(t)
	_, ws := space(t, c.Host, makeRepository(t, oneFile), AgentTree, Prepare{})
	const theirs = `{"oauth": {"token": "of-a-person"}}`
	go func() {
		await(t, filepath.Join(ws.tree(), "begun"))
		_ = os.WriteFile(filepath.Join(c.home, ".agent/login.json"), []byte(theirs), 0o600)
		_ = os.WriteFile(filepath.Join(ws.tree(), "go"), nil, 0o600)
	}()
	exit, err := ws.Supervise(t.Context(), Process{Box: box, Argv: []string{"agent", `
		true >begun
		tries=0
		until [ -e go ] || [ $tries -ge 600 ]; do sleep 0.1; tries=$((tries + 1)); done
		sed 's/111/222/' "$AGENT_CONFIG/login.json" >/tmp/l; cat /tmp/l >"$AGENT_CONFIG/login.json"`}})
	if err != nil || !exit.OK() || exit.Login == nil || !strings.Contains(exit.Login.Error(), "changed meanwhile") {
		t.Errorf("%v %+v %s", err, exit, exit.Stderr)
	}
	wantFile(t, filepath.Join(c.home, ".agent/login.json"), theirs)
}
