package sshclient

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// PinError is a host key that was not accepted.
type PinError struct {
	Host string   // host:port
	Got  string   // type and fingerprint that the host showed, empty when it showed none
	Want []string // types and fingerprints that known_hosts or the settings have for it
	Line string   // known_hosts line of the shown key; only for an unknown host

	Skipped string // lines of known_hosts that are not understood; only for an unknown host
	Why     string // other reasons: revoked, certificate out of date
}

// Error shows both fingerprints and how to find out which one is right.
func (e *PinError) Error() string { return e.What() + "; " + strings.ReplaceAll(e.Fix(), "\n", "; ") }

// What is what was shown and what is pinned.
func (e *PinError) What() string {
	text := fmt.Sprintf("%s: %v: it ", e.Host, errHostKey)
	if e.Line != "" {
		text += "is unknown and "
	}
	text += "shows " + cmp.Or(e.Got, "no key of a known type")
	if e.Why != "" {
		text += ": " + e.Why
	}
	if len(e.Want) > 0 {
		text += ", expected is " + strings.Join(e.Want, " or ")
	}
	if e.Skipped != "" {
		text += " (known_hosts " + e.Skipped + ")"
	}
	return text
}

// Fix tells how to pin a key that is unknown, in lines. One that is another than
// the pinned one comes with no line to paste.
func (e *PinError) Fix() string {
	kind, fingerprint, _ := strings.Cut(e.Got, " ")
	file := "ed25519"
	switch {
	case strings.HasPrefix(kind, "ecdsa"):
		file = "ecdsa"
	case strings.HasPrefix(kind, ssh.KeyAlgoRSA):
		file = "rsa"
	}
	compare := fmt.Sprintf("on the console of %s, not over this network: ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub", e.Host, file)
	if e.Line == "" {
		return "somebody may stand in between, or the key was replaced: ask who runs the host before anything else\n" + compare +
			"\nonly if it prints " + cmp.Or(fingerprint, "one that it should have") + ", mend known_hosts or host_fingerprints"
	}
	return compare + "\nif it prints " + fingerprint + ", add this line to known_hosts (the setting, or that field of the Vault secret):\n" + e.Line
}

// Unwrap is the cause.
func (e *PinError) Unwrap() error { return errHostKey }

// pins is what host keys are checked against. known_hosts decides for the
// hosts that it knows, the fingerprints for the others.
type pins struct {
	known        *sshkey.KnownHosts
	fingerprints []string
}

var fingerprintPattern = pattern.Lazy(`^SHA256:[A-Za-z0-9+/]{43}$`)

func newPins(known []byte, fingerprints []string) (*pins, error) {
	p := &pins{}
	for _, f := range fingerprints {
		f = strings.TrimRight(strings.TrimSpace(f), "=")
		if !fingerprintPattern().MatchString(f) {
			return nil, fault.Mark(fault.Failed, fault.WithFix(fmt.Errorf("host_fingerprints: %q is no fingerprint", text.Line(f, 80)), "write it as ssh-keygen -l prints it: SHA256: and 43 characters"))
		}
		p.fingerprints = append(p.fingerprints, f)
	}
	if strings.TrimSpace(string(known)) == "" {
		if len(p.fingerprints) == 0 {
			return nil, fault.Mark(fault.Failed, fault.WithFix(errors.New("host keys are always verified"), "give host_fingerprints, or known_hosts as ssh-keyscan HOST prints it, after comparing the fingerprints on the host's console"))
		}
		return p, nil
	}
	var err error
	if p.known, err = sshkey.ReadKnownHosts(string(known)); err != nil {
		return nil, fault.Mark(fault.Failed, fmt.Errorf("known_hosts %w", err))
	}
	return p, nil
}

// groups are host key algorithms by kind of key, the strongest first; the
// SHA-1 ones are left out.
var groups = [][]string{
	{ssh.KeyAlgoED25519, ssh.CertAlgoED25519v01},
	{ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01},
	{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01},
}

var outdated = []string{ssh.KeyAlgoRSA, ssh.CertAlgoRSAv01, "ssh-dss", "ssh-dss-cert-v01@openssh.com"}

// knows reports whether known_hosts has an entry for the address.
func (p *pins) knows(address string) bool {
	return p.known != nil && len(p.known.HostKeys(address)) > 0
}

// attempts is the lists of algorithms to offer, one handshake each. A server
// shows only one of its keys per handshake, the first that we offer, so that a
// fingerprint of another one would never be seen.
func (p *pins) attempts(address string) [][]string {
	if p.knows(address) {
		offered := slices.DeleteFunc(p.known.HostKeyAlgorithms(address), func(a string) bool { return slices.Contains(outdated, a) })
		return [][]string{offered}
	}
	if len(p.fingerprints) > 0 {
		return groups
	}
	return [][]string{slices.Concat(groups...)}
}

// want is what is pinned for the address, for errors.
func (p *pins) want(address string) []string {
	if !p.knows(address) {
		return p.fingerprints
	}
	var all []string
	for _, key := range p.known.HostKeys(address) {
		text := sshkey.Describe(key.PublicKey)
		if key.Cert {
			text = "a certificate of " + text
		}
		all = append(all, text)
	}
	return all
}

// plainKey is the key itself, or the one that a certificate is about. The
// handshake proves that the server holds it in either case.
func plainKey(key ssh.PublicKey) ssh.PublicKey {
	if certificate, ok := key.(*ssh.Certificate); ok {
		return certificate.Key
	}
	return key
}

// check is the ssh.HostKeyCallback for the address.
func (p *pins) check(address string, remote net.Addr, key ssh.PublicKey) error {
	shown := plainKey(key)
	refused := &PinError{Host: address, Got: sshkey.Describe(shown), Want: p.want(address)}
	if p.known != nil {
		err := p.known.HostKeyCallback()(address, remote, key)
		if err == nil {
			return nil
		}
		var revoked *xknownhosts.RevokedError
		if errors.As(err, &revoked) {
			refused.Why = "known_hosts has it as revoked"
			return refused
		}
		if p.knows(address) {
			if !knownhosts.IsHostKeyChanged(err) {
				refused.Why = text.Line(err.Error(), 200)
			}
			return refused
		}
	}
	if slices.Contains(p.fingerprints, ssh.FingerprintSHA256(shown)) {
		return nil
	}
	if len(refused.Want) == 0 {
		refused.Line, refused.Skipped = knownhosts.Line([]string{address}, shown), p.known.Warning()
	}
	return refused
}
