package sshkey

import (
	"errors"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Private reads a private key. The text of its errors follows the name of the
// setting that holds the key ("is in PuTTY's format; …") and shows nothing of
// the key.
func Private(key secret.String) (ssh.Signer, error) {
	text := Text(key.Reveal())
	switch {
	case text == "":
		return nil, fault.WithFix(errors.New("is empty"), "store the whole file of the private key")
	case strings.HasPrefix(text, "PuTTY-User-Key-File"):
		return nil, fault.WithFix(errors.New("is in PuTTY's format"), "convert it with: puttygen KEY.ppk -O private-openssh -o KEY")
	case strings.HasPrefix(text, "---- BEGIN SSH2"):
		return nil, fault.WithFix(errors.New("is in the format of ssh.com"), "convert it with: ssh-keygen -i -f KEY")
	case publicHalf(text):
		return nil, fault.WithFix(errors.New("is the public half"), "give the private one, which begins with -----BEGIN")
	case !strings.HasPrefix(text, "-----BEGIN "):
		return nil, fault.WithFix(errors.New("does not begin with -----BEGIN"), "store the whole file of the private key")
	case !strings.Contains(text, "-----END "):
		return nil, fault.WithFix(errors.New("has lost its end"), "store the whole file, up to the line with -----END")
	}
	signer, err := ssh.ParsePrivateKey([]byte(text))
	var passphrase *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &passphrase), strings.Contains(text, "-----BEGIN ENCRYPTED"):
		return nil, fault.WithFix(errors.New("has a passphrase, which nobody can type here"), "make a key of its own without one, or take it off a copy with: ssh-keygen -p -N '' -f KEY")
	case err != nil:
		return nil, fault.WithFix(errors.New("is damaged or of an unknown kind ("+firstWords(err)+")"), "a new one comes from: ssh-keygen -t ed25519 -N '' -f KEY")
	}
	return signer, nil
}

// publicHalf reports whether the text is a public key or a certificate.
func publicHalf(text string) bool {
	if strings.HasPrefix(text, "-----BEGIN PUBLIC KEY") || strings.HasPrefix(text, "-----BEGIN RSA PUBLIC KEY") || strings.HasPrefix(text, "---- BEGIN SSH2 PUBLIC KEY") {
		return true
	}
	_, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	return err == nil || strings.HasPrefix(text, "ssh-") || strings.HasPrefix(text, "ecdsa-")
}

// firstWords keeps a library's sentence and no data that it may quote.
func firstWords(err error) string {
	raw, _, _ := strings.Cut(err.Error(), "\"")
	return text.Line(raw, 60)
}

// Certified is the signer with a certificate, as Vault's SSH engine signs
// them: one line "ssh-ed25519-cert-v01@openssh.com AAAA…". The text of its
// errors follows "the certificate".
func Certified(signer ssh.Signer, line string) (ssh.Signer, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(Text(line)))
	if err != nil {
		return nil, errors.New("cannot be read: " + firstWords(err))
	}
	certificate, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, errors.New("is a plain public key")
	}
	signed, err := ssh.NewCertSigner(certificate, signer)
	if err != nil {
		return nil, errors.New("belongs to another key")
	}
	return signed, nil
}

// Describe is the type and SHA-256 fingerprint of a key, which may be printed.
func Describe(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// AuthorizedLine is the line of ~/.ssh/authorized_keys that lets a key in,
// without options.
func AuthorizedLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// Refused reports whether the handshake ended since the server takes none of the
// keys. The library (x/crypto/ssh, clientAuthenticate) has no type for that, and
// the text is its own, not the server's.
func Refused(handshake error) bool {
	return strings.Contains(handshake.Error(), "unable to authenticate")
}
