package life

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// slow is a host on which everything takes its time, in a bubble of synctest.
type slow struct {
	Machine // nothing else is asked
	takes   time.Duration
	began   time.Time
	blind   bool // nobody sees what the agent prints
}

func (s *slow) Workspace(context.Context, string, host.Snapshot) (seam.AgentSpace, error) {
	s.began = time.Now()
	return &slowSpace{s}, nil
}

func (s *slow) Checkout(context.Context, string, host.Snapshot) (seam.Checkout, error) {
	return slowCheckout{s}, nil
}

type slowSpace struct{ *slow }

func (s *slowSpace) Host() string { return "slow" }

func (s *slowSpace) Turn(context.Context, agent.Definition, []byte, float64) (agent.Report, error) {
	time.Sleep(s.takes)
	return agent.Report{OK: true, Turns: 9, CostUSD: 0.424, CostKnown: true}, nil
}

func (s *slowSpace) Export(context.Context, int64) (string, []byte, error) { return "", nil, nil }

// Printed has one event every ten seconds: the agent edits another file.
func (s *slowSpace) Printed(ctx context.Context, from int64) ([]byte, error) {
	if s.blind {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	printed := `{"type":"system","subtype":"init","cwd":"/home/x/tree"}` + "\n"
	for n := range int(time.Since(s.began) / (10 * time.Second)) {
		printed += fmt.Sprintf(`{"type":"assistant","message":{"id":"m%d","content":[{"type":"tool_use","name":"Edit","input":{"file_path":"/home/x/tree/stacks/%d.tf"}}]}}`+"\n", n, n%4)
	}
	return []byte(printed)[from:], nil
}

type slowCheckout struct{ *slow }

func (s slowCheckout) Plan(context.Context, string) (item.Plan, error) {
	time.Sleep(s.takes)
	return item.Plan{}, nil
}

func (s slowCheckout) Apply(ctx context.Context, _ host.ApplySpec) (host.ApplyStatus, error) {
	time.Sleep(s.takes)
	return host.ApplyStatus{Ended: true}, ctx.Err()
}

func (s slowCheckout) Verify(context.Context, []byte) (host.Exit, error) {
	return host.Exit{}, errors.New("not asked")
}

// lines are what a use of a watched host logs, as people would skim it.
func lines(t *testing.T, s *slow, level zerolog.Level, use func(ctx context.Context, h *Host)) (all []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		began := time.Now()
		stamped := zerolog.New(&log).Level(level).Hook(zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) {
			e.Str("at", time.Since(began).String())
		}))
		ctx := At(t.Context(), Place{
			Item: item.Item{Document: "docs/pm.md", ID: "0a1b", Action: "Add an alert"}, Number: 2, Of: 4,
			Spent: func() float64 { return 1.5 },
		})
		use(ctx, Watch(s, agent.KindOf("claude", ""), stamped))
		for line := range strings.Lines(log.String()) {
			var fields map[string]any
			if err := json.Unmarshal([]byte(line), &fields); err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("%s %s: %s", fields["at"], fields["stage"], fields["message"])
			for _, name := range []string{"stack", "nth", "took", "turns", "files", "spent_usd", "cost_usd"} {
				if fields[name] != nil {
					text += fmt.Sprintf(" %s=%v", name, fields[name])
				}
			}
			all = append(all, text)
		}
	})
	return all
}

func turn(t *testing.T) func(context.Context, *Host) {
	return func(ctx context.Context, h *Host) {
		space, err := h.Workspace(ctx, "c", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := space.Turn(ctx, agent.Definition{}, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// TestARunWithATwoMinuteAgentShowsLife is what somebody sees who waits.
func TestARunWithATwoMinuteAgentShowsLife(t *testing.T) {
	got := lines(t, &slow{takes: 125 * time.Second}, zerolog.InfoLevel, turn(t))
	want := []string{
		"30s agent: still at work: 2 of 4, Add an alert nth=2/4 took=30s turns=3 files=3 spent_usd=1.5",
		"1m0s agent: still at work: 2 of 4, Add an alert nth=2/4 took=1m0s turns=6 files=4 spent_usd=1.5",
		"1m30s agent: still at work: 2 of 4, Add an alert nth=2/4 took=1m30s turns=9 files=4 spent_usd=1.5",
		"2m0s agent: still at work: 2 of 4, Add an alert nth=2/4 took=2m0s turns=12 files=4 spent_usd=1.5",
		"2m5s agent: the agent ended nth=2/4 took=2m5s turns=9 cost_usd=0.42",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheStepsOfTheAgentAreInTheLogAtDebug(t *testing.T) {
	got := lines(t, &slow{takes: 45 * time.Second}, zerolog.DebugLevel, turn(t))
	got = slices.DeleteFunc(got, func(line string) bool { return !strings.Contains(line, "Edit") })
	want := []string{
		"30s agent: Edit stacks/0.tf nth=2/4", "30s agent: Edit stacks/1.tf nth=2/4", "30s agent: Edit stacks/2.tf nth=2/4",
		"45s agent: Edit stacks/3.tf nth=2/4",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAHostThatDoesNotAnswerHidesNoLife never lets anybody look.
func TestAHostThatDoesNotAnswerHidesNoLife(t *testing.T) {
	got := lines(t, &slow{takes: 2 * time.Minute, blind: true}, zerolog.InfoLevel, turn(t))
	if len(got) != 4 || !strings.HasPrefix(got[0], "40s agent: still at work") || !strings.HasPrefix(got[2], "1m40s") || !strings.HasPrefix(got[3], "2m") {
		t.Errorf("%q", got)
	}
}

func TestPlansAndAppliesShowLife(t *testing.T) {
	got := lines(t, &slow{takes: 40 * time.Second}, zerolog.InfoLevel, func(ctx context.Context, h *Host) {
		space, err := h.Checkout(ctx, "c", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := space.Plan(context.Background(), "stacks/a"); err != nil { // of no item
			t.Fatal(err)
		}
		ended, cancel := context.WithCancel(ctx)
		cancel() // an apply that began goes on
		_, _ = space.Apply(ended, host.ApplySpec{Dir: "stacks/a"})
	})
	want := []string{
		"30s plan: still planning stack=stacks/a took=30s",
		"40s plan: planned stack=stacks/a took=40s",
		"1m10s apply: still applying: 2 of 4, Add an alert stack=stacks/a nth=2/4 took=30s spent_usd=1.5",
		"1m20s apply: the apply ended stack=stacks/a nth=2/4 took=40s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
