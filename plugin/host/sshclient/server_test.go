package sshclient

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
)

// newKey is a fresh ed25519 key as a signer and as PEM.
func newKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	private := sshdtest.Key(t)
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	return signer, private
}

func newECDSA(t testing.TB) ssh.Signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// sshServer is an SSH server on loopback that lets clients in, and on to other
// servers where forward is set.
type sshServer struct {
	config  ssh.ServerConfig
	address string
	forward bool
}

// serve starts a server that accepts the client's key and shows the host keys.
func serve(t testing.TB, client ssh.PublicKey, hostKeys ...ssh.Signer) *sshServer {
	t.Helper()
	return serveTo(t, func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(client.Marshal()) {
			return nil, errors.New("not this key")
		}
		return &ssh.Permissions{}, nil
	}, hostKeys...)
}

// serveTo is serve with a decision of its own about who may enter.
func serveTo(t testing.TB, enter func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error), hostKeys ...ssh.Signer) *sshServer {
	t.Helper()
	s := &sshServer{config: ssh.ServerConfig{PublicKeyCallback: enter}}
	for _, key := range hostKeys {
		s.config.AddHostKey(key)
	}
	listener := listen(t)
	s.address = listener.Addr().String()
	go func() {
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			go s.handle(raw)
		}
	}()
	return s
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func (s *sshServer) target(t testing.TB) Target { return targetOf(t, "tester@"+s.address) }

func targetOf(t testing.TB, name string) Target {
	t.Helper()
	target, err := ParseTarget(name)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func (s *sshServer) handle(raw net.Conn) {
	conn, channels, requests, err := ssh.NewServerConn(raw, &s.config)
	if err != nil {
		_ = raw.Close()
		return
	}
	defer func() { _ = conn.Close() }()
	go ssh.DiscardRequests(requests)
	for offer := range channels {
		if s.forward && offer.ChannelType() == "direct-tcpip" {
			go tunnel(offer)
		} else {
			_ = offer.Reject(ssh.Prohibited, "forwarding is off")
		}
	}
}

func tunnel(offer ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(offer.ExtraData(), &to); err != nil {
		_ = offer.Reject(ssh.ConnectionFailed, "unreadable")
		return
	}
	out, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = offer.Reject(ssh.ConnectionFailed, "\x1b[31m"+err.Error())
		return
	}
	channel, asked, err := offer.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(asked)
	go func() { _, _ = io.Copy(out, channel); _ = out.Close() }()
	_, _ = io.Copy(channel, out)
	_ = channel.Close()
}

// knownHosts is a known_hosts line for the address.
func knownHosts(address string, key ssh.PublicKey) []byte {
	host, port, _ := net.SplitHostPort(address)
	return fmt.Appendf(nil, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(key))
}

func authorized(signer ssh.Signer) []byte { return ssh.MarshalAuthorizedKey(signer.PublicKey()) }

func fingerprint(signer ssh.Signer) string { return ssh.FingerprintSHA256(signer.PublicKey()) }
