package host

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/egressproxy"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// network is how connections are accepted and made on the machine. Over SSH both
// are channels of the connection that is there anyway: no program of ours listens
// or connects on the host, and the network in use is the host's.
type network struct {
	listen func(ctx context.Context, path string) (net.Listener, error) // a Unix socket
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// Network is what an agent in a sandbox may reach.
type Network struct {
	Servers   func(variables map[string]string) []string // HOST or HOST:PORT; nil for all that the host reaches
	Variables []string                                   // of the account, from which the servers follow
	Required  bool                                       // a host where that cannot be had will not do
}

// ErrNoProxy says that what runs in a sandbox on this host cannot have a proxy as
// its only way out.
var ErrNoProxy = errors.New("a proxy to the model alone cannot be had")

const (
	// maxSocket is how long the path of a Unix socket may be on Linux, without the
	// zero behind it.
	maxSocket = 107
	// addressAge is for how long the addresses of a name are used. Gateways of
	// clouds change theirs within minutes, and a turn takes half an hour.
	addressAge = time.Minute
)

// DialContext makes a connection from the machine, with nothing of ours running on
// it: over SSH by a channel of the connection.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := h.network.dial(ctx, network, address)
	if errors.Is(err, sshclient.ErrForwarding) {
		return nil, fault.WithFix(fmt.Errorf("connect from %s: %w", h.Name(), err),
			"in sshd_config there, AllowTcpForwarding must be yes; a line of authorized_keys must not say no-port-forwarding, and beside restrict it needs port-forwarding; or let the step reach it itself")
	}
	if err != nil {
		return nil, fmt.Errorf("connect from %s: %w", h.Name(), err)
	}
	return conn, nil
}

// openProxy starts a proxy to the servers, with its socket in a folder of this
// account on the host. The caller closes it once the program has ended.
func (h *Host) openProxy(ctx context.Context, dir string, servers egressproxy.Servers) (p *egressproxy.Proxy, socket string, err error) {
	socket = dir + "/way-" + rand.Text()[:5] // sshd leaves the file of a lost connection behind
	if len(socket) > maxSocket {
		return nil, "", fault.WithFix(fmt.Errorf("%w: %s is longer than the %d bytes that the path of a socket may have", ErrNoProxy, socket, maxSocket), "give the account a shorter home folder")
	}
	listener, err := h.network.listen(ctx, socket)
	if errors.Is(err, sshclient.ErrForwarding) {
		return nil, "", noForwarding(err)
	}
	if err != nil {
		return nil, "", fault.Mark(fault.Temporary, fmt.Errorf("listening on %s for the sandbox: %w: %w", h.Name(), script.ErrLost, err))
	}
	return egressproxy.Serve(listener, egressproxy.Config{Servers: servers, Resolve: h.resolver(), Dial: h.network.dial}), socket, nil
}

// confineNetwork finds what the agent will reach in its sandbox. Where that is
// more than the servers of its model, the reason is a problem or a warning.
func (h *Host) confineNetwork(ctx context.Context, a *script.Answer, network Network, facts *Facts, problem func(error)) error {
	err := h.isolate(ctx, a, network, facts)
	switch {
	case err == nil:
	case !errors.Is(err, ErrNoProxy):
		return err
	case network.Required:
		problem(&fault.Error{Setting: "sandbox_network", Err: fmt.Errorf("is required to be model: %w", err)})
	default:
		facts.Warnings = append(facts.Warnings, fmt.Errorf("the agent's sandbox has the network of the host: %w", err))
	}
	return nil
}

