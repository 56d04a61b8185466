package gitrepo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

// TestNamesThatTheBaseHasPassAnImport: an old file whose name is not UTF-8 is
// no reason to refuse a tree. New and changed ones are.
func TestNamesThatTheBaseHasPassAnImport(t *testing.T) {
	t.Parallel()
	const latin = "r\xe9sum\xe9.txt"
	s := newSite(t, nil)
	base := s.commit("first", map[string]string{latin: "old\n", "docs/caf\xe9/" + latin: "old\n", "docs/a": "a\n", "b": "b\n"})
	s.push()
	change := func(files map[string]string) (tree string, pack []byte) {
		gittest.Git(t, s.work, "checkout", "-q", "-f", base)
		commit := s.commit("agent", files)
		return gittest.Git(t, s.work, "rev-parse", commit+"^{tree}"), packOf(t, s.work, commit+"^{tree}", base+"^{tree}")
	}
	for name, c := range map[string]struct {
		files map[string]string
		taken bool
	}{
		"beside it":                      {map[string]string{"b": "new\n"}, true},
		"in its folder":                  {map[string]string{"docs/a": "new\n"}, true},
		"it goes":                        {map[string]string{"b": "new\n", latin: "-"}, true},
		"it changes":                     {map[string]string{latin: "new\n"}, false},
		"below a folder named so":        {map[string]string{"docs/caf\xe9/new": "new\n"}, false},
		"another one comes":              {map[string]string{"\xe9": "new\n"}, false},
		"the same name somewhere else":   {map[string]string{"docs/" + latin: "old\n"}, false},
		"a folder where the base has it": {map[string]string{latin: "-", latin + "/x": "new\n"}, false},
	} {
		tree, pack := change(c.files)
		r := clone(t, s.origin)
		err := r.Import(base, tree, bytes.NewReader(pack), 1<<20)
		if (err == nil) != c.taken {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "not UTF-8") || strings.Contains(err.Error(), "\xe9")) {
			t.Errorf("%s: %q", name, err)
		}
		if c.taken {
			if found := must(r.Diff(base, tree))(t); len(found.Files) != len(c.files) {
				t.Errorf("%s: the difference is %v", name, found.Files)
			}
		}
	}
}
