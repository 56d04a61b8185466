package report

import "testing"

func TestListed_TellsNewsFirstInTheOldOrder(t *testing.T) {
	var v View
	for i := range 500 {
		v.Skipped = append(v.Skipped, leftView{Line: i, New: i%10 == 9})
		v.Items = append(v.Items, itemView{leftView: leftView{Line: i, State: []string{"done", "skipped", "not-attempted"}[i%3]}})
	}
	shown := v.listed()
	fresh, last := 0, -1
	for _, i := range shown.Skipped {
		if i.New {
			fresh++
		}
		if i.Line <= last {
			t.Errorf("line %d stands after line %d", i.Line, last)
		}
		last = i.Line
	}
	if fresh != 50 || len(shown.Skipped) != maxListed || len(shown.Items) != 3*maxListed {
		t.Errorf("%d new ones of %d, %d items", fresh, len(shown.Skipped), len(shown.Items))
	}
	if len(v.Skipped) != 500 || len(v.Items) != 500 {
		t.Error("the view itself is shorter now")
	}
}
