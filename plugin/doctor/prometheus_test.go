package doctor

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// askedOf is what doctor finds at a Prometheus.
func askedOf(t *testing.T, c evidence.Config) Finding {
	t.Helper()
	r := NewReport(nil, false)
	p := &patient{Opener: access.Opener{Settings: settings.Settings{Evidence: c}}, keys: access.Keys{Prometheus: c}}
	prometheus(t.Context(), p, voice{"prometheus", r})
	if len(r.Findings) != 1 {
		t.Fatalf("%v", r.Findings)
	}
	return r.Findings[0]
}

func TestARealPrometheusIsExamined(t *testing.T) {
	t.Parallel()
	server := prometheustest.Start(t, nil, "groups:\n  - name: g\n    rules:\n      - {alert: Down, expr: up == 0}\n")
	if f := askedOf(t, evidence.Config{URL: server.URL}); f.Status != OK || !strings.Contains(f.Text, "a server of version 2.") && !strings.Contains(f.Text, "a server of version 3.") || !strings.HasSuffix(f.Text, " answers at "+server.URL+", without a login; 1 rule loaded") {
		t.Errorf("%+v", f)
	}
}

func TestWhatIsWrongWithAPrometheusIsAWarning(t *testing.T) {
	t.Parallel()
	ahead, rules := time.Duration(0), `{"status":"success","data":{"groups":[]}}`
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"scalar","result":[%d,"1"]}}`, time.Now().Add(ahead).Unix())
	})
	mux.HandleFunc("/api/v1/rules", func(w http.ResponseWriter, r *http.Request) {
		if rules == "" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, rules)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	c := evidence.Config{URL: server.URL, Token: secret.New("hunter2"), Tenant: "team"}
	wants := func(f Finding, status Status, says, fix string) {
		t.Helper()
		if f.Status != status || !strings.Contains(f.Text, says) || !strings.Contains(f.Fix, fix) || strings.Contains(f.Text+f.Fix, "hunter2") {
			t.Errorf("%+v, want %q and %q", f, says, fix)
		}
	}
	wants(askedOf(t, evidence.Config{}), Skipped, "prometheus_url is not set", "")
	wants(askedOf(t, c), Warn, "by token, tenant team; it lists no rules", "-vmalert.proxyURL")
	rules = ""
	wants(askedOf(t, c), Warn, "it has no list of rules", "prometheus_url")
	ahead = -3 * time.Minute
	wants(askedOf(t, c), Warn, "its clock is 3m", "NTP")
	wants(askedOf(t, evidence.Config{URL: server.URL}), Warn, "it answers 401", "prometheus_token")
	server.Close()
	wants(askedOf(t, c), Warn, "ask prometheus_url for /api/v1/query", "")
}
