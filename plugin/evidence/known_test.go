package evidence

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFailure_NamesThatLookAlikeEndNoRun compares whatever names a Prometheus has.
func TestFailure_NamesThatLookAlikeEndNoRun(t *testing.T) {
	name := rapid.StringMatching(`[abc_]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		sought, names := name.Draw(t, "sought"), rapid.SliceOfN(name, 0, 20).Draw(t, "names")
		found := nearestTo(sought, names)
		if slices.Contains(names, sought) && !slices.Contains(found, sought) {
			t.Errorf("%q is not near itself: %q", sought, found)
		}
	})
	names := []string{"node_memory_MemAvailable_bytes", "node_memory_MemFree_bytes", "up", strings.Repeat("x", 300)}
	if found := nearestTo("node_memory_MemAvailable", names); !slices.Equal(found, names[:1]) {
		t.Errorf("found %q", found)
	}
}
