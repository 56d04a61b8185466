package gitrepo

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

func TestLog_AppendingKeepsEveryLine(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	const ref = OwnRefs + "ledger"
	web := s.serve(nil)
	repos := []*Repo{clone(t, web), clone(t, web), clone(t, s.origin)}
	var wg sync.WaitGroup
	for w, r := range repos {
		wg.Go(func() {
			for i := range 3 {
				if err := r.AppendLog(t.Context(), ref, fmt.Appendf(nil, `{"w":%d,"i":%d}`, w, i)); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	r := clone(t, web)
	text := must(r.ReadLog(ref))(t).Lines
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 9 {
		t.Fatalf("%d lines:\n%s", len(lines), text)
	}
	for w := range repos {
		at := 0
		for i := range 3 {
			next := strings.Index(string(text), fmt.Sprintf(`{"w":%d,"i":%d}`, w, i))
			if next < at {
				t.Errorf("line %d of writer %d is missing or before its predecessor", i, w)
			}
			at = next
		}
	}
	gittest.Git(t, s.origin, "fsck", "--strict")
	if empty := must(r.ReadLog(OwnRefs + "none"))(t).Lines; len(empty) != 0 {
		t.Errorf("a missing log reads %q", empty)
	}
}

func TestLog_LostReplyAppendsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	const ref = OwnRefs + "ledger"
	rival := clone(t, s.origin)
	r := clone(t, s.serve(afterPush(1, func() {
		if _, err := rival.Fetch(t.Context()); err != nil {
			t.Error(err)
		}
		if err := rival.AppendLog(t.Context(), ref, []byte("rival\n")); err != nil {
			t.Error(err)
		}
	})))
	if err := r.AppendLog(t.Context(), ref, []byte("ours\n")); err != nil {
		t.Fatal(err)
	}
	if text := must(clone(t, s.origin).ReadLog(ref))(t).Lines; string(text) != "ours\nrival\n" {
		t.Errorf("log %q", text)
	}
}
