package metrics

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// gateway stands in for a Pushgateway.
func gateway(t *testing.T, answer http.HandlerFunc) (address string, seen *[]*http.Request) {
	t.Helper()
	seen = &[]*http.Request{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = append(*seen, r)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, seen
}

func TestPushTakesThePlaceOfWhatTheLastRunSaid(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		exit   int
		method string
	}{
		"a run that succeeded replaces all":                         {0, http.MethodPut},
		"one that failed leaves when the last one succeeded":        {1, http.MethodPost},
		"a run whose apply a person must look at is no success too": {3, http.MethodPost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body []byte
			address, seen := gateway(t, func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) })
			f := facts()
			f.ExitCode = test.exit
			if err := Push(t.Context(), secret.New(strings.Replace(address, "://", "://me:a-password@", 1)+"/below/"), egress.Way{}, f); err != nil {
				t.Fatal(err)
			}
			r := (*seen)[0]
			const path = "/below/metrics/job/pm-todos/repository@base64/b3BzL2luZnJh/branch@base64/bWFpbg"
			user, password, _ := r.BasicAuth()
			if len(*seen) != 1 || r.Method != test.method || r.URL.Path != path || user != "me" || password != "a-password" {
				t.Errorf("%d calls, %s %s by %s:%s", len(*seen), r.Method, r.URL.Path, user, password)
			}
			if test.exit != 0 {
				f.LastSuccess = time.Time{}
			}
			if string(body) != string(Text(f)) {
				t.Errorf("it says\n%s", body)
			}
		})
	}
}

func TestGatewayInTroubleIsTriedAgainAndNotForLong(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		again  bool
		says   string
	}{
		"the text is refused": {http.StatusBadRequest, "pushed metrics are invalid: a-password <b>", false, "400 Bad Request: pushed metrics are invalid: ***"},
		"no login":            {http.StatusUnauthorized, "", false, "401 Unauthorized"},
		"sends elsewhere":     {http.StatusMovedPermanently, "", false, "301"},
		"overload":            {http.StatusTooManyRequests, "", true, ""},
		"down":                {http.StatusBadGateway, "<html>", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			address, seen := gateway(t, func(w http.ResponseWriter, _ *http.Request) {
				if calls++; calls == 1 {
					http.Error(w, test.body, test.status)
				}
			})
			err := Push(t.Context(), secret.New(strings.Replace(address, "://", "://me:a-password@", 1)), egress.Way{}, facts())
			switch {
			case test.again && (err != nil || len(*seen) != 2):
				t.Errorf("%d calls, %v", len(*seen), err)
			case !test.again && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "a-password") || len(*seen) != 1):
				t.Errorf("%d calls, %v", len(*seen), err)
			}
		})
	}
}

// TestGatewayThatSaysNothingIsNotWaitedFor takes ten seconds of a clock that is not
// the machine's.
func TestGatewayThatSaysNothingIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &push{Caller: &egress.Caller{Client: &http.Client{Transport: silent{}, Timeout: longest}}, method: http.MethodPut}
		var err error
		if p.url, err = gatewayURL(secret.New("http://gateway.example.org")); err != nil {
			t.Fatal(err)
		}
		if err := p.send(t.Context(), facts()); err == nil {
			t.Error("nothing was said, and it is taken")
		}
	})
}

// silent never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestGatewaysThatAreNone(t *testing.T) {
	t.Parallel()
	for address, wrong := range map[string]bool{
		"http://pushgateway:9091": false, "https://me:pw@push.example.org/base": false, "http://me:pw@127.0.0.1:9091": false,
		"pushgateway:9091": true, "ftp://a": true, "": true, "http://me:pw@push.example.org": true, "https://push.example.org/?x=pw": true,
	} {
		if err := CheckGateway(address); (err != nil) != wrong || wrong && strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
