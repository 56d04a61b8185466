package note_test

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/note"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

type value struct {
	Week string            `json:"week"`
	Of   map[string]string `json:"of,omitempty"`
}

func read(t *testing.T, repo note.Remote) *note.Note[value] {
	t.Helper()
	n, err := note.Read[value](t.Context(), repo, "trial")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func write(t *testing.T, n *note.Note[value], v value) bool {
	t.Helper()
	won, err := n.Write(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return won
}

func TestOfTwoRunsThatWriteOneWins(t *testing.T) {
	world := fake.New(t, map[string]string{"README.md": "x\n"})
	one, other := read(t, world.Clone("one")), read(t, world.Clone("other"))
	if one.Value.Week != "" {
		t.Errorf("there is %+v", one.Value)
	}
	if !write(t, one, value{Week: "1"}) || write(t, other, value{Week: "1"}) { // the very same
		t.Error("not the first one won")
	}
	if !write(t, one, value{Week: "2", Of: map[string]string{"line\nbreak": "\x1b é"}}) {
		t.Error("a note that is ours cannot be written again")
	}
	if got := read(t, world.Clone("later")).Value; got.Week != "2" || got.Of["line\nbreak"] != "\x1b é" {
		t.Errorf("read %+v", got)
	}
}

// TestWhatIsNoNoteIsTakenForNone has somebody write what no program understands.
func TestWhatIsNoNoteIsTakenForNone(t *testing.T) {
	world := fake.New(t, map[string]string{"README.md": "x\n"})
	clone := world.Clone("rival")
	for _, said := range []string{"no JSON", "\n\n[1]", "\n\n{\"week\":7}", "\n\n{\"week\":\"" + strings.Repeat("x", 1<<20) + "\"}"} {
		at, err := clone.Commit(clone.Tip(), lookup(t, clone), "theirs"+said)
		if err != nil {
			t.Fatal(err)
		}
		world.SetRef("refs/pm-todos/trial", at)
		n := read(t, world.Clone("reader"))
		if n.Value.Week != "" {
			t.Errorf("read %+v", n.Value)
		}
		if !write(t, n, value{Week: "ours"}) {
			t.Error("it cannot be replaced")
		}
	}
	n := read(t, world.Clone("reader"))
	if _, err := n.Write(t.Context(), value{Week: strings.Repeat("x", 2<<20)}); err == nil {
		t.Error("a value of two megabytes is written")
	}
}

func lookup(t *testing.T, clone *fake.Clone) string {
	t.Helper()
	tip, err := clone.Lookup(clone.Tip())
	if err != nil {
		t.Fatal(err)
	}
	return tip.Tree
}
