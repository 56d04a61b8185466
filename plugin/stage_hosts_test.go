package plugin

import (
	"errors"
	"testing"
)

func TestAHostsErrorNamesItOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, err, want string }{
		{"local", "local: agent: no such file", "host local: agent: no such file"},
		{"a@b", "a@b:22: host unreachable", "host a@b:22: host unreachable"},
		{"a@b", "making room on a@b:22: the disk is full", "host a@b: making room on a@b:22: the disk is full"},
		{"no host", "no host: x", "host no host: no host: x"},
	} {
		if got := ofHost(test.name, errors.New(test.err)).Error(); got != test.want {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}
