// Package prometheus stands in for Prometheus, as far as a run asks it: it knows
// every metric, has measured one incident, and loads what was applied at once.
package prometheus

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Prometheus answers /api/v1/query, query_range, rules and targets.
type Prometheus struct {
	// URL is its base.
	URL string

	server   *http.Server
	from, to time.Time
	files    func() ([]string, error)
}

// Start starts it on a free port of the loopback interface. From one time to
// another every expression of a rule has a result, and at no other. files are the
// documents with groups of rules or scrape configurations that it has loaded.
func Start(from, to time.Time, files func() ([]string, error)) (*Prometheus, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for the stand-in Prometheus: %w", err)
	}
	p := &Prometheus{URL: "http://" + listener.Addr().String(), from: from, to: to, files: files}
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", p.query)
	mux.HandleFunc("/api/v1/query_range", p.queryRange)
	mux.HandleFunc("/api/v1/rules", p.loaded)
	mux.HandleFunc("/api/v1/targets", p.loaded)
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Close stops the server.
func (p *Prometheus) Close() error { return p.server.Close() }

// object is one in JSON.
type object map[string]any

func answer(w http.ResponseWriter, data any) {
	_ = json.NewEncoder(w).Encode(object{"status": "success", "data": data}) // the other side may be gone
}

// counts reports whether a question is for the series themselves, not for what a
// rule makes of them.
func counts(r *http.Request) bool { return strings.HasPrefix(r.FormValue("query"), "count(") }

func (p *Prometheus) query(w http.ResponseWriter, r *http.Request) {
	sample := []any{float64(time.Now().UnixMilli()) / 1000, "1"}
	switch {
	case r.FormValue("query") == "time()":
		answer(w, object{"resultType": "scalar", "result": sample})
	case counts(r):
		answer(w, object{"resultType": "vector", "result": []any{object{"metric": object{}, "value": sample}}})
	default:
		answer(w, object{"resultType": "vector", "result": []any{}})
	}
}

func (p *Prometheus) queryRange(w http.ResponseWriter, r *http.Request) {
	start, err := strconv.ParseFloat(r.FormValue("start"), 64)
	end, errEnd := strconv.ParseFloat(r.FormValue("end"), 64)
	step, errStep := time.ParseDuration(r.FormValue("step"))
	if err != nil || errEnd != nil || errStep != nil || step < time.Second || (end-start)/step.Seconds() > 11000 {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(object{"status": "error", "errorType": "bad_data", "error": "start, end or step cannot be used"})
		return
	}
	var values []any
	for at := start; at <= end; at += step.Seconds() {
		if now := time.UnixMilli(int64(at * 1000)); counts(r) || !now.Before(p.from) && !now.After(p.to) {
			values = append(values, []any{at, "1"})
		}
	}
	result := []any{}
	if len(values) > 0 {
		result = append(result, object{"metric": object{}, "values": values})
	}
	answer(w, object{"resultType": "matrix", "result": result})
}

// loaded answers for rules and for targets.
func (p *Prometheus) loaded(w http.ResponseWriter, _ *http.Request) {
	files, err := p.files()
	rules, targets := []any{}, []any{}
	for _, file := range files {
		var config struct {
			Groups []struct {
				Rules []struct {
					Alert, Expr string
					For         time.Duration
				}
			}
			Jobs []struct {
				Name string `yaml:"job_name"`
			} `yaml:"scrape_configs"`
		}
		if err == nil {
			err = yaml.Unmarshal([]byte(file), &config)
		}
		for _, group := range config.Groups {
			for _, one := range group.Rules {
				rules = append(rules, object{"name": one.Alert, "query": one.Expr, "duration": one.For.Seconds(), "health": "ok"})
			}
		}
		for _, job := range config.Jobs {
			targets = append(targets, object{"scrapePool": job.Name, "health": "up"})
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, object{"groups": []any{object{"name": "all", "rules": rules}}, "activeTargets": targets})
}
