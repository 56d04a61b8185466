package sshclient

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// try dials a server and tells how that ended.
func try(t *testing.T, s Login) error {
	t.Helper()
	client, err := Dial(t.Context(), s)
	if err != nil {
		return err
	}
	return client.Close()
}

func certified(t *testing.T, authority, key ssh.Signer, principal string, until time.Time) ssh.Signer {
	t.Helper()
	certificate := &ssh.Certificate{
		Key: key.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{principal},
		ValidAfter: uint64(time.Now().Add(-2 * time.Hour).Unix()), ValidBefore: uint64(until.Unix()),
	}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewCertSigner(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func TestThreat8_HostKeys(t *testing.T) {
	t.Parallel()
	first, _ := newKey(t)
	second := newECDSA(t)
	other, _ := newKey(t)
	authority, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, client.PublicKey(), first, second)
	address := server.address
	signed := serve(t, client.PublicKey(), certified(t, authority, first, "127.0.0.1", time.Now().Add(time.Hour)))
	expired := serve(t, client.PublicKey(), certified(t, authority, first, "127.0.0.1", time.Now().Add(-time.Hour)))
	foreign := serve(t, client.PublicKey(), certified(t, authority, first, "elsewhere", time.Now().Add(time.Hour)))

	line := func(marker, host string, key ssh.Signer) []byte {
		return []byte(marker + host + " " + string(ssh.MarshalAuthorizedKey(key.PublicKey())))
	}
	_, port, _ := net.SplitHostPort(address)
	plain := func(to *sshServer, key ssh.Signer) []byte { return line("", xknownhosts.Normalize(to.address), key) }
	ca := []byte("@cert-authority * " + string(ssh.MarshalAuthorizedKey(authority.PublicKey())))
	for _, c := range []struct {
		name     string
		to       *sshServer
		known    []byte
		prints   []string
		accepted bool
		says     []string
	}{
		{name: "the first key", to: server, known: plain(server, first), accepted: true},
		{name: "a key that the server would not show first", to: server, known: plain(server, second), accepted: true},
		{name: "CRLF and comments", to: server, known: append([]byte("# hosts\r\n\r\n"), []byte(strings.TrimSpace(string(plain(server, first)))+"\r\n")...), accepted: true},
		{name: "hashed", to: server, known: line("", xknownhosts.HashHostname(xknownhosts.Normalize(address)), first), accepted: true},
		{name: "hashed, other key", to: server, known: line("", xknownhosts.HashHostname(xknownhosts.Normalize(address)), other), says: []string{fingerprint(first), fingerprint(other)}},
		{name: "another key", to: server, known: plain(server, other), says: []string{fingerprint(first), fingerprint(other), "ssh-keygen -lf"}},
		{name: "a kind of key that the server lacks", to: signed, known: plain(signed, second), says: []string{fingerprint(first), fingerprint(second)}},
		{name: "unknown", to: server, known: line("", "[10.1.1.1]:2222", first), says: []string{fingerprint(first), "unknown", strings.TrimSpace(string(line("", xknownhosts.Normalize(address), first)))}},
		{name: "a wildcard", to: server, known: line("", "[127.0.0.*]:"+port, first), accepted: true},
		{name: "a wildcard, but not this one", to: server, known: line("", "!"+xknownhosts.Normalize(address)+",[127.0.0.*]:"+port, first), says: []string{"unknown", fingerprint(first)}},
		{name: "a wildcard for all, of another key", to: server, known: line("", "[*]:"+port, other), says: []string{fingerprint(first), fingerprint(other)}},
		{name: "byte order mark", to: server, known: append([]byte("\ufeff"), plain(server, first)...), accepted: true},
		{name: "what ssh-keyscan prints", to: server, known: append([]byte("# "+address+" SSH-2.0-OpenSSH_9.2p1\n"), plain(server, first)...), accepted: true},
		{name: "revoked alone, beside its fingerprint", to: server, known: line("@revoked ", "*", first), prints: []string{fingerprint(first)}, says: []string{"revoked"}},
		{name: "revoked, another one is known", to: server, known: append(line("@revoked ", "*", first), plain(server, second)...), accepted: true},
		{name: "revoked", to: server, known: append(plain(server, first), line("@revoked ", "*", first)...), says: []string{"revoked", fingerprint(first)}},
		{name: "fingerprint", to: server, prints: []string{fingerprint(other), fingerprint(first)}, accepted: true},
		{name: "fingerprint of a key shown later", to: server, prints: []string{fingerprint(second)}, accepted: true},
		{name: "other fingerprints", to: server, prints: []string{fingerprint(other)}, says: []string{fingerprint(other)}},
		{name: "known_hosts decides where it knows", to: server, known: plain(server, other), prints: []string{fingerprint(first)}, says: []string{fingerprint(first), fingerprint(other)}},
		{name: "fingerprint beside lines of other hosts", to: server, known: line("", "[10.1.1.1]:2222", other), prints: []string{fingerprint(first)}, accepted: true},
		{name: "certificate", to: signed, known: ca, accepted: true},
		{name: "certificate out of date", to: expired, known: ca, says: []string{"expired"}},
		{name: "certificate of another host", to: foreign, known: ca, says: []string{"principal"}},
		{name: "certificate of another authority", to: signed, known: []byte("@cert-authority * " + string(ssh.MarshalAuthorizedKey(other.PublicKey()))), says: []string{fingerprint(other), fingerprint(first)}},
		{name: "no certificate where one is wanted", to: server, known: ca, says: []string{fingerprint(authority), "SHA256:"}},
		{name: "fingerprint of a certified key", to: signed, prints: []string{fingerprint(first)}, accepted: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := try(t, Login{Target: c.to.target(t), Key: secret.New(key), KnownHosts: c.known, Fingerprints: c.prints})
			if c.accepted {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var refused *PinError
			if !errors.As(err, &refused) || !errors.Is(err, errHostKey) || fault.Of(err) != fault.Failed {
				t.Fatalf("got %v", err)
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
		})
	}
}

func TestThreat8_PinsAreRequired(t *testing.T) {
	t.Parallel()
	_, key := newKey(t)
	target, _ := ParseTarget("a@127.0.0.1:1")
	for name, s := range map[string]Login{
		"nothing":           {},
		"blank lines":       {KnownHosts: []byte(" \n\n")},
		"broken line":       {KnownHosts: []byte("host ssh-ed25519 AAAA\n")},
		"MD5 fingerprint":   {Fingerprints: []string{"MD5:00:11"}},
		"short":             {Fingerprints: []string{"SHA256:abc"}},
		"empty fingerprint": {Fingerprints: []string{""}},
	} {
		s.Target, s.Key = target, secret.New(key)
		if _, err := Dial(t.Context(), s); err == nil || errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestJumpHost(t *testing.T) {
	t.Parallel()
	jumpKey, _ := newKey(t)
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	jump, end := serve(t, client.PublicKey(), jumpKey), serve(t, client.PublicKey(), hostKey)
	jump.forward = true
	closed := serve(t, client.PublicKey(), jumpKey)
	both := append(knownHosts(jump.address, jumpKey.PublicKey()), knownHosts(end.address, hostKey.PublicKey())...)
	both = append(both, knownHosts(closed.address, jumpKey.PublicKey())...)
	via := func(s *sshServer) *Target { target := s.target(t); return &target }
	if err := try(t, Login{Target: end.target(t), Jump: via(jump), Key: secret.New(key), KnownHosts: both}); err != nil {
		t.Errorf("through the jump host: %v", err)
	}
	err := try(t, Login{Target: end.target(t), Jump: via(jump), Key: secret.New(key), KnownHosts: knownHosts(end.address, hostKey.PublicKey())})
	if !errors.Is(err, errHostKey) || !strings.Contains(err.Error(), fingerprint(jumpKey)) || !strings.Contains(err.Error(), "jump host") {
		t.Errorf("a jump host that is not pinned: %v", err)
	}
	wrong := append(knownHosts(jump.address, jumpKey.PublicKey()), knownHosts(end.address, jumpKey.PublicKey())...)
	err = try(t, Login{Target: end.target(t), Jump: via(jump), Key: secret.New(key), KnownHosts: wrong})
	if !errors.Is(err, errHostKey) || !strings.Contains(err.Error(), fingerprint(hostKey)) {
		t.Errorf("another host behind the jump host: %v", err)
	}
	gone, _ := ParseTarget("tester@127.0.0.1:1")
	for name, s := range map[string]Login{
		"jump host: tester@127.0.0.1:1":                         {Target: end.target(t), Jump: &gone},
		"through jump host " + via(jump).String() + ": tester@": {Target: gone, Jump: via(jump)},
	} {
		s.Key, s.KnownHosts = secret.New(key), append(knownHosts(gone.Address(), hostKey.PublicKey()), both...)
		err := try(t, s)
		if !errors.Is(err, ErrUnreachable) || fault.Of(err) != fault.Temporary || !strings.HasPrefix(err.Error(), name) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v (%s)", name, err, fault.Of(err))
		}
	}
	err = try(t, Login{Target: end.target(t), Jump: via(closed), Key: secret.New(key), KnownHosts: both})
	if !errors.Is(err, ErrUnreachable) || fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), "forwarding") {
		t.Errorf("a jump host without forwarding: %v (%s)", err, fault.Of(err))
	}
}

func TestUnreachableHosts(t *testing.T) {
	t.Parallel()
	hostKey, key := newKey(t)
	silent, closed := listen(t).Addr().String(), listen(t)
	_ = closed.Close()
	for name, address := range map[string]string{"nobody listens": closed.Addr().String(), "no answer": silent} {
		_, err := Dial(t.Context(), Login{Target: targetOf(t, "tester@"+address), Key: secret.New(key), KnownHosts: knownHosts(address, hostKey.PublicKey()), ConnectTimeout: 300 * time.Millisecond})
		if !errors.Is(err, ErrUnreachable) || fault.Of(err) != fault.Temporary {
			t.Errorf("%s: %v (%s)", name, err, fault.Of(err))
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, Login{Target: targetOf(t, "tester@"+silent), Key: secret.New(key), KnownHosts: knownHosts(silent, hostKey.PublicKey())}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends in the handshake: %v", err)
	}
}

func TestRefusedKeyIsFinal(t *testing.T) {
	t.Parallel()
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, hostKey.PublicKey(), hostKey)
	err := try(t, Login{Target: server.target(t), Key: secret.New(key), KnownHosts: knownHosts(server.address, hostKey.PublicKey())})
	if !errors.Is(err, ErrAuth) || fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), fingerprint(client)) || !strings.Contains(err.Error(), "authorized_keys") {
		t.Errorf("got %v", err)
	}
}

