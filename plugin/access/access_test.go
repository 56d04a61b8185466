package access

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestALockHasTimeToBeGivenBackUntilTheRunIsToldToEnd has the remote never answer.
func TestALockHasTimeToBeGivenBackUntilTheRunIsToldToEnd(t *testing.T) {
	for name, c := range map[string]struct {
		toldAfter, want time.Duration
	}{
		"nobody ends the run":            {0, remoteTime},
		"it is told to end meanwhile":    {10 * time.Second, 10*time.Second + closingTime},
		"it is told to end near the end": {remoteTime - time.Second, remoteTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.toldAfter > 0 {
					time.AfterFunc(c.toldAfter, cancel)
				}
				began := time.Now()
				err := Released(ctx, nil, func(ctx context.Context) error {
					<-ctx.Done()
					return ctx.Err()
				})
				if took := time.Since(began); err == nil || took != c.want {
					t.Errorf("it took %s and ended with %v", took, err)
				}
			})
		})
	}
}
