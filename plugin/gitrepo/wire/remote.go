package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
)

// service is one of git's two programs on the other side.
type service string

const (
	uploadPack  service = "git-upload-pack"
	receivePack service = "git-receive-pack"
)

// transport starts a service on the remote. go-git's own transports read
// ssh_config, the ssh agent, proxy variables and git's environment, and drop
// contexts on the way, so only go-git's protocol messages are used here.
type transport interface {
	// open starts the service. The end of ctx ends the conversation too. A remote
	// that has greeted before may be spared another greeting, which is nil then.
	open(ctx context.Context, s service, greeted bool) (conversation, error)
	// close ends connections that are kept for another conversation.
	close()
}

// conversation is one run of a service: it greets, is asked at most once,
// answers, and is closed.
type conversation interface {
	greeting() io.Reader
	ask(request []byte) (io.Reader, error)
	// said is what the service printed for people so far.
	said() string
	// close lets the service end by itself, unless it has much more to say,
	// and frees everything.
	close() error
}

// Remote is the repository on the other side: git's protocol over some
// transport, each act under a time limit of its own, and tried again while its
// errors are such that pass.
type Remote struct {
	Access
	transport transport
	Name      string // URL for printing
	state     Place

	mu       sync.Mutex
	offered  *capability.List // what its upload-pack can do, once it has greeted
	receives *capability.List // what its receive-pack can do, once it has greeted
	heads    []plumbing.Hash  // what it has: its refs at the last greeting, and what it took since
}

// Refs are the values of the remote's refs at one moment, by full name.
type Refs map[string]plumbing.Hash

// act runs one conversation with a service under the time limit.
func (r *Remote) act(ctx context.Context, what string, s service, greeted bool, do func(conversation, *packp.AdvRefs) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, fmt.Errorf("no end after %s", r.Timeout))
	defer cancel()
	ctx, silence := endSilence(ctx, r.Quiet)
	defer silence.end(nil)
	what += " " + r.Name
	c, err := r.transport.open(ctx, s, greeted)
	silence.timer.Stop()
	if err != nil {
		return remoteFault(ctx, what, "", err)
	}
	c = unsilenced{c, silence}
	err = r.converse(c, do)
	// The service may still want to say why it failed, so it ends first.
	closeErr := c.close()
	var doubtful doubtfulError
	switch {
	case err == nil && ctx.Err() != nil:
		err = closeErr
	case errors.As(err, &doubtful) && wasCut(closeErr):
		err = transientError{error: fmt.Errorf("%w: %w", closeErr, err)}
	}
	return remoteFault(ctx, what, c.said(), err)
}

// wasCut tells from the end of a service whether it was cut off: it neither
// ended by itself nor said how.
func wasCut(end error) bool {
	var noStatus *ssh.ExitMissingError
	var ended *exec.ExitError
	return errors.As(end, &noStatus) || errors.As(end, &ended) && !ended.Exited()
}

func (r *Remote) converse(c conversation, do func(conversation, *packp.AdvRefs) error) error {
	if c.greeting() == nil {
		return do(c, nil)
	}
	greeting := packp.NewAdvRefs()
	start := &head{}
	err := greeting.Decode(io.TeeReader(io.LimitReader(c.greeting(), maxGreeting), start))
	switch {
	case err != nil && bytes.Contains(start.kept, []byte("object-format=sha256")):
		return fault.WithFix(errors.New("the repository names its objects by SHA-256, which this program does not read"), "give it one that uses SHA-1, git's default")
	case errors.Is(err, packp.ErrEmptyInput):
		return doubtfulError{errors.New("the remote sent nothing: no such repository, or no right to it"), fault.Failed}
	case errors.Is(err, packp.ErrEmptyAdvRefs): // a valid answer: the repository has no refs
	case err != nil:
		return doubtfulError{err, kindOf(err)}
	}
	greeting.References = r.named(greeting.References)
	r.mu.Lock()
	r.heads = slices.Collect(maps.Keys(Heads(greeting.References)))
	r.mu.Unlock()
	return do(c, greeting)
}

// Close ends what is kept open for another act.
func (r *Remote) Close() { r.transport.close() }

// OnRemote is the name on the remote of a ref.
func (r *Remote) OnRemote(ref string) string {
	if rest, own := strings.CutPrefix(ref, r.state.Here); own {
		return r.state.There + rest
	}
	return ref
}

