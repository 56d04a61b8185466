package onhost_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
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
			item, ends := context.WithCancel(t.Context())
			space, err := fleet.Workspace(item, clone.Tip(), pack)
			if err != nil {
				t.Fatal(err)
			}
			on = append(on, space.Host())
			go func() {
				defer ends()
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
		item, ends := context.WithCancel(t.Context())
		t.Cleanup(ends)
		if space, err := fleet.Workspace(item, clone.Tip(), pack); err != nil || space.Host() != want {
			t.Errorf("%v, not on %s: %v", space, want, err)
		}
	}
}

// TestFleetKeepsThePlaceOfAnItemForItsTurnOfRepair has other items come between the
// turns of one, which then starts over.
func TestFleetKeepsThePlaceOfAnItemForItsTurnOfRepair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, fleet := newFleet(t, map[string]int{"a": 1, "b": 2})
		w.Script(&fake.Turn{Of: "work", Several: true, Takes: time.Hour, Report: agent.Report{OK: true}})
		clone := w.Clone("run")
		pack, err := clone.Pack(clone.Tip())
		if err != nil {
			t.Fatal(err)
		}
		begin := func(item context.Context, want string) seam.AgentSpace {
			space, err := fleet.Workspace(item, clone.Tip(), pack)
			if err != nil || space.Host() != want {
				t.Fatalf("%v, not on %s: %v", space, want, err)
			}
			return space
		}
		first, ends := context.WithCancel(t.Context())
		for range 2 { // it starts over
			space := begin(first, "a")
			for range 2 {
				if _, err := space.Turn(first, agent.Definition{}, []byte("work"), 1); err != nil {
					t.Error(err)
				}
			}
		}
		second, end := context.WithCancel(t.Context())
		defer end()
		begin(second, "b")
		ends()
		synctest.Wait()
		third, end := context.WithCancel(t.Context())
		defer end()
		begin(third, "a")
	})
}

// TestFleetGoesOnWithoutAHostThatFails has a host fail while an agent works there: its
// item may come again while another host is left, and comes to that one only when it has
// room.
func TestFleetGoesOnWithoutAHostThatFails(t *testing.T) {
	t.Parallel()
	w, fleet := newFleet(t, map[string]int{"a": 1, "b": 1})
	w.Script(&fake.Turn{Of: "work", Several: true, Report: agent.Report{OK: true}})
	clone := w.Clone("run")
	pack, err := clone.Pack(clone.Tip())
	if err != nil {
		t.Fatal(err)
	}
	space, err := fleet.Workspace(t.Context(), clone.Tip(), pack)
	if err != nil {
		t.Fatal(err)
	}
	w.Machine("a").SetDown(true)
	_, err = space.Turn(t.Context(), agent.Definition{}, []byte("work"), 1)
	if !errors.Is(err, seam.ErrHostGone) || fault.Of(err) != fault.Temporary || fleet.Bears() != 1 {
		t.Errorf("%d agents are left: %v", fleet.Bears(), err)
	}
	other, ends := context.WithCancel(t.Context())
	if space, err = fleet.Workspace(other, clone.Tip(), pack); err != nil || space.Host() != "b" {
		t.Errorf("%v: %v", space, err)
	}
	w.Machine("b").SetDown(true)
	if _, _, err = space.Export(other, 1); errors.Is(err, seam.ErrHostGone) || fault.Of(err) != fault.Temporary || fleet.Bears() != 0 {
		t.Errorf("none is left, and %d: %v", fleet.Bears(), err)
	}
	ends()
	w.Machine("a").SetDown(false)
	if space, err = fleet.Workspace(t.Context(), clone.Tip(), pack); err != nil || space.Host() != "a" {
		t.Errorf("one is there again: %v, %v", space, err)
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
