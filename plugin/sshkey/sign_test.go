package sshkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestSignaturesAreThoseOfOpenSSH asks ssh-keygen, for every kind of key.
func TestSignaturesAreThoseOfOpenSSH(t *testing.T) {
	t.Parallel()
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("needs OpenSSH's ssh-keygen")
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	prime, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"ed25519": edwards, "ecdsa": curve, "rsa": prime} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signer, err := ssh.NewSignerFromKey(key)
			if err != nil {
				t.Fatal(err)
			}
			message := []byte("tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n\nmessage\n")
			made, err := Sign(signer, "git", message)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for file, content := range map[string]string{"sig": made, "allowed": "me@example.org " + AuthorizedLine(signer.PublicKey()) + "\n"} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			verify := func(namespace string, message []byte) error {
				cmd := exec.CommandContext(t.Context(), keygen, "-Y", "verify", "-f", filepath.Join(dir, "allowed"), "-I", "me@example.org", "-n", namespace, "-s", filepath.Join(dir, "sig"))
				cmd.Stdin = bytes.NewReader(message)
				out, err := cmd.CombinedOutput()
				t.Logf("%s", out)
				return err
			}
			if err := verify("git", message); err != nil {
				t.Errorf("ssh-keygen does not take the signature: %v", err)
			}
			if verify("git", append(message, '.')) == nil || verify("file", message) == nil {
				t.Error("the signature is good for another message or purpose")
			}
		})
	}
}
