package onhost_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
)

// TestFleetFillsItsHostsInOrder has as many agents at work as the hosts bear, and one
// more when the first host has room again.
func TestFleetFillsItsHostsInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, fleet := newFleet(t, map[string]int{"a": 1, "b": 2})
		w.Script(&fake.Turn{Of: "work", Several: true, Takes: time.Hour, Report: agent.Report{OK: true}})
		var on []string
		begin := func() {
			clone := w.Clone("run")
			pack, err := clone.Pack(clone.Tip())
			if err != nil {
				t.Fatal(err)
			}
			space, err := fleet.Workspace(t.Context(), clone.Tip(), pack)
			if err != nil {
				t.Fatal(err)
			}
			on = append(on, space.Host())
			go func() {
				if _, err := space.Turn(t.Context(), agent.Definition{}, []byte("work"), 1); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
		}
		for range 3 {
			begin()
		}
		time.Sleep(2 * time.Hour)
		begin()
		time.Sleep(2 * time.Hour)
		w.Machine("a").SetDown(true)
		begin()
		time.Sleep(2 * time.Hour)
		if want := []string{"a", "b", "b", "a", "b"}; !slices.Equal(on, want) {
			t.Errorf("they worked on %v, not on %v", on, want)
		}
		w.Machine("b").SetDown(true)
		clone := w.Clone("run")
		if pack, err := clone.Pack(clone.Tip()); err != nil {
			t.Error(err)
		} else if _, err := fleet.Workspace(t.Context(), clone.Tip(), pack); fault.Of(err) != fault.Temporary {
			t.Errorf("without any host: %v", err)
		}
	})
}

// TestFleetKeepsThePlaceOfAnAgentThatIsYetToBegin makes two workspaces one after the
// other, as two items do whose agents begin a moment later.
func TestFleetKeepsThePlaceOfAnAgentThatIsYetToBegin(t *testing.T) {
	t.Parallel()
	w, fleet := newFleet(t, map[string]int{"a": 1, "b": 1})
	clone := w.Clone("run")
	for _, want := range []string{"a", "b"} {
		pack, err := clone.Pack(clone.Tip())
		if err != nil {
			t.Fatal(err)
		}
		if space, err := fleet.Workspace(t.Context(), clone.Tip(), pack); err != nil || space.Host() != want {
			t.Errorf("%v, not on %s: %v", space, want, err)
		}
	}
}

func TestFleetLeavesNothingOnAnyHost(t *testing.T) {
	t.Parallel()
	w, fleet := newFleet(t, map[string]int{"a": 1, "b": 1})
	if fleet.Name() != "a, b" {
		t.Errorf("it is called %s", fleet.Name())
	}
	if _, err := w.Machine("b").Open(t.Context(), "", "killed"); err != nil {
		t.Fatal(err)
	}
	if err := fleet.Reclaim(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if left := w.Machine("b").Runs(); left != 1 {
		t.Errorf("%d run directories are on b, of which one is this run's", left)
	}
	if err := fleet.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if a, b := w.Machine("a").Runs(), w.Machine("b").Runs(); a+b > 0 {
		t.Errorf("%d and %d run directories are left", a, b)
	}
}

func newFleet(t *testing.T, bears map[string]int) (*fake.World, onhost.Fleet) {
	t.Helper()
	w := fake.New(t, map[string]string{"README.md": "a repository\n"})
	var fleet onhost.Fleet
	for _, name := range []string{"a", "b"} {
		h, err := w.Machine(name).Open(t.Context(), "", "run")
		if err != nil {
			t.Fatal(err)
		}
		fleet = append(fleet, &onhost.Member{AgentHost: h, Bears: bears[name]})
	}
	return w, fleet
}
