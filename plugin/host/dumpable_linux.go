package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// NotDumpable keeps other processes of the same user from reading this one's
// memory and environment (ptrace, /proc) and keeps it out of core dumps. It
// does nothing on other systems than Linux.
func NotDumpable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("making this process not dumpable: %w", err)
	}
	return nil
}
