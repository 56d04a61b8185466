package sandbox

import (
	_ "embed"
	"errors"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Where the one way out of a sandbox without network is, in there.
const (
	socket    = "/run/way-out" // a Unix socket on which a proxy listens, outside
	relayPort = "3128"         // of a loopback of its own: nobody else's
)

//go:embed relay.pl
var relay string

//go:embed reach.pl
var reach string

// Listener is a Perl program that listens on a free port of the machine's
// loopback, prints it, and prints another line when somebody comes: a probe in a
// sandbox without network must not.
//
//go:embed listener.pl
var Listener string

// Behind is Command without a network but for a proxy that listens on a Unix
// socket outside, an absolute path. What carries the bytes in there is a program
// in Perl, which git itself is packaged with nearly everywhere.
func (b Box) Behind(proxy string, args []string) []string {
	return b.behind(proxy, append([]string{b.program}, args...))
}

// ProbeNetwork is the command that looks whether Behind keeps its word, to be
// started as that is. Its standard input is the line that a Listener printed.
func (b Box) ProbeNetwork(proxy string) []string {
	return b.behind(proxy, []string{"perl", "-e", plain(reach)})
}

func (b Box) behind(proxy string, argv []string) []string {
	all := append(b.bounds(), "--unshare-net", "--ro-bind", proxy, socket)
	// Every program of the field reads one of the spellings.
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"} {
		all = append(all, "--setenv", name, "http://127.0.0.1:"+relayPort)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"} {
		all = append(all, "--unsetenv", name)
	}
	return append(append(all, "--", "perl", "-e", plain(relay), relayPort, socket), argv...)
}

// plain is a program without comments and indentation, as an argument.
func plain(program string) string {
	var text strings.Builder
	for line := range strings.Lines(program) {
		if line = strings.TrimLeft(line, "\t"); !strings.HasPrefix(line, "#") {
			text.WriteString(line)
		}
	}
	return text.String()
}

// ReadNetwork is what ProbeNetwork printed, and whether the Listener was reached.
// The error says that it did not come to its end.
func ReadNetwork(output string, reached bool) (Check, error) {
	found := Check{Name: "network", Held: true, Text: "nothing is in reach but a proxy to the model's servers"}
	var proxied, ended bool
	for line := range strings.Lines(output) {
		words, ours := strings.CutPrefix(strings.TrimSpace(line), "pm-todos-network ")
		what, reaches := strings.CutPrefix(words, "reached ")
		switch {
		case !ours:
		case reaches:
			found.Held, found.Text = false, text.Line(what, 100)+" is in reach"
		case words == "proxy":
			proxied = true
		case words == "done":
			ended = true
		}
	}
	if reached {
		found.Held, found.Text = false, "a listener of the machine is in reach"
	}
	switch {
	case !ended:
		return found, errors.New("what looked at its network did not come to an end")
	case !proxied:
		return found, errors.New("the proxy is not reached from inside")
	}
	return found, nil
}
