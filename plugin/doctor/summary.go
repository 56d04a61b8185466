package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// summaryDir looks whether the summaries can be written, without writing.
func summaryDir(_ context.Context, p *patient, say voice) {
	dir := p.Settings.SummaryDir()
	existing := dir
	for {
		if _, err := os.Stat(existing); err == nil || filepath.Dir(existing) == existing {
			break
		}
		existing = filepath.Dir(existing)
	}
	info, err := os.Stat(existing)
	switch {
	case err != nil:
		say.fail(dir, err)
	case !info.IsDir():
		say.fail(dir, fault.WithFix(errors.New(existing+" is no folder"), "set summary_dir to a folder"))
	case unix.Access(existing, unix.W_OK|unix.X_OK) != nil:
		say.fail(dir, fault.WithFix(fmt.Errorf("%s cannot be written by this user (mode %04o)", existing, info.Mode().Perm()), "set summary_dir to a folder that this user may write, or: chmod u+rwx %s", existing))
	case existing == dir && info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0:
		say.warn(dir, fmt.Sprintf("everybody may replace what is in it (mode %04o)", info.Mode().Perm()), "chmod o-w "+dir)
	case existing == dir:
		say.ok(dir, fmt.Sprintf("can be written (mode %04o)", info.Mode().Perm()))
	default:
		say.ok(dir, "will be made in "+existing)
	}
}
