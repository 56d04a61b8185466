package host

import (
	"bufio"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/agent/agenttest"
	"github.com/pm-todos/pm-todos/plugin/host/egressproxy"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// model is a server on loopback that stands for the model's.
func model(t *testing.T) (servers egressproxy.Servers) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "the model") }))
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return egressproxy.Servers{"localhost:" + port}
}

// shortDir is a folder whose path leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "net") //nolint:usetesting // the folders of tests have long names
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestProxyIsASocketOnTheHost(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		if w.server != nil {
			t.Skip("the server of these tests does not forward")
		}
		servers := model(t)
		for range 2 { // the second one finds nothing of the first in its way
			p, socket, err := w.openProxy(t.Context(), t.TempDir(), servers)
			if err != nil {
				t.Fatal(err)
			}
			ask := func(target string) string {
				conn, err := net.Dial("unix", socket)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close() }()
				_, _ = fmt.Fprintf(conn, "GET http://%s/ HTTP/1.0\r\n\r\n", target)
				answer := make([]byte, 12)
				_, _ = conn.Read(answer)
				return string(answer)
			}
			if got := ask(servers[0]); !strings.HasSuffix(got, "200") {
				t.Errorf("the model: %q", got)
			}
			// A program waits for the tunnel before it says a word.
			conn, err := net.Dial("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\n\r\n", servers[0])
			replies := bufio.NewReader(conn)
			if reply, err := http.ReadResponse(replies, nil); err != nil || reply.StatusCode != http.StatusOK {
				t.Fatalf("the tunnel: %v %v", reply, err)
			}
			_, _ = fmt.Fprint(conn, "GET / HTTP/1.0\r\n\r\n")
			if reply, err := io.ReadAll(replies); err != nil || !strings.HasSuffix(string(reply), "the model") {
				t.Errorf("by the tunnel: %q %v", reply, err)
			}
			_ = conn.Close() // its other end has closed it
			if got := ask("example.com"); !strings.HasSuffix(got, "403") {
				t.Errorf("elsewhere: %q", got)
			}
			if refused := p.Close(); len(refused) != 1 || refused[0] != "example.com:80" {
				t.Errorf("refused %q", refused)
			}
			if _, err := net.Dial("unix", socket); err == nil {
				t.Error("somebody listens after the end")
			}
		}
	})
}

// What an agent reaches follows from the variables of its account, and a host
// where a proxy cannot be had says why.
func TestPreflightFindsTheWayToTheModel(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	program := filepath.Join(t.TempDir(), "agent")
	agentProgram(t, program, `echo '{"loggedIn":true}'`)
	servers := model(t)
	confined := Need{Agent: program, Status: askLogin, Sandbox: sandbox.Policy{Mode: sandbox.Require}, Program: programNeeds()}
	need := confined
	need.Network = Network{
		Variables: []string{"MODEL_URL", "MODEL_UNSET"},
		Servers: func(variables map[string]string) []string {
			return []string{variables["MODEL_URL"] + variables["MODEL_UNSET"]}
		},
	}
	for _, c := range []struct {
		name  string
		env   []string
		lines []string
		need  Need
		found egressproxy.Servers
		warns string
	}{
		{name: "a proxy", env: []string{"MODEL_URL=" + servers[0]}, need: need, found: servers},
		{name: "all that the host reaches", env: []string{"MODEL_URL=" + servers[0]}, need: confined},
		{name: "no sockets", env: []string{"MODEL_URL=" + servers[0]}, lines: []string{"AllowStreamLocalForwarding no"}, need: need, warns: "AllowStreamLocalForwarding"},
		{name: "no connections", env: []string{"MODEL_URL=" + servers[0]}, lines: []string{"AllowTcpForwarding no"}, need: need, warns: "AllowTcpForwarding"},
		{name: "no connection but to others", env: []string{"MODEL_URL=" + servers[0]}, lines: []string{"PermitOpen 192.0.2.1:443"}, need: need, warns: "PermitOpen"},
		{name: "no forwarding", env: []string{"MODEL_URL=" + servers[0]}, lines: []string{"DisableForwarding yes"}, need: need, warns: "DisableForwarding"},
		{name: "a model that is no server", env: []string{"MODEL_URL=;touch${IFS}x"}, need: need, warns: "is no server"},
		{name: "a proxy of the account's own", env: []string{"MODEL_URL=" + servers[0], "https_proxy=http://user:hunter2@proxy:3128"}, need: need, warns: "HTTPS_PROXY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newSSHD(t, sshdtest.Config{Env: c.env, Lines: c.lines})
			d.Start(t)
			s := sshclient.Login{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())}
			skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
			h, err := Dial(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = h.Close() }()
			h.shell.Root = shortDir(t)
			facts, err := h.Preflight(t.Context(), c.need)
			if err != nil || facts.Box == nil || !slices.Equal(facts.Servers, c.found) {
				t.Fatalf("%q, %v", facts.Servers, err)
			}
			proved := slices.ContainsFunc(facts.Probed, func(one sandbox.Check) bool { return one.Name == "network" && one.Held })
			if proved != (c.found != nil) {
				t.Errorf("proved: %+v", facts.Probed)
			}
			warned := fmt.Sprint(errors.Join(facts.Warnings...))
			if strings.Contains(warned, "the network of the host") != (c.warns != "") || !strings.Contains(warned, c.warns) || strings.Contains(warned, "hunter2") {
				t.Errorf("warned: %s", warned)
			}
			c.need.Network.Required = true
			if _, err := h.Preflight(t.Context(), c.need); (err != nil) != (c.warns != "") || err != nil && !errors.Is(err, ErrNoProxy) {
				t.Errorf("where it is required: %v", err)
			}
		})
	}
}

