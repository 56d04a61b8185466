package gitrepo

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// sshKeys makes a client key, a host key, and the known_hosts line of the
// address.
func sshKeys(t *testing.T, address string) (client, host string, known []byte) {
	t.Helper()
	host = sshdtest.Key(t)
	signer := must(ssh.ParsePrivateKey([]byte(host)))(t)
	return sshdtest.Key(t), host, []byte(knownhosts.Line([]string{address}, signer.PublicKey()))
}

// overSSH serves the origin by a real sshd and returns what completes the options.
func (s *site) overSSH(t *testing.T) func(*Options) (address string) {
	t.Helper()
	key := sshdtest.Key(t)
	server := sshdtest.Start(t, sshdtest.Config{Authorized: []string{sshdtest.Authorized(t, key)}})
	return func(o *Options) string {
		o.URL = "ssh://" + server.User + "@" + server.Address + s.origin
		o.SSHKey, o.KnownHosts = secret.New(key), []byte(server.Known())
		return server.Address
	}
}

func TestSSH_CloneAndPublishOverARealServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	o := options(t, "")
	address := s.overSSH(t)(&o)
	// Keys come out of secret stores with other line ends.
	o.SSHKey = secret.New(strings.ReplaceAll(strings.TrimSpace(o.SSHKey.Reveal()), "\n", "\r\n"))
	r, err := Clone(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if err := r.CanPush(t.Context()); err != nil {
		t.Fatal(err)
	}
	made := must(r.Publish(t.Context(), func(tip string) (string, error) {
		return r.WithFiles(tip, map[string][]byte{"b": []byte("2")}, "over ssh\n")
	}))(t)
	s.linear([]string{made})

	t.Run("refused by a hook", func(t *testing.T) {
		s.hook("pre-receive", "echo not today >&2; exit 1")
		err := r.CanPush(t.Context())
		if !errors.Is(err, ErrPushRefused) || !strings.Contains(err.Error(), "not today") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no such repository", func(t *testing.T) {
		o := o
		o.Dir, o.URL = t.TempDir(), o.URL+"-none"
		if _, err := Clone(t.Context(), o); err == nil || !strings.Contains(err.Error(), "does not appear to be a git repository") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("threat 8: another host key", func(t *testing.T) {
		_, _, other := sshKeys(t, address)
		o := o
		o.Dir, o.KnownHosts = t.TempDir(), other
		_, err := Clone(t.Context(), o)
		if !errors.Is(err, wire.ErrHostKey) || fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), "SHA256:") {
			t.Errorf("error %v, kind %v", err, fault.Of(err))
		}
	})
	t.Run("a key that the server does not know", func(t *testing.T) {
		other, _, _ := sshKeys(t, address)
		o := o
		o.Dir, o.SSHKey = t.TempDir(), secret.New(other)
		if _, err := Clone(t.Context(), o); !errors.Is(err, wire.ErrDenied) || fault.Of(err) != fault.Failed {
			t.Errorf("error %v, kind %v", err, fault.Of(err))
		}
	})
}

func TestSSH_WhatMustBeSet(t *testing.T) {
	t.Parallel()
	key, _, known := sshKeys(t, "git.example.org:22")
	_, raw, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	locked := string(pem.EncodeToMemory(must(ssh.MarshalPrivateKeyWithPassphrase(raw, "", []byte("x")))(t)))
	tests := map[string]struct {
		key   string
		known []byte
		says  string
	}{
		"no key":              {"", known, "git_ssh_key"},
		"no known hosts":      {key, []byte(" \n"), "git_known_hosts"},
		"host not listed":     {key, []byte(strings.Replace(string(known), "git.example.org", "other.example.org", 1)), "no line for git.example.org:22"},
		"broken known hosts":  {key, []byte("not a line"), "no line that can be read"},
		"only another host's": {key, append([]byte("odd\n"), []byte(strings.Replace(string(known), "git.example.org", "other.example.org", 1))...), "were skipped: 1"},
		"passphrase":          {locked, known, "passphrase"},
		"PuTTY":               {"PuTTY-User-Key-File-3: ssh-ed25519\n", known, "PuTTY"},
		"rubbish":             {"topsecretrubbish", known, "-----BEGIN"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t, "git@git.example.org:infra.git")
			o.SSHKey, o.KnownHosts = secret.New(test.key), test.known
			_, err := Clone(t.Context(), o)
			if fault.Of(err) != fault.Settings || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v, kind %v", err, fault.Of(err))
			}
			if strings.Contains(err.Error(), "topsecret") {
				t.Errorf("the key is in the error: %v", err)
			}
		})
	}
}
