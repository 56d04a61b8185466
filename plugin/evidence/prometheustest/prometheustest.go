// Package prometheustest runs a real Prometheus for tests, on loopback, with
// samples of times that have passed. It uses no code that is under test.
package prometheustest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/freeport"
)

// Series is one series: a sample a minute between two times.
type Series struct {
	Name     string // with its labels
	From, To time.Time
	Value    func(at time.Time) float64
}

// Server is one Prometheus that scrapes itself, as job "prometheus".
type Server struct {
	URL string // without a final slash

	t    testing.TB
	dir  string
	stop func()
}

// Stop ends it. What is asked after that gets no answer.
func (s *Server) Stop() { s.stop() }

// programs are those of Debian's package prometheus.
func programs(t testing.TB) (prometheus, promtool string) {
	t.Helper()
	prometheus, err := exec.LookPath("prometheus")
	promtool, errTool := exec.LookPath("promtool")
	if errors.Join(err, errTool) != nil {
		t.Skip("needs a real Prometheus: install Debian's package prometheus, as .ci/run does")
	}
	return prometheus, promtool
}

// Start starts Prometheus with the series and a file of rules. The test is
// skipped where there is none, and stops it when it ends.
func Start(t testing.TB, all []Series, rules string) *Server {
	t.Helper()
	prometheus, promtool := programs(t)
	s := &Server{t: t, dir: t.TempDir()}
	address := freeport.Address(t)
	s.URL = "http://" + address
	s.backfill(promtool, all)
	s.write("rules.yml", rules)
	s.write("prometheus.yml", fmt.Sprintf(`
global: {evaluation_interval: 1s, scrape_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: [%q]}]
`, filepath.Join(s.dir, "rules.yml"), address))
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(prometheus, //nolint:gosec // found on the PATH
		"--config.file="+filepath.Join(s.dir, "prometheus.yml"), "--storage.tsdb.path="+s.data(), "--storage.tsdb.retention.time=1y",
		"--web.listen-address="+address, "--web.enable-lifecycle")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // it outlives no test
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(func() {
		s.stop()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			for line := range strings.Lines(string(text)) {
				if !strings.Contains(line, "level=info") {
					t.Logf("Prometheus: %s", line)
				}
			}
		}
	})
	s.wait(ended)
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// wait waits until it answers questions.
func (s *Server) wait(ended <-chan struct{}) {
	s.t.Helper()
	for range 600 {
		if response, err := http.Get(s.URL + "/-/ready"); err == nil { //nolint:noctx // loopback, in a test
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			s.t.Fatal("Prometheus ended at its start")
		case <-time.After(100 * time.Millisecond):
		}
	}
	s.t.Fatal("Prometheus was not ready within a minute")
}

// backfill writes the series into its storage.
func (s *Server) backfill(promtool string, all []Series) {
	s.t.Helper()
	if len(all) == 0 {
		return
	}
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, one := range all {
		for at := one.From.Truncate(time.Minute); !at.After(one.To); at = at.Add(time.Minute) {
			lines = append(lines, line{at, fmt.Sprintf("%s %g %d\n", one.Name, one.Value(at), at.Unix())})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	var text bytes.Buffer
	for _, one := range lines {
		text.WriteString(one.text)
	}
	text.WriteString("# EOF\n")
	s.write("samples", text.String())
	cmd := exec.Command(promtool, "tsdb", "create-blocks-from", "openmetrics", filepath.Join(s.dir, "samples"), s.data()) //nolint:gosec // found on the PATH
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("promtool: %v: %s", err, out)
	}
}

func (s *Server) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Reload has it read another file of rules, as a configuration that changed does.
func (s *Server) Reload(rules string) {
	s.t.Helper()
	s.write("rules.yml", rules)
	response, err := http.Post(s.URL+"/-/reload", "", strings.NewReader("")) //nolint:noctx // loopback, in a test
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close()
}
