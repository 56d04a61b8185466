package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/fault"
)

func TestBacktestSaysWhatARunWouldFind(t *testing.T) {
	start := time.Now().UTC().Add(-12 * time.Hour).Truncate(time.Hour)
	server := prometheustest.Start(t, []prometheustest.Series{{
		Name: "queue_length", From: start.Add(-2 * time.Hour), To: time.Now(), Value: func(at time.Time) float64 {
			if at.Sub(start) > 4*time.Minute && at.Sub(start) < time.Hour {
				return 100
			}
			return 1
		},
	}}, "groups: []\n")
	document := fmt.Sprintf("# Post-mortem\n\n**Date**: %s\n**Duration**: 1h\n\n| Time (UTC) | Event |\n|---|---|\n| %s | it breaks |\n| %s | it works |\n",
		start.Format(time.DateOnly), start.Format("15:04"), start.Add(time.Hour).Format("15:04"))
	for expr, test := range map[string]struct {
		says string
		exit int
	}{
		"queue_length > 50":  {"minutes after the start (" + start.Format("15:04") + "); fired once in", 0},
		"queue_length > 500": {"would not have fired in the incident", 1},
		"queue_lengths > 50": {"queue_lengths is unknown to Prometheus, now and in the last day; queue_length is there", 1},
		"queue_length >":     {"--expr: ", 2},
	} {
		stdout, _, err := runApp(t, document, "backtest", "--prometheus-url", server.URL, "--expr", expr, "--for", "1m", "--document", "-")
		if got := fault.Of(err).ExitCode(); got != test.exit || !strings.Contains(stdout+fmt.Sprint(err), test.says) {
			t.Errorf("%s: exit %d: %s%v", expr, got, stdout, err)
		}
	}
	stdout, _, err := runApp(t, document, "backtest", "--prometheus-url", server.URL, "--expr", "queue_lengths > 50", "--document", "-", "--format", "json")
	var said evidence.Answer
	if wrong := json.Unmarshal([]byte(stdout), &said); wrong != nil || fault.Of(err) != fault.Failed || !said.NeedsPerson || !slices.Equal(said.Unknown, []string{"queue_lengths"}) || len(said.Sentences) < 2 {
		t.Errorf("programs are told %v, %v, %s", err, wrong, stdout)
	}
	documented(t, readPage(t, "docs/operations.md"), "backtest", stdout)
	if _, _, err := runApp(t, "", "backtest", "--expr", "up == 0"); fault.Of(err) != fault.Settings || !strings.Contains(err.Error(), "prometheus_url") {
		t.Errorf("nobody to ask: %v", err)
	}
}
