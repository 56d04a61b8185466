package outlet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Type()
}

func TestThreat27_APipeIsWrittenIntoAndStaysOne(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		read := make(chan string)
		go func() {
			content, err := os.ReadFile(pipe)
			if err != nil {
				t.Error(err)
			}
			read <- string(content)
		}()
		if err := Write(t.Context(), path, []byte("content")); err != nil {
			t.Fatal(err)
		}
		if got := <-read; got != "content" {
			t.Errorf("%s: %q was read", path, got)
		}
	}
	if mode(t, pipe) != fs.ModeNamedPipe || mode(t, link) != fs.ModeSymlink {
		t.Errorf("the pipe is now %v, the link %v", mode(t, pipe), mode(t, link))
	}
}

func TestThreat27_APipeThatNobodyReadsEndsWithTheRun(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(fmt.Errorf("cancelled by %v: %w", syscall.SIGTERM, context.Canceled))
	if err := Write(ctx, pipe, []byte("content")); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "cancelled by terminated") {
		t.Errorf("error %v", err)
	}
	// A reader lets go of what still waits for one.
	reader, err := os.OpenFile(pipe, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, reader)
	if err = errors.Join(err, reader.Close()); err != nil {
		t.Error(err)
	}
}

func TestThreat27_OnlyFilesAreReplaced(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Mkdir(at("folder"), 0o700), os.WriteFile(at("folder/file"), []byte("old"), 0o600), os.Symlink("folder/file", at("link")),
		os.Symlink("nowhere", at("dangling")), os.WriteFile(at("file"), []byte("old"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", at("socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	for name, test := range map[string]struct{ say, lands string }{
		"new":       {"", "new"},
		"file":      {"", "file"},
		"link":      {"", "folder/file"},
		"dangling":  {"leads to nothing", ""},
		"folder":    {"neither a file nor a pipe", ""},
		"socket":    {"neither a file nor a pipe", ""},
		"no/folder": {"make it", ""},
	} {
		err := Write(t.Context(), at(name), []byte("content of "+name))
		if test.say != "" {
			if err == nil || !strings.Contains(err.Error(), test.say) {
				t.Errorf("%s: error %v, want one that says %q", name, err, test.say)
			}
			continue
		}
		content, readErr := os.ReadFile(at(test.lands))
		if err != nil || readErr != nil || string(content) != "content of "+name || mode(t, at(test.lands)) != 0 {
			t.Errorf("%s: %q in %s; %v, %v", name, content, test.lands, err, readErr)
		}
	}
	if mode(t, at("link")) != fs.ModeSymlink || mode(t, at("dangling")) != fs.ModeSymlink {
		t.Error("a link was replaced")
	}
	if left, _ := filepath.Glob(at(".pm-todos-*")); left != nil {
		t.Errorf("%v are left", left)
	}
}
