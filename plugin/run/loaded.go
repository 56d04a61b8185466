package run

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/resolve"
)

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
