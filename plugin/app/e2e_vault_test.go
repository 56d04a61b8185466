package app

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/vault/vaulttest"
)

// vaultSite is the sample with one item behind a real Vault, in which the pod of
// the pipeline may read one secret, a real sshd and a real Terraform.
type vaultSite struct {
	*site
	vault    *vaulttest.Server
	proxy    *vaulttest.Proxy
	token    string // of the pod's service account
	settings map[string]string
}

// newVaultSite starts all but sshd, which may have to trust Vault. rules are
// what the pod may do beyond reading its secret.
func newVaultSite(t *testing.T, rules string) *vaultSite {
	t.Helper()
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Terraform = oldestTerraform(t)
	v := &vaultSite{vault: vaulttest.Start(t), site: newSite(t, o)}
	v.patience = time.Minute
	v.proxy = v.vault.Proxy(t, nil)
	cluster := vaulttest.StartCluster(t)
	v.vault.Kubernetes("kubernetes", cluster)
	v.vault.Mount("secret", "kv", map[string]any{"version": "2"})
	v.vault.Policy("ci", `path "secret/data/ci/infra" { capabilities = ["read"] }`+"\n"+rules)
	v.vault.Write("auth/kubernetes/role/ci", map[string]any{
		"bound_service_account_names": "ci", "bound_service_account_namespaces": "woodpecker", "token_policies": "ci", "token_ttl": "10m",
	})
	v.token = cluster.Token(t, vaulttest.Account{Namespace: "woodpecker", Name: "ci"})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(v.token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.settings = map[string]string{"PLUGIN_VAULT_ADDR": v.proxy.URL, "PLUGIN_VAULT_JWT_PATH": file}
	return v
}

// implements runs, and wants the item done and nothing left: neither a secret
// where it should not be, nor a token in Vault.
func (v *vaultSite) implements() {
	v.t.Helper()
	v.wants(0, v.run(v.settings))
	doc := v.file(alertDocument)
	if !strings.Contains(doc, "| over 80 % | Done |") {
		v.t.Errorf("the item is not done:\n%s", doc)
	}
	v.linksResolve(doc)
	v.nothingLeft()
	h := newHunt(v.site)
	h.add("the pod's token", v.token)
	for _, token := range v.proxy.Tokens() {
		h.add("Vault token", token)
	}
	h.search("the log", []byte(v.last))
	h.slack(v.site)
	h.files(v.Workspace(), v.Home)
	h.remote(v.site)
	h.nothing(v.t)
	if strings.Contains(v.last, "could not be revoked") || strings.Contains(v.last, "than a run needs") {
		v.t.Errorf("the log warns of the token:\n%s", v.last)
	}
	accessors := v.proxy.Accessors()
	if len(accessors) != 1 {
		v.t.Errorf("%d log-ins: %q", len(accessors), v.proxy.Requests())
	}
	for _, accessor := range accessors {
		if v.vault.Alive(accessor) {
			v.t.Error("the token of the run is still alive in Vault")
		}
	}
	if calls := v.Vault.Calls(); len(calls) > 0 {
		v.t.Errorf("the stand-in for Vault was asked: %v", calls)
	}
}

// TestEndToEndWithARealVault has it sign the key of each run.
func TestEndToEndWithARealVault(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	v := newVaultSite(t, `path "ssh-client/sign/ci" { capabilities = ["update"] }`)
	v.vault.Mount("ssh-client", "ssh", nil)
	authority := v.vault.Write("ssh-client/config/ca", map[string]any{"generate_signing_key": true, "key_type": "ed25519"})["public_key"].(string)
	trusted := filepath.Join(t.TempDir(), "authority.pub")
	if err := os.WriteFile(trusted, []byte(authority), 0o600); err != nil {
		t.Fatal(err)
	}
	target, known := realSSHD(t, v.World, nil, "TrustedUserCAKeys "+trusted)
	user, _, _ := strings.Cut(target, "@")
	v.vault.Write("ssh-client/roles/ci", map[string]any{
		"key_type": "ca", "allow_user_certificates": true, "allowed_users": user, "ttl": "30m",
	})
	// There is no key in the secret: only what Vault signs can log in.
	v.vault.Write("secret/data/ci/infra", map[string]any{"data": map[string]any{"known_hosts": known, "slack_webhook": v.Slack.WebhookURL()}})
	maps.Copy(v.settings, map[string]string{"PLUGIN_HOSTS": target, "PLUGIN_VAULT_SSH_MOUNT": "ssh-client", "PLUGIN_VAULT_SSH_ROLE": "ci"})
	v.implements()

	// A role that lets in others only is refused by name, before any host is asked.
	v.vault.Write("ssh-client/roles/ci", map[string]any{"key_type": "ca", "allow_user_certificates": true, "allowed_users": "somebody-else"})
	if _, err := v.Repo.Commit(standin.SampleBranch, "docs: another post-mortem\n", map[string]string{
		"docs/post-mortems/2026-01-02-alert.md": document("| P2 | Add an alert on inode usage | Alert | over 80 % | TODO |"),
	}); err != nil {
		t.Fatal(err)
	}
	v.wants(1, v.run(v.settings))
	v.says(user+" is not a valid value for valid_principals", "the principals that the role allows")

	// Sealed, it changes nothing and may be run again.
	tip := v.tip()
	v.vault.Seal()
	v.patience = 3 * time.Second
	v.wants(75, v.run(v.settings))
	v.says("sealed", "run again")
	if v.tip() != tip {
		t.Errorf("a run that found Vault sealed made commits: %q", v.subjects())
	}
	v.vault.Unseal()
}
