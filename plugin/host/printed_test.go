package host

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPrintedIsSeenWhileTheProgramRuns has a program that goes on only once
// somebody has seen its first line.
func TestPrintedIsSeenWhileTheProgramRuns(t *testing.T) {
	r := makeRepository(t, oneFile)
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		if before, err := ws.Printed(t.Context(), 0); err != nil || len(before) > 0 {
			t.Errorf("before anything ran: %q, %v", before, err)
		}
		seen := filepath.Join(t.TempDir(), "seen")
		ended := make(chan error, 1)
		go func() {
			_, err := ws.Supervise(t.Context(), Process{
				Argv: []string{"sh", "-c", `printf 'first\n'; until [ -e "$0" ]; do sleep 0.1; done; printf 'second\n'`, seen}, Timeout: 2 * time.Minute,
			})
			ended <- err
		}()
		limited, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var first []byte
		for len(first) == 0 {
			var err error
			if first, err = ws.Printed(limited, 0); err != nil {
				t.Fatalf("nothing was seen within a minute: %v", err)
			}
		}
		if err := os.WriteFile(seen, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		rest, err := ws.Printed(t.Context(), int64(len(first)))
		if err != nil || !bytes.Equal(first, []byte("first\n")) || !bytes.Equal(rest, []byte("second\n")) {
			t.Errorf("first %q, then %q, %v", first, rest, err)
		}
	})
}
