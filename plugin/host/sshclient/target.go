package sshclient

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Target names a machine and the user there.
type Target struct {
	User  string // empty when Local
	Host  string // name or address, without brackets; empty when Local
	Port  int    // 1 to 65535; 0 when Local
	Local bool   // this machine
}

var (
	userPattern = pattern.Lazy(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\$?$`)
	hostPattern = pattern.Lazy(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?\.?$`)
)

// ParseTarget reads "user@host", "user@host:port", "user@[v6]:port" or
// "local".
func ParseTarget(text string) (Target, error) {
	if text == "local" {
		return Target{Local: true}, nil
	}
	user, rest, found := strings.Cut(text, "@")
	if !found {
		return Target{}, fmt.Errorf("host %q has no user: write user@host, user@host:port or local", text)
	}
	if !userPattern().MatchString(user) {
		return Target{}, fmt.Errorf("host %q: %q is no user name", text, user)
	}
	name, port, err := splitPort(rest)
	if err != nil {
		return Target{}, fmt.Errorf("host %q: %w", text, err)
	}
	return Target{User: user, Host: name, Port: port}, nil
}

func splitPort(text string) (name string, port int, err error) {
	if inner, ok := strings.CutPrefix(text, "["); ok {
		address, tail, closed := strings.Cut(inner, "]")
		addr, err := netip.ParseAddr(address)
		if !closed || err != nil || !addr.Is6() {
			return "", 0, errors.New("the brackets must hold an IPv6 address")
		}
		if tail == "" {
			return address, 22, nil
		}
		digits, ok := strings.CutPrefix(tail, ":")
		if !ok {
			return "", 0, errors.New("only :port may follow the bracket")
		}
		port, err := parsePort(digits)
		return address, port, err
	}
	if strings.Count(text, ":") > 1 {
		return "", 0, errors.New("an IPv6 address needs brackets: user@[fd00::1]:22")
	}
	name, digits, found := strings.Cut(text, ":")
	if !hostPattern().MatchString(name) {
		return "", 0, fmt.Errorf("%q is no host name or address", name)
	}
	if !found {
		return name, 22, nil
	}
	port, err = parsePort(digits)
	return name, port, err
}

func parsePort(digits string) (int, error) {
	port, err := strconv.Atoi(digits)
	if err != nil || port < 1 || port > 65535 || strings.HasPrefix(digits, "+") {
		return 0, fmt.Errorf("%q is no port: 1 to 65535", digits)
	}
	return port, nil
}

// Address is host:port as dialers and known_hosts want it.
func (t Target) Address() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// String is the target as ParseTarget reads it.
func (t Target) String() string {
	if t.Local {
		return "local"
	}
	return t.User + "@" + t.Address()
}
