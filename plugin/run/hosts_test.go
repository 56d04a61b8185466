package run

import (
	"errors"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

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