// The real program edits its workspace behind a real sshd, in a sandbox that
// reaches the scripted model and nothing else: over plain http, as a gateway has it,
// and over TLS by a tunnel.
func TestRealAgentReachesItsModelAlone(t *testing.T) {
	t.Parallel()
	needBubblewrap(t)
	program := agenttest.Program(t)
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			api := agenttest.New(
				t,
				[]agenttest.Block{{Tool: "Write", Input: map[string]any{"file_path": "/workspace/stacks/a/new.tf", "content": "locals {}\n"}}},
				[]agenttest.Block{{Text: "done"}},
			)
			url, dir := api.URL, t.TempDir()
			if scheme == "https" {
				server := httptest.NewTLSServer(api.Config.Handler)
				t.Cleanup(server.Close)
				url = server.URL
				write(t, dir+"/ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})), 0o644)
			}
			d := newSSHD(t, sshdtest.Config{Env: []string{"ANTHROPIC_BASE_URL=" + url, "ANTHROPIC_API_KEY=dummy", "NODE_EXTRA_CA_CERTS=" + dir + "/ca.pem"}})
			d.Start(t)
			s := sshclient.Login{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())}
			skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
			h, err := Dial(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = h.Close() }()
			h.shell.Root = shortDir(t)
			facts, err := h.Preflight(t.Context(), Need{
				Agent: program, Status: askLogin, Sandbox: sandbox.Policy{Mode: sandbox.Require, Paths: []string{dir}}, Program: agent.KindOf("claude", "").Needs,
				Network: Network{Servers: modelServers, Variables: agent.KindOf("claude", "").Endpoints, Required: true},
			})
			if err != nil || !slices.Equal(facts.Servers, egressproxy.Servers{strings.TrimPrefix(url, scheme+"://")}) {
				t.Fatalf("%+v %v", facts, err)
			}
			_, ws := space(t, h, makeRepository(t, oneFile), AgentTree, Prepare{})
			call := agent.KindOf("claude", "").Command(program, agent.Turn{Definition: agent.NewDefinition(nil, "x", ""), Prompt: []byte("Do it.\n"), BudgetUSD: 5})
			exit, err := ws.Supervise(t.Context(), Process{Argv: call.Argv, Env: call.Env, Stdin: call.Stdin, Final: call.Final, Box: facts.Box, Servers: facts.Servers})
			if err != nil {
				t.Fatal(err)
			}
			if report := agent.KindOf("claude", "").Decode(exit.Stdout, exit.Code, string(exit.Stderr)); !report.OK || len(exit.Refused) != 0 {
				t.Errorf("%+v, refused %q", report, exit.Refused)
			}
			if got := read(t, ws.tree()+"/stacks/a/new.tf"); got != "locals {}\n" {
				t.Errorf("it wrote %q", got)
			}
		})
	}
}

// A hostile program tries the machine's other listeners, the metadata service and
// names, with the proxy and without it.
func TestThreat26_HostileAgentReachesNothingElse(t *testing.T) {
	needBubblewrap(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another listener of the machine was reached") }))
	t.Cleanup(elsewhere.Close)
	program := filepath.Join(t.TempDir(), "agent")
	write(t, program, `#!/bin/sh
case $1 in
--version) echo 2.1.330; exit ;;
auth) echo '{"loggedIn":true}'; exit ;;
esac
try() { curl -sS --max-time 20 -o /dev/null "$@" 2>/dev/null && echo "reached $*"; }
try "http://$1/" && echo model
for way in "" "--noproxy *"; do
	for url in "$2" http://169.254.169.254/latest/ http://example.com/ https://example.com/ https://1.1.1.1/ "http://$1.example.com/" telnet://127.0.0.1:22; do
		try -f $way "$url" </dev/null
	done
done
getent hosts example.com && echo a name
exit 0
`, 0o755)
	servers := model(t)
	everywhere(t, func(t *testing.T, w *world) {
		if w.server != nil {
			t.Skip("the server of these tests does not forward")
		}
		w.shell.Root = shortDir(t)
		facts, err := w.Preflight(t.Context(), Need{
			Agent: program, Status: askLogin, Sandbox: sandbox.Policy{Mode: sandbox.Require}, Program: programNeeds(),
			Network: Network{Servers: func(map[string]string) []string { return servers }, Required: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, ws := space(t, w.Host, makeRepository(t, oneFile), AgentTree, Prepare{})
		exit, err := ws.Supervise(t.Context(), Process{Argv: []string{program, servers[0], elsewhere.URL}, Box: facts.Box, Servers: facts.Servers})
		if err != nil {
			t.Fatal(err)
		}
		if want := "reached http://" + servers[0] + "/\nmodel\n"; string(exit.Stdout) != want {
			t.Errorf("%s %s", exit.Stdout, exit.Stderr)
		}
		for _, target := range []string{"example.com:443", "example.com:80", "169.254.169.254:80", "1.1.1.1:443", strings.TrimPrefix(elsewhere.URL, "http://")} {
			if !slices.Contains(exit.Refused, target) {
				t.Errorf("nobody was told of %s: %q", target, exit.Refused)
			}
		}
	})
}

// modelServers are the servers of the real agent.
func modelServers(env map[string]string) []string { return agent.KindOf("claude", "").Servers("", env) }
