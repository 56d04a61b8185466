package hclfile_test

import (
	"slices"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate/hclfile"
	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestSidesOfAChange(t *testing.T) {
	base := hclfile.NewTree([]string{"a/main.tf", "a/old.tf", "a/x.yaml"}, map[string][]byte{"a/main.tf": []byte("locals {}"), "a/old.tf": {}})
	before, after := base.Sides([]item.File{
		{Path: "a/new.TF", Kind: item.Added, New: []byte("locals { a = 1 }")},
		{Path: "a/old.tf", Kind: item.Deleted, Old: []byte{}},
		{Path: "a/x.yaml", Kind: item.Modified, Old: []byte("a: 1"), New: []byte("a: 2")},
	})
	if got := before.In("a"); !slices.Equal(got, []string{"a/main.tf", "a/old.tf"}) {
		t.Errorf("before: %v", got)
	}
	if got := after.In("a"); !slices.Equal(got, []string{"a/main.tf", "a/new.TF"}) || !slices.Contains(after.Paths, "a/new.TF") {
		t.Errorf("after: %v of %v", got, after.Paths)
	}
	one, err := before.Parse("a/main.tf")
	other, otherErr := after.Parse("a/main.tf")
	if err != nil || otherErr != nil || one.Body != other.Body {
		t.Errorf("a file that stays was parsed twice: %v, %v", err, otherErr)
	}
	if before, after := base.Sides([]item.File{{Path: "a/x.yaml", Kind: item.Modified, Old: []byte("a: 1"), New: []byte("a: 2")}}); before != base || after != base {
		t.Error("another tree though no configuration differs")
	}
}
