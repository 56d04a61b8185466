package plugin

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keepMemoryPrivate keeps other processes of the same user from reading this
// one's memory, and its secrets out of core dumps.
func keepMemoryPrivate() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process not dumpable: %w", err)
	}
	return nil
}
