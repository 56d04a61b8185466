package vault

import (
	"encoding/json"
	"flag"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

// call is one request that the double expects, and its answer.
type call struct {
	method, path string
	token        string         // what X-Vault-Token must be
	namespace    string         // what X-Vault-Namespace must be
	body         map[string]any // what these fields of the body must be
	status       int            // 200 when 0
	answer       string         // body of the answer
	hang         bool           // no answer until the client gives up
	then         func()         // when it hangs
}

// double is a Vault that expects exactly these calls in this order. It fails
// the test on any other request and on calls that were not made; only the
// question of what the token may do is always allowed, and refused.
type double struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	calls []call
}

// TestMain lets more tests run side by side than there are processors: they
// wait for answers and deadlines, most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func newDouble(t *testing.T, calls ...call) *double {
	t.Helper()
	d := &double{t: t, calls: calls}
	d.Server = httptest.NewUnstartedServer(d)
	t.Cleanup(func() {
		d.Close()
		for _, unused := range d.calls {
			t.Errorf("not called: %s %s", unused.method, unused.path)
		}
	})
	return d
}

func (d *double) start() *double {
	d.Start()
	return d
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		d.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	if unasked := len(d.calls) == 0 || d.calls[0].path != powerPath; unasked && r.URL.Path == "/v1/"+powerPath {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if len(d.calls) == 0 || d.calls[0].method != r.Method || "/v1/"+d.calls[0].path != r.URL.Path {
		d.t.Errorf("unexpected call: %s %s %s", r.Method, r.URL.Path, content)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := d.calls[0]
	d.calls = d.calls[1:]
	if got := r.Header.Get("X-Vault-Token"); got != next.token {
		d.t.Errorf("%s %s: token %q, want %q", r.Method, r.URL.Path, got, next.token)
	}
	if got := r.Header.Get("X-Vault-Namespace"); got != next.namespace {
		d.t.Errorf("%s %s: namespace %q, want %q", r.Method, r.URL.Path, got, next.namespace)
	}
	for _, header := range []string{"X-Vault-Wrap-Ttl", "X-Ambient"} {
		if got := r.Header.Get(header); got != "" {
			d.t.Errorf("%s %s: %s is %q and comes from the environment", r.Method, r.URL.Path, header, got)
		}
	}
	var body map[string]any
	if len(content) > 0 && json.Unmarshal(content, &body) != nil {
		d.t.Errorf("%s %s: the body is no object: %s", r.Method, r.URL.Path, content)
	}
	for name, want := range next.body {
		if body[name] != want {
			d.t.Errorf("%s %s: %s is %v, want %v", r.Method, r.URL.Path, name, body[name], want)
		}
	}
	if next.hang {
		if next.then != nil {
			next.then()
		}
		<-r.Context().Done()
		return
	}
	if next.status != 0 {
		w.WriteHeader(next.status)
	}
	if _, err := io.WriteString(w, next.answer); err != nil {
		d.t.Errorf("answer: %v", err)
	}
}

// jwt is a service-account token; its signature is garbage.
const jwt = "eyJhbGciOiJub25lIn0." +
	"eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6Y2k6ZGVmYXVsdCIsImF1ZCI6WyJodHRwczovL2s4cyJdLCJleHAiOjE2MDAwMDAwMDB9." +
	"c2lnbmF0dXJl"

// config is for a Kubernetes login at the double.
func (d *double) config() Config {
	d.t.Helper()
	path := filepath.Join(d.t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(jwt+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return Config{
		Addr: d.URL, JWTPath: path, Secret: "secret/data/ci/infra",
		Timeout: 20 * time.Second, PerTry: 10 * time.Second, backoff: time.Millisecond,
	}
}

const (
	mountsPath = "sys/internal/ui/mounts/secret/data/ci/infra"
	secretPath = "secret/data/ci/infra"
	powerPath  = "sys/internal/ui/resultant-acl"
	mountV2    = `{"data":{"path":"secret/","type":"kv","options":{"version":"2"}}}`
	mountV1    = `{"data":{"path":"secret/","type":"kv","options":{"version":"1"}}}`
	secretV2   = `{"data":{"data":{"devvm_ssh_key":"KEY\n","slack_webhook":"T/B/x","count":3,"on":true,"empty":" ","list":[1]},` +
		`"metadata":{"version":4}}}`
)

// The calls of a straight run.
func loginCall() call {
	return call{
		method: "PUT", path: "auth/kubernetes/login", body: map[string]any{"role": "ci", "jwt": jwt},
		answer: `{"auth":{"client_token":"t0ken-of-the-run","policies":["default","ci"],"lease_duration":600}}`,
	}
}

func mountCall(answer string) call {
	return call{method: "GET", path: mountsPath, token: "t0ken-of-the-run", answer: answer}
}

func readCall(path, answer string) call {
	return call{method: "GET", path: path, token: "t0ken-of-the-run", answer: answer}
}

func revokeCall() call {
	return call{method: "PUT", path: "auth/token/revoke-self", token: "t0ken-of-the-run", status: 204}
}

// but is c with another answer.
func but(c call, status int, answer string) call {
	c.status, c.answer = status, answer
	return c
}

// fieldsOf are the values, revealed.
func fieldsOf(f Fields) map[string]string {
	values := map[string]string{}
	for name, value := range f.values {
		values[name] = value.Reveal()
	}
	return values
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("fields are %q, want %q", got, want)
	}
}

func hasSecret(all []secret.String, text string) bool {
	return slices.ContainsFunc(all, func(s secret.String) bool { return s.Reveal() == text })
}
