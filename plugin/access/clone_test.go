package access

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

func TestARivalsPushIsNoWarning(t *testing.T) {
	var log bytes.Buffer
	tell := retrying(zerolog.New(&log).Level(zerolog.InfoLevel))
	tell(fmt.Errorf("push: %w", gitrepo.ErrRefMoved), time.Second)
	if log.Len() > 0 {
		t.Errorf("a push that somebody else was faster with is told: %s", &log)
	}
	tell(errors.New("connection refused"), time.Second)
	if said := log.String(); !strings.Contains(said, `"warn"`) || !strings.Contains(said, "connection refused") || !strings.Contains(said, `"pause":"1s"`) {
		t.Errorf("a remote in trouble is told as %s", said)
	}
}

// TestFailure_ACloneWithoutATemporaryDirectorySaysWhereToGetOne: a container
// with a read-only file system has none unless it is given one.
func TestFailure_ACloneWithoutATemporaryDirectorySaysWhereToGetOne(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	_, _, _, err := Opener{}.Clone(t.Context())
	if err == nil || !strings.Contains(fault.Parts(err).Fix, "--tmpfs /tmp") {
		t.Errorf("%v has no way out", err)
	}
}
