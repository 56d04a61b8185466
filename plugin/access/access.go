// Package access opens what the settings name: the clone and the documents in it,
// Vault and the keys, the hosts. A run, doctor and the commands all go this way.
package access

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// Opener opens what its settings name.
type Opener struct {
	Settings settings.Settings
	Log      zerolog.Logger
	Redactor *secret.Redactor // learns what Vault says
}

// RunID names a run on hosts and in the ledger: sortable by time, unique.
func RunID(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails, says its documentation
	return strings.ToLower(now.UTC().Format("20060102t150405z")) + "-" + hex.EncodeToString(random[:])
}

// closingTime bounds what a cancelled run may still write: Woodpecker kills the
// container 20 s after its SIGTERM.
const closingTime = 15 * time.Second

// Closing is a context for what must still be written though the run is over.
func Closing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), closingTime)
}

// Closed runs a clean-up within the closing time, and joins its error to the
// one that the run ends with.
func Closed(ctx context.Context, err error, cleanUp func(context.Context) error) error {
	ending, cancel := Closing(ctx)
	defer cancel()
	return errors.Join(err, cleanUp(ending))
}

// remoteTime is how long a remote that is slow is given to take a lock back. Whoever
// waits for the lock waits longer than that where it does not.
const remoteTime = 2 * time.Minute

// Released gives a lock back by the given function, and joins its error to the one
// that the run ends with. Only a run that is told to end has no more than the closing
// time for it.
func Released(ctx context.Context, err error, release func(context.Context) error) error {
	patient, cancel := context.WithTimeout(context.WithoutCancel(ctx), remoteTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(closingTime, cancel) })
	defer stop()
	return errors.Join(err, release(patient))
}
