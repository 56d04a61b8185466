package run

import (
	"errors"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// TestAccountOfTwoNamesIsOne has agents on the account of Terraform, by its name or
// another one, and on an account where others work already.
func TestAccountOfTwoNamesIsOne(t *testing.T) {
	t.Parallel()
	local := func() *host.Host {
		h, err := host.Local(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	met := func(as string, box *sandbox.Box) agentHost {
		return agentHost{Host: local(), Facts: host.Facts{Met: as, Box: box}}
	}
	of := &hosts{Terraform: local(), met: "a@b:22", Agents: []agentHost{met("c@d:22", nil)}}
	for name, test := range map[string]struct {
		agentHost
		shared, counted bool
	}{
		"under any name":             {met("a@b:22", nil), true, false},
		"in a sandbox":               {met("a@b:22", &sandbox.Box{}), false, false},
		"where others work already":  {met("c@d:22", &sandbox.Box{}), false, true},
		"an account of its own here": {met("e@f:22", &sandbox.Box{}), false, false},
	} {
		if of.shared(test.agentHost) != test.shared || of.counted(test.agentHost) != test.counted {
			t.Errorf("%s: shared %t, counted %t", name, of.shared(test.agentHost), of.counted(test.agentHost))
		}
	}
}

func TestAHostsErrorNamesItOnce(t *testing.T) {
	t.Parallel()
	at := func(place, text string) error { return &fault.Error{Place: place, Err: errors.New(text)} }
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"local", at("local", "agent: no such file"), "host local: agent: no such file"},
		{"a@b", at("a@b:22", "host unreachable"), "host a@b:22: host unreachable"},
		{"a@b", errors.Join(fault.Mark(fault.Failed, at("a@b:22", "no git")), at("a@b:22", "no agent")), "host a@b:22: no git\na@b:22: no agent"},
		{"a@b", errors.New("making room on a@b:22: the disk is full"), "host a@b: making room on a@b:22: the disk is full"},
		{"a@b", at("c@d:22", "host unreachable"), "host a@b: c@d:22: host unreachable"},
		{"no host", at("no host", "x"), "host no host: no host: x"},
	} {
		if got := ofHost(test.name, test.err).Error(); got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}
