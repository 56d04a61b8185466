package app

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

func TestDoctorsFixesCanBePasted(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	another := sshdtest.Key(t)
	for name, test := range map[string]struct {
		key    func(right string) string
		ruin   func(*site) error
		change map[string]string
		code   int
		says   []string
	}{
		"a key that is not let in": {
			key: func(string) string { return another }, code: 1,
			says: []string{
				"FAIL     login        HOST: key refused", "put the public key into ~/.ssh/authorized_keys",
				"\n                      restrict " + sshdtest.Authorized(t, another) + "\n",
			},
		},
		"a key of PuTTY": {
			key:  func(string) string { return "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n" },
			code: 1, says: []string{"FAIL     key          hosts: the SSH key is in PuTTY's format", "\n                      convert it with: puttygen", "skipped  reach"},
		},
		"no key at all": {
			key: func(string) string { return "changeme" }, code: 1, says: []string{"FAIL     key", "\n                      store the whole file of the private key", "skipped  reach"},
		},
		"a key with other line ends": {
			key: func(right string) string { return strings.ReplaceAll(strings.TrimSpace(right), "\n", "\r\n") }, says: []string{"ok       key", "ok       reach"},
		},
		"an agent that is logged out": {
			ruin: func(s *site) error { return s.Agent.SetLoggedIn(false) }, code: 1,
			says: []string{"FAIL     agent        HOST: agent", "\n                      log in as user", "auth login"},
		},
		"a host and a jump host that are down": {
			change: map[string]string{"PLUGIN_JUMP_HOST": "wizard@127.0.0.1:1"}, code: 75,
			says: []string{"FAIL     reach        HOST: jump host: wizard@127.0.0.1:1: host unreachable"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, standin.Options{})
			if test.key != nil {
				s.Vault.SetSecret("ci/infra", map[string]string{"devvm_ssh_key": test.key(s.SSH.PrivateKey()), "known_hosts": s.SSH.KnownHosts()})
			}
			if test.ruin != nil {
				if err := test.ruin(s); err != nil {
					t.Fatal(err)
				}
			}
			s.wants(test.code, s.doctor(test.change))
			for _, text := range test.says {
				s.says(strings.ReplaceAll(text, "HOST", s.SSH.Target()))
			}
			// The host's name stands in front of the line, and once.
			for line := range strings.Lines(s.last) {
				if strings.Contains(line, "FAIL") && strings.Count(line, s.SSH.Target()) > 1 {
					t.Errorf("it names the host twice: %s", line)
				}
			}
		})
	}
}
