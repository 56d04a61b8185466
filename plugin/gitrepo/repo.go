package gitrepo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// Signature is who makes the commits.
type Signature struct{ Name, Email string }

// Options say what to clone and how.
type Options struct {
	wire.Access
	Branch     string        // short name, see refname.CheckBranch
	Dir        string        // existing private directory of the caller, who removes it
	Author     Signature     // of every commit
	StateRefs  string        // where OwnRefs stand on the remote, see refname.CheckStateRefs; there when empty
	SigningKey secret.String // private key that signs every commit; none are signed when empty
	Levels     int           // of folders that are fetched together, the top folder being one; all when zero
	Ahead      Ahead         // what will be read first

	maxFile int64 // MaxFileSize when zero
}

// Repo is a clone with the full history of one branch and all refs below
// OwnRefs. Close it when done.
type Repo struct {
	remote *wire.Remote
	store  *objects.Store
	branch string // full name
	author Signature
	signer ssh.Signer // of every commit; nil for none
	levels int
	ahead  Ahead

	mu   sync.Mutex
	refs wire.Refs // the branch and OwnRefs as last seen
	ours wire.Refs // OwnBranches as last seen, of which nothing may be here
	more wire.Refs // refs of FetchRef and FetchRefs
	cost Cost

	sighted map[plumbing.Hash]time.Time // see sight

	keepsRefs atomic.Bool // the remote has shown that it lets nobody delete refs of ours

	now   func() time.Time
	sleep func(context.Context, time.Duration) error
}

// Clone fetches the branch with its whole history, without tags, and the refs
// below OwnRefs into a bare repository in o.Dir. Where the remote lets clients
// filter, folders and files come when they are read; until the Repo is closed,
// the end of ctx ends such a request too. Options that cannot work are refused
// before the remote is contacted, with the kind fault.Settings.
func Clone(ctx context.Context, o Options) (*Repo, error) {
	remote, err := o.open()
	if err != nil {
		return nil, fault.Mark(fault.Settings, fmt.Errorf("clone %s: %w", wire.RedactURL(o.URL), err))
	}
	signer, err := o.signer()
	if err != nil {
		return nil, fault.Mark(fault.Settings, err)
	}
	s, err := objects.Open(o.Dir, cmp.Or(o.maxFile, MaxFileSize))
	if err != nil {
		return nil, err
	}
	r := &Repo{
		remote: remote, store: s, branch: refname.Branches + o.Branch, author: o.Author, signer: signer, levels: o.Levels, ahead: o.Ahead,
		more: wire.Refs{}, sighted: map[plumbing.Hash]time.Time{}, now: time.Now, sleep: sleep,
	}
	if err := r.begin(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// open checks the options and chooses the way to the remote.
func (o Options) open() (*wire.Remote, error) {
	if err := refname.CheckBranch(o.Branch); err != nil {
		return nil, err
	}
	if err := refname.CheckStateRefs(o.StateRefs); err != nil {
		return nil, fmt.Errorf("state_refs: %w", err)
	}
	if strings.HasPrefix(refname.Branches+o.Branch+"/", refname.StatePrefix(o.StateRefs)) {
		return nil, fault.WithFix(errors.New("state_refs: the branch itself stands there"), "name another place")
	}
	for _, text := range []string{o.Author.Name, o.Author.Email} {
		// A line break here would forge a header of every commit.
		if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "<>") || wire.Printable(text) != text {
			return nil, errors.New("the author's name and email must be set, on one line, without < and >")
		}
	}
	if info, err := os.Stat(o.Dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("the private directory %q is no directory", o.Dir)
	}
	return wire.Open(o.Access, o.Dir, wire.Place{Here: OwnRefs, There: refname.StatePrefix(o.StateRefs)})
}

// signer is who signs the commits, nil for nobody.
func (o Options) signer() (ssh.Signer, error) {
	if o.SigningKey.Empty() {
		return nil, nil
	}
	signer, err := sshkey.Private(o.SigningKey)
	if err != nil {
		return nil, fmt.Errorf("git_signing_key %w", err)
	}
	return signer, nil
}

// sleep waits, or returns the reason why ctx ended first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Close frees the files of the clone. The directory stays for the caller to
// remove.
func (r *Repo) Close() error {
	r.remote.Close()
	return r.store.Close()
}

// OnRemote is the name that a ref of ours has on the remote.
func (r *Repo) OnRemote(ref string) string { return r.remote.OnRemote(ref) }

// URL is the remote for printing, without password.
func (r *Repo) URL() string { return r.remote.Name }

// Branch is the short name of the branch.
func (r *Repo) Branch() string { return strings.TrimPrefix(r.branch, refname.Branches) }

// Tip is the branch's commit as last seen or published.
func (r *Repo) Tip() string { return r.seen(r.branch).String() }

func (r *Repo) seen(ref string) plumbing.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refs[ref]
}

// note remembers what is known of a remote ref after an update.
func (r *Repo) note(ref string, h plumbing.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.refs
	if !r.fetches(ref) {
		seen = r.ours
	}
	if delete(seen, ref); !h.IsZero() && !isLock(ref) {
		seen[ref] = h
	}
}

