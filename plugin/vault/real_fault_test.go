package vault

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/vault/vaulttest"
)

// on wraps a proxy: what it does with requests whose path ends so.
func on(suffix string, act func(http.Handler, http.ResponseWriter, *http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, suffix) {
				act(next, w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// once does the first thing the first time, and passes on after that.
func once(act func(http.Handler, http.ResponseWriter, *http.Request)) func(http.Handler, http.ResponseWriter, *http.Request) {
	done := make(chan struct{}, 1)
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		select {
		case done <- struct{}{}:
			act(next, w, r)
		default:
			next.ServeHTTP(w, r)
		}
	}
}

func lose(next http.Handler, _ http.ResponseWriter, r *http.Request) { vaulttest.Lose(next, r) }

func answer(status int) func(http.Handler, http.ResponseWriter, *http.Request) {
	return func(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"errors":["by the way"]}`))
	}
}

func TestRealVault_TheTokenIsRevokedWhateverHappens(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	hang := func(_ http.Handler, _ http.ResponseWriter, q *http.Request) { <-q.Context().Done() }
	for name, test := range map[string]struct {
		around func(http.Handler) http.Handler
		change func(*Config)
		kind   fault.Kind
		fails  bool
	}{
		"all is well":                         {},
		"answer to the read lost once":        {around: on("/ci/infra", once(lose))},
		"answers to the read lost for good":   {around: on("/data/ci/infra", lose), kind: fault.Temporary, fails: true},
		"throttled once":                      {around: on("/data/ci/infra", once(answer(429)))},
		"standby once":                        {around: on("/data/ci/infra", once(answer(473)))},
		"performance standby once":            {around: on("/data/ci/infra", once(answer(472)))},
		"throttled for good":                  {around: on("/data/ci/infra", answer(429)), kind: fault.Temporary, fails: true},
		"broken for good":                     {around: on("/data/ci/infra", answer(500)), kind: fault.Temporary, fails: true},
		"slow for good":                       {around: on("/data/ci/infra", hang), change: func(c *Config) { c.PerTry = 2 * time.Second }, kind: fault.Temporary, fails: true},
		"slow once":                           {around: on("/data/ci/infra", once(hang)), change: func(c *Config) { c.PerTry = 2 * time.Second }},
		"refused":                             {change: func(c *Config) { c.Secret = "secret/ci/other" }, kind: fault.Failed, fails: true},
		"what it may do is not told":          {around: on("/resultant-acl", hang), change: func(c *Config) { c.PerTry = 2 * time.Second }},
		"answer to the revoking is lost once": {around: on("/revoke-self", once(lose))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &real{Server: r.Server, cluster: r.cluster, t: t}
			p := r.Proxy(t, test.around)
			c := r.config()
			c.Addr = p.URL
			if test.kind == fault.Temporary {
				c.Timeout = 3 * time.Second // nothing but the deadline ends it
			}
			if test.change != nil {
				test.change(&c)
			}
			_, err := Read(t.Context(), c)
			if test.fails {
				says(t, err, test.kind)
			} else if err != nil {
				t.Error(err)
			}
			r.nothingAlive(p, 1)
		})
	}
	t.Run("cancelled while it reads", func(t *testing.T) {
		t.Parallel()
		r := &real{Server: r.Server, cluster: r.cluster, t: t}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := r.Proxy(t, on("/data/ci/infra", func(_ http.Handler, _ http.ResponseWriter, q *http.Request) {
			cancel()
			<-q.Context().Done()
		}))
		c := r.config()
		c.Addr = p.URL
		_, err := Read(ctx, c)
		says(t, err, fault.Temporary, "canceled")
		r.nothingAlive(p, 1)
	})
}

func TestRealVault_SealedInTheMiddle(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	for name, moment := range map[string]string{"before the log-in": "/login", "before the mount": "/secret/data/ci/infra", "before the read": "/v1/secret/data/ci/infra", "before the end": "/revoke-self"} {
		t.Run(name, func(t *testing.T) {
			r := &real{Server: r.Server, cluster: r.cluster, t: t}
			p := r.Proxy(t, on(moment, once(func(next http.Handler, w http.ResponseWriter, q *http.Request) {
				r.Seal()
				next.ServeHTTP(w, q)
			})))
			c := r.config()
			c.Addr = p.URL
			tries := 0
			c.OnRetry = func(err error, _ time.Duration) {
				if !strings.Contains(err.Error(), "503") {
					t.Errorf("tried again for %v", err)
				}
				tries++
				r.Unseal()
			}
			unsealer := time.AfterFunc(2*time.Second, r.Unseal) // revoking does not tell of its tries
			defer unsealer.Stop()
			fields, err := Read(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			r.Unseal()
			if _, err := fields.Get("devvm_ssh_key"); err != nil {
				t.Error(err)
			}
			if tries == 0 && moment != "/revoke-self" {
				t.Error("nothing was tried again")
			}
			r.nothingAlive(p, 1)
		})
	}
	t.Run("until the deadline", func(t *testing.T) {
		r.Seal()
		defer r.Unseal()
		c := r.config()
		c.Timeout = time.Second
		_, err := Read(t.Context(), c)
		says(t, err, fault.Temporary, "503", "sealed", "run again when it is up")
	})
}
