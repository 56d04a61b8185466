package evidence

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// What differs between servers that speak the API of Prometheus, as their own
// documentation has it:
// https://grafana.com/docs/mimir/latest/references/http-api/
// https://thanos.io/tip/components/query.md/
// https://docs.victoriametrics.com/victoriametrics/url-examples/

// server answers each path as it is told, and all others with 404.
func server(t *testing.T, paths map[string]http.HandlerFunc) string {
	mux := http.NewServeMux()
	for path, answer := range paths {
		mux.HandleFunc(path, answer)
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

// vector answers one series of the value now, by a clock that is so far ahead.
func vector(ahead time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		now := float64(time.Now().Add(ahead).UnixMilli()) / 1000
		_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%f,"1"]}]}}`, now)
	}
}

const upIsDown = `{"status":"success","data":{"groups":[{"name":"g","rules":[{"name":"Down","query":"up == 0","duration":300,"health":"ok","type":"alerting"}]}]}}`

func watchDown(t *testing.T) item.Watch {
	w, ok := WatchOf(item.Rule{Name: "Down", Expr: "up == 0", For: 5 * time.Minute})
	if !ok {
		t.Fatal("up == 0 is not read")
	}
	return w
}

func TestMimirIsAskedBelowItsPrefixAsItsTenant(t *testing.T) {
	t.Parallel()
	tenant := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Scope-OrgID") != "team|other" {
				http.Error(w, "no org id", http.StatusUnauthorized)
				return
			}
			answer(w, r)
		}
	}
	url := server(t, map[string]http.HandlerFunc{
		"/prometheus/api/v1/query": tenant(vector(0)), "/prometheus/api/v1/rules": tenant(status(http.StatusOK, upIsDown)),
	})
	p := open(t, Config{URL: url + "/prometheus/", Tenant: "team|other"})
	unknown, err := p.Known(t.Context(), []item.Rule{rule("up == 0", 0)})
	if err != nil || len(unknown) > 0 {
		t.Errorf("%v %v", unknown, err)
	}
	// It has no targets: that holds nothing back, and the rule is seen.
	pool := item.Watch{Pool: "node"}
	missing, err := p.Await(t.Context(), []item.Watch{watchDown(t), pool})
	if err != nil || len(missing) != 1 || missing[0].Watch != pool || !missing[0].Blind {
		t.Errorf("%+v %v", missing, err)
	}
	_, err = open(t, Config{URL: url + "/prometheus"}).Loaded(t.Context(), []item.Watch{watchDown(t)})
	if err == nil || !strings.Contains(err.Error(), "prometheus_tenant") {
		t.Errorf("without a tenant: %v", err)
	}
	// Beside its prefix nothing is there, which says nothing of the rule.
	if missing, err := open(t, Config{URL: url, Tenant: "team|other"}).Loaded(t.Context(), []item.Watch{watchDown(t)}); err == nil || len(missing) > 0 {
		t.Errorf("at a wrong address: %+v %v", missing, err)
	}
}

func TestThanosWithoutAllOfItsStoresProvesNothingOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	const partial = `{"status":"success","warnings":["No StoreAPIs matched"],"data":{"resultType":"matrix","result":%s}}`
	matrix := `[]`
	url := server(t, map[string]http.HandlerFunc{
		"/api/v1/query": vector(0),
		"/api/v1/query_range": func(w http.ResponseWriter, r *http.Request) {
			list := matrix
			if strings.HasPrefix(r.FormValue("query"), "count(") {
				list = fmt.Sprintf(`[{"metric":{},"values":[[%s,"1"]]}]`, r.FormValue("start"))
			}
			_, _ = fmt.Fprintf(w, partial, list)
		},
	})
	start := time.Now().Add(-24 * time.Hour)
	incident := item.Incident{Start: start, End: start.Add(time.Hour)}
	b, err := open(t, Config{URL: url}).WouldHaveFired(t.Context(), rule("up == 0", 0), nil, incident)
	if err != nil || b.Missed() || !strings.HasPrefix(b.Sentence(), "no samples of that time") {
		t.Errorf("%s, missed %v, %v", b.Sentence(), b.Missed(), err)
	}
	matrix = fmt.Sprintf(`[{"metric":{},"values":[[%d,"1"]]}]`, start.Add(2*time.Minute).Unix())
	b, err = open(t, Config{URL: url}).WouldHaveFired(t.Context(), rule("up == 0", 0), nil, incident)
	if err != nil || !strings.Contains(b.Sentence(), "2 minutes after the start") {
		t.Errorf("%s, %v", b.Sentence(), err)
	}
}

func TestVictoriaMetricsWithoutItsAlertsSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := watchDown(t)
	url := server(t, map[string]http.HandlerFunc{
		"/select/0/prometheus/api/v1/query": vector(0), "/select/0/prometheus/api/v1/rules": status(http.StatusOK, `{"status":"success","data":{"groups":[]}}`),
		"/select/0/prometheus/api/v1/targets": status(http.StatusBadRequest, `unsupported path requested: "/select/0/prometheus/api/v1/targets"`),
	})
	missing, err := open(t, Config{URL: url + "/select/0/prometheus"}).Loaded(t.Context(), []item.Watch{w, {Pool: "node"}})
	if err != nil || len(missing) != 2 || !strings.Contains(missing[0].Why, "-vmalert.proxyURL") || missing[0].Blind || !missing[1].Blind {
		t.Errorf("%+v %v", missing, err)
	}
	// Its single server takes what vmalert answers, with expressions in its own way.
	url = server(t, map[string]http.HandlerFunc{"/api/v1/rules": status(http.StatusOK, strings.ReplaceAll(upIsDown, "up == 0", "(up) == 0.0"))})
	if missing, err := open(t, Config{URL: url}).Loaded(t.Context(), []item.Watch{w}); err != nil || len(missing) > 0 {
		t.Errorf("%+v %v", missing, err)
	}
}

func TestAProxyThatTakesGETAloneIsAskedByGET(t *testing.T) {
	t.Parallel()
	posts := 0
	url := server(t, map[string]http.HandlerFunc{"/api/v1/query": func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			posts++
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		if !strings.Contains(r.URL.Query().Get("query"), "up") {
			t.Errorf("asked for %q", r.URL.RawQuery)
		}
		vector(0)(w, r)
	}})
	unknown, err := open(t, Config{URL: url}).Known(t.Context(), []item.Rule{rule("up == 0 or up > 2", 0), rule(`up{job="x"} == 0`, 0)})
	if err != nil || len(unknown) > 0 || posts != 1 {
		t.Errorf("%v %v, %d times by POST", unknown, err, posts)
	}
}

// TestLimitsOfAServerHoldNothingBack: what is too much for it over 30 days works
// as an alert, which is evaluated at one time.
func TestLimitsOfAServerHoldNothingBack(t *testing.T) {
	t.Parallel()
	start := time.Now().Add(-24 * time.Hour)
	incident := item.Incident{Start: start, End: start.Add(time.Hour)}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"samples":    {status(http.StatusUnprocessableEntity, `{"status":"error","errorType":"execution","error":"query processing would load too many samples into memory in query execution"}`), "too many samples"},
		"points":     {status(http.StatusBadRequest, `{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries"}`), "maximum resolution"},
		"the length": {status(http.StatusUnprocessableEntity, `{"status":"error","errorType":"bad_data","error":"the query time range exceeds the limit"}`), "exceeds the limit"},
		"its time":   {status(http.StatusServiceUnavailable, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`), "timed out"},
		"an answer":  {func(w http.ResponseWriter, _ *http.Request) { flood(w) }, "over 16 MiB"},
	} {
		url := server(t, map[string]http.HandlerFunc{"/api/v1/query": vector(0), "/api/v1/query_range": test.answer})
		b, err := open(t, Config{URL: url}).WouldHaveFired(t.Context(), rule("up == 0", 0), nil, incident)
		if err != nil || b.Missed() || b.Noisy || !strings.HasPrefix(b.Sentence(), "could not be evaluated over the time of the incident: ") || !strings.Contains(b.Sentence(), test.says) {
			t.Errorf("%s: %q, missed %v, noisy %v, %v", name, b.Sentence(), b.Missed(), b.Noisy, err)
		}
	}
}

func TestASelectorThatIsRefusedIsNotUnknown(t *testing.T) {
	t.Parallel()
	url := server(t, map[string]http.HandlerFunc{"/api/v1/query": status(http.StatusBadRequest, `{"status":"error","errorType":"bad_data","error":"parse error"}`)})
	if unknown, err := open(t, Config{URL: url}).Known(t.Context(), []item.Rule{rule("up == 0", 0)}); err != nil || len(unknown) > 0 {
		t.Errorf("%v %v", unknown, err)
	}
}

func TestABusyServerIsAskedAgain(t *testing.T) {
	t.Parallel()
	calls := 0
	url := server(t, map[string]http.HandlerFunc{"/api/v1/query": func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls == 1 {
			status(http.StatusTooManyRequests, `{"status":"error","errorType":"too_many_requests","error":"too many outstanding requests"}`)(w, r)
			return
		}
		vector(0)(w, r)
	}})
	if unknown, err := open(t, Config{URL: url}).Known(t.Context(), []item.Rule{rule("up == 0", 0)}); err != nil || len(unknown) > 0 || calls != 2 {
		t.Errorf("%v %v, %d calls", unknown, err, calls)
	}
}

func TestClocksThatAreApartAreTold(t *testing.T) {
	t.Parallel()
	for ahead, says := range map[time.Duration]string{2 * time.Hour: "the clock of Prometheus is 2h0m", -10 * time.Minute: "the clock of Prometheus is 10m", 20 * time.Second: ""} {
		url := server(t, map[string]http.HandlerFunc{"/api/v1/query": vector(ahead), "/api/v1/query_range": status(http.StatusOK, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)})
		b, err := open(t, Config{URL: url}).WouldHaveFired(t.Context(), rule("up == 0", 0), nil, item.Incident{Start: time.Now().Add(-time.Hour), End: time.Now()})
		if err != nil || !strings.Contains(b.Sentence(), says) || (says == "") != (b.Skew == 0) {
			t.Errorf("%s: %q, %v", ahead, b.Sentence(), err)
		}
	}
}
