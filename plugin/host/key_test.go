package host

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"pm-todos/plugin/secret"
)

func TestKeysAreMended(t *testing.T) {
	signer, key := newKey(t)
	want := describeKey(signer.PublicKey())
	for name, text := range map[string]string{
		"as it is":        key,
		"no last newline": strings.TrimSpace(key),
		"CRLF":            strings.ReplaceAll(key, "\n", "\r\n"),
		"CR":              strings.ReplaceAll(key, "\n", "\r"),
		"indented":        "  " + strings.ReplaceAll(key, "\n", "\n    "),
		"escaped":         strings.ReplaceAll(strings.TrimSpace(key), "\n", `\n`),
		"one line":        strings.ReplaceAll(strings.TrimSpace(key), "\n", " "),
		"byte order mark": "\ufeff" + key,
		"blank around":    "\n\n" + key + "\n\n",
	} {
		if got, err := KeyFingerprint(secret.New(text)); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}

func TestThreat9_UnusableKeysAreNamedAndNotShown(t *testing.T) {
	signer, key := newKey(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("pass"))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Split(key, "\n")[2]
	for name, c := range map[string]struct{ text, says string }{
		"empty":      {"", "empty"},
		"passphrase": {string(pem.EncodeToMemory(locked)), "ssh-keygen -p"},
		"pkcs8":      {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "ssh-keygen -p"},
		"PuTTY":      {"PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n" + body, "puttygen"},
		"ssh.com":    {"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n" + body, "ssh-keygen -i"},
		"public":     {string(authorized(signer)), "public half"},
		"text":       {body, "-----BEGIN"},
		"cut":        {key[:len(key)/2], "whole file"},
		"damaged":    {strings.Replace(key, body+"\n", "", 1), "damaged"},
	} {
		_, err := KeyFingerprint(secret.New(c.text))
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), body[:12]) {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	s := SSH{Key: secret.New(key)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if strings.Contains(fmt.Sprintf(verb, s), body[:12]) {
			t.Errorf("%s prints the key", verb)
		}
	}
}
