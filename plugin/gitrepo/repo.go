package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// Signature is who makes the commits.
type Signature struct{ Name, Email string }

// Options say what to clone and how.
type Options struct {
	URL        string        // see CheckURL
	Branch     string        // short name, see CheckBranch
	Username   string        // for https; the URL's user, then "git", when empty
	Password   secret.String // for https: password or token
	Way        egress.Way    // for https: how the remote is reached
	SSHKey     secret.String // for ssh: private key
	KnownHosts []byte        // for ssh: known_hosts lines, required
	Dir        string        // existing private directory of the caller, who removes it
	Author     Signature     // of every commit
	StateRefs  string        // where OwnRefs stand on the remote, see CheckStateRefs; there when empty
	SigningKey secret.String // private key that signs every commit; none are signed when empty
	Levels     int           // of folders that are fetched together, the top folder being one; all when zero
	Ahead      Ahead         // what will be read first
	Timeout    time.Duration // of one remote act; 10 minutes when zero
	Progress   func(string)  // gets printable lines during long transfers; may be nil

	// Retrying hears of every act on the remote that failed, printably, and is
	// tried again after a pause, of several at once too; may be nil.
	Retrying func(err error, pause time.Duration)

	pauses func() backoff.BackOff // between tries; newPauses when nil
	quiet  time.Duration          // that ends an act; quietTime when zero
}

// defaultTimeout bounds one clone, fetch, list or push.
const defaultTimeout = 10 * time.Minute

// Repo is a clone with the full history of one branch and all refs below
// OwnRefs. Close it when done.
type Repo struct {
	remote *remote
	store  *store
	branch string // full name
	author Signature
	signer ssh.Signer // of every commit; nil for none
	dir    string
	levels int
	ahead  Ahead

	mu   sync.Mutex
	refs refs                   // the branch and OwnRefs as last seen
	made map[plumbing.Hash]bool // commits of this process, which the remote may lack
	more refs                   // refs of FetchRef and FetchRefs
	cost Cost

	now   func() time.Time
	sleep func(context.Context, time.Duration) error
}

