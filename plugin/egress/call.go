package egress

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Caller makes calls to one server.
type Caller struct {
	Client   *http.Client
	Redactor secret.Redactor // of what no error may show
	Most     int             // bytes of an answer that are read, and one more
}

// Caller makes calls on this way, each within a time.
func (w Way) Caller(within time.Duration, most int, secrets ...secret.String) (*Caller, error) {
	transport, err := w.Transport(within)
	if err != nil {
		return nil, err
	}
	c := &Caller{Client: Client(transport, within), Most: most}
	c.Redactor.Add(secrets...)
	return c, nil
}

// Answer is what a server says to a call.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Call makes one call. Its error is of kind fault.Temporary when another may succeed;
// there is an answer beside it where one began.
func (c *Caller) Call(ctx context.Context, method, address string, body []byte, header http.Header) (*Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("make the call: its URL cannot be used") // and may be a secret
	}
	request.Header = header
	response, err := c.Client.Do(request)
	if err != nil {
		return nil, fault.Mark(fault.Temporary, errors.New(text.Line(c.Redactor.Redact(WithoutURL(err).Error()), 300)))
	}
	defer func() { _ = response.Body.Close() }()
	answer := &Answer{Status: response.StatusCode, Header: response.Header}
	if answer.Body, err = io.ReadAll(io.LimitReader(response.Body, int64(c.Most)+1)); err != nil {
		return answer, fault.Mark(fault.Temporary, fmt.Errorf("read the answer: %w", err))
	}
	return answer, nil
}

// Refusal is the status of an answer, and what was said beside it if that is anything.
func Refusal(status int, said string) string {
	return strings.TrimSuffix(fmt.Sprintf("%d %s: %s", status, http.StatusText(status), said), ": ")
}