func TestCertificateOfTheKey(t *testing.T) {
	t.Parallel()
	hostKey, _ := newKey(t)
	authority, _ := newKey(t)
	client, key := newKey(t)
	certificate := &ssh.Certificate{Key: client.PublicKey(), CertType: ssh.UserCert, ValidPrincipals: []string{"tester"}, ValidBefore: ssh.CertTimeInfinity}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	checker := &ssh.CertChecker{IsUserAuthority: func(key ssh.PublicKey) bool { return string(key.Marshal()) == string(authority.PublicKey().Marshal()) }}
	server := serveTo(t, checker.Authenticate, hostKey)
	s := Login{Target: server.target(t), Key: secret.New(key), KnownHosts: knownHosts(server.address, hostKey.PublicKey()), Certificate: string(ssh.MarshalAuthorizedKey(certificate))}
	if err := try(t, s); err != nil {
		t.Error(err)
	}
	_, other := newKey(t)
	s.Key = secret.New(other)
	if err := try(t, s); !errors.Is(err, errKey) {
		t.Errorf("a certificate of another key: %v", err)
	}
}

func TestThreat8_KeysOfIPv6Hosts(t *testing.T) {
	t.Parallel()
	right, _ := newKey(t)
	other, _ := newKey(t)
	line := string(ssh.MarshalAuthorizedKey(right.PublicKey()))
	for _, c := range []struct{ target, known string }{
		{"u@[fd00::1]", "fd00::1 "},
		{"u@[fd00::1]:22", "10.0.0.1,fd00::1 "},
		{"u@[fd00::1]:2222", "[fd00::1]:2222 "},
		{"u@[fd00::1]:2222", "[fd00::*]:2222 "},
		{"u@[fd00::1]:2222", xknownhosts.HashHostname("[fd00::1]:2222") + " "},
	} {
		target, err := ParseTarget(c.target)
		if err != nil {
			t.Fatal(err)
		}
		p, err := newPins([]byte(c.known+line), nil)
		if err != nil {
			t.Fatal(err)
		}
		remote := &net.TCPAddr{IP: net.ParseIP("fd00::1"), Port: target.Port}
		if err := p.check(target.Address(), remote, right.PublicKey()); err != nil {
			t.Errorf("%s by %s: %v", c.target, c.known, err)
		}
		if err := p.check(target.Address(), remote, other.PublicKey()); !errors.Is(err, errHostKey) {
			t.Errorf("%s by %s: another key: %v", c.target, c.known, err)
		}
		// The line that is shown for an unknown host must work when it is pasted.
		var unknown *PinError
		none, err := newPins([]byte("# none\n"), nil)
		if err != nil || !errors.As(none.check(target.Address(), remote, right.PublicKey()), &unknown) {
			t.Fatal(err)
		}
		pasted, err := newPins([]byte(unknown.Line), nil)
		if err != nil {
			t.Fatalf("%s: %q: %v", c.target, unknown.Line, err)
		}
		if err := pasted.check(target.Address(), remote, right.PublicKey()); err != nil {
			t.Errorf("%s: %q was pasted: %v", c.target, unknown.Line, err)
		}
	}
}
