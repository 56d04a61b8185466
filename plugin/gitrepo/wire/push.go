package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// Update is a compare-and-swap of one remote ref. The zero hash stands for
// absence.
type Update struct {
	Ref      string
	Old, New plumbing.Hash
}

// StaleError says that the ref of an update had another value before anything was
// sent.
type StaleError struct {
	Update
	Now plumbing.Hash
}

func (StaleError) Error() string { return "the ref has another value" }

// ErrApart says that the remote cannot take several updates as one, all or none.
var ErrApart = errors.New("the remote takes several updates only one by one")

// Push asks the remote for updates, all or none of them where it can do that, or not
// at all where it must be whole; again while its errors are such that pass. A remote
// that was pushed to before is asked at once, where its protocol lets us, and its
// report tells of a ref that has another value; else, and after whatever went wrong,
// a try begins with a look at the refs, which shows too whether an earlier one took
// effect though its reply was lost. pack makes the pack to send, given the hashes that
// the remote has at its refs. A StaleError tells what a ref is instead. sent reports
// whether any try came to the point where the remote may have taken an update.
func (r *Remote) Push(ctx context.Context, updates []Update, whole bool, pack func(has map[plumbing.Hash]bool) ([]byte, error)) (sent bool, err error) {
	push := func(greeted bool) error {
		return r.act(ctx, "push to", receivePack, greeted, func(c conversation, g *packp.AdvRefs) error {
			r.mu.Lock()
			if g != nil {
				r.receives = g.Capabilities
			}
			offered, has := r.receives, make(map[plumbing.Hash]bool, len(r.heads))
			for _, h := range r.heads {
				has[h] = true
			}
			r.mu.Unlock()
			left := updates
			if g != nil {
				var err error
				if left, err = outstanding(updates, g.References); err != nil || len(left) == 0 {
					return err
				}
			}
			if whole && len(left) > 1 && !offered.Supports(capability.Atomic) {
				return ErrApart
			}
			request, caps, err := r.pushRequest(left, offered, has, pack)
			if err != nil {
				return err
			}
			sent = true
			answer, err := c.ask(request)
			if err != nil {
				return err
			}
			if err = readReport(answer, caps); err == nil {
				r.mu.Lock()
				for _, u := range left {
					r.heads = append(r.heads, u.New)
				}
				r.mu.Unlock()
			}
			return err
		})
	}
	r.mu.Lock()
	greeted := r.receives != nil
	r.mu.Unlock()
	err = r.tryAgain(ctx, func() error {
		if greeted {
			greeted = false
			err := push(true)
			if passing := (transientError{}); err == nil || errors.As(err, &passing) || errors.Is(err, ErrApart) {
				return err
			}
		}
		return push(false)
	})
	return sent, err
}

// outstanding are the updates that did not take effect yet.
func outstanding(updates []Update, now Refs) (left []Update, err error) {
	for _, u := range updates {
		switch {
		case now[u.Ref] == u.Old:
			left = append(left, u)
		case now[u.Ref] != u.New:
			return nil, StaleError{u, now[u.Ref]}
		}
	}
	return left, nil
}

// pushRequest builds the one message of a push.
func (r *Remote) pushRequest(updates []Update, offered *capability.List, has map[plumbing.Hash]bool, pack func(has map[plumbing.Hash]bool) ([]byte, error)) ([]byte, *capability.List, error) {
	req := packp.NewReferenceUpdateRequest()
	brings := false
	for _, u := range updates {
		if u.New.IsZero() && !offered.Supports(capability.DeleteRefs) {
			return nil, nil, errors.New("the remote lets nobody delete refs")
		}
		brings = brings || !u.New.IsZero()
		req.Commands = append(req.Commands, &packp.Command{Name: plumbing.ReferenceName(r.OnRemote(u.Ref)), Old: u.Old, New: u.New})
	}
	chosen := []capability.Capability{capability.ReportStatus, capability.Sideband64k}
	if len(updates) > 1 {
		chosen = append(chosen, capability.Atomic)
	}
	if err := setCapabilities(req.Capabilities, offered, chosen); err != nil {
		return nil, nil, err
	}
	if brings {
		data, err := pack(has)
		if err != nil {
			return nil, nil, err
		}
		req.Packfile = io.NopCloser(bytes.NewReader(data))
	}
	var b bytes.Buffer
	err := req.Encode(&b)
	return b.Bytes(), req.Capabilities, err
}

// Heads are the hashes that refs stand on.
func Heads(all Refs) map[plumbing.Hash]bool {
	has := make(map[plumbing.Hash]bool, len(all))
	for _, h := range all {
		has[h] = true
	}
	return has
}

// readReport reads what the remote says of an update. What hooks print stands
// beside the report and goes into the error.
func readReport(answer io.Reader, caps *capability.List) error {
	if !caps.Supports(capability.ReportStatus) {
		return errors.New("the remote reports nothing")
	}
	aside := &tail{}
	report := packp.NewReportStatus()
	kind := fault.Temporary // a report that cannot be read says nothing
	err := report.Decode(unwrapSideband(answer, caps, aside))
	if err == nil {
		kind, err = fault.Failed, report.Error()
	}
	if err == nil || kindOf(err) == fault.Temporary {
		return err
	}
	if aside.String() != "" {
		err = fmt.Errorf("%w; %s", err, Printable(aside.String()))
	}
	// A refusal may be that of a rival's update going on; the next look shows it.
	return doubtfulError{err, kind}
}
