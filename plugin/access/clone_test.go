package access

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// TestFailure_ACloneWithoutATemporaryDirectorySaysWhereToGetOne: a container
// with a read-only file system has none unless it is given one.
func TestFailure_ACloneWithoutATemporaryDirectorySaysWhereToGetOne(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "absent"))
	_, _, _, err := Opener{}.Clone(t.Context())
	if err == nil || !strings.Contains(fault.Parts(err).Fix, "--tmpfs /tmp") {
		t.Errorf("%v has no way out", err)
	}
}
