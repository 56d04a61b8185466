package vault

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/api"

	"pm-todos/plugin/fault"
)

// Read logs in, reads the secret and has the SSH key signed, as far as the
// configuration asks for either, and revokes the token right after, also when
// something failed.
//
// The returned Fields have their Warnings even when there is an error. Errors
// are marked: fault.Settings when the configuration is wrong (nothing was
// contacted), fault.Temporary when Vault was sealed, down, in standby or
// throttling until the deadline or the context was cancelled, fault.Failed when
// it refused or lacks something.
func Read(ctx context.Context, c Config) (fields Fields, err error) {
	if err := c.Check(); err != nil {
		return Fields{}, err
	}
	c = c.withDefaults()
	fields.Warnings = c.warnings()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()

	client, err := newClient(c)
	if err != nil {
		return fields, err
	}
	warnings, err := login(ctx, c, client)
	if err != nil {
		return fields, err
	}
	fields.Warnings = append(fields.Warnings, warnings...)
	if c.Auth == Token {
		defer client.ClearToken()
		fields.Warnings = append(fields.Warnings, inspect(ctx, c, client)...)
	} else {
		defer func() {
			if err := revoke(ctx, c, client); err != nil {
				fields.Warnings = append(fields.Warnings, fmt.Sprintf("the Vault token could not be revoked: %v", err))
			}
		}()
	}
	if c.Secret != "" {
		if err := fields.read(ctx, c, client); err != nil {
			return fields, err
		}
	}
	if c.SSHMount != "" {
		if fields.SSH, err = signKey(ctx, c, client); err != nil {
			return fields, err
		}
	}
	return fields, nil
}

// read fills the fields from the first of the secret's possible paths that
// exists.
func (f *Fields) read(ctx context.Context, c Config, client *api.Client) error {
	mount, version, err := findMount(ctx, c, client)
	if err != nil {
		return err
	}
	var first error
	paths := candidates(c.Secret, mount, version)
	for _, path := range paths {
		answer, err := do(ctx, c, "read "+path, func(ctx context.Context) (*api.Secret, error) {
			return client.Logical().ReadWithContext(ctx, path)
		})
		if err != nil && status(err) != 403 && status(err) != 400 {
			return final(c, err, "read "+path, "check vault_addr and vault_secret")
		}
		if data := content(answer, version); err == nil && data != nil {
			f.fill(path, data)
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return notRead(c, paths, mount, first)
}

// notRead words why none of the paths gave a secret.
func notRead(c Config, paths []string, mount string, refused error) error {
	doing := fmt.Sprintf("read %s as role %s on auth/%s", strings.Join(paths, " or "), c.Role, c.Mount)
	if c.Auth == Token || c.Auth == AppRole {
		doing = fmt.Sprintf("read %s with %s auth", strings.Join(paths, " or "), c.Auth)
	}
	if refused != nil {
		return final(c, refused, doing, fmt.Sprintf("give the role a policy with: path %q { capabilities = [\"read\"] }", paths[0]))
	}
	if mount != "" {
		doing += " (mount " + mount + ")"
	}
	return fault.Mark(fault.Failed, fmt.Errorf(
		"vault: %s at %s: there is no such secret, or its newest version is deleted; check vault_secret and vault_namespace", doing, c.Addr))
}

// findMount asks which mount the secret's path is on and which KV version that
// is (1 or 2). Where Vault does not tell, mount is empty and version 0.
func findMount(ctx context.Context, c Config, client *api.Client) (mount string, version int, err error) {
	path := "sys/internal/ui/mounts/" + c.Secret
	answer, err := do(ctx, c, "find the mount of "+c.Secret, func(ctx context.Context) (*api.Secret, error) {
		return client.Logical().ReadWithContext(ctx, path)
	})
	if err != nil {
		if fault.Of(err) == fault.Temporary {
			return "", 0, err
		}
		return "", 0, nil // old servers and strict proxies: reading itself will tell
	}
	if answer == nil {
		return "", 0, nil
	}
	mount, _ = answer.Data["path"].(string)
	mount = strings.Trim(mount, "/")
	if mount == "" || c.Secret != mount && !strings.HasPrefix(c.Secret, mount+"/") {
		return "", 0, nil
	}
	version = 1
	if options, ok := answer.Data["options"].(map[string]any); ok && fmt.Sprint(options["version"]) == "2" {
		version = 2
	}
	return mount, version, nil
}

// candidates are the API paths under which the secret may be, the likeliest
// first. People write a KV v2 path with and without data/, and keep the
// spelling when the mount is v1.
func candidates(path, mount string, version int) []string {
	if mount == "" {
		mount, _, _ = strings.Cut(path, "/")
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(path, mount), "/")
	bare, hasData := strings.CutPrefix(rest, "data/")
	switch {
	case version == 2:
		return []string{mount + "/data/" + bare}
	case hasData:
		return []string{path, mount + "/" + bare}
	case version == 1 || rest == "":
		return []string{path}
	default:
		return []string{path, mount + "/data/" + rest}
	}
}

// content is the secret's own data, nil when there is none. With version 0 the
// answer's shape tells whether it is wrapped as KV v2 does it.
func content(answer *api.Secret, version int) map[string]any {
	if answer == nil || len(answer.Data) == 0 {
		return nil
	}
	data, wrapped := answer.Data["data"].(map[string]any)
	_, described := answer.Data["metadata"].(map[string]any)
	switch {
	case version == 2 || version == 0 && described && (wrapped || answer.Data["data"] == nil):
		return data
	default:
		return answer.Data
	}
}
