package schedule

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestOrder(t *testing.T) {
	items := []item.Item{
		{ID: "e", Priority: "P2", Date: "2026-01-01", Document: "b", Line: 9},
		{ID: "d", Priority: "P2", Date: "2026-01-01", Document: "b", Line: 3},
		{ID: "a", Priority: "P0", Date: "2026-09-09", Document: "z", Line: 1},
		{ID: "c", Priority: "P2", Date: "2026-01-01", Document: "a", Line: 99},
		{ID: "b", Priority: "P1", Date: "2026-02-01", Document: "a", Line: 1},
		{ID: "f", Priority: "P3", Date: "2020-01-01", Document: "a", Line: 1},
	}
	var got string
	for _, item := range Order(items) {
		got += item.ID
	}
	if got != "abcdef" {
		t.Errorf("order %s, want abcdef", got)
	}
	if items[0].ID != "e" {
		t.Error("Order changed its argument")
	}
}
