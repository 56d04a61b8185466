package pattern_test

import (
	"regexp"
	"sync"
	"testing"

	_ "github.com/pm-todos/pm-todos/plugin/app" // which leads to every package that has patterns
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

func TestKnown_AllCompile(t *testing.T) {
	all := pattern.Known()
	if len(all) < 80 {
		t.Errorf("%d patterns: not all packages are here", len(all))
	}
	for _, compiled := range all {
		func() {
			defer func() {
				if mistake := recover(); mistake != nil {
					t.Error(mistake)
				}
			}()
			compiled()
		}()
	}
}

func TestLazy_OneForEverybody(t *testing.T) {
	compiled := pattern.Lazy(`^a+$`)
	var found [8]*regexp.Regexp
	var group sync.WaitGroup
	for i := range found {
		group.Go(func() { found[i] = compiled() })
	}
	group.Wait()
	for _, one := range found {
		if one != found[0] || !one.MatchString("aaa") {
			t.Errorf("%v is not %v", one, found[0])
		}
	}
}
