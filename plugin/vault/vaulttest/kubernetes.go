package vaulttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// DefaultAudience is the audience of a pod's own token, when nobody asks for
// another.
const DefaultAudience = "https://kubernetes.default.svc"

// reviewer is the service account as which Vault asks for reviews.
var reviewer = Account{Namespace: "vault", Name: "vault"}

// Cluster is a Kubernetes API server as far as Vault asks one: it issues tokens
// of service accounts, and reviews them.
type Cluster struct {
	server *httptest.Server
	key    *ecdsa.PrivateKey
}

// Account is a service account for which a token is wanted.
type Account struct {
	Namespace, Name string
	Audience        string        // DefaultAudience when empty
	Life            time.Duration // an hour when 0; negative for one that has expired
}

func (a Account) subject() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

// StartCluster starts an API server until the test ends.
func StartCluster(t testing.TB) *Cluster {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /apis/authentication.k8s.io/v1/tokenreviews", c.review)
	c.server = httptest.NewTLSServer(mux)
	t.Cleanup(c.server.Close)
	return c
}

// claims are those of a projected service-account token that are looked at.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience []string `json:"aud"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	About    struct {
		Namespace string `json:"namespace"`
		Account   struct {
			Name string `json:"name"`
			UID  string `json:"uid"`
		} `json:"serviceaccount"`
	} `json:"kubernetes.io"`
}

// Token is a signed token (ES256) of a service account.
func (c *Cluster) Token(t testing.TB, a Account) string {
	t.Helper()
	if a.Audience == "" {
		a.Audience = DefaultAudience
	}
	if a.Life == 0 {
		a.Life = time.Hour
	}
	now := time.Now()
	says := claims{
		Issuer: DefaultAudience, Subject: a.subject(), Audience: []string{a.Audience},
		Issued: now.Add(-2 * time.Hour).Unix(), Expires: now.Add(a.Life).Unix(),
	}
	says.About.Namespace, says.About.Account.Name, says.About.Account.UID = a.Namespace, a.Name, "uid-of-"+a.Name
	payload, err := json.Marshal(says)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(`{"alg":"ES256","typ":"JWT"}`)) + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, c.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encode(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// PublicKey is the PEM of the key that verifies the tokens.
func (c *Cluster) PublicKey(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(c.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// verify returns what a token says, if it is one of ours and still valid.
func (c *Cluster) verify(token string) (says claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return says, fmt.Errorf("%d parts", len(parts))
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return says, fmt.Errorf("signature of %d bytes: %w", len(signature), err)
	}
	if !ecdsa.Verify(&c.key.PublicKey, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return says, fmt.Errorf("wrong signature")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(payload, &says)
	}
	if err == nil && time.Now().Unix() > says.Expires {
		err = fmt.Errorf("token has expired")
	}
	return says, err
}

// review answers a TokenReview:
// https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
func (c *Cluster) review(w http.ResponseWriter, r *http.Request) {
	bearer, err := c.verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil || bearer.Subject != reviewer.subject() {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var review struct {
		Spec struct {
			Token     string   `json:"token"`
			Audiences []string `json:"audiences"`
		} `json:"spec"`
	}
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	wanted := review.Spec.Audiences
	if len(wanted) == 0 {
		wanted = []string{DefaultAudience}
	}
	says, err := c.verify(review.Spec.Token)
	meant := slices.DeleteFunc(slices.Clone(wanted), func(one string) bool { return !slices.Contains(says.Audience, one) })
	if err == nil && len(meant) == 0 {
		err = fmt.Errorf("token audiences %q is invalid for the target audiences %q", says.Audience, wanted)
	}
	status := map[string]any{"authenticated": false}
	if err == nil {
		status = map[string]any{
			"authenticated": true, "audiences": meant,
			"user": map[string]any{"username": says.Subject, "uid": says.About.Account.UID, "groups": []string{"system:serviceaccounts"}},
		}
	} else {
		status["error"] = err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(map[string]any{"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})
}

// Kubernetes mounts the Kubernetes auth method and makes it trust the cluster.
func (s *Server) Kubernetes(mount string, c *Cluster) {
	s.t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.server.Certificate().Raw})
	s.Write("sys/auth/"+mount, map[string]any{"type": "kubernetes"})
	s.Write("auth/"+mount+"/config", map[string]any{
		"kubernetes_host": c.server.URL, "kubernetes_ca_cert": string(ca), "token_reviewer_jwt": c.Token(s.t, reviewer), "disable_local_ca_jwt": true,
	})
}
