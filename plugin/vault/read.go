package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
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
		return Fields{}, fault.Mark(fault.Settings, err)
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
	fields.Warnings = append(fields.Warnings, warnings...)
	if err != nil {
		return fields, err
	}
	defer func() {
		fields.Warnings = append(fields.Warnings, leave(ctx, c, client)...)
	}()
	if c.Secret != "" {
		if err := fields.read(ctx, c, client); err != nil {
			return fields, err
		}
	}
	if c.SSHMount != "" {
		if fields.SSH, err = signKey(ctx, c, client); err != nil {
			return fields, err
		}
		fields.Warnings = append(fields.Warnings, fields.SSH.warnings()...)
	}
	fields.Warnings = append(fields.Warnings, excess(ctx, c, client, fields.Path)...)
	return fields, nil
}

// leave ends what login began: a token of ours is revoked, one of the owner's
// forgotten.
func leave(ctx context.Context, c Config, client *api.Client) []error {
	if c.Auth == Token {
		client.ClearToken()
		return nil
	}
	if err := revoke(ctx, c, client); err != nil {
		return []error{fmt.Errorf("the Vault token could not be revoked: %w", err)}
	}
	return nil
}

// try is one path that was read in vain.
type try struct {
	path string
	err  error
}

// errAbsent is what reading a path comes to where nothing is.
var errAbsent = errors.New("there is no such secret")

// read fills the fields from the first of the secret's possible paths that
// exists.
func (f *Fields) read(ctx context.Context, c Config, client *api.Client) error {
	mount, version, err := findMount(ctx, c, client)
	if err != nil {
		return err
	}
	var tries []try
	for _, path := range candidates(c.Secret, mount, version) {
		answer, err := do(ctx, c, "read "+path, func(ctx context.Context) (*api.Secret, error) {
			return client.Logical().ReadWithContext(ctx, path)
		})
		if err != nil && status(err) != 403 && status(err) != 400 {
			return final(c, err, "read "+path, "check vault_addr and vault_secret")
		}
		if err == nil {
			data := content(answer, version)
			if data != nil {
				f.fill(path, data)
				return nil
			}
			err = absence(answer)
		}
		tries = append(tries, try{path, err})
	}
	return notRead(c, tries, mount)
}

// absence is why an answer holds no secret: KV v2 tells of versions that were
// deleted or destroyed.
func absence(answer *api.Secret) error {
	if answer == nil {
		return errAbsent
	}
	about, _ := answer.Data["metadata"].(map[string]any)
	version := text.Line(fmt.Sprint(about["version"]), 20)
	if destroyed, _ := about["destroyed"].(bool); destroyed {
		return fault.WithFix(fmt.Errorf("its newest version, %s, was destroyed", version), "write the secret again")
	}
	if when, _ := about["deletion_time"].(string); when != "" {
		return fault.WithFix(fmt.Errorf("its newest version, %s, was deleted at %s", version, text.Line(when, 40)), "bring it back with: vault kv undelete -versions=%s", version)
	}
	return errAbsent
}

// notRead words why none of the paths gave a secret, and the way out of what
// was refused, or else of what is not there.
func notRead(c Config, tries []try, mount string) error {
	who := fmt.Sprintf("role %s on auth/%s", c.Role, c.Mount)
	if c.Auth == Token || c.Auth == AppRole {
		who = c.Auth + " auth"
	}
	if mount != "" {
		who += ", mount " + mount
	}
	paths, worst := make([]string, len(tries)), tries[0]
	for i, one := range tries {
		paths[i] = one.path
		if errors.Is(worst.err, errAbsent) || status(worst.err) != 0 && status(one.err) == 0 && !errors.Is(one.err, errAbsent) {
			worst = one // what is most to the point: deleted, then refused, then absent
		}
	}
	wayOut := ""
	switch {
	case status(worst.err) == 403:
		wayOut = fmt.Sprintf("give the role a policy with: path %q { capabilities = [\"read\"] }", worst.path)
	case status(worst.err) != 0 || errors.Is(worst.err, errAbsent):
		wayOut = "check vault_secret and vault_namespace"
	}
	return fault.Mark(fault.Failed, &fault.Error{Err: fmt.Errorf("vault: read %s (%s) at %s: %w", strings.Join(paths, " or "), who, c.Addr, c.shortened(worst.err)), Fix: wayOut})
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
		return guesses(path)
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(path, mount), "/")
	bare, hasData := strings.CutPrefix(rest, "data/")
	switch {
	case version == 2:
		return []string{mount + "/data/" + bare}
	case hasData:
		return []string{path, mount + "/" + bare}
	default:
		return []string{path}
	}
}

// guesses are the candidates where Vault does not tell the mount, which may have
// several parts: the path as it is written, then as one of KV v2 on a mount of
// one part, of two, and so on, or without a data/ that it has.
func guesses(path string) []string {
	all := []string{path}
	if mount, rest, has := strings.Cut(path, "/data/"); has {
		return append(all, mount+"/"+rest)
	}
	for i, c := range path {
		if c == '/' {
			all = append(all, path[:i]+"/data/"+path[i+1:])
		}
	}
	return all
}

// content is the secret's own data, nil when there is none. With version 0 the
// answer's shape reports whether it is wrapped as KV v2 does it.
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
