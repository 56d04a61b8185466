package vault

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/kubernetes"
)

func startVault(t *testing.T, o Options) (*Vault, *api.Client) {
	t.Helper()
	v, err := Start(o)
	must(t, err)
	t.Cleanup(func() { must(t, v.Close()) })
	client, err := api.NewClient(&api.Config{Address: v.Addr(), HttpClient: &http.Client{}, MaxRetries: 0})
	must(t, err)
	client.ClearToken()
	client.ClearNamespace()
	return v, client
}

func login(t *testing.T, client *api.Client, role, jwt string) error {
	t.Helper()
	auth, err := kubernetes.NewKubernetesAuth(role, kubernetes.WithServiceAccountToken(jwt))
	must(t, err)
	_, err = client.Auth().Login(t.Context(), auth)
	return err
}

func TestReadsWithTheRealClient(t *testing.T) {
	v, client := startVault(t, Options{Role: "ci", JWT: "jwt", Secrets: map[string]map[string]string{"ci/infra": {"key": "secret text"}}})
	must(t, login(t, client, "ci", "jwt"))
	secret, err := client.KVv2("secret").Get(t.Context(), "ci/infra")
	must(t, err)
	mount, err := client.Logical().ReadWithContext(t.Context(), "sys/internal/ui/mounts/secret/ci/infra")
	must(t, err)
	if secret.Data["key"] != "secret text" || mount.Data["type"] != "kv" || mount.Data["path"] != "secret/" {
		t.Errorf("fields are %v, mount is %v", secret.Data, mount.Data)
	}
	if v.LiveTokens() != 1 {
		t.Errorf("%d tokens live, want 1", v.LiveTokens())
	}
	must(t, client.Auth().Token().RevokeSelfWithContext(t.Context(), ""))
	if v.LiveTokens() != 0 {
		t.Errorf("%d tokens live after revoking", v.LiveTokens())
	}
	_, err = client.Logical().ReadWithContext(t.Context(), "auth/token/lookup-self")
	wantStatus(t, "the revoked token", err, http.StatusForbidden)
	if calls := v.Calls(); calls[0].Path != "auth/kubernetes/login" {
		t.Errorf("first call is %v", calls[0])
	}
}

func wantStatus(t *testing.T, what string, err error, want int) {
	t.Helper()
	var response *api.ResponseError
	if !errors.As(err, &response) || response.StatusCode != want {
		t.Errorf("%s: error is %v, want status %d", what, err, want)
	}
}

func TestRefuses(t *testing.T) {
	v, client := startVault(t, Options{Role: "ci", JWT: "jwt", Secrets: map[string]map[string]string{"ci/infra": {}}})
	wantStatus(t, "a wrong role", login(t, client, "other", "jwt"), http.StatusBadRequest)
	wantStatus(t, "a wrong JWT", login(t, client, "ci", "other"), http.StatusForbidden)
	_, err := client.Logical().ReadWithContext(t.Context(), "secret/data/ci/infra")
	wantStatus(t, "no token", err, http.StatusForbidden)
	must(t, login(t, client, "ci", "jwt"))
	_, err = client.KVv2("secret").Get(t.Context(), "ci/other")
	if !errors.Is(err, api.ErrSecretNotFound) {
		t.Errorf("a missing path: %v", err)
	}
	_, err = client.Logical().ReadWithContext(t.Context(), "other/data/ci/infra")
	wantStatus(t, "another mount", err, http.StatusForbidden)
	v.SetSealed(true)
	_, err = client.Logical().ReadWithContext(t.Context(), "secret/data/ci/infra")
	wantStatus(t, "sealed", err, http.StatusServiceUnavailable)
	if err == nil || !strings.Contains(err.Error(), "Vault is sealed") {
		t.Errorf("sealed: %v", err)
	}
	v.SetSealed(false)
	_, err = client.Logical().ReadWithContext(t.Context(), "secret/data/ci/infra")
	must(t, err)
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
