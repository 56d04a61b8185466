package doctor

import (
	"slices"
	"strings"
	"testing"
)

func TestHostKeysAreScannedFromWhereTheHostIsSeen(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		jump  string
		hosts []string
		want  []string
	}{
		{"", []string{"local", "a@dev", "b@dev", "a@[fd00::1]:2222"}, []string{"ssh-keyscan -t ed25519 -p 22 dev", "ssh-keyscan -t ed25519 -p 2222 fd00::1"}},
		{"j@jump:2200", []string{"a@dev"}, []string{"ssh-keyscan -t ed25519 -p 2200 jump", "ssh -p 2200 j@jump ssh-keyscan -t ed25519 -p 22 dev"}},
	} {
		if got := strings.Split(scanCommand(test.jump, test.hosts), "\n"); !slices.Equal(got[1:], test.want) || !strings.Contains(got[0], "console") {
			t.Errorf("%s, %s: %q", test.jump, test.hosts, got)
		}
	}
}