// Clone fetches the branch with its whole history, without tags, and the refs
// below OwnRefs into a bare repository in o.Dir. Where the remote lets clients
// filter, folders and files come when they are read; until the Repo is closed,
// the end of ctx ends such a request too. Options that cannot work are refused
// before the remote is contacted, with the kind fault.Settings.
func Clone(ctx context.Context, o Options) (*Repo, error) {
	t, a, err := o.transport()
	if err != nil {
		return nil, fault.Mark(fault.Settings, fmt.Errorf("clone %s: %w", RedactURL(o.URL), err))
	}
	signer, err := o.signer()
	if err != nil {
		return nil, fault.Mark(fault.Settings, err)
	}
	s, err := openStore(o.Dir, branches+o.Branch)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.pauses == nil {
		o.pauses = newPauses
	}
	if o.quiet == 0 {
		o.quiet = quietTime
	}
	r := &Repo{
		remote: &remote{
			transport: t, name: a.String(), state: statePrefix(o.StateRefs), timeout: o.Timeout, progress: o.Progress,
			retrying: o.Retrying, pauses: o.pauses, quiet: o.quiet,
		},
		store: s, branch: branches + o.Branch, author: o.Author, signer: signer, dir: o.Dir, levels: o.Levels, ahead: o.Ahead,
		made: map[plumbing.Hash]bool{}, more: refs{}, now: time.Now, sleep: sleep,
	}
	if err := r.begin(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// transport checks the options and chooses the way to the remote.
func (o Options) transport() (transport, address, error) {
	a, err := parseAddress(o.URL)
	if err != nil {
		return nil, a, err
	}
	if err := CheckBranch(o.Branch); err != nil {
		return nil, a, err
	}
	if err := CheckStateRefs(o.StateRefs); err != nil {
		return nil, a, fmt.Errorf("state_refs: %w", err)
	}
	if strings.HasPrefix(branches+o.Branch+"/", statePrefix(o.StateRefs)) {
		return nil, a, fault.WithFix(errors.New("state_refs: the branch itself stands there"), "name another place")
	}
	for _, text := range []string{o.Author.Name, o.Author.Email} {
		// A line break here would forge a header of every commit.
		if strings.TrimSpace(text) == "" || strings.ContainsAny(text, "<>") || printable(text) != text {
			return nil, a, errors.New("the author's name and email must be set, on one line, without < and >")
		}
	}
	if info, err := os.Stat(o.Dir); err != nil || !info.IsDir() {
		return nil, a, fmt.Errorf("the private directory %q is no directory", o.Dir)
	}
	switch a.scheme {
	case schemeHTTP, schemeHTTPS:
		if a.scheme == schemeHTTP && !a.loopback() && (!o.Password.Empty() || o.Username != "" || a.user != "") {
			return nil, a, fault.WithFix(errors.New("credentials are not sent over plain http"), "use https")
		}
		t, err := newHTTPTransport(a, o)
		return t, a, err
	case schemeSSH:
		t, err := newSSHTransport(a, o)
		return t, a, err
	default:
		return localTransport{path: a.path, home: o.Dir}, a, nil
	}
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
	r.remote.transport.close()
	return r.store.close()
}

// OnRemote is the name that a ref of ours has on the remote.
func (r *Repo) OnRemote(ref string) string { return r.remote.place(ref) }

// URL is the remote for printing, without password.
func (r *Repo) URL() string { return r.remote.name }

// Branch is the short name of the branch.
func (r *Repo) Branch() string { return strings.TrimPrefix(r.branch, branches) }

// Tip is the branch's commit as last seen or published.
func (r *Repo) Tip() string { return r.seen(r.branch).String() }

func (r *Repo) seen(ref string) plumbing.Hash {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refs[ref]
}

// note remembers what is known of a remote ref after an update.
func (r *Repo) note(ref string, h plumbing.Hash) {
	if !r.fetches(ref) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if h.IsZero() {
		delete(r.refs, ref)
		return
	}
	r.refs[ref] = h
}

// Fetch brings the branch and the refs below OwnRefs up to date and returns
// the branch's tip. It is right after a forced push too.
func (r *Repo) Fetch(ctx context.Context) (string, error) {
	var found refs
	err := r.remote.fetch(ctx, func(all refs, _ *capability.List) (fetchPlan, error) {
		var err error
		if found, err = r.pick(all); err != nil {
			return fetchPlan{}, err
		}
		return r.want(found), nil
	}, r.keep)
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refs = found
	return found[r.branch].String(), nil
}

// FetchRef fetches one more ref, such as refs/pull/12/head, and makes sure
// that the commit is in the clone then. The ref may have moved on since.
func (r *Repo) FetchRef(ctx context.Context, ref, sha string) error {
	if err := checkRef(ref); err != nil {
		return fault.Mark(fault.Settings, err)
	}
	want, err := parseHash(sha)
	if err != nil || want.IsZero() {
		return fault.Mark(fault.Settings, fmt.Errorf("fetch %s: %q is no full hash", ref, printable(sha)))
	}
	if r.store.has(want) {
		return nil
	}
	err = r.remote.fetch(ctx, func(all refs, _ *capability.List) (fetchPlan, error) {
		if all[ref].IsZero() {
			return fetchPlan{}, fmt.Errorf("%w: the remote has no ref %s", ErrNotFound, ref)
		}
		r.mu.Lock()
		r.more[ref] = all[ref]
		r.mu.Unlock()
		return r.want(refs{ref: all[ref]}), nil
	}, r.keep)
	if err == nil && !r.store.has(want) {
		err = fmt.Errorf("%w: commit %s is not in the history of %s", ErrNotFound, sha, ref)
	}
	return err
}

// FetchRefs fetches the refs whose full name starts with the prefix and returns
// them as they are at that moment: no other look could see them move.
func (r *Repo) FetchRefs(ctx context.Context, prefix string) (map[string]string, error) {
	var found refs
	err := r.remote.fetch(ctx, func(all refs, _ *capability.List) (fetchPlan, error) {
		found = refs{}
		for name, h := range all {
			if strings.HasPrefix(name, prefix) && checkRef(name) == nil {
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
		r.more[name] = h
		out[name] = h.String()
	}
	return out, nil
}

// want is what to ask the remote for to have these refs, and what to tell it
// that is here already.
func (r *Repo) want(found refs) fetchPlan {
	var plan fetchPlan
	for h := range heads(found) {
		if !r.store.has(h) {
			plan.wants = append(plan.wants, h)
		}
	}
	if len(plan.wants) > 0 {
		plan.haves = r.haves()
	}
	if r.store.promise.open.Load() {
		// New commits are few: their folders may come along.
		plan.filter = filterFiles
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
	for h := range heads(known) {
		haves = append(haves, h)
	}
	h, step := known[r.branch], 1
	for i := 1; i <= 1024 && !h.IsZero(); i++ {
		c, err := r.store.commit(h)
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

// remember notes a commit that was made here, so that its objects are sent to
// the remote; see packFor.
func (r *Repo) remember(h plumbing.Hash) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.made[h] = true
}

func (r *Repo) isMade(h plumbing.Hash) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.made[h]
}

var _ io.Closer = (*Repo)(nil)
