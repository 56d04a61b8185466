package vault

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// SSHKey is an ephemeral key that Vault's SSH engine signed.
type SSHKey struct {
	Private     secret.String // PEM in OpenSSH's format, no passphrase
	Certificate string        // one line as in an authorized_keys file; no secret
	Expires     time.Time     // end of the certificate, zero when it has none
}

// signKey makes an ed25519 key pair and has Vault sign it. The private key
// never leaves this process.
func signKey(ctx context.Context, c Config, client *api.Client) (*SSHKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("vault: make a key pair: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "pm-todos")
	if err != nil {
		return nil, fmt.Errorf("vault: encode the key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("vault: encode the public key: %w", err)
	}
	request := map[string]any{"public_key": string(ssh.MarshalAuthorizedKey(key)), "cert_type": "user"}
	if c.SSHPrincipals != "" {
		request["valid_principals"] = c.SSHPrincipals
	}
	doing := fmt.Sprintf("sign a key with role %s on %s", c.SSHRole, c.SSHMount)
	answer, err := do(ctx, c, doing, func(ctx context.Context) (*api.Secret, error) {
		return client.SSHWithMountPoint(c.SSHMount).SignKeyWithContext(ctx, c.SSHRole, request)
	})
	if err != nil {
		return nil, final(c, err, doing, fmt.Sprintf("check vault_ssh_mount and vault_ssh_role, the principals that the role allows, "+
			"and that the policy has: path %q { capabilities = [\"update\"] }", c.SSHMount+"/sign/"+c.SSHRole))
	}
	var line string
	if answer != nil {
		line, _ = answer.Data["signed_key"].(string)
	}
	expires, err := checkCertificate(line, key, c.SSHPrincipals)
	if err != nil {
		return nil, fault.Mark(fault.Failed, fmt.Errorf("vault: %s at %s: %w", doing, c.Addr, err))
	}
	return &SSHKey{Private: secret.New(string(pem.EncodeToMemory(block))), Certificate: line, Expires: expires}, nil
}

// checkCertificate makes sure that line is a user certificate for our key and
// for everybody as whom the run logs in. It returns the certificate's end.
func checkCertificate(line string, key ssh.PublicKey, principals string) (time.Time, error) {
	parsed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return time.Time{}, fault.WithFix(errors.New("the answer holds no certificate"), "is this an SSH engine with a CA?")
	}
	certificate, ok := parsed.(*ssh.Certificate)
	if !ok || certificate.CertType != ssh.UserCert || !bytes.Equal(certificate.Key.Marshal(), key.Marshal()) {
		return time.Time{}, errors.New("the answer is no user certificate for the key that was sent")
	}
	if len(certificate.ValidPrincipals) == 0 {
		return time.Time{}, fault.WithFix(errors.New("the certificate names no user, and sshd lets nobody in with it"), "give the role a default_user")
	}
	for principal := range strings.SplitSeq(principals, ",") {
		if principal != "" && !slices.Contains(certificate.ValidPrincipals, principal) {
			return time.Time{}, fault.WithFix(fmt.Errorf("the certificate is for %s and not for %s", text.Line(strings.Join(certificate.ValidPrincipals, ", "), 200), principal), "add that to the role's allowed_users")
		}
	}
	if certificate.ValidBefore >= math.MaxInt64 {
		return time.Time{}, nil
	}
	return time.Unix(int64(certificate.ValidBefore), 0), nil
}

// warnings about a certificate that outlives its run.
func (k *SSHKey) warnings() []error {
	life := "never expires"
	if !k.Expires.IsZero() {
		left := time.Until(k.Expires)
		if left <= longLife {
			return nil
		}
		life = "is valid for " + left.Round(time.Hour).String()
	}
	return []error{fault.WithFix(errors.New("the certificate of Vault's SSH engine "+life), "give the role a ttl of an hour or so")}
}
