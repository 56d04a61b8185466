package metrics

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// longest is how long a push takes at most, with all tries: nobody waits for a
// gateway that is down.
const longest = 10 * time.Second

// CheckGateway reports what is wrong with the URL of a Pushgateway, and shows nothing
// of it. The text of its error follows the setting's name.
func CheckGateway(address string) error {
	_, err := gatewayURL(secret.New(address))
	return err
}

// gatewayURL reads the URL of a Pushgateway, which may hold a user and a password.
func gatewayURL(address secret.String) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(address.Reveal()))
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "":
		return nil, fault.WithFix(errors.New("is not the URL of a Pushgateway"), "write https://HOST, or http://HOST:9091")
	case u.User != nil && u.Scheme == "http" && !egress.ThisMachine(u.Hostname()):
		return nil, fault.WithFix(errors.New("would send its password in the clear, since it is plain http"), "use an https URL")
	}
	return u, nil
}

// Push hands the facts to a Pushgateway, in the place of what an earlier run of the
// same repository, branch and shard said. A run that failed replaces what it says itself and
// leaves when the last one succeeded as it is, see
// https://github.com/prometheus/pushgateway#api.
func Push(ctx context.Context, gateway secret.String, way egress.Way, f Facts) error {
	u, err := gatewayURL(gateway)
	if err != nil {
		return err
	}
	password, _ := u.User.Password()
	caller, err := way.Caller(longest, 4096, gateway, secret.New(password))
	if err != nil {
		return err
	}
	defer caller.Client.CloseIdleConnections()
	p := &push{caller, u, http.MethodPost}
	if f.ExitCode == 0 {
		p.method = http.MethodPut
	} else {
		f.LastSuccess = time.Time{} // the gateway knows better
	}
	if err := p.send(ctx, f); err != nil {
		return fmt.Errorf("push to the Pushgateway at %s: %w", u.Host, err)
	}
	return nil
}

// send tries again while the gateway is in passing trouble, and there is time.
func (p *push) send(ctx context.Context, f Facts) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	body, last := Text(f), error(nil)
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = p.once(ctx, group(f), body)
		if last != nil && fault.Of(last) != fault.Temporary {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithMaxElapsedTime(longest))
	if err != nil {
		return last
	}
	return nil
}

// group is the path of what belongs together: the values are encoded, since names of
// repositories and branches hold slashes, as those of shards do.
func group(f Facts) string {
	path := "/metrics/job/pm-todos"
	for _, l := range f.common() {
		encoded := base64.RawURLEncoding.EncodeToString([]byte(text.Line(l.value, 200)))
		if encoded == "" {
			encoded = "=" // an empty value, as the gateway has it
		}
		path += "/" + l.name + "@base64/" + encoded
	}
	return path
}

type push struct {
	*egress.Caller
	url    *url.URL
	method string
}

// once makes one try. Its error is of kind fault.Temporary when another may succeed.
func (p *push) once(ctx context.Context, path string, body []byte) error {
	address := *p.url
	address.User, address.Path = nil, strings.TrimSuffix(p.url.Path, "/")+path
	header := http.Header{"Content-Type": {"text/plain; version=0.0.4; charset=utf-8"}}
	if password, ok := p.url.User.Password(); ok {
		(&http.Request{Header: header}).SetBasicAuth(p.url.User.Username(), password)
	}
	answer, err := p.Call(ctx, p.method, address.String(), body, header)
	switch {
	case answer == nil:
		return err
	case answer.Status/100 == 2:
		return nil
	}
	err = errors.New(egress.Refusal(answer.Status, text.Line(p.Redactor.Redact(string(answer.Body)), 200))) // what is missing of it is missing here
	if answer.Status == http.StatusTooManyRequests || answer.Status >= 500 {
		return fault.Mark(fault.Temporary, err)
	}
	return err
}
