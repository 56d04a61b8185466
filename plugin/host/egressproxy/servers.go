package egressproxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Servers are what may be reached, as host:port in lower case.
type Servers []string

var namePattern = pattern.Lazy(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)

// ParseServers reads a list of HOST and HOST:PORT, the port being 443 where none
// is given. A host is a name or an address; there are no wildcards.
func ParseServers(list []string) (Servers, error) {
	servers := make(Servers, 0, len(list))
	for _, one := range list {
		server, ok := normal(one, "443")
		if !ok {
			return nil, fault.WithFix(fmt.Errorf("%s is no server", text.Quote(text.Line(one, 100))), "write HOST or HOST:PORT, without scheme, path and wildcards")
		}
		if !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
	}
	return servers, nil
}

// normal is a target as it stands on the list: names differ neither by case nor
// by a final dot, and addresses are written in one way.
func normal(target, port string) (string, bool) {
	host := strings.Trim(target, "[]")
	if _, err := netip.ParseAddr(host); err != nil {
		if h, p, err := net.SplitHostPort(target); err == nil {
			host, port = h, p
		}
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().WithZone("").String()
	} else if !namePattern().MatchString(host) || len(host) > 253 {
		return "", false
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), true
}

// errRefused is a target that is not on the list, or an address to which no
// name on it may lead.
var errRefused = errors.New("not one of the servers that may be reached")

// Reach tells why a connection to a target cannot be had.
func (p *Proxy) Reach(ctx context.Context, target string) error {
	conn, err := p.connect(ctx, target)
	if err != nil {
		return err
	}
	_ = conn.Close() // nothing was sent
	return nil
}

// connect reaches a target that is on the list. A name is resolved here and the
// address judged, so that a listed name that leads into the machine or to the
// credentials of its cloud leads nowhere.
func (p *Proxy) connect(ctx context.Context, target string) (net.Conn, error) {
	server, ok := normal(target, "")
	if !ok || !slices.Contains(p.config.Servers, server) {
		p.refuse(target)
		return nil, fmt.Errorf("%s: %w", text.Line(target, 100), errRefused)
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	addresses := []netip.Addr{}
	if literal, err := netip.ParseAddr(host); err == nil {
		addresses = append(addresses, literal)
	} else if addresses, err = p.config.Resolve(ctx, host); err != nil {
		return nil, fmt.Errorf("resolving %s: %w", host, err)
	}
	last := fmt.Errorf("%s has no address", host)
	for _, address := range addresses {
		if !reachable(host, address.Unmap()) {
			p.refuse(server + " at " + address.String())
			last = fmt.Errorf("%s is at %s: %w", host, address, errRefused)
			continue
		}
		conn, err := p.config.Dial(ctx, "tcp", net.JoinHostPort(address.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		last = fmt.Errorf("connecting to %s: %w", server, err)
	}
	return nil, last
}

// metadata are the services that hand a cloud's credentials to every process of
// a machine and are not at a link-local address: IPv6 at AWS, Alibaba, Azure's
// wire server, Oracle's is link-local.
var metadata = []netip.Addr{netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16")}

// reachable reports whether a host on the list may be at an address. The machine
// itself must be on the list under a name that says so.
func reachable(host string, at netip.Addr) bool {
	switch {
	case !at.IsValid(), at.IsUnspecified(), at.IsMulticast(), at.IsLinkLocalUnicast(), slices.Contains(metadata, at):
		return false
	case at.IsLoopback():
		return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil
	}
	return true
}
