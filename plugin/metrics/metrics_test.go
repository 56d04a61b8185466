package metrics

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/target"
)

var update = flag.Bool("update", false, "write the golden file and the table of docs/metrics.md anew")

// evil is a text that tries to become more than the value of a label.
const evil = "a\"} 1\npm_todos_run_exit_code{x=\"\\ \x1b[31m\u202e"

func open(priority, kind string, lane string, days int, mark ...string) backlog.Open {
	return backlog.Open{
		Item: item.Item{Priority: priority, Type: kind}, Lane: postmortem.Lane(lane),
		Age: time.Duration(days) * day, Late: slices.Contains(mark, "late"), Overdue: slices.Contains(mark, "overdue"),
	}
}

func facts() Facts {
	ended := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	return Facts{
		Version: "1.4.0", Repository: "ops/infra", Branch: "main",
		Backlog: &Backlog{Documents: 12, Proposals: 2, MonthUSD: 12.34, Open: []backlog.Open{
			open("P0", "Migration", "person", 400, "late", "overdue"), open("P1", "Alert", "automatic", 8), open("P1", "Alert", "automatic", 40, "late"),
			open("P2", "", "person", 0), open("P2", evil, "person", 1), open("P2", "Alert/Runbook", "person", 1),
		}},
		Targets: target.Targets{"P0": 7 * day, "P1": 30 * day},
		Outcomes: []item.Outcome{
			{State: item.Done}, {State: item.Done}, {State: item.Refused, Reason: "replace"}, {State: item.Skipped, Reason: "a code of\nanother version"},
		},
		CostUSD: 1.25, Started: ended.Add(-90 * time.Second), Ended: ended, LastSuccess: ended, MonthLimitUSD: 40,
	}
}

func TestTextOfMetrics(t *testing.T) {
	got := Text(facts())
	golden := filepath.Join("testdata", "metrics.prom")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPromtoolFindsNothingWrong asks promtool about the metrics of runs of all kinds.
func TestPromtoolFindsNothingWrong(t *testing.T) {
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	hostile, empty, unread := facts(), facts(), facts()
	hostile.Repository, hostile.Branch, hostile.Version = evil, evil, evil
	empty.Backlog, empty.Outcomes, empty.Targets, empty.LastSuccess, empty.MonthLimitUSD = &Backlog{}, nil, nil, time.Time{}, 0
	unread.Backlog, unread.ExitCode, unread.Repository = nil, 75, ""
	for name, f := range map[string]Facts{"usual": facts(), "hostile": hostile, "nothing open": empty, "the repository could not be read": unread} {
		check := exec.CommandContext(t.Context(), program, "check", "metrics")
		check.Stdin = bytes.NewReader(Text(f))
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s\n%s", name, err, out, Text(f))
		}
	}
}

func TestAuthorsMakeNoSeriesWithoutEnd(t *testing.T) {
	f := facts()
	for n := range 1000 {
		o := open("P3", fmt.Sprintf("Kind %d", n), "person", rand.IntN(400))
		f.Backlog.Open = append(f.Backlog.Open, o)
		f.Outcomes = append(f.Outcomes, item.Outcome{Item: o.Item, State: item.Skipped, Reason: reason.Code(fmt.Sprintf("code-%d", n))})
	}
	if lines := bytes.Count(Text(f), []byte("\n")); lines > 130 {
		t.Errorf("%d lines", lines)
	}
}

// TestARunThatFailsForgetsNotWhenTheLastOneSucceeded reads what an earlier run wrote.
func TestARunThatFailsForgetsNotWhenTheLastOneSucceeded(t *testing.T) {
	f := facts()
	f.Repository = evil
	file := Text(f)
	if got := LastSuccess(file, f); !got.Equal(f.LastSuccess) {
		t.Errorf("got %s, want %s", got, f.LastSuccess)
	}
	for name, got := range map[string]time.Time{
		"another branch":     LastSuccess(file, Facts{Repository: evil, Branch: "develop"}),
		"another repository": LastSuccess(file, Facts{Repository: "ops/infra", Branch: "main"}),
		"another shard":      LastSuccess(file, Facts{Repository: evil, Branch: "main", Shard: "1/2"}),
		"no file":            LastSuccess(nil, f),
		"no number":          LastSuccess([]byte(lastSuccess+`{repository="a",branch="b"} NaN`), Facts{Repository: "a", Branch: "b"}),
	} {
		if !got.IsZero() {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestShardsSayNothingInEachOthersPlace has a shard that fails beside one that succeeds.
func TestShardsSayNothingInEachOthersPlace(t *testing.T) {
	one, other := facts(), facts()
	one.Shard, other.Shard = "1/2", "2/2"
	if group(one) == group(other) || !strings.HasSuffix(group(one), "/shard@base64/MS8y") {
		t.Errorf("groups %s and %s", group(one), group(other))
	}
	said := map[string]bool{}
	for _, f := range []Facts{one, other} {
		for line := range strings.Lines(string(Text(f))) {
			series, _, _ := strings.Cut(line, "} ")
			if !strings.HasPrefix(line, "#") && (said[series] || !strings.Contains(series, `,shard="`+f.Shard+`"`)) {
				t.Errorf("said twice, or without its shard: %s", line)
			}
			said[series] = true
		}
	}
}

func TestPageHasEveryMetric(t *testing.T) {
	const begin, end = "<!-- Written by go test ./plugin/metrics -update -->\n\n", "\n<!-- End of the table -->"
	page := filepath.Join("..", "..", "docs", "metrics.md")
	content, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(content), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s does not say where its table is", page)
	}
	var table strings.Builder
	table.WriteString("| metric | type | labels | what |\n|---|---|---|---|\n")
	for _, m := range families {
		labels := "—"
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
	}
	want := before + begin + table.String() + end + after
	if want == string(content) {
		return
	}
	if !*update {
		t.Fatalf("%s is stale: go test ./plugin/metrics -update", page)
	}
	if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}

var metricName = regexp.MustCompile(`pm_todos_[a-z_]+`)

// TestExamplesNameMetricsThatExist reads what users copy: the alert rules, their tests
// and the dashboard.
func TestExamplesNameMetricsThatExist(t *testing.T) {
	examples := filepath.Join("..", "..", "docs", "examples")
	var known []string
	for _, m := range families {
		known = append(known, m.name, m.name+"_bucket", m.name+"_sum", m.name+"_count")
	}
	for _, file := range []string{"follow-up-alerts.yml", "follow-up-alerts.test.yml", "follow-up-dashboard.json"} {
		content, err := os.ReadFile(filepath.Join(examples, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metricName.FindAllString(string(content), -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which there is not", file, name)
			}
		}
	}
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	for _, args := range [][]string{{"check", "rules", "--lint-fatal", "follow-up-alerts.yml"}, {"test", "rules", "follow-up-alerts.test.yml"}} {
		check := exec.CommandContext(t.Context(), program, args...)
		check.Dir = examples
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("promtool %q: %v\n%s", args, err, out)
		}
	}
}
