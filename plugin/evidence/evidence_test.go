package evidence

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func open(t *testing.T, c Config) *Prometheus {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = time.Minute
	}
	c.NoisyAfter = 20
	p, err := Open(c, egress.Way{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.pause = 200 * time.Millisecond
	t.Cleanup(p.Close)
	return p
}

const retransmissions = `node_nfs_rpc_retransmissions_total{instance="a"}`

// past is a Prometheus with the samples of an incident that began a day and a half
// ago and took two hours.
func past(t *testing.T, rules string) (*prometheustest.Server, item.Incident) {
	now := time.Now().UTC()
	start := now.Add(-36 * time.Hour).Truncate(time.Minute)
	incident := item.Incident{Start: start, End: start.Add(2 * time.Hour)}
	since := now.Add(-4 * 24 * time.Hour)
	counted := func(at time.Time) float64 { // 1 a second, 20 in the incident
		total := at.Sub(since).Seconds()
		return math.Round(total + 19*min(max(at.Sub(start).Seconds(), 0), 7200))
	}
	return prometheustest.Start(t, []prometheustest.Series{
		{Name: retransmissions, From: since, To: now, Value: counted},
		{Name: `node_load1{instance="a"}`, From: since, To: now, Value: func(time.Time) float64 { return 1 }},
		{Name: `flaps{instance="a"}`, From: since, To: now, Value: func(at time.Time) float64 { return float64(at.Unix() / 600 % 2) }},
		{Name: `gone_in_incident`, From: since, To: start.Add(-3 * time.Minute), Value: func(time.Time) float64 { return 1 }},
		{Name: `gone_recently{instance="a"}`, From: since, To: now.Add(-6 * time.Hour), Value: func(time.Time) float64 { return 1 }},
		{Name: `gone_long{instance="a"}`, From: since, To: now.Add(-48 * time.Hour), Value: func(time.Time) float64 { return 1 }},
	}, rules), incident
}

func rule(expr string, wait time.Duration) item.Rule {
	return item.Rule{Name: "Test", Expr: expr, For: wait, Added: true}
}

func TestARealPrometheusIsAsked(t *testing.T) {
	t.Parallel()
	server, incident := past(t, "groups: []\n")
	p := open(t, Config{URL: server.URL})
	t.Run("known, known within a day, and unknown", func(t *testing.T) {
		for expr, want := range map[string]string{
			`rate(node_nfs_rpc_retransmissions_total[5m]) > 5`: "",
			`gone_recently == 0`:                           "",
			`gone_long == 0`:                               "gone_long is unknown to Prometheus, now and in the last day",
			`node_load1{instance="b"} > 5`:                 "node_load1 with these labels selects nothing in Prometheus, now and in the last day",
			`rate(node_nfs_rpc_retransmits_total[5m]) > 5`: "node_nfs_rpc_retransmits_total is unknown to Prometheus, now and in the last day; node_nfs_rpc_retransmissions_total is there",
			`{{ $x }} > 1`:                                 "",
			`{job="b"} > 1`:                                "a selector by labels alone selects nothing in Prometheus, now and in the last day",
		} {
			unknown, err := p.Known(t.Context(), []item.Rule{rule(expr, 0)})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, u := range unknown {
				got += u.Sentence(func(string) bool { return true })
			}
			if got != want {
				t.Errorf("%s: %q, want %q", expr, got, want)
			}
		}
	})
	t.Run("metrics that the same change records", func(t *testing.T) {
		rules := []item.Rule{
			{Name: "nfs:retransmissions:rate5m", Record: true, Expr: `rate(node_nfs_rpc_retransmissions_total[5m])`, Added: true},
			rule(`nfs:retransmissions:rate5m > 5`, time.Minute),
		}
		unknown, err := p.Known(t.Context(), rules)
		if err != nil || len(unknown) > 0 {
			t.Errorf("%v %v", unknown, err)
		}
		b, err := p.WouldHaveFired(t.Context(), rules[1], rules, incident)
		if err != nil || b.Fired.IsZero() {
			t.Errorf("%+v %v", b, err)
		}
	})
	t.Run("what rules would have done", func(t *testing.T) {
		stated := incident
		stated.NoZone = true
		for name, test := range map[string]struct {
			rule                   item.Rule
			incident               item.Incident
			says                   string
			missed, noisy, refused bool
		}{
			"fires":           {rule(`rate(node_nfs_rpc_retransmissions_total[5m]) > 5`, 3*time.Minute), incident, "minutes after the start (" + incident.Start.Format("15:04") + "); fired once in 4 days", false, false, false},
			"would not":       {rule(`node_load1 > 5`, 0), incident, "would not have fired in the incident; never fired in 4 days", true, false, false},
			"waits too long":  {rule(`rate(node_nfs_rpc_retransmissions_total[5m]) > 5`, 4*time.Hour), incident, "would not have fired in the incident", true, false, false},
			"noisy":           {rule(`flaps > 0`, 0), incident, "would have fired at", false, true, false},
			"no time":         {rule(`node_load1 > 5`, 0), item.Incident{}, "the document states no time of the incident; never fired", false, false, false},
			"no samples":      {rule(`node_load1 > 5`, 0), item.Incident{Start: incident.Start.AddDate(-1, 0, 0), End: incident.End.AddDate(-1, 0, 0)}, "no samples of that time any more", false, false, false},
			"no zone":         {rule(`node_load1 > 5`, 0), stated, "the document states no time zone, so UTC was taken", true, false, false},
			"refused":         {rule(`node_load1 * on () {instance="a"} > 0`, 0), incident, "Prometheus does not take its expression: ", false, false, true},
			"a template":      {rule(`node_load1 > {{ .Values.load }}`, 0), incident, "was not evaluated: its expression holds a template", false, false, false},
			"LogQL":           {rule(`sum(rate({app="x"} |= "error" [5m])) > 1`, 0), incident, "was not evaluated: its expression is no PromQL; a rule of Loki is neither", false, false, false},
			"to come":         {rule(`node_load1 > 5`, 0), item.Incident{Start: incident.Start.AddDate(1, 0, 0), End: incident.End.AddDate(1, 0, 0)}, "is still to come; never fired", false, false, false},
			"always":          {rule(`node_load1 > 0`, 0), incident, "fired nearly all the time in 4 days", false, true, false},
			"for what ended":  {rule(`absent(gone_in_incident)`, 5*time.Minute), incident, "7 minutes after the start", false, false, false},
			"tuned and quiet": {item.Rule{Name: "Test", Expr: `node_load1 > 5`}, incident, "would not have fired in the incident", false, false, false},
		} {
			b, err := p.WouldHaveFired(t.Context(), test.rule, nil, test.incident)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if !strings.Contains(b.Sentence(), test.says) || b.Missed() != test.missed || b.Noisy != test.noisy || (b.Refused != "") != test.refused {
				t.Errorf("%s: %q, missed %v, noisy %v", name, b.Sentence(), b.Missed(), b.Noisy)
			}
		}
	})
}

func TestBadAnswersAreTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"401":           {status(http.StatusUnauthorized, "no"), "set prometheus_token"},
		"503":           {status(http.StatusServiceUnavailable, "busy"), "it answers 503"},
		"a page":        {status(http.StatusOK, "<html><title>Log in</title></html>"), "a page of HTML"},
		"a redirect":    {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, "leads elsewhere"},
		"another JSON":  {status(http.StatusOK, `{"hello": 1}`), "no JSON of the API"},
		"another form":  {status(http.StatusOK, `{"status": "success", "data": [1]}`), "another form"},
		"too large":     {func(w http.ResponseWriter, _ *http.Request) { flood(w) }, "over 16 MiB"},
		"a part of all": {status(http.StatusOK, `{"status": "success", "warnings": ["a store is down"], "data": {"resultType": "vector", "result": []}}`), "partial"},
	} {
		server := httptest.NewServer(test.answer)
		t.Cleanup(server.Close)
		_, err := open(t, Config{URL: server.URL}).Known(t.Context(), []item.Rule{rule("up == 0", 0)})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := httptest.NewServer(status(http.StatusOK, ""))
	gone.Close()
	p := open(t, Config{URL: gone.URL})
	if _, err := p.Known(t.Context(), []item.Rule{rule("up == 0", 0)}); err == nil {
		t.Errorf("nobody there: %v", err)
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody sees that the client is gone
		<-r.Context().Done()
	}))
	t.Cleanup(slow.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := open(t, Config{URL: slow.URL}).Known(ctx, []item.Rule{rule("up == 0", 0)}); err == nil {
		t.Error("no answer is taken for one")
	}
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

func flood(w http.ResponseWriter) {
	part := slices.Repeat([]byte(" "), 1<<20)
	for range 200 {
		if _, err := w.Write(part); err != nil {
			return
		}
	}
}

func TestWhoAsksIsSaid(t *testing.T) {
	t.Parallel()
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		status(http.StatusOK, `{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}`)(w, r)
	}))
	t.Cleanup(server.Close)
	for want, c := range map[string]Config{
		"Bearer hunter2":     {URL: server.URL, Token: secret.New("hunter2"), Tenant: "team"},
		"Basic dTpodW50ZXIy": {URL: server.URL + "/", Username: "u", Password: secret.New("hunter2"), Tenant: "team"},
	} {
		if _, err := open(t, c).Known(t.Context(), []item.Rule{rule("up == 0", 0)}); err != nil {
			t.Fatal(err)
		}
		if got.Get("Authorization") != want || got.Get("X-Scope-OrgID") != "team" {
			t.Errorf("%v", got)
		}
	}
}

func TestAddressesOfAPrometheusAreChecked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"prometheus:9090", "ftp://p", "http://u:hunter2@p", "http://p/?x=1", "http://"} {
		if err := CheckURL(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"http://prometheus:9090", "https://mimir.example.org/prometheus/"} {
		if err := CheckURL(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
