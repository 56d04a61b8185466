package host

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"pm-todos/plugin/fault"
	"pm-todos/plugin/pattern"
	"pm-todos/plugin/secret"
)

// KeyFingerprint is the type and SHA-256 fingerprint of the public half of a
// private key, which may be printed. It errs as Dial would.
func KeyFingerprint(key secret.String) (string, error) {
	signer, err := parseKey(key)
	if err != nil {
		return "", err
	}
	return describeKey(signer.PublicKey()), nil
}

// AuthorizedKey is the line of ~/.ssh/authorized_keys that lets a private key in,
// without options. It errs as Dial would.
func AuthorizedKey(key secret.String) (string, error) {
	signer, err := parseKey(key)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}

func describeKey(key ssh.PublicKey) string {
	return key.Type() + " " + ssh.FingerprintSHA256(key)
}

// parseKey reads a private key in PEM, however it came through settings and
// secret stores. No error holds any of its text.
func parseKey(key secret.String) (ssh.Signer, error) {
	if key.Empty() {
		return nil, keyError("it is empty; set ssh_key, or the Vault field that holds it")
	}
	text := normaliseKey(key.Reveal())
	switch {
	case strings.HasPrefix(text, "PuTTY-User-Key-File"):
		return nil, keyError("it is in PuTTY's format; convert it with: puttygen KEY.ppk -O private-openssh -o KEY")
	case strings.HasPrefix(text, "---- BEGIN SSH2"):
		return nil, keyError("it is in the format of ssh.com; convert it with: ssh-keygen -i -f KEY")
	case strings.HasPrefix(text, "ssh-"), strings.HasPrefix(text, "ecdsa-"), strings.HasPrefix(text, "-----BEGIN PUBLIC KEY"):
		return nil, keyError("it is the public half; the private one begins with -----BEGIN")
	case !strings.HasPrefix(text, "-----BEGIN "):
		return nil, keyError("it does not begin with -----BEGIN; store the whole file of the private key")
	case !strings.Contains(text, "-----END "):
		return nil, keyError("its end is missing; store the whole file, up to the line with -----END")
	}
	signer, err := ssh.ParsePrivateKey([]byte(text))
	var passphrase *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &passphrase), strings.Contains(text, "-----BEGIN ENCRYPTED"):
		return nil, keyError("it has a passphrase, which nobody can type here; make a key of its own without one, or take it off a copy with: ssh-keygen -p -N '' -f KEY")
	case err != nil:
		return nil, keyError("it is damaged or of an unknown kind (" + firstWords(err.Error()) + "); a new one comes from: ssh-keygen -t ed25519 -N '' -f KEY")
	}
	return signer, nil
}

func keyError(text string) error {
	return fault.Mark(fault.Failed, fmt.Errorf("SSH key: %w: %s", ErrKey, text))
}

// firstWords keeps the library's sentence and no data that it may quote.
func firstWords(text string) string {
	text, _, _ = strings.Cut(text, "\"")
	return cut(strings.TrimSpace(text), 60)
}

var oneLineKey = pattern.Lazy(`^(-----BEGIN [A-Z0-9 ]+-----)([A-Za-z0-9+/= \t]+)(-----END [A-Z0-9 ]+-----)$`)

// normaliseKey mends what editors, web forms and YAML do to keys: CRLF,
// indentation, a missing newline at the end, newlines that became spaces or
// the two characters \n.
func normaliseKey(text string) string {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	if !strings.Contains(strings.TrimSpace(text), "\n") {
		text = strings.ReplaceAll(text, `\n`, "\n")
	}
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		lines = append(lines, strings.TrimSpace(line))
	}
	text = strings.Join(lines, "\n")
	if parts := oneLineKey().FindStringSubmatch(text); parts != nil {
		text = parts[1] + "\n" + strings.Join(strings.Fields(parts[2]), "\n") + "\n" + parts[3]
	}
	return text + "\n"
}

// withCertificate makes the signer show a certificate, as Vault's SSH engine
// signs them: one line "ssh-ed25519-cert-v01@openssh.com AAAA...".
func withCertificate(signer ssh.Signer, line string) (ssh.Signer, error) {
	if line == "" {
		return signer, nil
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, keyError("its certificate cannot be read: " + firstWords(err.Error()))
	}
	certificate, ok := public.(*ssh.Certificate)
	if !ok {
		return nil, keyError("its certificate is a plain public key")
	}
	signed, err := ssh.NewCertSigner(certificate, signer)
	if err != nil {
		return nil, keyError("its certificate belongs to another key")
	}
	return signed, nil
}
