// Package evidence asks Prometheus about rules: whether what they measure is
// there, whether they would have fired, and whether they are loaded. What
// speaks the same API is asked alike: Mimir, Thanos, VictoriaMetrics.
//
// Its answers are bounded in size, points and time, and taken as hostile: what of
// them reaches people or the agent is a name that Prometheus could have, a
// number, or a line that was cut.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Config says which Prometheus is asked, and what counts as noise.
type Config struct {
	URL      string // empty: none is asked
	Token    secret.String
	Username string
	Password secret.String
	CACert   string // PEM; empty: that of the way
	Tenant   string // X-Scope-OrgID of Mimir and its like

	Via        Via
	Timeout    time.Duration // how long rules are waited for until they are loaded
	NoisyAfter int           // firings a day that are too many
}

// Via is who makes the connections.
type Via string

// The ways: the step itself, or the Terraform host, by its SSH connection.
const (
	Step Via = "step"
	Host Via = "host"
)

// CheckURL tells what is wrong with the address of a Prometheus.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return fault.WithFix(errors.New("is no http or https URL with a host"), "write the base URL, such as http://prometheus-server.monitoring.svc:9090")
	case u.User != nil:
		return fault.WithFix(errors.New("holds a user or a password"), "use prometheus_username and prometheus_password")
	case u.RawQuery != "" || u.Fragment != "":
		return fault.WithFix(errors.New("has something after its path"), "write the base URL, without /api/v1")
	}
	return nil
}

// Times of one question, with all of its answer.
const (
	dialTimeout    = 10 * time.Second
	queryTimeout   = 30 * time.Second
	evaluationTime = 25 * time.Second // after which Prometheus itself gives up, and says so
)

// Prometheus is one that can be asked. It is not safe for concurrent use.
type Prometheus struct {
	config Config
	base   string
	caller *egress.Caller
	pause  time.Duration // between two looks for what is to be loaded

	readOnly bool // what is before it takes questions by GET alone
}

// Dialer makes the connections to a server.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Open makes ready to ask; nothing is contacted yet. Connections are made by dial
// unless it is nil.
func Open(c Config, way egress.Way, dial Dialer) (*Prometheus, error) {
	if c.CACert != "" {
		way.CACert = c.CACert
	}
	transport, err := way.Transport(dialTimeout)
	if err != nil {
		return nil, fmt.Errorf("reach prometheus_url: %w", err)
	}
	if dial != nil {
		transport.DialContext, transport.Proxy = dial, nil
	}
	return &Prometheus{
		config: c, base: strings.TrimRight(c.URL, "/"), pause: 5 * time.Second,
		caller: &egress.Caller{Client: egress.Client(transport, queryTimeout), Most: mostBytes},
	}, nil
}

// Close ends the connections.
func (p *Prometheus) Close() { p.caller.Client.CloseIdleConnections() }