// isolate finds the servers of the model, and proves that the sandbox reaches a
// proxy to them and nothing else.
func (h *Host) isolate(ctx context.Context, a *script.Answer, network Network, facts *Facts) error {
	variables := map[string]string{}
	for _, name := range network.Variables {
		variables[name] = string(a.Block("variable-" + name))
	}
	servers, err := egressproxy.ParseServers(network.Servers(variables))
	switch {
	case err != nil:
		return fmt.Errorf("%w: the account's variables name its model: %w", ErrNoProxy, err)
	case a.Has("proxied"):
		return fault.WithFix(fmt.Errorf("%w: the account itself reaches its model by a proxy (HTTPS_PROXY)", ErrNoProxy), "set sandbox_network: host")
	case !a.Has("perl"):
		return fault.WithFix(fmt.Errorf("%w: perl is not there", ErrNoProxy), "install it (apt install perl-base, apk add perl)")
	}
	run, err := h.OpenRun(ctx, "", "probe-"+rand.Text()[:8], nil)
	if err != nil {
		return err
	}
	defer func() {
		// A run directory that stays is removed by a later run.
		_ = run.Close(context.WithoutCancel(ctx))
	}()
	proxy, socket, err := h.openProxy(ctx, run.dir, servers)
	if err != nil {
		return err
	}
	defer proxy.Close()
	// That nobody answers there now is no reason to let the agent reach more.
	if err := proxy.Reach(ctx, servers[0]); errors.Is(err, sshclient.ErrForwarding) {
		return noForwarding(err)
	}
	check, err := h.probeNetwork(ctx, run, *facts.Box, socket)
	if err != nil {
		return err
	}
	facts.Probed, facts.Servers = append(facts.Probed, check), servers
	return nil
}

// probeNetwork looks from inside of a sandbox behind a proxy at what it reaches.
func (h *Host) probeNetwork(ctx context.Context, run *Run, box sandbox.Box, socket string) (sandbox.Check, error) {
	argv, err := script.QuoteAll(box.ProbeNetwork(socket))
	if err != nil {
		return sandbox.Check{}, err
	}
	variables := boxVariables(&box)
	maps.Copy(variables, script.Variables{"run": run.dir, "argv": argv, "listener": sandbox.Listener})
	a, err := h.do(ctx, script.Job{Doing: "looking at the sandbox's network", Files: []string{"account", "box", "network"}, Mark: true, Variables: variables})
	if err != nil {
		return sandbox.Check{}, err
	}
	check, err := sandbox.ReadNetwork(string(a.Block("network")), a.Has("reached"))
	switch {
	case err != nil || !a.Has("listened"):
		return check, fmt.Errorf("%w: %w (%s)", ErrNoProxy, cmp.Or(err, errors.New("nothing can listen on its loopback")), script.TellingLine(script.Tail(a.Block("network-error"))))
	case !check.Held:
		return check, fmt.Errorf("%w: %s", ErrNoProxy, check.Text)
	}
	return check, nil
}

// noForwarding is ErrNoProxy for a server that does not forward.
func noForwarding(err error) error {
	return fault.WithFix(fmt.Errorf("%w: %w", ErrNoProxy, err),
		"in sshd_config there, AllowStreamLocalForwarding and AllowTcpForwarding must be yes, and DisableForwarding and PermitOpen unset; a line of authorized_keys must not say restrict or no-port-forwarding; a certificate needs the extension permit-port-forwarding")
}

// resolver finds the addresses that names have for the host, and remembers them
// for a while.
func (h *Host) resolver() func(context.Context, string) ([]netip.Addr, error) {
	type answer struct {
		addresses []netip.Addr
		until     time.Time
	}
	var mu sync.Mutex
	known := map[string]answer{}
	return func(ctx context.Context, name string) ([]netip.Addr, error) {
		mu.Lock()
		defer mu.Unlock()
		if a := known[name]; time.Now().Before(a.until) {
			return a.addresses, nil
		}
		a, err := h.do(ctx, script.Job{Doing: "resolving " + name, Files: []string{"resolve"}, Variables: script.Variables{"name": name}})
		if err != nil {
			return nil, err
		}
		var found []netip.Addr
		for _, line := range a.Lines["address"] {
			if address, err := netip.ParseAddr(line); err == nil {
				found = append(found, address)
			}
		}
		if len(found) > 0 {
			known[name] = answer{found, time.Now().Add(addressAge)}
		}
		return found, nil
	}
}
