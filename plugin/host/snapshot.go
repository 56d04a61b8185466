package host

import (
	"io"

	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// Snapshot tells how a commit gets to a host that has everything of the commit held,
// "" for nothing. base is held when what is written is a pack of all that is beyond
// it, and "" when that is a pack of everything.
type Snapshot = func(held string) (base string, write func(io.Writer) error)

// snapshotDays is how long a host keeps a snapshot that nobody uses.
const snapshotDays = 30

// Keeping is the host as it serves one branch, of which it keeps a snapshot, so that
// the next workspace takes only what is new; branch stands for it and its remote, in
// letters, digits, "-" and "_", 64 at most. Snapshots are taken for nothing but what git finds their contents to
// be. tell hears of one that was of no use, after which all is sent.
func (h *Host) Keeping(branch string, tell func(error)) *Host {
	own := *h
	own.branch, own.tell = branch, tell
	return &own
}

// holds takes what an answer says of the snapshot. That may be a lie: a workspace
// that cannot be made with it is made without.
func (r *Run) holds(a *script.Answer) {
	if held := a.Get("held"); a.Has("held") && held == "" || hashPattern().MatchString(held) {
		r.held.Store(held)
	}
}

// heldCommit is the commit of which the host has everything, "" for none.
func (r *Run) heldCommit() string {
	held, _ := r.held.Load().(string)
	return held
}
