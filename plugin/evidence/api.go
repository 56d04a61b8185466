package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// The API of Prometheus, as far as it is asked here, is five calls, and the client
// library costs 2.7 MB of image for them.
// Source: https://prometheus.io/docs/prometheus/latest/querying/api/

// mostBytes is how large an answer may be, after decompression.
const mostBytes = 16 << 20

// tries is how often one question is asked while nothing answers it.
const tries = 3

var errTooLarge = errors.New("the answer is over 16 MiB")

// errNoAPI says that a server does not have what it was asked for. Mimir has no
// targets, and VictoriaMetrics answers 400 to a path that it does not know.
var errNoAPI = errors.New("it has no such API")

// refusal is what Prometheus says against a question.
type refusal struct {
	status int
	kind   string // bad_data, execution, timeout …
	said   string // cleaned
}

func (r *refusal) Error() string {
	return fmt.Sprintf("it answers %d %s: %s", r.status, r.kind, r.said)
}

// answer is the envelope of all answers.
type answer struct {
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data"`
	ErrorType string          `json:"errorType"`
	Error     string          `json:"error"`
	Warnings  []string        `json:"warnings"`
}

// ask asks one question and reads the data of its answer. partial tells that the
// answer comes with warnings: what is in it is there, and more may be.
func (p *Prometheus) ask(ctx context.Context, path string, form url.Values, into any) (partial bool, err error) {
	limited, cancel := context.WithTimeout(ctx, 2*queryTimeout)
	defer cancel()
	got, err := backoff.Retry(limited, func() (answer, error) { return p.once(limited, path, form) }, backoff.WithMaxTries(tries))
	if err != nil {
		return false, fmt.Errorf("ask prometheus_url for %s: %w", path, err)
	}
	if err := json.Unmarshal(got.Data, into); err != nil {
		return false, fmt.Errorf("ask prometheus_url for %s: its answer has another form than Prometheus gives", path)
	}
	return len(got.Warnings) > 0, nil
}

// once asks one time. Errors that a later try cannot mend are permanent.
func (p *Prometheus) once(ctx context.Context, path string, form url.Values) (answer, error) {
	method, body, header := http.MethodGet, "", p.identity()
	switch {
	case form != nil && p.readOnly:
		path += "?" + form.Encode()
	case form != nil:
		method, body = http.MethodPost, form.Encode()
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	got, err := p.caller.Call(ctx, method, p.base+path, []byte(body), header)
	switch {
	case err != nil && fault.Of(err) == fault.Temporary:
		return answer{}, err
	case err != nil:
		return answer{}, backoff.Permanent(err)
	case len(got.Body) > mostBytes:
		return answer{}, backoff.Permanent(errTooLarge)
	case method == http.MethodPost && (got.Status == http.StatusMethodNotAllowed || got.Status == http.StatusNotImplemented):
		p.readOnly = true // a proxy that lets reading through and takes a POST for writing
		return p.once(ctx, path, form)
	}
	return judge(got.Status, got.Body)
}

// identity says who asks.
func (p *Prometheus) identity() http.Header {
	c, header := p.config, http.Header{}
	switch {
	case !c.Token.Empty():
		header.Set("Authorization", "Bearer "+c.Token.Reveal())
	case c.Username != "":
		(&http.Request{Header: header}).SetBasicAuth(c.Username, c.Password.Reveal())
	}
	if c.Tenant != "" {
		header.Set("X-Scope-OrgID", c.Tenant)
	}
	return header
}

// judge tells an answer of the API from whatever else a server or a proxy before
// it may send.
func judge(status int, content []byte) (answer, error) {
	var got answer
	err := json.Unmarshal(content, &got)
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return got, backoff.Permanent(fault.WithFix(fmt.Errorf("it answers %d: the login is missing or refused", status), "set prometheus_token, or prometheus_username and prometheus_password; a Mimir with tenants needs prometheus_tenant"))
	case status/100 == 3:
		return got, backoff.Permanent(fault.WithFix(fmt.Errorf("it answers %d and leads elsewhere", status), "set prometheus_url to where the API itself is, and a login if it needs one"))
	case err == nil && got.Status == "success" && status == http.StatusOK:
		return got, nil
	case status == http.StatusTooManyRequests || status >= 500 && got.ErrorType != "timeout" && got.ErrorType != "execution":
		return got, fault.Mark(fault.Temporary, fmt.Errorf("it answers %d %s", status, text.Line(got.Error, 300)))
	case err == nil && got.Status == "error":
		return got, backoff.Permanent(&refusal{status: status, kind: text.Line(got.ErrorType, 40), said: text.Line(got.Error, 300)})
	}
	what := "no JSON of the API"
	if bytes.Contains(content[:min(len(content), 512)], []byte("<")) {
		what = "a page of HTML"
	}
	err = fmt.Errorf("it answers %d with %s", status, what)
	if status == http.StatusNotFound || status == http.StatusBadRequest {
		err = fmt.Errorf("%w: %w", errNoAPI, err)
	}
	return got, backoff.Permanent(fault.WithFix(err, "set prometheus_url to the base URL of the API, without /api/v1"))
}

// sample is a value at a time, as JSON has it: [1435781430.781, "1"].
type sample struct {
	At    time.Time
	Value float64
}

// UnmarshalJSON reads it.
func (s *sample) UnmarshalJSON(data []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	var at float64
	var value string
	if err := errors.Join(json.Unmarshal(pair[0], &at), json.Unmarshal(pair[1], &value)); err != nil {
		return err
	}
	n, err := strconv.ParseFloat(value, 64)
	s.At, s.Value = time.UnixMilli(int64(at*1000)).UTC(), n
	return err
}

// series is one series of a result: an instant one has a value.
type series struct {
	Metric map[string]string `json:"metric"`
	Value  sample            `json:"value"`
	Values []sample          `json:"values"`
}

// result is the result of a query. A scalar or a text has no series.
type result struct {
	Type   string          `json:"resultType"`
	Result json.RawMessage `json:"result"`
}

func (r result) series() (list []series, err error) {
	switch r.Type {
	case "vector", "matrix":
		if err := json.Unmarshal(r.Result, &list); err != nil {
			return nil, errors.New("the answer to a query has another form than Prometheus gives")
		}
	case "scalar":
		var one sample
		if err := json.Unmarshal(r.Result, &one); err != nil {
			return nil, errors.New("the answer to a query has another form than Prometheus gives")
		}
		list = []series{{Value: one, Values: []sample{one}}}
	}
	return list, nil
}

// query evaluates an expression at a time, now when it is zero.
func (p *Prometheus) query(ctx context.Context, expr string, at time.Time) (list []series, partial bool, err error) {
	form := url.Values{"query": {expr}, "timeout": {seconds(evaluationTime)}}
	if !at.IsZero() {
		form.Set("time", stamp(at))
	}
	var r result
	if partial, err = p.ask(ctx, "/api/v1/query", form, &r); err != nil {
		return nil, false, err
	}
	list, err = r.series()
	return list, partial, err
}

// queryRange evaluates an expression from one time to another.
func (p *Prometheus) queryRange(ctx context.Context, expr string, from, to time.Time, step time.Duration) (list []series, partial bool, err error) {
	form := url.Values{"query": {expr}, "start": {stamp(from)}, "end": {stamp(to)}, "step": {seconds(step)}, "timeout": {seconds(evaluationTime)}}
	var r result
	if partial, err = p.ask(ctx, "/api/v1/query_range", form, &r); err != nil {
		return nil, false, err
	}
	list, err = r.series()
	return list, partial, err
}

func stamp(at time.Time) string { return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64) }

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s" }