// Fetch brings the branch and the refs below OwnRefs up to date and returns
// the branch's tip. It is right after a forced push too.
func (r *Repo) Fetch(ctx context.Context) (string, error) {
	all, err := r.fetch(ctx)
	if err != nil {
		return "", err
	}
	return all[r.branch].String(), nil
}

// fetch is Fetch, and all refs of the remote at that moment.
func (r *Repo) fetch(ctx context.Context) (wire.Refs, error) {
	var found, shown wire.Refs
	err := r.remote.Fetch(ctx, func(all wire.Refs, _ *capability.List) (wire.Plan, error) {
		var err error
		shown = all
		if found, err = r.pick(all); err != nil {
			return wire.Plan{}, err
		}
		return r.want(found), nil
	}, r.keep)
	if err != nil {
		return nil, err
	}
	r.remember(found, shown)
	return shown, nil
}

// remember notes what was fetched of the refs that the remote showed.
func (r *Repo) remember(found, shown wire.Refs) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refs, r.ours = found, wire.Refs{}
	for name, h := range shown {
		if strings.HasPrefix(name, OwnBranches) && refname.Check(name) == nil {
			r.ours[name] = h
		}
	}
}

// FetchRef fetches one more ref, such as refs/pull/12/head, and makes sure
// that the commit is in the clone then. The ref may have moved on since.
func (r *Repo) FetchRef(ctx context.Context, ref, sha string) error {
	if err := refname.Check(ref); err != nil {
		return fault.Mark(fault.Settings, err)
	}
	want, err := parseHash(sha)
	if err != nil || want.IsZero() {
		return fault.Mark(fault.Settings, fmt.Errorf("fetch %s: %q is no full hash", ref, wire.Printable(sha)))
	}
	if r.store.Has(want) {
		return nil
	}
	err = r.remote.Fetch(ctx, func(all wire.Refs, _ *capability.List) (wire.Plan, error) {
		if all[ref].IsZero() {
			return wire.Plan{}, fmt.Errorf("%w: the remote has no ref %s", wire.ErrNotFound, ref)
		}
		r.mu.Lock()
		r.more[ref] = all[ref]
		r.mu.Unlock()
		return r.want(wire.Refs{ref: all[ref]}), nil
	}, r.keep)
	if err == nil && !r.store.Has(want) {
		err = fmt.Errorf("%w: commit %s is not in the history of %s", wire.ErrNotFound, sha, ref)
	}
	return err
}

// FetchRefs fetches the refs whose full name starts with the prefix and returns
// them as they are at that moment: no other look could see them move.
func (r *Repo) FetchRefs(ctx context.Context, prefix string) (map[string]string, error) {
	var found wire.Refs
	err := r.remote.Fetch(ctx, func(all wire.Refs, _ *capability.List) (wire.Plan, error) {
		found = wire.Refs{}
		for name, h := range all {
			if strings.HasPrefix(name, prefix) && refname.Check(name) == nil {
				found[name] = h
			}
		}
		return r.want(found), nil
	}, r.keep)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]string{}
	for name, h := range found {
		if !isLock(name) {
			r.more[name] = h
		}
		out[name] = h.String()
	}
	return out, nil
}

// want is what to ask the remote for to have these refs, and what to tell it
// that is here already.
func (r *Repo) want(found wire.Refs) wire.Plan {
	var plan wire.Plan
	for h := range wire.Heads(found) {
		if !r.store.Has(h) {
			plan.Wants = append(plan.Wants, h)
		}
	}
	if len(plan.Wants) > 0 {
		plan.Haves = r.haves()
	}
	if r.store.Filtered() {
		// New commits are few: their folders may come along.
		plan.Filter = wire.NoFiles
	}
	return plan
}

// haves tells the remote what is here: the refs as last seen and some of the
// branch's older commits, ever farther apart, for the case that the branch was
// rewritten and its last tip is no longer known there.
func (r *Repo) haves() []plumbing.Hash {
	r.mu.Lock()
	known := maps.Clone(r.refs)
	r.mu.Unlock()
	var haves []plumbing.Hash
	for h := range wire.Heads(known) {
		haves = append(haves, h)
	}
	h, step := known[r.branch], 1
	for i := 1; i <= 1024 && !h.IsZero(); i++ {
		c, err := r.store.Commit(h)
		if err != nil || len(c.ParentHashes) == 0 {
			break
		}
		h = c.ParentHashes[0]
		if i%step == 0 {
			haves = append(haves, h)
		}
		if i == 16*step {
			step *= 2
		}
	}
	return haves
}

var fullHash = pattern.Lazy(`^[0-9a-f]{40}$`)

// parseHash reads a full hash. The empty text and 40 zeros are the zero hash.
func parseHash(text string) (plumbing.Hash, error) {
	if text == "" {
		return plumbing.ZeroHash, nil
	}
	if !fullHash().MatchString(text) {
		return plumbing.ZeroHash, fmt.Errorf("%q is not a full hash of 40 lower-case hexadecimal digits", wire.Printable(text))
	}
	return plumbing.NewHash(text), nil
}
