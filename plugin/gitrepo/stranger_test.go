package gitrepo

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// strangerRemote names the variable that tells this test's program to be the
// stranger, and which remote to clone.
const strangerRemote = "STRANGER_REMOTE"

// TestClone_AsAStrangerOnAReadOnlyRoot clones as containers do: as a user
// without an account and without HOME, where nothing can be written but one
// temporary directory.
func TestClone_AsAStrangerOnAReadOnlyRoot(t *testing.T) {
	if url := os.Getenv(strangerRemote); url != "" {
		beStranger(t, url)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user and mount its root read-only")
	}
	for _, name := range []string{"unshare", "setpriv", "mount"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("it needs %s: %v", name, err)
		}
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	temporary, program := filepath.Join(dir, "tmp"), filepath.Join(dir, "program")
	self := must(os.ReadFile(must(os.Executable())(t)))(t)
	if err := errors.Join(os.WriteFile(program, self, 0o755), os.Mkdir(temporary, 0o700), os.Chown(temporary, 65432, 65432)); err != nil {
		t.Fatal(err)
	}
	// The directory is a mount of its own, so that it stays as it is.
	enter := `mount --make-rprivate / && mount --bind "$1" "$1" && mount -o remount,bind,ro / || exit 99
exec setpriv --reuid=65432 --regid=65432 --clear-groups -- "$2" -test.run='^TestClone_AsAStranger' -test.v`
	s := newSite(t, map[string]string{"docs/a.md": "# a\n"})
	cmd := exec.Command("unshare", "--mount", "sh", "-c", enter, "sh", temporary, program)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + temporary, strangerRemote + "=" + s.serve(nil)}
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) && !strings.Contains(string(out), "=== RUN") {
		t.Skipf("this machine lets nobody mount: %s", out)
	}
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Fatalf("%v: %s", err, out)
	}
	if subject := gittest.Git(t, s.origin, "log", "-1", "--format=%s", branchName); subject != "by a stranger" {
		t.Errorf("the last commit is %q", subject)
	}
	if left := must(os.ReadDir(temporary))(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func beStranger(t *testing.T, url string) {
	if _, set := os.LookupEnv("HOME"); set || os.Geteuid() == 0 {
		t.Fatal("no stranger")
	}
	for _, dir := range []string{"/", "/etc", filepath.Dir(os.TempDir())} {
		if err := os.WriteFile(filepath.Join(dir, "written"), nil, 0o600); err == nil {
			t.Fatalf("%s can be written to", dir)
		}
	}
	r := must(Clone(t.Context(), Options{
		Access: wire.Access{URL: url, Username: login, Password: secret.New(password), Timeout: time.Minute},
		Branch: branchName, Dir: t.TempDir(), Author: Signature{Name: "pm-todos", Email: "pm-todos@localhost"},
	}))(t)
	defer func() { _ = r.Close() }()
	if got := must(r.ReadFile(r.Tip(), "docs/a.md"))(t); string(got) != "# a\n" {
		t.Errorf("content %q", got)
	}
	must(r.Publish(t.Context(), func(tip string) (string, error) {
		return r.WithFiles(tip, map[string][]byte{"docs/b.md": []byte("# b\n")}, "by a stranger\n")
	}))(t)
}
