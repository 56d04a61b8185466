package doctor

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

func TestWhatHoldsTheAgentAndWhatItReachesIsTold(t *testing.T) {
	t.Parallel()
	said := func(facts host.Facts) string {
		var b bytes.Buffer
		tools("a@dev", host.Need{Agent: "claude"}, facts, nil, false, voice{"hosts", NewReport(&b, false)})
		return b.String()
	}
	held := []sandbox.Check{{Name: "secret", Held: true, Text: "no file can be read"}, {Name: "network", Held: true, Text: "no listener is in reach"}}
	confined := said(host.Facts{Box: &sandbox.Box{}, Probed: held, Servers: []string{"api.example:443"}})
	for _, want := range []string{"secret: no file can be read", "network: no listener is in reach", "reaches api.example:443 and nothing else"} {
		if !strings.Contains(confined, want) {
			t.Errorf("%q is not said:\n%s", want, confined)
		}
	}
	if free := said(host.Facts{}); strings.Contains(free, "sandbox") {
		t.Errorf("without a sandbox:\n%s", free)
	}
}
