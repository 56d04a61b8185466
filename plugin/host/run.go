package host

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"pm-todos/plugin/fault"
	"pm-todos/plugin/pattern"
)

// A Run is a run's directory on a host, ~/.cache/pm-todos/runs/<id>, mode 0700.
type Run struct {
	host *Host
	id   string
	dir  string // absolute path there
}

var idPattern = pattern.Lazy(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func checkID(what, id string) error {
	if !idPattern().MatchString(id) {
		return fault.Mark(fault.Failed, fmt.Errorf("%s %q: only letters, digits, - and _ are allowed, 64 at most", what, cut(clean([]byte(id)), 80)))
	}
	return nil
}

// OpenRun makes the directory of the run, or finds it again. The id has
// letters, digits, "-" and "_", 64 at most.
func (h *Host) OpenRun(ctx context.Context, id string) (*Run, error) {
	if err := checkID("run id", id); err != nil {
		return nil, err
	}
	a, err := h.do(ctx, job{doing: "opening the run directory", files: []string{"open"}, variables: []variable{{"id", id}}})
	if err != nil {
		return nil, err
	}
	dir := string(a.block("run"))
	if err := checkPath(dir); err != nil || path.Base(dir) != id {
		return nil, fmt.Errorf("opening the run directory on %s: %w: it is said to be at %q", h.name, ErrAnswer, cut(clean([]byte(dir)), 200))
	}
	return &Run{host: h, id: id, dir: dir}, nil
}

// checkPath accepts an absolute, clean path as the host tells it.
func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p || strings.ContainsAny(p, "\x00\n") || len(p) > 1024 {
		return errors.New("no absolute path")
	}
	return nil
}

// ID is the run's id.
func (r *Run) ID() string { return r.id }

// Dir is the absolute path of the run directory on the host.
func (r *Run) Dir() string { return r.dir }

// Close removes the run directory, unless an apply of it began and is not
// settled: then it stays and Close returns nil.
func (r *Run) Close(ctx context.Context) error {
	_, err := r.host.reclaim(ctx, "removing the run directory", r.id, nil, nil)
	return err
}

// reclaimAge is how long a run directory must be unused before another run
// removes it: it may belong to a run of another repository that is under way.
const reclaimAge = 24 * time.Hour

// Reclaim removes run directories that nobody used for a day, except those
// whose ids are to be kept, and except those with an apply that began and is
// not settled; of the runs that are over, only with one that still runs. They
// are what runs left that were killed, and what was settled elsewhere.
func (h *Host) Reclaim(ctx context.Context, keep, over []string) error {
	for _, id := range slices.Concat(keep, over) {
		if err := checkID("run id", id); err != nil {
			return err
		}
	}
	_, err := h.reclaim(ctx, "removing old run directories", "", keep, over)
	return err
}

func (h *Host) reclaim(ctx context.Context, doing, id string, keep, over []string) (removed int64, err error) {
	a, err := h.do(ctx, job{
		doing: doing, files: []string{"state", "reclaim"}, timeout: 10 * time.Minute,
		variables: []variable{
			{"id", id},
			{"keep", strings.Join(keep, " ")},
			{"over", strings.Join(over, " ")},
			{"minutes", fmt.Sprint(int(reclaimAge.Minutes()))},
		},
	})
	if err != nil {
		return 0, err
	}
	return a.number("removed"), nil
}
