// Package relay passes the TCP connections of tests on, and cuts them when a test
// wants to.
package relay

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Open listens on loopback and connects whoever comes to an address. Each
// direction of a connection is passed on by pass, or as it is when that is nil.
// cut ends all connections that there are; the test ends them and the listener.
func Open(t testing.TB, to string, pass func(to, from net.Conn, toServer bool)) (address string, cut func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if pass == nil {
		pass = asItIs
	}
	var mu sync.Mutex
	var open []net.Conn
	cut = func() {
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range open {
			_ = conn.Close() // it may be closed already
		}
		open = nil
	}
	t.Cleanup(func() { _ = listener.Close(); cut() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			go pass(out, in, true)
			go pass(in, out, false)
		}
	}()
	return listener.Addr().String(), cut
}

func asItIs(to, from net.Conn, _ bool) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}
