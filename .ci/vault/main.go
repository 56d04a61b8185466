// Command vault is a whole Vault for tests: the real server as a library, with
// its storage in memory, on two free ports of the loopback interface.
//
// Once it is up it prints one JSON object in one line (see ready). Then it takes
// commands, one a line, on its standard input and answers each with one line,
// "ok" or what went wrong:
//
//	seal     seals Vault
//	unseal   unseals it again
//
// It ends when its standard input does, so that it never outlives a test. What
// is mounted and who may log in is up to the test, by Vault's API and the root
// token.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	jwt "github.com/hashicorp/vault-plugin-auth-jwt"
	kubernetes "github.com/hashicorp/vault-plugin-auth-kubernetes"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/logical/ssh"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// ready is what is printed first.
type ready struct {
	Addr      string `json:"addr"`     // base URL, http
	TLSAddr   string `json:"tls_addr"` // base URL of the same Vault, https
	CA        string `json:"ca"`       // PEM of the certificate that signed the server's
	RootToken string `json:"root_token"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		os.Exit(1)
	}
}

func run() error {
	core, key, root, err := start()
	if err != nil {
		return err
	}
	announced := ready{RootToken: root}
	if announced.Addr, announced.TLSAddr, announced.CA, err = serve(core); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(announced); err != nil {
		return fmt.Errorf("say where it listens: %w", err)
	}
	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() {
		answer := "ok"
		if err := obey(core, commands.Text(), key, root); err != nil {
			answer = err.Error()
		}
		if _, err := fmt.Println(answer); err != nil {
			return fmt.Errorf("answer a command: %w", err)
		}
	}
	return commands.Err()
}

func obey(core *vault.Core, command string, key []byte, root string) error {
	switch command {
	case "seal":
		return core.Seal(root)
	case "unseal":
		_, err := core.Unseal(key)
		return err
	default:
		return fmt.Errorf("unknown command %q", command)
	}
}

// start makes an unsealed core with the engines and auth methods that the tests
// mount, and returns its one unseal key and its root token.
func start() (core *vault.Core, key []byte, root string, err error) {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return nil, nil, "", fmt.Errorf("storage: %w", err)
	}
	core, err = vault.NewCore(&vault.CoreConfig{
		Physical: storage, Logger: logger, DisableMlock: true, BuiltinRegistry: nothingBuiltin{},
		LogicalBackends:    map[string]logical.Factory{"kv": kv.Factory, "ssh": ssh.Factory},
		CredentialBackends: map[string]logical.Factory{"kubernetes": kubernetes.Factory, "jwt": jwt.Factory, "approle": approle.Factory},
	})
	if err != nil {
		return nil, nil, "", fmt.Errorf("core: %w", err)
	}
	seal := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	keys, err := core.Initialize(context.Background(), &vault.InitParams{BarrierConfig: seal, RecoveryConfig: seal, LegacyShamirSeal: true})
	if err != nil {
		return nil, nil, "", fmt.Errorf("initialise: %w", err)
	}
	if _, err := core.Unseal(keys.SecretShares[0]); err != nil {
		return nil, nil, "", fmt.Errorf("unseal: %w", err)
	}
	return core, keys.SecretShares[0], keys.RootToken, nil
}

// nothingBuiltin is an empty catalogue of plugins: all that is needed is in the
// maps of the core's configuration.
type nothingBuiltin struct{}

func (nothingBuiltin) Contains(string, consts.PluginType) bool { return false }

func (nothingBuiltin) Get(string, consts.PluginType) (func() (any, error), bool) { return nil, false }

func (nothingBuiltin) Keys(consts.PluginType) []string { return nil }

func (nothingBuiltin) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (nothingBuiltin) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
