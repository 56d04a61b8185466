package sshclient

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// sshd is a real OpenSSH server that accepts one key.
type sshd struct {
	*sshdtest.Server
	key    string     // private key that it accepts, PEM
	client ssh.Signer // the same
}

func newSSHD(t testing.TB, lines ...string) *sshd {
	t.Helper()
	client, key := newKey(t)
	return &sshd{Server: sshdtest.New(t, sshdtest.Config{Authorized: []string{string(authorized(client))}, Lines: lines}), key: key, client: client}
}

func startSSHD(t testing.TB, lines ...string) *sshd {
	t.Helper()
	d := newSSHD(t, lines...)
	d.Start(t)
	return d
}

func (d *sshd) target(t testing.TB) Target { return targetOf(t, d.User+"@"+d.Address) }

// skipWhenLocked skips when the account of this test cannot be used over SSH.
func skipWhenLocked(t *testing.T, d *sshd, s Login) {
	t.Helper()
	err := try(t, s)
	log, _ := os.ReadFile(d.Log)
	if errors.Is(err, ErrAuth) && strings.Contains(string(log), "account is locked") {
		t.Skip("the account of this test is locked, sshd lets nobody in: usermod -p '*' " + d.User)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
}

// certify is a certificate for a key in the format of OpenSSH's files.
func certify(t *testing.T, authority ssh.Signer, key ssh.PublicKey, kind uint32, principal string) string {
	t.Helper()
	certificate := &ssh.Certificate{
		Key: key, CertType: kind, ValidPrincipals: []string{principal},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix()),
	}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(certificate))
}

func TestThreat8_HostKeysOfARealServer(t *testing.T) {
	t.Parallel()
	d := startSSHD(t)
	s := Login{Target: d.target(t), Key: secret.New(d.key), KnownHosts: []byte(d.Known())}
	skipWhenLocked(t, d, s)
	other, otherPEM := newKey(t)
	hashed := func(key ssh.Signer) []byte {
		return []byte(xknownhosts.HashHostname(xknownhosts.Normalize(d.Address)) + " " + string(authorized(key)))
	}
	for name, c := range map[string]struct {
		known  []byte
		prints []string
		key    string
		want   error
	}{
		"known":             {known: s.KnownHosts},
		"hashed":            {known: hashed(d.HostKey)},
		"hashed, other key": {known: hashed(other), want: errHostKey},
		"other key":         {known: knownHosts(d.Address, other.PublicKey()), want: errHostKey},
		"unknown":           {known: knownHosts("10.1.1.1:22", other.PublicKey()), want: errHostKey},
		"fingerprint":       {prints: []string{fingerprint(d.HostKey)}},
		"other fingerprint": {prints: []string{fingerprint(other)}, want: errHostKey},
		"another login key": {known: s.KnownHosts, key: otherPEM, want: ErrAuth},
	} {
		one := Login{Target: s.Target, Key: s.Key, KnownHosts: c.known, Fingerprints: c.prints}
		if c.key != "" {
			one.Key = secret.New(c.key)
		}
		err := try(t, one)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v", name, err)
		}
		if err != nil && fault.Of(err) != fault.Failed {
			t.Errorf("%s: %v is %s", name, err, fault.Of(err))
		}
	}
}

func TestThreat8_CertificatesOfRealServers(t *testing.T) {
	t.Parallel()
	hosts, users := authority(t), authority(t)
	d := newSSHD(t, "HostCertificate {dir}/host-cert.pub", "TrustedUserCAKeys {dir}/users.pub")
	d.Write(t, "authorized_keys", "") // certificates only
	d.Write(t, "host-cert.pub", certify(t, hosts, d.HostKey.PublicKey(), ssh.HostCert, "127.0.0.1"))
	d.Write(t, "users.pub", string(authorized(users)))
	d.Start(t)
	good := Login{
		Target: d.target(t), Key: secret.New(d.key), Certificate: certify(t, users, d.client.PublicKey(), ssh.UserCert, d.User),
		KnownHosts: []byte("@cert-authority 127.0.0.1,[127.0.0.1]:* " + string(authorized(hosts))),
	}
	skipWhenLocked(t, d, good)
	for name, c := range map[string]struct {
		change func(*Login)
		want   error
	}{
		"authority of other hosts": {func(s *Login) { s.KnownHosts = []byte("@cert-authority * " + string(authorized(users))) }, errHostKey},
		"user of another authority": {func(s *Login) {
			s.Certificate = certify(t, hosts, d.client.PublicKey(), ssh.UserCert, d.User)
		}, ErrAuth},
		"certificate for another user": {func(s *Login) {
			s.Certificate = certify(t, users, d.client.PublicKey(), ssh.UserCert, "somebody-else")
		}, ErrAuth},
		"no certificate": {func(s *Login) { s.Certificate = "" }, ErrAuth},
	} {
		s := good
		c.change(&s)
		_, err := Dial(t.Context(), s)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		// An ephemeral key belongs into no authorized_keys.
		if s.Certificate != "" && errors.Is(err, ErrAuth) && (!strings.Contains(err.Error(), "TrustedUserCAKeys") || strings.Contains(err.Error(), "authorized_keys")) {
			t.Errorf("%s: no way out of it in %v", name, err)
		}
	}
}

func authority(t *testing.T) ssh.Signer {
	t.Helper()
	signer, _ := newKey(t)
	return signer
}

func TestRealJumpHost(t *testing.T) {
	t.Parallel()
	end := startSSHD(t)
	jump, closed := startSSHD(t), startSSHD(t, "AllowTcpForwarding no")
	for _, d := range []*sshd{jump, closed} {
		d.Write(t, "authorized_keys", string(authorized(end.client)))
	}
	known := bytes.Join([][]byte{
		knownHosts(end.Address, end.HostKey.PublicKey()), knownHosts(jump.Address, jump.HostKey.PublicKey()), knownHosts(closed.Address, closed.HostKey.PublicKey()),
	}, nil)
	via := func(d *sshd) *Target { target := d.target(t); return &target }
	s := Login{Target: end.target(t), Jump: via(jump), Key: secret.New(end.key), KnownHosts: known}
	skipWhenLocked(t, end, Login{Target: s.Target, Key: s.Key, KnownHosts: known})
	if err := try(t, s); err != nil {
		t.Error(err)
	}
	s.Jump = via(closed)
	if _, err := Dial(t.Context(), s); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "forward") {
		t.Errorf("a jump host without forwarding: %v", err)
	}
	s.Jump, s.KnownHosts = via(jump), knownHosts(end.Address, end.HostKey.PublicKey())
	if _, err := Dial(t.Context(), s); !errors.Is(err, errHostKey) || !strings.Contains(err.Error(), "jump host") {
		t.Errorf("a jump host that is not pinned: %v", err)
	}
}
