// Package freeport finds addresses for servers of tests that cannot be handed a
// listener: programs that are told a port and open it themselves.
package freeport

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports below those that Linux gives to clients and to listeners that ask
// for any (32768 and up, see ip_local_port_range in ip(7)): between the choice
// and the server's start nothing takes one by chance.
const (
	first = 20000
	last  = 32767
)

// Address is a loopback address on which nobody listens. It is asked for and not
// listened on: a program that another test starts at that moment would hold the
// listener until it executes.
func Address(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := first + rand.IntN(last-first+1) //nolint:gosec // no secret
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if conn, err := net.Dial("tcp", address); err == nil {
			_ = conn.Close() // somebody is there
			continue
		}
		return address
	}
	t.Fatalf("no port from %d to %d is free", first, last)
	return ""
}
