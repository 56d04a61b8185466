package forge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Limits of one call.
const (
	perTry      = 15 * time.Second
	longestWait = 45 * time.Second // of all tries together
	maxTries    = 6
	maxAnswer   = 8 << 20
)

// api makes calls to one forge. Its errors contain no token.
type api struct {
	*egress.Caller
	token secret.String
}

func newAPI(token secret.String, way egress.Way) (*api, error) {
	caller, err := way.Caller(perTry, maxAnswer, token)
	return &api{caller, token}, err
}

// Error is a forge's refusal of a call.
type Error struct {
	Status  int
	Message string // of the forge, on one line
}

// Error says what the forge answered.
func (e *Error) Error() string { return egress.Refusal(e.Status, e.Message) }

// refused reports whether err is a forge's refusal with one of the statuses.
func refused(err error, statuses ...int) bool {
	no, ok := errors.AsType[*Error](err)
	for _, status := range statuses {
		if ok && no.Status == status {
			return true
		}
	}
	return false
}

// call makes one call and reads its answer into out, if that is not nil. It is
// tried again while the forge is in passing trouble or answers with one of the
// statuses again. body is sent as JSON. The error is of kind fault.Temporary when
// a later run may fare better.
func (a *api) call(ctx context.Context, method, address string, body, out any, again ...int) error {
	return a.try(ctx, method, address, body, out, func(err error) bool { return fault.Of(err) == fault.Temporary || refused(err, again...) })
}

// create makes a call that must not be made twice: it is tried again only when the
// forge says that it did nothing, since it had too many calls.
func (a *api) create(ctx context.Context, address string, body, out any) error {
	return a.try(ctx, http.MethodPost, address, body, out, func(err error) bool {
		return fault.Of(err) == fault.Temporary && refused(err, http.StatusTooManyRequests, http.StatusForbidden)
	})
}

func (a *api) try(ctx context.Context, method, address string, body, out any, again func(error) bool) error {
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		var after time.Duration
		after, last = a.once(ctx, method, address, body, out)
		switch {
		case last == nil:
			return struct{}{}, nil
		case !again(last), after > longestWait:
			return struct{}{}, backoff.Permanent(last)
		case after > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: after}
		}
		return struct{}{}, last
	}, backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(longestWait))
	if err == nil {
		return nil
	}
	return last
}

// once makes one call. after is how long the forge asks to wait.
func (a *api) once(ctx context.Context, method, address string, body, out any) (after time.Duration, err error) {
	header := http.Header{"Authorization": {"Bearer " + a.token.Reveal()}, "Accept": {"application/json"}}
	var sent []byte
	if body != nil {
		header.Set("Content-Type", "application/json")
		if sent, err = json.Marshal(body); err != nil {
			return 0, fmt.Errorf("encode the call: %w", err)
		}
	}
	answer, err := a.Call(ctx, method, address, sent, header)
	switch {
	case answer == nil && ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err != nil:
		return 0, err
	case answer.Status/100 != 2:
		return a.judge(answer)
	case out == nil:
		return 0, nil
	case len(answer.Body) > maxAnswer:
		return 0, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return 0, fmt.Errorf("the answer is no JSON as of this forge's API: %w", err)
	}
	return 0, nil
}

// judge is what an answer that is no success means.
func (a *api) judge(answer *egress.Answer) (after time.Duration, err error) {
	no := &Error{Status: answer.Status, Message: text.Line(a.Redactor.Redact(said(answer.Body)), 200)}
	if asked, asks := egress.RetryAfter(answer.Header); asks {
		after = max(time.Second, asked)
	}
	switch code := no.Status; {
	case code == http.StatusTooManyRequests, code >= 500, code == http.StatusRequestTimeout:
		return after, fault.Mark(fault.Temporary, no)
	case code == http.StatusForbidden && (after > 0 || answer.Header.Get("X-RateLimit-Remaining") == "0"):
		// GitHub's rate limits: the primary one says when it ends, which is mostly
		// longer than a run waits.
		return cmp.Or(after, longestWait+1), fault.Mark(fault.Temporary, no)
	case code/100 == 3:
		no.Message = "the forge sends this call elsewhere, and the token goes nowhere else; give the remote as the forge spells it now"
	case code == http.StatusUnauthorized:
		return 0, fault.WithFix(no, "give forge_token a token that is valid")
	case code == http.StatusForbidden:
		return 0, fault.WithFix(no, "give the token the right to open pull requests")
	}
	return 0, no
}

// said is the message in the answer of a forge; GitHub has details beside it,
// GitLab says "message" as text, list or map.
func said(answer []byte) string {
	var e struct {
		Message json.RawMessage   `json:"message"`
		Errors  []json.RawMessage `json:"errors"`
		Error   string            `json:"error"`
		Why     string            `json:"error_description"` // of a token's scope
	}
	if json.Unmarshal(answer, &e) != nil {
		return "" // a page for people
	}
	words := cmp.Or(e.Why, e.Error, string(e.Message))
	var plain string
	if json.Unmarshal(e.Message, &plain) == nil {
		words = plain
	}
	for _, one := range e.Errors {
		var detail struct{ Message string }
		if json.Unmarshal(one, &detail) == nil && detail.Message != "" {
			words += "; " + detail.Message
		}
	}
	return words
}
