package gitrepo

import (
	"fmt"
	"testing"
)

func TestFiles_ReadingOneReadsNoneOfItsFoldersAgain(t *testing.T) {
	const many = 500
	files := map[string]string{}
	for i := range many {
		files[fmt.Sprintf("docs/pm/%04d.md", i)] = "x"
	}
	s := newSite(t, files)
	r := clone(t, s.origin)
	tip := r.Tip()
	if err := r.Prefetch(tip, must(r.Files(tip))(t)); err != nil {
		t.Fatal(err)
	}
	at := 0
	allocations := testing.AllocsPerRun(20, func() {
		must(r.ReadFile(tip, fmt.Sprintf("docs/pm/%04d.md", at)))(t)
		at++
	})
	if allocations > many/4 {
		t.Errorf("reading one of %d files of a folder takes %v allocations", many, allocations)
	}
}
