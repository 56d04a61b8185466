package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// round is how long a run waits before it looks again whether others wait for it.
const round = 30 * time.Second

// waitFor is the name of the lock that says that a run waits for a lot.
func waitFor(lot string) string { return "wait for " + lot }

// Held are the names of the lots that a run has. It may get more of them while it waits
// for one.
type Held struct {
	mu    sync.Mutex
	names []string
}

// Add notes that the run has this one.
func (h *Held) Add(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Contains(h.names, name) {
		h.names = append(h.names, name)
	}
}

func (h *Held) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.names)
}

// Await takes the lock of a lot that another run has, and waits that long. Runs have
// their lots until they end, so two that wait for each other's would get neither. So
// whoever waits says so, and a run gives up at once, with ErrLockBusy, while others
// wait for a lot that it has whose name comes after the one it wants: in any
// circle of runs there is such a one.
func Await(ctx context.Context, locks seam.Locks, lot string, held *Held, wait time.Duration) (fresh bool, err error) {
	said := false
	defer func() {
		if said {
			err = errors.Join(err, drop(ctx, locks, waitFor(lot)))
		}
	}()
	for until := time.Now().Add(wait); ; {
		// Where another run says so already, that will do.
		if took, err := locks.Take(ctx, waitFor(lot), 0); took {
			said = true
		} else if err != nil && !errors.Is(err, gitrepo.ErrLockBusy) {
			return false, err
		}
		if err := yield(ctx, locks, lot, held); err != nil {
			return false, err
		}
		fresh, err = locks.Take(ctx, lot, min(round, time.Until(until)))
		if !errors.Is(err, gitrepo.ErrLockBusy) || !time.Now().Before(until) {
			return fresh, err
		}
	}
}

// yield is ErrLockBusy when others wait for one of the lots that come after another.
func yield(ctx context.Context, locks seam.Locks, wanted string, held *Held) error {
	for _, lot := range held.all() {
		if lot <= wanted {
			continue
		}
		took, err := locks.Take(ctx, waitFor(lot), 0)
		if err != nil {
			return fmt.Errorf("see whether others wait for %s, which this run has until it ends: %w", lot, err)
		}
		if took {
			if err := drop(ctx, locks, waitFor(lot)); err != nil {
				return err
			}
		}
	}
	return nil
}

func drop(ctx context.Context, locks seam.Locks, name string) error {
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), seam.CleanupTime)
	defer cancel()
	return locks.Drop(ending, name)
}
