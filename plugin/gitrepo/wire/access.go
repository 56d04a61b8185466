// Package wire speaks git's protocol with one remote, over https, ssh or a path:
// each act under a time limit of its own, and tried again while its errors are
// such that pass.
package wire

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Access says how a remote is reached.
type Access struct {
	URL        string        // see CheckURL
	Username   string        // for https; the URL's user, then "git", when empty
	Password   secret.String // for https: password or token
	Way        egress.Way    // for https: how the remote is reached
	SSHKey     secret.String // for ssh: private key
	KnownHosts []byte        // for ssh: known_hosts lines, required
	Timeout    time.Duration // of one remote act; 10 minutes when zero
	Progress   func(string)  // gets a printable line for what came; may be nil

	// Retrying hears of every act on the remote that failed, printably, and is
	// tried again after a pause, of several at once too; may be nil.
	Retrying func(err error, pause time.Duration)

	Pauses func() backoff.BackOff // between tries; newPauses when nil
	Quiet  time.Duration          // that ends an act; quietTime when zero
}

// defaultTimeout bounds one clone, fetch, list or push.
const defaultTimeout = 10 * time.Minute

// Place is where refs that have one prefix here stand on the remote.
type Place struct{ Here, There string }

// Open checks how a remote is to be reached, and contacts nothing. home is
// a private directory.
func Open(o Access, home string, state Place) (*Remote, error) {
	a, err := parseAddress(o.URL)
	if err != nil {
		return nil, err
	}
	t, err := o.transport(a, home)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Pauses == nil {
		o.Pauses = newPauses
	}
	if o.Quiet == 0 {
		o.Quiet = quietTime
	}
	return &Remote{Access: o, transport: t, Name: a.String(), state: state}, nil
}

func (o Access) transport(a address, home string) (transport, error) {
	switch a.scheme {
	case schemeHTTP, schemeHTTPS:
		if a.scheme == schemeHTTP && !a.loopback() && (!o.Password.Empty() || o.Username != "" || a.user != "") {
			return nil, fault.WithFix(errors.New("credentials are not sent over plain http"), "use https")
		}
		return newHTTPTransport(a, o)
	case schemeSSH:
		return newSSHTransport(a, o)
	default:
		return localTransport{path: a.path, home: home}, nil
	}
}
