package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// A Run is a run's directory on a host, ~/.cache/pm-todos/runs/<id>, mode 0700.
type Run struct {
	host *Host
	id   string
	dir  string // absolute path there
	pins pinned
	held atomic.Value // string: the commit of the snapshot that the host keeps
}

var idPattern = pattern.Lazy(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func checkID(what, id string) error {
	if !idPattern().MatchString(id) {
		return fault.Mark(fault.Failed, fmt.Errorf("%s %q: only letters, digits, - and _ are allowed, 64 at most", what, text.Line(id, 80)))
	}
	return nil
}

// OpenRun makes the directory of the run, or finds it again. The id has
// letters, digits, "-" and "_", 64 at most, and so has the owner: what names the
// lock that the run holds, see Reclaim. It is empty for a run without lock. What
// is to be pinned is noted at once; nil for nothing.
func (h *Host) OpenRun(ctx context.Context, owner, id string, pins *Pins) (*Run, error) {
	if err := checkOwner(owner); err != nil {
		return nil, err
	}
	if err := checkID("run id", id); err != nil {
		return nil, err
	}
	j := script.Job{Doing: "opening the run directory", Files: []string{"snapshot", "open"}, Variables: script.Variables{"id": id, "owner": owner, "branch": h.branch}}
	if pins != nil {
		noted, err := pins.variables()
		if err != nil {
			return nil, err
		}
		maps.Copy(j.Variables, noted)
		j.Files, j.Timeout = append(j.Files, "carry", "pins", "pin"), 5*time.Minute
	}
	a, err := h.do(ctx, j)
	if err != nil {
		return nil, err
	}
	dir := string(a.Block("run"))
	if err := checkPath(dir); err != nil || path.Base(dir) != id {
		return nil, fmt.Errorf("opening the run directory on %s: %w: it is said to be at %q", h.Name(), script.ErrAnswer, text.Line(dir, 200))
	}
	run := &Run{host: h, id: id, dir: dir, pins: unpinned()}
	run.holds(a)
	if pins != nil {
		if err := run.pin(*pins, j, a); err != nil {
			return nil, err
		}
	}
	return run, nil
}

func checkOwner(owner string) error {
	if owner == "" {
		return nil
	}
	return checkID("owner", owner)
}

// checkPath accepts an absolute, clean path as the host tells it.
func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsAny(p, "\x00\n") || len(p) > 1024 {
		return errors.New("no absolute path")
	}
	return nil
}

// Close marks these of the run's applies as settled and removes its directory, unless
// another one began and is not: then it stays and Close returns nil. ErrAltered when this is the first
// to see that something changed which Pin noted.
func (r *Run) Close(ctx context.Context, settled ...string) error {
	for _, id := range settled {
		if err := checkID("apply id", id); err != nil {
			return err
		}
	}
	return r.host.reclaim(ctx, "removing the run directory", reclaiming{id: r.id, settled: settled, noted: r.pins.noted()})
}

// reclaimAge is how long a run directory must be unused before a run that does
// not own it removes it: it may belong to a run of another repository that is
// under way.
const reclaimAge = 24 * time.Hour

// Journaled is what a journal on the remote needs of a run directory.
type Journaled struct {
	Apply  string // id of the apply
	SHA256 string // of the plan file that was judged
}

// Reclaim removes the run directories that no journal needs, plan files first.
// The caller holds the lock that owner names, so that of its own directories
// only that of its run is in use: of the others each one goes of which no
// apply runs. Those of other owners go when nobody used them for a day and
// nothing in them is unsettled.
func (h *Host) Reclaim(ctx context.Context, owner, run string, journaled []Journaled) error {
	if err := errors.Join(checkID("owner", owner), checkID("run id", run)); err != nil {
		return err
	}
	r := reclaiming{owner: owner, mine: run, noted: unpinned().variables}
	for _, j := range journaled {
		if err := errors.Join(checkID("apply id", j.Apply), checkSHA256(j.SHA256)); err != nil {
			return err
		}
		r.applies, r.plans = append(r.applies, j.Apply), append(r.plans, j.SHA256)
	}
	return h.reclaim(ctx, "removing old run directories", r)
}

// reclaiming says which run directories go: the one with the id, or, without
// one, those that Reclaim tells of.
type reclaiming struct {
	id             string
	owner, mine    string
	applies, plans []string
	settled        []string         // applies of the one with the id
	noted          script.Variables // by Pin
}

func (h *Host) reclaim(ctx context.Context, doing string, r reclaiming) error {
	j := script.Job{
		Doing: doing, Files: []string{"state", "carry", "pins", "snapshot", "reclaim"}, Timeout: 10 * time.Minute,
		Variables: script.Variables{
			"id":      r.id,
			"owner":   r.owner,
			"mine":    r.mine,
			"applies": strings.Join(r.applies, " "),
			"plans":   strings.Join(r.plans, " "),
			"settled": strings.Join(r.settled, " "),
			"minutes": fmt.Sprint(int(reclaimAge.Minutes())),
			"days":    fmt.Sprint(snapshotDays),
		},
	}
	maps.Copy(j.Variables, r.noted)
	_, err := h.do(ctx, j)
	return err
}
