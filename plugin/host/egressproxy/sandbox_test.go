package egressproxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// inside runs a shell in a sandbox whose only way out is the proxy's socket.
func (w *world) inside(t *testing.T, script string, args ...string) (output string, code int) {
	t.Helper()
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		t.Skip("needs bubblewrap: install the package bubblewrap")
	}
	shell, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{sandbox.Tree, sandbox.Config} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run := func(box sandbox.Box, args []string) (string, int) {
		argv := box.Behind(w.socket, args)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir, cmd.Env = dir, []string{"PATH=/usr/bin:/bin"}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		// Bubblewrap tells of its namespace on descriptor 9, which the host's script reads.
		told, err := os.Create(filepath.Join(dir, "box"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = told.Close() }()
		cmd.ExtraFiles = []*os.File{6: told}
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), cmd.ProcessState.ExitCode()
	}
	machine := sandbox.Machine{Bubblewrap: bwrap, Home: t.TempDir(), Program: sandbox.Program{Path: "/bin/sh", Real: shell}}
	for _, box := range sandbox.Boxes(machine, sandbox.Policy{}, sandbox.Needs{}) {
		if output, code = run(box, []string{"-c", "true"}); code == 0 {
			return run(box, append([]string{"-c", script, "sh"}, args...))
		}
	}
	t.Skip("bubblewrap makes no sandbox here: ", output)
	return "", 0
}

func TestRelayBecomesTheProgram(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		script string
		args   []string
		out    string
		code   int
	}{
		{`printf '%s,' "$@"; exit 7`, []string{"a b", "-c", ""}, "a b,-c,,", 7},
		{`kill -TERM $$`, nil, "", 143},
	} {
		if out, code := w.inside(t, c.script, c.args...); out != c.out || code != c.code {
			t.Errorf("%q: %q %d", c.script, out, code)
		}
	}
}

// A program of the field finds the way by its environment: many connections at
// once, large answers, both over a tunnel and over plain http.
func TestProgramsInTheSandboxReachTheModel(t *testing.T) {
	t.Parallel()
	const size = 3 << 20
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(bytes.Repeat([]byte{'x'}, size+len(body)))
	}, "localhost:PORT")
	const script = `
for i in 1 2 3 4 5 6; do
	curl -sS --data abc "$1" | wc -c &
	curl -sS --proxytunnel --data abc "$1" | wc -c &
done
wait`
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("needs curl")
	}
	out, code := w.inside(t, script, "http://localhost:"+w.port+"/")
	if want := strings.Repeat("3145731\n", 12); code != 0 || out != want {
		t.Errorf("%d: %s", code, out)
	}
}

func TestThreat26_SandboxReachesNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {}, "localhost:PORT")
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another listener of the machine was reached") }))
	defer other.Close()
	name := "@pm-todos-" + strings.ReplaceAll(t.Name(), "/", "-") + w.port
	abstract, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = abstract.Close() }()
	_, port, _ := net.SplitHostPort(other.Listener.Addr().String())
	// Without the proxy, with it, by datagrams, by other kinds of sockets.
	const program = `
use Socket; $SIG{ALRM} = sub { exit 9 }; alarm 60;
my ($model, $other, $abstract) = @ARGV;
sub try { my ($what, $got) = @_; print "$what\n" if $got }
sub tcp { my ($host, $port) = @_; socket my $s, PF_INET, SOCK_STREAM, 0 or return 0; return connect $s, sockaddr_in($port, inet_aton($host)) }
sub udp { my ($host, $port) = @_; socket my $s, PF_INET, SOCK_DGRAM, 0 or return 0; return connect $s, sockaddr_in($port, inet_aton($host)) }
sub proxied { socket my $s, PF_INET, SOCK_STREAM, 0; connect $s, sockaddr_in(3128, INADDR_LOOPBACK) or die "no relay"; syswrite $s, "CONNECT $_[0] HTTP/1.1\r\n\r\n"; sysread $s, my $a, 99; return $a =~ / 200 / }
die "the model is not reached" unless proxied("localhost:$model");
try "the model without the proxy", tcp("127.0.0.1", $model);
try "another listener", tcp("127.0.0.1", $other);
try "metadata", tcp("169.254.169.254", 80);
try "an address", tcp("1.1.1.1", 443);
try "a name server", udp("1.1.1.1", 53);
try "a name", defined inet_aton("example.com");
try "another listener by the proxy", proxied("localhost:$other") || proxied("127.0.0.1:$other") || proxied("[::1]:$other");
try "metadata by the proxy", proxied("169.254.169.254:80");
try "a name by the proxy", proxied("example.com:443");
socket my $a, PF_UNIX, SOCK_STREAM, 0;
try "an abstract socket", connect $a, pack("S a*", AF_UNIX, "\0$abstract");
try "raw packets", socket my $r, PF_INET, SOCK_RAW, 1;
try "the host's routes", ` + "`cat /proc/net/route | wc -l`" + ` > 1;
print "end\n"`
	out, code := w.inside(t, `exec perl -e "$@"`, program, w.port, port, name[1:])
	if code != 0 || !strings.HasSuffix(out, "end\n") {
		t.Fatalf("%d: %s", code, out)
	}
	if out != "end\n" && out != "raw packets\nend\n" { // an own network may have them: they lead nowhere
		t.Errorf("reached: %s", out)
	}
}
