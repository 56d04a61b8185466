package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// longLife is the life of a token or certificate from which on a warning says
// so: a run takes minutes, a long one hours.
const longLife = 24 * time.Hour

const (
	leastPower = "give the role a policy of its own that may read this one secret"
	shortLife  = "give the role a token_ttl of a few minutes"
)

// tokenWarnings says what is remarkable about the token of a login.
func tokenWarnings(auth *api.SecretAuth) []error {
	warnings := powerWarnings(auth.Policies, time.Duration(auth.LeaseDuration)*time.Second)
	if auth.LeaseDuration == 0 {
		warnings = append(warnings, fault.WithFix(errors.New("the Vault token never expires"), shortLife))
	}
	return warnings
}

func powerWarnings(policies []string, life time.Duration) []error {
	var warnings []error
	if slices.Contains(policies, "root") {
		warnings = append(warnings, fault.WithFix(errors.New("the Vault token has the root policy"), leastPower))
	}
	if life > longLife {
		warnings = append(warnings, fault.WithFix(fmt.Errorf("the Vault token would live %s", life), shortLife))
	}
	return warnings
}

// inspect finds out what an owner's token can do, as far as it may look itself
// up. Failing to do so is no news.
func inspect(ctx context.Context, client *api.Client) []error {
	answer, err := client.Auth().Token().LookupSelfWithContext(ctx)
	if err != nil || answer == nil {
		return nil
	}
	policies, err := answer.TokenPolicies()
	if err != nil {
		return nil
	}
	life, err := answer.TokenTTL()
	if err != nil {
		return nil
	}
	warnings := powerWarnings(policies, life)
	if life == 0 {
		warnings = append(warnings, fault.WithFix(errors.New("the Vault token never expires"), "use one with a ttl, or another vault_auth"))
	}
	return warnings
}

// harmless are the beginnings of paths that Vault's default policy opens, which
// nearly every token has.
var harmless = []string{
	"auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self", "cubbyhole/", "identity/entity/", "identity/oidc/",
	"sys/capabilities-self", "sys/control-group/", "sys/internal/ui/", "sys/leases/lookup", "sys/leases/renew", "sys/renew", "sys/tools/", "sys/wrapping/",
}

// excess asks what the token may do that this run does not need: change
// anything, or read more than the folder of the secret. Vault tells every token,
// unless a policy forbids it; then there is nothing to say.
func excess(ctx context.Context, c Config, client *api.Client, read string) []error {
	ctx, cancel := context.WithTimeout(ctx, min(c.PerTry, 2*time.Second))
	defer cancel()
	answer, err := client.Logical().ReadWithContext(ctx, "sys/internal/ui/resultant-acl")
	if err != nil || answer == nil {
		return nil
	}
	var found []string
	for _, kind := range []string{"exact_paths", "glob_paths"} {
		paths, _ := answer.Data[kind].(map[string]any)
		for path, rule := range paths {
			for _, capability := range capabilities(rule) {
				if !needed(c, read, path, capability, kind == "glob_paths") {
					found = append(found, capability+" "+path+map[bool]string{true: "*"}[kind == "glob_paths"])
				}
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return []error{fault.WithFix(fmt.Errorf("the Vault token may do more than a run needs (%s)", text.Line(strings.Join(found, ", "), 300)), leastPower)}
}

func capabilities(rule any) []string {
	all, _ := rule.(map[string]any)
	list, _ := all["capabilities"].([]any)
	names := map[string]bool{}
	for _, one := range list {
		if name, ok := one.(string); ok && name != "deny" && name != "list" { // names alone are no secret
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// needed reports whether a capability on a path belongs to reading the secret, to
// having a key signed, or to what every token may do.
func needed(c Config, read, path, capability string, glob bool) bool {
	if slices.ContainsFunc(harmless, func(begin string) bool { return strings.HasPrefix(path, begin) }) {
		return true
	}
	if sign := c.SSHMount + "/sign/" + c.SSHRole; c.SSHMount != "" && path == sign && !glob {
		return capability == "update" || capability == "create"
	}
	// KV v2 shows the versions of a secret below metadata/.
	path = strings.Replace(path, "/metadata/", "/data/", 1)
	if read == "" || capability != "read" {
		return false
	}
	if folder := read[:strings.LastIndexByte(read, '/')+1]; glob {
		return strings.HasPrefix(path, folder) && strings.Count(folder, "/") > 1 && !strings.HasSuffix(folder, "/data/")
	}
	return path == read || path == c.Secret
}