// named is the refs of the remote by the names that they have here. What stands
// at our place here on a remote where ours have another place is nobody's.
func (r *Remote) named(all Refs) Refs {
	if r.state.Here == r.state.There {
		return all
	}
	found := make(Refs, len(all))
	for name, h := range all {
		if strings.HasPrefix(name, r.state.Here) {
			continue
		}
		if rest, own := strings.CutPrefix(name, r.state.There); own {
			name = r.state.Here + rest
		}
		found[name] = h
	}
	return found
}

// head keeps the start of what is written to it, which holds what a remote can
// do.
type head struct{ kept []byte }

func (h *head) Write(p []byte) (int, error) {
	h.kept = append(h.kept, p[:min(len(p), 8<<10-len(h.kept))]...)
	return len(p), nil
}

// maxGreeting bounds the list of refs that a remote sends, in bytes.
const maxGreeting = 256 << 20

// List reads the remote's refs.
func (r *Remote) List(ctx context.Context) (Refs, error) {
	var found Refs
	err := r.tryAgain(ctx, func() error {
		return r.act(ctx, "list the refs of", uploadPack, false, func(_ conversation, g *packp.AdvRefs) error {
			found = g.References
			return nil
		})
	})
	return found, err
}

// Plan is what a fetch asks for.
type Plan struct {
	Wants  []plumbing.Hash
	Haves  []plumbing.Hash // what is here, with all that it needs
	Filter packp.Filter    // what to leave out; empty for nothing
	Depth  int             // commits of history; 0 for all
}

// Filters of a fetch.
const (
	NoTrees = packp.Filter("tree:0")    // nothing but what is asked for by hash, and commits
	NoFiles = packp.Filter("blob:none") // folders come, files do not
)

// CanFilter reports whether a remote lets clients leave objects out and ask for
// them later by their hash.
func CanFilter(offered *capability.List) bool {
	return offered.Supports(capability.Filter) && offered.Supports(capability.Shallow) &&
		offered.Supports(capability.AllowReachableSHA1InWant)
}

// Fetch gets the objects that choose asks for, given the refs at that moment
// and what the remote can do, and hands the pack to keep. With no wants nothing
// is transferred. Each try looks at the refs anew: over HTTP they may move, or
// go, between the look and the request.
func (r *Remote) Fetch(ctx context.Context, choose func(Refs, *capability.List) (Plan, error), keep func(context.Context, io.Reader) error) error {
	return r.tryAgain(ctx, func() error {
		return r.act(ctx, "fetch from", uploadPack, false, func(c conversation, g *packp.AdvRefs) error {
			if len(g.Shallows) > 0 {
				return fault.WithFix(errors.New("the remote is a shallow clone itself and lacks a part of its history, which this program needs"), "run git fetch --unshallow in it, or name the repository that it was made from")
			}
			r.mu.Lock()
			r.offered = g.Capabilities
			r.mu.Unlock()
			plan, err := choose(g.References, g.Capabilities)
			if err != nil || len(plan.Wants) == 0 {
				return err
			}
			err = r.receive(ctx, c, g.Capabilities, plan, keep)
			if errors.Is(err, errNoPack) {
				// It refuses what it has just shown.
				err = doubtfulError{err, fault.Temporary}
			}
			return err
		})
	})
}

// FetchMore gets more objects from a remote that was fetched from before.
func (r *Remote) FetchMore(ctx context.Context, plan Plan, keep func(context.Context, io.Reader) error) error {
	return r.tryAgain(ctx, func() error {
		return r.act(ctx, "fetch missing objects from", uploadPack, true, func(c conversation, g *packp.AdvRefs) error {
			r.mu.Lock()
			offered := r.offered
			r.mu.Unlock()
			if g != nil {
				offered = g.Capabilities
			}
			return r.receive(ctx, c, offered, plan, keep)
		})
	})
}

// errNoPack says that the remote answered a fetch, and not with a pack.
var errNoPack = errors.New("unexpected answer to the fetch")

func (r *Remote) receive(ctx context.Context, c conversation, offered *capability.List, plan Plan, keep func(context.Context, io.Reader) error) error {
	request, caps, err := fetchRequest(offered, plan)
	if err != nil {
		return err
	}
	answer, err := c.ask(request)
	if err != nil {
		return err
	}
	buffered := bufio.NewReaderSize(answer, 64<<10)
	if err := skipAcknowledgements(buffered); err != nil {
		return err
	}
	err = keep(ctx, unwrapSideband(buffered, caps, io.Discard))
	if errors.Is(err, pack.ErrDamaged) && !errors.Is(err, pack.ErrHeld) {
		// Nothing but the pack's own checksums protects it on its way.
		err = doubtfulError{err, fault.Temporary}
	}
	return err
}

