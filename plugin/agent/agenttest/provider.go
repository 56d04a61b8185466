package agenttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Provider is the model's provider for a program that is logged in by a token:
// it gives new tokens for old ones, and lets in those that have the newest. They run
// out at once, so that each start of the program needs another.
type Provider struct {
	Address   string // of the server for all names of the provider, with TLS
	Authority []byte // its certificate, PEM

	mu     sync.Mutex
	tokens int
}

// NewProvider starts a provider whose model is scripted. It ends with the test.
func NewProvider(t testing.TB, model *API) *Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"api.anthropic.com", "platform.claude.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{Authority: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})}
	server := httptest.NewUnstartedServer(p.handler(model))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	p.Address = server.Listener.Addr().String()
	return p
}

func (p *Provider) handler(model *API) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/oauth/token", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		p.tokens++
		n := p.tokens
		p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"token_type": "Bearer", "expires_in": 1, "scope": "user:inference user:profile",
			"access_token": fmt.Sprintf("%s%d", newToken, n), "refresh_token": fmt.Sprintf("sk-ant-ort01-new-%d", n),
		})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+p.Newest() {
			http.Error(w, `{"type":"error","error":{"type":"authentication_error","message":"expired"}}`, http.StatusUnauthorized)
			return
		}
		model.serve(w, r)
	})
	return mux
}

// newToken begins the tokens that a provider gives.
const newToken = "sk-ant-oat01-new-" //nolint:gosec // of no account

// Newest is the token that was given last.
func (p *Provider) Newest() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("%s%d", newToken, p.tokens)
}

// OldLogin is a login file of the program whose token has run out.
func OldLogin() string {
	return fmt.Sprintf(`{"claudeAiOauth":{"accessToken":"sk-ant-oat01-old","refreshToken":"sk-ant-ort01-old","expiresAt":%d,"scopes":["user:inference","user:profile"],"subscriptionType":"max"}}`,
		time.Now().Add(-time.Hour).UnixMilli())
}
