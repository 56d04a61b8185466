package run

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/resolve"
)

// openPrometheus makes ready to ask the Prometheus of the settings, from here or
// from the Terraform host.
func (j *job) openPrometheus(k access.Keys, h *hosts) (err error) {
	var dial evidence.Dialer
	if j.Evidence.Via == evidence.Host {
		dial = h.Terraform.DialContext
	}
	j.prometheus, err = j.Opener(j.Settings).Prometheus(k.Prometheus, dial)
	return err
}

// awaitLoaded waits, when something is not loaded yet, until Prometheus has all
// rules of the run. Others may work meanwhile: the lock is given back, and the one
// that is taken again is returned. A run that ends in between left its journals,
// and the next one settles them.
func (j *job) awaitLoaded(ctx context.Context, resolver *resolve.Resolver, held *gitrepo.Lock, lease gitrepo.Lease) (*gitrepo.Lock, error) {
	if resolver.Loaded(ctx, j.outcomes) {
		return nil, nil
	}
	if err := held.Release(ctx); err != nil {
		return nil, fmt.Errorf("give the lock back for the time of waiting: %w", err)
	}
	j.outcomes = resolver.AwaitLoaded(ctx, j.outcomes)
	return Lock(ctx, j.Settings, j.Console, j.repo, lease)
}

// recordLoaded records the run once its rules are loaded, or were waited for long
// enough.
func (j *job) recordLoaded(ctx context.Context, resolver *resolve.Resolver, held *gitrepo.Lock, lease gitrepo.Lease) error {
	again, err := j.awaitLoaded(ctx, resolver, held, lease)
	if err != nil {
		return err
	}
	if again != nil {
		defer j.release(ctx, again)
		var cancel context.CancelFunc
		ctx, cancel = whileHeld(ctx, again)
		defer cancel()
	}
	return j.record(ctx, resolver)
}