// acknowledgement chooses how the server tells which of the haves it has. Azure
// DevOps refuses a fetch that asks for neither of the two, see
// https://github.com/go-git/go-git/issues/64.
func acknowledgement(offered *capability.List) capability.Capability {
	if offered.Supports(capability.MultiACKDetailed) {
		return capability.MultiACKDetailed
	}
	return capability.MultiACK
}

// fetchRequest builds the one message of a fetch. It ends the negotiation by
// itself, so that the server answers with a few lines and then the pack.
func fetchRequest(offered *capability.List, plan Plan) ([]byte, *capability.List, error) {
	req := packp.NewUploadPackRequest()
	req.Wants, req.Haves = plan.Wants, plan.Haves
	chosen := []capability.Capability{capability.OFSDelta, acknowledgement(offered), capability.NoProgress}
	if offered.Supports(capability.Sideband64k) {
		chosen = append(chosen, capability.Sideband64k)
	} else {
		chosen = append(chosen, capability.Sideband)
	}
	if plan.Filter != "" {
		req.Filter = plan.Filter
		chosen = append(chosen, capability.Filter)
	}
	if plan.Depth > 0 {
		req.Depth = packp.DepthCommits(plan.Depth)
		chosen = append(chosen, capability.Shallow)
	}
	if err := setCapabilities(req.Capabilities, offered, chosen); err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	if err := req.UploadRequest.Encode(&b); err != nil {
		return nil, nil, err
	}
	if err := req.UploadHaves.Encode(&b, false); err != nil {
		return nil, nil, err
	}
	if err := pktline.NewEncoder(&b).EncodeString("done\n"); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), req.Capabilities, nil
}

// setCapabilities asks for those of chosen that are offered.
func setCapabilities(list, offered *capability.List, chosen []capability.Capability) error {
	for _, c := range chosen {
		if !offered.Supports(c) {
			continue
		}
		if err := list.Set(c); err != nil {
			return err
		}
	}
	if offered.Supports(capability.Agent) {
		return list.Set(capability.Agent, capability.DefaultAgent())
	}
	return nil
}

// skipAcknowledgements reads the lines before the pack. There is one for each
// of the haves that the remote has ("ACK … common", "ACK … continue"), perhaps
// "ACK … ready", and a last one; others come when it is asked for a part of the
// history only.
func skipAcknowledgements(r *bufio.Reader) error {
	for answered := false; ; {
		start, err := r.Peek(8) // four of the length, four of the line
		if errors.Is(err, io.EOF) {
			return doubtfulError{fmt.Errorf("%w: none", errNoPack), fault.Failed}
		}
		if err != nil {
			return err
		}
		word := string(start[4:])
		acknowledges := word == "ACK " || word == "NAK\n"
		switch {
		case string(start[:4]) == "0000" && !answered: // ends the shallow lines
			if _, err := r.Discard(4); err != nil {
				return err
			}
			continue
		case answered && !acknowledges:
			return nil
		}
		// The scanner reads no byte more than the line: the rest is the pack.
		s := pktline.NewScanner(r)
		if !s.Scan() {
			var refused *pktline.ErrorLine
			if errors.As(s.Err(), &refused) {
				return fmt.Errorf("%w: %s", errNoPack, Printable(refused.Text))
			}
			return errors.Join(s.Err(), io.ErrUnexpectedEOF)
		}
		if !acknowledges && word != "shal" {
			return fmt.Errorf("%w: %s", errNoPack, Printable(string(s.Bytes())))
		}
		answered = acknowledges
	}
}

// unwrapSideband takes the payload out of an answer; what the server says
// beside it goes to aside.
func unwrapSideband(answer io.Reader, caps *capability.List, aside io.Writer) io.Reader {
	var d *sideband.Demuxer
	switch {
	case caps.Supports(capability.Sideband64k):
		d = sideband.NewDemuxer(sideband.Sideband64k, answer)
	case caps.Supports(capability.Sideband):
		d = sideband.NewDemuxer(sideband.Sideband, answer)
	default:
		return answer
	}
	d.Progress = aside
	return d
}
