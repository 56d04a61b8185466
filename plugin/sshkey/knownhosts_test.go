package sshkey

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

var somewhere = &net.TCPAddr{IP: net.IPv4(10, 0, 10, 10), Port: 22}

func TestKnownHostsAreReadHoweverStoresHandThemOut(t *testing.T) {
	t.Parallel()
	first, _ := newKey(t)
	second, _ := newKey(t)
	text := "# our machines\n" + knownhosts.Line([]string{"10.0.10.10"}, first.PublicKey()) + " someone@laptop\n\n" +
		xknownhosts.HashHostname("[devvm]:2222") + " " + string(ssh.MarshalAuthorizedKey(second.PublicKey()))
	for name, handed := range handouts(t, text) {
		known, err := ReadKnownHosts(handed)
		if err != nil || known.Skipped != nil {
			t.Errorf("%s: %v, skipped %v", name, err, known)
			continue
		}
		if err := known.HostKeyCallback()("10.0.10.10:22", somewhere, first.PublicKey()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := known.HostKeyCallback()("devvm:2222", somewhere, second.PublicKey()); err != nil {
			t.Errorf("%s: hashed: %v", name, err)
		}
	}
}

// TestOddLinesOfKnownHostsAreSkipped: OpenSSH goes on after a line that it does
// not understand, and one of a newer kind of key must not shut a host out.
func TestOddLinesOfKnownHostsAreSkipped(t *testing.T) {
	t.Parallel()
	right, _ := newKey(t)
	other, _ := newKey(t)
	good := knownhosts.Line([]string{"10.0.10.10"}, right.PublicKey())
	authority := "@cert-authority *.example " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(other.PublicKey())))
	for name, odd := range map[string]string{
		"a newer kind of key":   "10.0.10.10 ssh-mldsa-65 AAAADHNzaC1tbGRzYS02NQAAAAdub3RoaW5n",
		"SSH 1":                 "10.0.10.10 2048 65537 2561234567890123456789",
		"garbage":               "\x1b[31mhunter2\x07",
		"a damaged key":         good[:len(good)-20],
		"another type's name":   strings.Replace(good, "ssh-ed25519", "ssh-rsa", 1),
		"a host without a key":  "10.0.10.10",
		"an unknown marker":     "@trusted " + good,
		"a negation of nothing": "! " + strings.SplitN(good, " ", 2)[1],
		"a broken hash":         "|1|nothing| " + strings.SplitN(good, " ", 2)[1],
		"a line without an end": "10.0.10.10 " + strings.Repeat("A", 100_000),
	} {
		known, err := ReadKnownHosts("# kept\n" + odd + "\n" + authority + "\n" + good + "\n" + odd)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(known.Skipped, []int{2, 5}) {
			t.Errorf("%s: lines %v were skipped", name, known.Skipped)
		}
		if warning := known.Warning(); !strings.Contains(warning, "2, 5") || strings.Contains(warning, "hunter2") {
			t.Errorf("%s: the warning says %q", name, warning)
		}
		if err := known.HostKeyCallback()("10.0.10.10:22", somewhere, right.PublicKey()); err != nil {
			t.Errorf("%s: the good line does not count: %v", name, err)
		}
		if keys := known.HostKeys("a.example:22"); len(keys) != 1 || !keys[0].Cert {
			t.Errorf("%s: the authority is lost: %v", name, keys)
		}
		if known.HostKeyCallback()("10.0.10.10:22", somewhere, other.PublicKey()) == nil {
			t.Errorf("%s: another key is taken", name)
		}
		if _, err := ReadKnownHosts("# alone\n" + odd); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: alone: %v", name, err)
		}
	}
}

func TestThreat8_RevokedLinesAreNeverSkipped(t *testing.T) {
	t.Parallel()
	right, _ := newKey(t)
	good := knownhosts.Line([]string{"10.0.10.10"}, right.PublicKey())
	if _, err := ReadKnownHosts(good + "\n@revoked " + good[:len(good)-20] + "\n"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a @revoked line that cannot be read: %v", err)
	}
	known, err := ReadKnownHosts(good + "\n@revoked " + good + "\nodd\n")
	if err != nil {
		t.Fatal(err)
	}
	if known.HostKeyCallback()("10.0.10.10:22", somewhere, right.PublicKey()) == nil {
		t.Error("a revoked key is taken")
	}
}

func TestManySkippedLinesAreCounted(t *testing.T) {
	t.Parallel()
	right, _ := newKey(t)
	known, err := ReadKnownHosts(strings.Repeat("odd\n", 30) + knownhosts.Line([]string{"a"}, right.PublicKey()))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(known.Warning(), "9, 10 and 20 more") {
		t.Errorf("%q", known.Warning())
	}
}
