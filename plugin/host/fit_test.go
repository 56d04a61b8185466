package host

import (
	"strings"
	"testing"
)

func TestMachineBoundsHowManyAgentsWorkAtTheSameTime(t *testing.T) {
	const plenty = 64 << 30
	for name, test := range map[string]struct {
		cores  int
		memory int64
		room   int
		want   int
		why    string
	}{
		"plenty":              {8, plenty, 8, 5, ""},
		"nobody knows":        {-1, -1, 8, 5, ""},
		"one core":            {1, plenty, 8, 4, "share a core, and the host has 1"},
		"little memory":       {8, 1200 << 20, 8, 2, "1200 MiB"},
		"no memory":           {8, 0, 8, 1, "0 MiB"},
		"few sessions":        {8, plenty, 5, 2, "MaxSessions"},
		"one session":         {8, plenty, 1, 1, "MaxSessions"},
		"sessions and memory": {8, 1 << 30, 4, 1, "MaxSessions"},
	} {
		t.Run(name, func(t *testing.T) {
			n, why := fitting(5, Facts{Cores: test.cores, Memory: test.memory}, test.room)
			if n != test.want || !strings.Contains(why, test.why) || test.why == "" && why != "" {
				t.Errorf("%d agents, %q", n, why)
			}
		})
	}
}
