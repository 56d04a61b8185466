package scaffold

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openRoot(t *testing.T) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return root, dir
}

// put makes a file with the folders above it.
func put(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tree is everything below a folder: path → content, folders with a slash.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, file)
		if err != nil || name == "." {
			return err
		}
		if entry.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		content, err := os.ReadFile(file)
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

var some = []File{{"a/b/one", []byte("1\n")}, {"a/two", []byte("2\n")}, {"three", []byte("3\n")}}

func TestNothingIsOverwritten(t *testing.T) {
	root, dir := openRoot(t)
	put(t, dir, "a/two", "mine\n")
	put(t, dir, "three", "3\n")
	targets, err := Compare(root, some)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Standing{Absent, Differs, Same} {
		if targets[i].Standing != want {
			t.Errorf("%s is %s, want %s", targets[i].Path, targets[i].Standing, want)
		}
	}
	if err := Write(root, targets); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	if len(got) != 5 || got["a/b/one"] != "1\n" || got["a/two"] != "mine\n" || got["three"] != "3\n" {
		t.Errorf("the folder holds %q", got)
	}
	if info, err := root.Stat("a/b/one"); err != nil || info.Mode().Perm()&0o044 == 0 {
		t.Errorf("others cannot read the file: %v %v", info.Mode(), err)
	}
}

func TestDiffShowsWhatWouldBe(t *testing.T) {
	target := Target{File: File{"x", []byte("a\nb\n")}, Standing: Absent}
	if got := target.Diff(); !strings.Contains(got, "--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+a\n+b\n") {
		t.Errorf("a new file:\n%s", got)
	}
	target.Standing, target.Present = Differs, []byte("a\n\x1b[31mc\n")
	if got := target.Diff(); !strings.Contains(got, "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-c\n+b\n") {
		t.Errorf("a changed file:\n%q", got)
	}
	target.Standing, target.Present = Same, target.Content
	if got := target.Diff(); got != "" {
		t.Errorf("the same file:\n%s", got)
	}
}

// TestAnErrorLeavesNothingBehind makes the last of the files appear between the
// comparison and the writing.
func TestAnErrorLeavesNothingBehind(t *testing.T) {
	root, dir := openRoot(t)
	targets, err := Compare(root, some)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "three", "somebody's\n")
	if err := Write(root, targets); err == nil || !strings.Contains(err.Error(), "write three: somebody created it meanwhile") {
		t.Errorf("error %v", err)
	}
	if got := tree(t, dir); len(got) != 1 || got["three"] != "somebody's\n" {
		t.Errorf("left behind: %q", got)
	}
}

func TestNoLinkLeadsOutOfTheRepository(t *testing.T) {
	for name, link := range map[string]string{"the folder": "a", "a folder below": "a/b", "the file": "three"} {
		t.Run(name, func(t *testing.T) {
			root, dir := openRoot(t)
			outside := t.TempDir()
			put(t, outside, "two", "outside\n")
			target := outside
			if link == "three" {
				target = filepath.Join(outside, "absent")
			}
			put(t, dir, "a/keep", "")
			if link == "a" {
				if err := os.RemoveAll(filepath.Join(dir, "a")); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
			if _, err := Compare(root, some); err == nil || !strings.Contains(err.Error(), link) || !strings.Contains(err.Error(), "inside the repository") {
				t.Errorf("error %v", err)
			}
			// Even without the comparison nothing gets out.
			var targets []Target
			for _, file := range some {
				targets = append(targets, Target{File: file, Standing: Absent})
			}
			if err := Write(root, targets); err == nil {
				t.Error("it was written")
			}
			if got := tree(t, outside); len(got) != 1 {
				t.Errorf("written outside: %q", got)
			}
		})
	}
}

func TestALinkInsideTheRepositoryIsFollowed(t *testing.T) {
	root, dir := openRoot(t)
	put(t, dir, "agents/two", "2\n")
	if err := os.Symlink("agents", filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	targets, err := Compare(root, some)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(root, targets); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, filepath.Join(dir, "agents")); got["b/one"] != "1\n" || got["two"] != "2\n" {
		t.Errorf("behind the link: %q", got)
	}
}

func TestWhatIsInTheWayIsNamed(t *testing.T) {
	for obstacle, want := range map[string]string{"a": "a is no folder, so a/b/one cannot be written", "three/x": "three is no regular file"} {
		root, dir := openRoot(t)
		put(t, dir, obstacle, "")
		if _, err := Compare(root, some); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", obstacle, err)
		}
	}
}
