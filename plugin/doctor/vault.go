package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/vault"
)

// readVault checks the log-in, the secret and its fields.
func readVault(ctx context.Context, p *patient, say voice) {
	keys, fields, err := p.Keys(ctx)
	p.keys = keys
	for _, warning := range fields.Warnings {
		say.caution("", warning)
	}
	v := p.Settings.Vault
	switch {
	case err != nil:
		say.fail("", err)
		p.unusable = "Vault gave no key"
		return
	case v.Addr == "":
		say.skip("", "vault_addr is not set")
		return
	case !p.Settings.NeedsVault():
		say.skip("", "a run does not ask Vault: the settings hold all keys that it needs")
		return
	}
	text := fmt.Sprintf("logged in by %s at %s", v.Auth, v.Addr)
	if fields.Path != "" {
		text += ", read " + fields.Path + " (fields: " + strings.Join(fields.Names(), ", ") + ")"
	}
	if v.Auth != vault.Token {
		text += ", token revoked"
	}
	say.ok("", text)
}
