package run_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// repository is a repository on this machine whose open items need a person, so that
// no run needs a host.
type repository struct {
	t     *testing.T
	path  string
	block map[string]string
	ci    settings.CI
}

const peoples = `# Outage of NFS

| Priority | Action | Type | Owner | Due | Status |
|---|---|---|---|---|---|
| P0 | Migrate the registry | Migration | ana | 2026-02-01 | TODO |
| P2 | Write a runbook for NFS | Runbook | | | TODO |
`

func newRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{t: t, path: filepath.Join(t.TempDir(), "infra.git"), ci: settings.CI{Event: "cron", RepoName: "ops/infra", Workspace: t.TempDir()}}
	r.block = map[string]string{"remote": r.path, "branch": "main", "hosts": "local"}
	gittest.Git(t, "", "init", "-q", "--bare", "-b", "main", r.path)
	r.write("docs/post-mortems/2026-01-01-nfs.md", peoples)
	return r
}

// write pushes a file.
func (r *repository) write(file, content string) {
	r.t.Helper()
	work := r.t.TempDir()
	gittest.Git(r.t, work, "clone", "-q", r.path, ".")
	path := filepath.Join(work, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
	gittest.Git(r.t, work, "add", "-A")
	gittest.Git(r.t, work, "commit", "-qm", "change "+file)
	gittest.Git(r.t, work, "push", "-q", "origin", "HEAD:main")
}

// run is one run, and what it logged.
func (r *repository) run() (log string, err error) {
	r.t.Helper()
	s, err := settings.Read(func(name string) string { return r.block[name] }, r.ci, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	var out bytes.Buffer
	c, flush := console.New("1.4.0", s, &out, false)
	err = run.Run(r.t.Context(), s, c)
	_ = flush() // into a buffer
	return out.String(), err
}

// inWorkspace is a file of the workspace, "" when it is not there.
func (r *repository) inWorkspace(file string) string {
	content, _ := os.ReadFile(filepath.Join(r.ci.Workspace, file))
	return string(content)
}

func TestMetricsOfARunAreWrittenAndPushed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	var pushed []byte
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { pushed, _ = io.ReadAll(q.Body) }))
	t.Cleanup(gateway.Close)
	r.block["metrics_file"], r.block["pushgateway_url"], r.block["slo"] = "metrics.prom", gateway.URL, `{"P0": "7d"}`
	if log, err := r.run(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	file := r.inWorkspace("metrics.prom")
	for _, want := range []string{
		`pm_todos_open_items{repository="ops/infra",branch="main",priority="P0",type="Migration",lane="person"} 1`,
		`pm_todos_open_items_past_target{repository="ops/infra",branch="main",priority="P0"} 1`,
		`pm_todos_overdue_items{repository="ops/infra",branch="main",priority="P0"} 1`,
		`pm_todos_run_exit_code{repository="ops/infra",branch="main"} 0`,
		`pm_todos_last_success_timestamp_seconds{repository="ops/infra",branch="main"}`,
	} {
		if !strings.Contains(file, want) || !strings.Contains(string(pushed), want) {
			t.Errorf("no %s in file or push:\n%s", want, file)
		}
	}

	// A run that fails keeps when the last one succeeded.
	_, success, _ := strings.Cut(file, "\npm_todos_last_success_timestamp_seconds")
	r.block["remote"] = r.path + "-gone"
	if _, err := r.run(); err == nil {
		t.Fatal("a repository that is gone is cloned")
	}
	failed := r.inWorkspace("metrics.prom")
	if !strings.Contains(failed, "\npm_todos_last_success_timestamp_seconds"+success) || strings.Contains(failed, "pm_todos_open_items") || strings.Contains(failed, "exit_code{repository=\"ops/infra\",branch=\"main\"} 0") {
		t.Errorf("after a run that failed:\n%s", failed)
	}
	if strings.Contains(string(pushed), "pm_todos_last_success") || !strings.Contains(string(pushed), "pm_todos_run_exit_code") {
		t.Errorf("a run that failed pushed:\n%s", pushed)
	}
}

// TestMetricsThatNobodyTakesChangeNoRun has a gateway that refuses, and a file where
// none can be.
func TestMetricsThatNobodyTakesChangeNoRun(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	gateway := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(gateway.Close)
	r.block["metrics_file"], r.block["pushgateway_url"] = "there/is/none/metrics.prom", gateway.URL
	log := r.mustRun()
	for _, want := range []string{"the metrics were not pushed", "the metrics file could not be written"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
}

func TestDryRunAndPullRequestWriteNoMetrics(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*repository){
		"dry run":      func(r *repository) { r.block["mode"] = "dry-run" },
		"pull request": func(r *repository) { r.ci.Event = "pull_request" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepository(t)
			r.block["metrics_file"] = "metrics.prom"
			change(r)
			if log, err := r.run(); err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			if file := r.inWorkspace("metrics.prom"); file != "" {
				t.Errorf("there is a file:\n%s", file)
			}
		})
	}
}

// tip is the commit of the branch.
func (r *repository) tip() string { return gittest.Git(r.t, r.path, "rev-parse", "refs/heads/main") }

// note writes a note of pm-todos as anybody may who can push refs.
func (r *repository) note(name, said string) {
	r.t.Helper()
	commit := gittest.Git(r.t, r.path, "commit-tree", "-m", "note", "-m", said, r.tip()+"^{tree}")
	gittest.Git(r.t, r.path, "update-ref", "refs/pm-todos/"+name, commit)
}
